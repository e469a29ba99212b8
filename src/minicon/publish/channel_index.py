"""index_channel: write the index files of a directory of packages, which makes it a channel.

::

    DIR/linux-64/*.conda, *.tar.bz2, *.whl
        │ those that are new or changed; in threads, processes or on a cluster     reading/shares.py
        ▼
    PackageEntry … ──► .cache/minicon-index.db, so that each is read once     index/entry_store.py
        │ patches                                                                 index/patches.py
        ▼
    SubdirIndex ──► DIR/linux-64/repodata.json …                              index/index_files.py
        ▼
    DIR/channeldata.json, index.html, notices.json, rss.xml                   index/channeldata.py

Files are replaced as a whole. ``noarch`` is always written: every channel has it (CEP 26).
"""

from __future__ import annotations

import contextlib
import json
import os
import time
from pathlib import Path

from minicon.constants import REPODATA
from minicon.fs import operations
from minicon.fs.hashing import sha256_of
from minicon.fs.lock import locked
from minicon.lean_dataclasses import dataclass, field
from minicon.models.strict_json import read_json
from minicon.models.subdir import NOARCH, check_subdir
from minicon.publish.index.channel_settings import read_settings
from minicon.publish.index.channeldata import (
    Described,
    make_channeldata,
    make_feed,
    newest_archives,
)
from minicon.publish.index.entry_store import EntryStore
from minicon.publish.index.index_files import (
    Formats,
    remove,
    write_subdir,
    write_text,
    written_files,
)
from minicon.publish.index.pages import channel_page
from minicon.publish.index.patches import FILE_NAME as PATCHES
from minicon.publish.index.patches import parse_patches
from minicon.publish.index.subdir_index import SubdirIndex
from minicon.publish.reading.package_entry import PackageEntry, dump
from minicon.publish.reading.shares import LocalRunner, read_all
from minicon.publish.reading.sources import FolderSource

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any

    from minicon.publish.index.channel_settings import ChannelSettings
    from minicon.publish.index.patches import PatchGenerator
    from minicon.publish.reading.shares import Found, ListedArchive, Runner
    from minicon.publish.reading.sources import ArchiveSource

_STATE = Path(".cache") / "minicon-index.db"
_FORMAT = 1


@dataclass(frozen=True, slots=True)
class ChannelSummary:
    """Result of :func:`index_channel`.

    Attributes:
        counts: Packages per subdir.
        errors: (path, message) of the files that are not indexed.
        reused: Number of archives that are unchanged since the last run, and were not read.
    """

    counts: Mapping[str, int]
    errors: tuple[tuple[Path, str], ...] = field(default=())
    reused: int = 0


def index_channel(
    directory: Path | str,
    *,
    subdirs: Sequence[str] | None = None,
    write_zst: bool = True,
    settings: ChannelSettings | None = None,
    patch_generator: PatchGenerator | None = None,
    workers: int | None = None,
    runner: Runner | None = None,
    source: ArchiveSource | None = None,
    now: float | None = None,
) -> ChannelSummary:
    """Write the index files of a directory of packages.

    Args:
        directory: Contains ``noarch/``, ``linux-64/`` …; created if missing.
        subdirs: Only these and ``noarch``; None is all that exist.
        write_zst: Whether to write ``repodata.json.zst`` too.
        settings: Of the channel; None reads its ``channel.yaml``.
        patch_generator: Returns the patch instructions of a subdir, which are written to its
            directory, given its name and a function that returns its unpatched repodata; None
            reads the instructions from the directory.
        workers: Number of archives read at once; None is the number of processors.
        runner: Reads archives elsewhere; None reads them with ``workers`` on this machine.
        source: Where the archives are; None is the directory itself.
        now: Seconds since 1970, the time at which new archives are listed; None is the present.

    Raises:
        FileError: The directory cannot be read or written.
        SpecError: ``invalid-subdir``.
        ConfigError: The channel's settings are invalid.
        RepodataError: Patch instructions are invalid.
    """
    folder = Path(directory)
    settings = settings or read_settings(folder)
    source = source or FolderSource(folder)
    run = _Run(
        folder=folder,
        settings=settings,
        formats=Formats(
            settings.name or folder.absolute().name, write_zst, settings.shards, settings.current
        ),
        source=source,
        runner=runner or LocalRunner(workers or os.cpu_count() or 1, source.fetcher),
        patch_generator=patch_generator,
        now=time.time() if now is None else now,
    )
    with locked(folder / ".cache" / "minicon-index.lock", timeout=60):
        present = run.source.subdirs()
        names = present if subdirs is None else map(check_subdir, subdirs)
        return run.index(sorted({*names, NOARCH}), sorted({*present, NOARCH}))


