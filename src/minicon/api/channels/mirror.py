"""Mirror a part of a channel in a directory: what sites without a network install from."""

from __future__ import annotations

import contextlib

from minicon.api.plan.channel_indices import channel_indices
from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.errors import PackageNotFound
from minicon.fs import operations
from minicon.fs.hashing import ListedContent
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.strict_json import read_object
from minicon.models.subdir import NOARCH
from minicon.net.download import download_package
from minicon.net.parallel import run_parallel
from minicon.publish.channel_index import index_channel
from minicon.publish.index.patches import FILE_NAME as PATCHES
from minicon.publish.mirror import closure_of, instructions_for

TYPE_CHECKING = False
if TYPE_CHECKING:
    import threading
    from collections.abc import Callable, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.records import RepodataRecord

_DOWNLOADS = 5


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorRequest:
    """What to mirror.

    Attributes:
        channel: Name, URL or path of the source.
        specs: MatchSpecs whose packages, with all that they need, are mirrored.
        platforms: Subdirs beside ``noarch``.
        newest: Only the newest version that satisfies each spec and dependency.
        prune: Whether packages that are no longer needed are removed.
    """

    channel: str
    specs: Sequence[str]
    platforms: Sequence[str]
    newest: bool = False
    prune: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class MirrorResult:
    """What was done.

    Attributes:
        records: Packages of the mirror.
        fetched: Number of those that were downloaded.
        removed: File names, with their subdir, that were removed.
        missing: Dependencies that the source does not satisfy.
    """

    records: tuple[RepodataRecord, ...]
    fetched: int
    removed: tuple[str, ...]
    missing: tuple[str, ...]


def mirror_channel(services: Services, request: MirrorRequest, directory: Path) -> MirrorResult:
    """Download what a mirror lacks, verified, and index it with the records of the source.

    A run that was interrupted is continued by the next: complete files are kept, and a part of a
    file is not downloaded again. The index changes once all files are complete.

    Args:
        services: Network, caches and settings.
        request: What to mirror.
        directory: Of the mirror; created if missing.

    Raises:
        PackageNotFound: The source has no package for one of the specs.
        ChannelError: The source cannot be reached, or lacks a file that it lists.
        HashMismatch: A file is not the one that the source lists.
        FileError: The directory cannot be written.
    """
    specs = [MatchSpec(text) for text in request.specs]
    sources = services.sources((request.channel,), override=True)
    subdirs = (*request.platforms, NOARCH)
    groups = channel_indices(services, sources, specs, subdirs)
    indices = [index for group in groups for index in group]
    closure = closure_of(indices, specs, newest=request.newest)
    for spec in specs:
        if str(spec) in closure.missing:
            message = f"{request.channel} has no package for {spec}"
            raise PackageNotFound("package-not-found", message, hint="check the spec's spelling")
    fetched = sum(_fetch_all(services, closure.records, directory))
    removed = _unneeded(directory, subdirs, closure.records) if request.prune else []
    by_subdir = {subdir: [r for r in closure.records if r.subdir == subdir] for subdir in subdirs}

    def instructions(subdir: str, repodata: Callable[[], dict[str, Any]]) -> bytes:
        before = _read_instructions(directory / subdir / PATCHES)
        return instructions_for(by_subdir.get(subdir, ()), before, repodata())

    with operations.describing("remove", directory):
        for name in removed:
            operations.remove_file(directory / name)
    index_channel(directory, patch_generator=instructions)
    return MirrorResult(
        records=closure.records,
        fetched=fetched,
        removed=tuple(removed),
        missing=closure.missing,
    )


def _fetch_all(
    services: Services, records: Sequence[RepodataRecord], directory: Path
) -> list[bool]:
    for subdir in {record.subdir for record in records}:
        with operations.describing("write", directory):
            operations.make_directory(directory / subdir)

    def fetch(record: RepodataRecord, cancelled: threading.Event) -> bool:
        target = directory / record.subdir / record.fn
        listed = ListedContent(record.size, record.sha256, record.md5)
        with contextlib.suppress(FileNotFoundError):
            if listed.has_hash and listed.difference_of_file(target) is None:
                return False
        download_package(services.fetcher, record, target, services.reporter, cancelled=cancelled)
        return True

    return run_parallel(fetch, records, workers=_DOWNLOADS)


def _unneeded(
    directory: Path, subdirs: Sequence[str], records: Sequence[RepodataRecord]
) -> list[str]:
    """Archives in the mirror's subdirs that no record describes."""
    needed = {f"{record.subdir}/{record.fn}" for record in records}
    found = (
        f"{subdir}/{path.name}"
        for subdir in subdirs
        if (directory / subdir).is_dir()
        for path in (directory / subdir).iterdir()
        if path.name.endswith((*PACKAGE_EXTENSIONS, WHEEL_EXTENSION))
    )
    return sorted(set(found) - needed)


def _read_instructions(path: Path) -> dict[str, Any]:
    try:
        return read_object(path.read_bytes())
    except (FileNotFoundError, ValueError):
        return {}
