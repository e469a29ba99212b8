"""Solutions that need no solving: explicit lists (CEP 23), package files, clones."""

from __future__ import annotations

import os

from minicon.api.plan.requirements import PYPI_PREFIX
from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import PackageError, SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.environment_files.explicit_list import ExplicitEntry
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_object
from minicon.models.url import Url, is_url, path_to_url
from minicon.prefix.environment.prefix import Prefix
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import in_link_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord


@dataclass(frozen=True, slots=True)
class _FileName:
    """What the name of a package file says."""

    name: str
    version: str
    build: str


def explicit_entries(specs: Iterable[str]) -> tuple[ExplicitEntry, ...]:
    """Specs that are URLs or paths of package files, as entries; empty if none is.

    Raises:
        SpecError: Some are and some are not: their dependencies would be nobody's business.
    """
    others: list[str] = []
    entries: list[ExplicitEntry] = []
    for text in specs:
        spec = None if text.startswith(PYPI_PREFIX) else MatchSpec(text)
        if spec is not None and spec.url:
            entries.append(ExplicitEntry(spec.url, md5=spec.md5, sha256=spec.sha256))
        else:
            others.append(text)
    if entries and others:
        raise SpecError(
            "mixed-specs",
            f"package files cannot be mixed with specs such as {others[0]!r}",
            hint="install the files first, then the specs",
        )
    return tuple(entries)


def explicit_solution(
    services: Services, entries: Sequence[ExplicitEntry], installed: Sequence[PrefixRecord]
) -> Solution:
    """Exactly the named packages, beside what is installed; dependencies are not looked at.

    The packages are fetched here, since only they know their own metadata.

    Raises:
        ChannelError, HashMismatch, PackageError: One cannot be fetched or read.
        SpecError: A URL that does not end in a package's file name.
    """
    from minicon.api.change.package_preparation import prepare_packages

    named = [_bare_record(services, entry) for entry in entries]
    packages = prepare_packages(services, named, allow_unverified=True)
    records = {
        record.name: record
        for record in (
            described_record(package.record, package.directory) for package in packages.values()
        )
    }
    kept = [old.record for old in installed if old.name not in records]
    return Solution(
        records=in_link_order({r.name: r for r in (*kept, *records.values())}),
        requested={record.name: (record.dist_name,) for record in records.values()},
    )


def clone_solution(source: Path) -> Solution:
    """Exactly the packages of another environment."""
    prefix = Prefix(source)
    records = [installed.record for installed in prefix.records()]
    requested = {name: (spec,) for name, spec in prefix.requested_specs().items()}
    return Solution(records=in_link_order({r.name: r for r in records}), requested=requested)


def _bare_record(services: Services, entry: ExplicitEntry) -> RepodataRecord:
    """What the URL says; its credentials go to the fetcher and nowhere else."""
    url = Url(
        entry.url
        if is_url(entry.url)
        else path_to_url(os.path.abspath(os.path.expanduser(entry.url)))
    )
    public = str(url.without_credentials)
    if url.credentials:
        services.fetcher.credentials.add(public, url.credentials)
    place, _, fn = public.rpartition("/")
    channel, _, subdir = place.rpartition("/")
    parts = _parse_file_name(fn)
    data: dict[str, Any] = {"name": parts.name, "version": parts.version, "build": parts.build}
    data |= {key: value for key in ("md5", "sha256") if (value := getattr(entry, key))}
    return RepodataRecord(data, channel=channel, subdir=subdir, fn=fn, url=public)


def _parse_file_name(fn: str) -> _FileName:
    for extension in PACKAGE_EXTENSIONS:
        parts = fn.removesuffix(extension).rsplit("-", 2)
        if fn.endswith(extension) and len(parts) == 3:
            return _FileName(*parts)
    raise SpecError(
        "not-a-package-file",
        f"{fn!r} is not the name of a package file",
        hint="it should read NAME-VERSION-BUILD.conda or .tar.bz2",
    )


def described_record(record: RepodataRecord, directory: Path) -> RepodataRecord:
    """The record with what the package says of itself; hashes are the list's.

    Raises:
        PackageError: What it says is not what a record may hold.
    """
    try:
        own = read_object((directory / "info" / "index.json").read_bytes())
        own.pop("size", None)  # of an archive only those know who list it
        data = {**own, **record.data}
        check_record_fields(data, fn=record.fn)
        check_record_values(data, record.fn)
    except (OSError, ValueError, SpecError) as error:
        why = error.message if isinstance(error, SpecError) else str(error)
        message = f"{record.fn}: info/index.json cannot be used: {why}"
        raise PackageError("damaged-package", message) from error
    return RepodataRecord(
        data,
        channel=record.channel,
        subdir=data.get("subdir") or record.subdir,
        fn=record.fn,
        url=record.url,
    )
