"""Solutions that need no solving: explicit lists (CEP 23), package files, clones, locks."""

from __future__ import annotations

import os

from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import InterpreterError, PackageError, SpecError
from minicon.fs.hashing import sha256_of_file
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.channel import expand_references
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.models.strict_json import read_object
from minicon.models.url import Url, is_url, path_to_url
from minicon.models.version import python_minor, version_key
from minicon.prefix.environment.prefix import Prefix
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import in_link_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.plan.request import LockSelection
    from minicon.api.services import Services
    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.environment_files.lockfile import LockedPackage
    from minicon.models.prefix_record import PrefixRecord


@dataclass(frozen=True, slots=True)
class _FileName:
    """The parts of a package file's name."""

    name: str
    version: str
    build: str


def explicit_solution(
    services: Services, entries: Sequence[ExplicitEntry], installed: Sequence[PrefixRecord]
) -> Solution:
    """Return exactly the named packages beside the installed ones; dependencies are ignored.

    The packages are fetched for it, since only they hold their metadata.

    Raises:
        ChannelError, HashMismatch, PackageError: One cannot be fetched or read.
        SpecError: A URL does not end in the name of a package file.
    """
    from minicon.api.package_preparation import prepare_packages

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
    """Return exactly the packages of another environment."""
    prefix = Prefix(source, with_paths=False)
    records = [installed.record for installed in prefix.records()]
    requested = {name: (spec,) for name, spec in prefix.requested_specs().items()}
    return Solution(records=in_link_order({r.name: r for r in records}), requested=requested)


def _bare_record(services: Services, entry: ExplicitEntry) -> RepodataRecord:
    """Return a record of what the URL says; its credentials go to the fetcher alone.

    Environment variables and ``~`` in the URL or path are replaced (CEP 23).
    """
    (text,) = expand_references([entry.url], services.environ)
    is_path = not is_url(text)
    url = Url(path_to_url(os.path.abspath(os.path.expanduser(text))) if is_path else text)
    public = str(url.without_credentials)
    if url.credentials:
        services.fetcher.credentials.add(public, url.credentials)
    directory = public.rpartition("/")[0]
    channel, _, subdir = directory.rpartition("/")
    if not is_url(channel):  # the file is at the root of its server
        channel, subdir = directory, ""
    parts = _parse_file_name(url.name)
    data: dict[str, Any] = {"name": parts.name, "version": parts.version, "build": parts.build}
    hashes = {key: value for key in ("md5", "sha256") if (value := getattr(entry, key))}
    data |= hashes or _hash_of_local_file(url)
    check_record_fields(data, fn=url.name)
    return RepodataRecord(data, channel=channel, subdir=subdir, fn=url.name, url=public)


def _hash_of_local_file(url: Url) -> dict[str, str]:
    """Return the hash of a file that the user names without one, so that a changed file is seen."""
    if url.file_path is None:
        return {}
    try:
        return {"sha256": sha256_of_file(url.file_path)}
    except OSError:
        return {}  # the fetcher reports it


def _parse_file_name(fn: str) -> _FileName:
    for extension in PACKAGE_EXTENSIONS:
        parts = fn.removesuffix(extension).rsplit("-", 2)
        if fn.endswith(extension) and len(parts) == 3:
            return _FileName(*parts)
    raise SpecError(
        "not-a-package-file",
        f"{fn!r} is not the name of a package file",
        hint="it has to be NAME-VERSION-BUILD.conda or .tar.bz2",
    )


def described_record(record: RepodataRecord, directory: Path) -> RepodataRecord:
    """Return the record completed by the package's own metadata; hashes stay those of the list.

    Raises:
        PackageError: The metadata cannot be read, or is not what a record may hold.
    """
    try:
        own = read_object((directory / "info" / "index.json").read_bytes())
        own.pop("size", None)  # the archive's size is known to indexes only
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


def lock_solution(services: Services, selection: LockSelection) -> Solution:
    """Return exactly the packages of a lock for the settings' platform.

    Args:
        services: Platform, virtual packages and interpreters.
        selection: The lock and its groups.

    Raises:
        SpecError: The lock is not for this platform or these groups, or lacks dependencies.
        InterpreterError: The lock names a python of this machine that is not installed.
    """
    packages = selection.lock.for_platform(services.settings.platform, selection.groups)
    records = lock_records(services, packages)
    _check_complete(records)
    _check_machine(records, services)
    return solution_from(records.values(), sources=[p for p in packages if needs_pip(p)])