class _Run:
    """One run of :func:`index_channel`."""

    def __init__(
        self,
        *,
        folder: Path,
        settings: ChannelSettings,
        formats: Formats,
        source: ArchiveSource,
        runner: Runner,
        patch_generator: PatchGenerator | None,
        now: float,
    ) -> None:
        self._folder = folder
        self._settings = settings
        self._formats = formats
        self.source = source
        self._runner = runner
        self._patch_generator = patch_generator
        self._now = now
        self._reused = 0
        self._has_changed = False
        self._errors: list[tuple[Path, str]] = []

    def index(self, names: Sequence[str], all_names: Sequence[str]) -> ChannelSummary:
        """Index some subdirs, and write the files of the channel."""
        stray = [archive.fn for archive in self.source.archives("")]
        self._errors = [(self._folder / fn, _misplaced(fn, self._folder)) for fn in stray]
        counts = {name: self._index_subdir(name) for name in names}
        self._write_channel_files(all_names)
        return ChannelSummary(counts, tuple(self._errors), self._reused)

    def _index_subdir(self, name: str) -> int:
        folder = self._folder / name
        with operations.describing("write", folder):
            operations.make_directory(folder)
        with EntryStore(folder / _STATE) as store:
            archives = self._read_new(store, folder)
            self._errors += [(folder / r.fn, r.message) for r in store.refusals()]
            generator = self._patch_generator
            stated = None if generator is None else self._generate(generator, store, folder)
            patches = stated if stated is not None else _read_if_exists(folder / PATCHES)
            inputs = sha256_of(repr((_FORMAT, archives, patches, self._settings)).encode())
            described = "\n".join([inputs, *written_files(folder)])
            if store.note("written") != described:
                count = self._write(store, folder, patches)
                described = "\n".join([inputs, *written_files(folder)])
                store.save_notes({"count": str(count), "written": described})
                self._has_changed = True
            return int(store.note("count"))

    def _read_new(self, store: EntryStore, folder: Path) -> list[ListedArchive]:
        """Read the archives that are new or changed; return all."""
        archives = self.source.archives(folder.name)
        known = store.known()
        new = [each for each in archives if known.get(each.fn) != each[1:]]
        self._reused += len(archives) - len(new)
        if gone := known.keys() - {each.fn for each in archives}:
            store.forget(gone)
        if new:
            earlier = _earlier_times(store.records(each.fn for each in new if each.fn in known))
            if not known:  # a new channel, or its state file was lost
                earlier = _published_times(folder / REPODATA)
            location, now = self.source.location(folder.name), int(self._now * 1000)
            read = read_all(self._runner, location, new, now, self.source.s3_options)
            for found in read:
                store.save([_with_time(each, earlier) for each in found])
        return archives

    def _generate(self, generator: PatchGenerator, store: EntryStore, folder: Path) -> bytes:
        """Write the instructions of a generator, as conda-index does, and return them."""

        def repodata() -> dict[str, Any]:
            return json.loads(self._index_of(store, folder.name).repodata())  # type: ignore[no-any-return]

        instructions = generator(folder.name, repodata)
        parse_patches(instructions, f"the patch generator of {folder.name}")
        with operations.describing("write", folder):
            write_text(folder / PATCHES, instructions.decode())
        return instructions

    def _index_of(self, store: EntryStore, subdir: str) -> SubdirIndex:
        settings = self._settings
        entries = list(store.entries())
        return SubdirIndex(subdir, entries, (), settings.base_url, settings.relations)

    def _write(self, store: EntryStore, folder: Path, patches: bytes) -> int:
        """Write the subdir's files; return the number of packages."""
        unpatched = self._index_of(store, folder.name)
        index = unpatched
        if patches:
            index = unpatched.patched(parse_patches(patches, str(folder / PATCHES)))
        known = json.loads(store.note("shards") or "{}")
        shards = write_subdir(folder, index, unpatched, self._formats, known)
        listed = [
            Described(folder.name, e.name, e.version, e.timestamp, e.run_exports, e.facts)
            for e in newest_archives(index.entries)
        ]
        store.save_notes({"shards": dump(shards), "channeldata": dump(listed)})
        return len(index.entries)

    def _write_channel_files(self, subdirs: Sequence[str]) -> None:
        folder, settings = self._folder, self._settings
        names = ("channeldata.json", "index.html", "rss.xml", "notices.json")
        channeldata_json, page, feed, notices = (folder / name for name in names)
        is_complete = channeldata_json.exists() and page.exists() and feed.exists() == settings.rss
        with operations.describing("write", folder):
            if settings.notices:
                write_text(notices, dump({"notices": list(settings.notices)}))
            if not self._has_changed and is_complete:
                return
            channeldata = make_channeldata(self._described(subdirs), subdirs)
            write_text(channeldata_json, dump(channeldata))
            write_text(page, channel_page(self._formats.channel, channeldata))
            if settings.rss:
                write_text(feed, make_feed(self._formats.channel, channeldata, self._now))
            else:
                remove(feed)

    def _described(self, subdirs: Sequence[str]) -> Iterator[Described]:
        for name in subdirs:
            if (self._folder / name / _STATE).exists():
                with EntryStore(self._folder / name / _STATE) as store:
                    listed = json.loads(store.note("channeldata") or "[]")
                yield from (Described(*each) for each in listed)


def _misplaced(fn: str, folder: Path) -> str:
    return f"{fn} is not in a subdir such as {folder.name}/linux-64"


def _read_if_exists(path: Path) -> bytes:
    with operations.describing("read", path), contextlib.suppress(FileNotFoundError):
        return path.read_bytes()
    return b""


def _earlier_times(records: Mapping[str, str]) -> dict[str, int]:
    """When archives were listed first, by hash: that never changes (CEP 47)."""
    return {key: json.loads(text)["indexed_timestamp"] for key, text in records.items()}


def _published_times(repodata: Path) -> dict[str, int]:
    """The same, from an index that was written before."""
    try:
        document = read_json(repodata.read_bytes())
        sections = [document["packages"], document["packages.conda"]]
        sections += document.get("v3", {}).values()
        records = [record for section in sections for record in section.values()]
        return {r["sha256"]: r["indexed_timestamp"] for r in records if "indexed_timestamp" in r}
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return {}


def _with_time(found: Found, earlier: Mapping[str, int]) -> Found:
    if not isinstance(found, PackageEntry) or found.sha256 not in earlier:
        return found
    record = {**json.loads(found.record), "indexed_timestamp": earlier[found.sha256]}
    return found._replace(record=dump(record))