def beside_installed(
    solution: Solution, installed: Sequence[PrefixRecord], *, keep_others: bool
) -> Solution:
    """Combine a lock's solution with the packages of an environment.

    What pip built before in the version that the lock names is not built again.

    Args:
        solution: Of the lock.
        installed: Packages in the environment.
        keep_others: Whether packages that the lock does not name are kept.
    """
    records = {record.name: record for record in solution.records}
    built = {each.name: each.record for each in installed if each.record.is_installed_by_pip}
    found = [(each, _built_before(each, built)) for each in solution.pip_requirements]
    records |= {record.name: record for _, record in found if record is not None}
    if keep_others:
        records |= {each.name: each.record for each in installed if each.name not in records}
    return replace(
        solution,
        records=in_link_order(records),
        pip_requirements=tuple(each for each, record in found if record is None),
    )


def _built_before(
    requirement: PipRequirement, built: Mapping[str, RepodataRecord]
) -> RepodataRecord | None:
    """Return what pip built earlier of the same version, or None."""
    record = built.get(requirement.name or "")
    return record if record is not None and record.version == requirement.version else None


def lock_records(
    services: Services, packages: Iterable[LockedPackage]
) -> dict[str, RepodataRecord]:
    """Return the records of a lock's packages by name; what pip has to build is left out."""
    chosen = [package for package in packages if not needs_pip(package)]
    python = next((p for p in chosen if p.name == "python" and p.manager == "conda"), None)
    minor = python_minor(python.version) if python else None
    records: dict[str, RepodataRecord] = {}
    for package in chosen:
        record = _host_record(services, package) if package.is_host else package.to_record(minor)
        records.setdefault(record.name, record)
    return records


def solution_from(
    records: Iterable[RepodataRecord], sources: Sequence[LockedPackage] = ()
) -> Solution:
    """Return a solution of these packages.

    A lock does not record what was requested: python, and packages that no other needs, count as
    requested, except pip, which is a default dependency of python.
    """
    by_name = {record.name: record for record in records}
    needed = {
        parse_dependency(text).exact_name
        for record in by_name.values()
        for text in record.depends
        if parse_dependency(text).exact_name != record.name
    }
    return Solution(
        records=in_link_order(by_name),
        requested={
            name: (name,)
            for name in sorted(by_name)
            if name == "python" or name not in (*needed, "pip")
        },
        pip_requirements=tuple(_pip_requirement(package) for package in sources),
    )


def needs_pip(package: LockedPackage) -> bool:
    """Whether pip has to build it."""
    return package.manager == "pip" and not package.is_wheel


def _pip_requirement(package: LockedPackage) -> PipRequirement:
    anchor = f"#sha256={package.sha256}" if package.sha256 else ""
    is_release = f"-{package.version}." in package.fn
    return PipRequirement(
        text=f"{package.name} @ {package.url}{anchor}",
        name=package.name,
        version=package.version if is_release else None,
        depends=package.depends,
    )


def _host_record(services: Services, package: LockedPackage) -> RepodataRecord:
    """Return the python of this machine that a lock names: same version, else same minor."""
    offered = services.host_index.records_for("python")
    minor = python_minor(package.version)
    fitting = [r for r in offered if f"{r.version}.".startswith(f"{minor}.")]
    fitting.sort(key=lambda r: (r.version == package.version, version_key(r.version)))
    if not fitting:
        found = ", ".join(sorted({r.version for r in offered})) or "none"
        raise InterpreterError(
            "interpreter-missing",
            f"the lock names python {package.version} of this machine, which is not installed",
            context=f"found: {found}",
            hint="install it, or lock again with a channel that has python (-c)",
        )
    return fitting[-1]


def _check_complete(records: Mapping[str, RepodataRecord]) -> None:
    """Refuse a lock that lacks a dependency: its environment would be broken."""
    for record in records.values():
        if record.source != "conda":
            continue
        for text in record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name
            plain = name is not None and not name.startswith("__") and spec.when is None
            if plain and name not in records and name != record.name:
                raise SpecError(
                    "incomplete-lock",
                    f"the lock has {record.name} but not {name}, which it depends on",
                    hint="lock again with 'minicon lock'",
                )


def _check_machine(records: Mapping[str, RepodataRecord], services: Services) -> None:
    """Refuse packages that this machine cannot run, as a solve would."""
    facts = {fact.name: fact.as_record() for fact in services.virtual_packages}
    for record in records.values():
        for text in record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name or ""
            if not name.startswith("__") or (name in facts and spec.matches(facts[name])):
                continue
            here = f"{name} {facts[name].version}" if name in facts else f"no {name}"
            variable = f"CONDA_OVERRIDE_{name.strip('_').upper()}"
            raise SpecError(
                "machine-does-not-fit",
                f"the lock's {record.name} needs {text}, and this machine has {here}",
                hint=f"lock for this machine with 'minicon lock --for PROFILE', or set {variable}",
            )
