"""Carrying over: what does not change goes from the old generation to the next by hard links.

That is every file of a package that stays, and everything that no package owns: a user's
notebooks, what pip installed, configuration. It costs one system call per file.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import time

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PrefixError
from minicon.fs.folder_tree import FolderTree
from minicon.fs.hashing import sha256_of_file
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix_location import STAYING
from minicon.prefix.link.link import link_names, link_or_copy
from minicon.prefix.link.staging_dir import StagingDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Mapping
    from pathlib import Path

    from minicon.fs.folder import Folder
    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.reporter import Task

#: What a user's file is called once a package has taken its place.
SAVED_SUFFIX = ".minicon-saved"
_CLOCK_GRAIN = 20_000_000  # nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryPlan:
    """What is *not* carried over as it is.

    Attributes:
        dropped: Paths of packages that go, with what their record says of each; None where it
            says nothing.
        written: Paths that packages to link will write.
        moves: Files that get another place: from, to.
        owned: Paths of packages that stay; only asked for among ``written``.
        recorded_at: Per dropped path, when its record was written (ns since 1970).
    """

    dropped: Mapping[str, PathsEntry | None] = field(default_factory=dict)
    written: Collection[str] = frozenset()
    moves: Mapping[str, str] = field(default_factory=dict)
    owned: Collection[str] = frozenset()
    recorded_at: Mapping[str, int] = field(default_factory=dict)


class CarryOver:
    """Carries one environment over into a staged tree.

    Attributes:
        saved: Files of the user that had to make room: their path, and where they are now.
    """

    def __init__(self, old: Path, tree: StagingDirectory, plan: CarryPlan, task: Task) -> None:
        self._path = str(old)
        self._tree = tree
        self._plan = plan
        self._task = task
        leaving = {*plan.dropped, *plan.written, *plan.moves, *plan.moves.values()}
        self._leaving = leaving
        self._touched = {path.rpartition("/")[0] for path in leaving}
        self._began = time.time_ns()
        self.saved: list[tuple[str, str]] = []

    def carry(self) -> None:
        """Do it.

        Raises:
            PrefixError: Other environments lie inside this one.
            OSError: Disk full and the like.
        """
        with FolderTree(self._path, make=False, through_links=True) as old:
            self._folder(old, "")
            for source, target in self._plan.moves.items():
                with contextlib.suppress(FileNotFoundError):
                    link_or_copy(*old.place(source), *self._tree.place(target))

    def carry_late(self, old: Folder, new: Folder) -> list[str]:
        """Carry what running programs wrote while the next generation was being built.

        Only folders that changed since are looked into: one ``lstat`` per folder.

        Args:
            old: Where the former tree is now.
            new: The tree that took its place.

        Returns:
            The paths that were carried.
        """
        found: list[str] = []
        with (
            FolderTree(old, make=False) as former,
            FolderTree(new, make=False, through_links=True) as present,
            StagingDirectory(new) as tree,
        ):
            waiting = [""]
            while waiting:
                relative = waiting.pop()
                folder = former.folder(relative)
                folders, names = _entries(folder, but=() if relative else STAYING)
                start = f"{relative}/" if relative else ""
                waiting += [start + name for name in folders if start + name != CONDA_META]
                # A file system's clock may be a few milliseconds behind ours.
                if folder.own_status().st_mtime_ns >= self._began - _CLOCK_GRAIN:
                    late = [start + name for name in names]
                    found += [path for path in late if self._is_late(former, present, path)]
            for path in found:
                link_or_copy(*former.place(path), *tree.place(path))
        return found

    def _is_late(self, former: FolderTree, present: FolderTree, path: str) -> bool:
        if self._is_leaving(path):
            return False
        try:
            before, now = (tree.status(path) for tree in (former, present))
        except OSError:
            return True
        return before is None or now is None or not os.path.samestat(before, now)

    def _folder(self, old: FolderTree, relative: str) -> bool:
        """Carry one folder; False if nothing of it is left."""
        source = old.folder(relative)
        folders, names = _entries(source, but=() if relative else STAYING)
        if relative and CONDA_META in folders and source.status(HISTORY) is not None:
            raise PrefixError(
                "holds-environments",
                f"{self._path} holds another environment, {source.path}:"
                " it cannot be changed as a whole",
                hint="move the inner environment elsewhere (minicon rename)",
            )
        was_empty = not folders and not names
        saved_before = len(self.saved)
        if relative in self._touched or self._is_touched_cache(relative):
            names = [name for name in names if self._stays(old, relative, name)]
        if names:
            link_names(source, self._tree.folder(relative), names)
            self._task.advance(len(names))
        kept = bool(names) or was_empty
        for name in folders:
            child = f"{relative}/{name}" if relative else name
            self._tree.make_folder(child, stat.S_IMODE(old.folder(child).own_status().st_mode))
            if self._folder(old, child):
                kept = True
            else:
                self._tree.remove_folder(child)
        return kept or len(self.saved) > saved_before

    def _is_touched_cache(self, relative: str) -> bool:
        parent, _, name = relative.rpartition("/")
        return name == "__pycache__" and parent in self._touched

    def _stays(self, old: FolderTree, folder: str, name: str) -> bool:
        path = f"{folder}/{name}" if folder else name
        if path in self._leaving:
            self._save(old, path)
            return False
        return not self._is_leaving(path)

    def _is_leaving(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if name.endswith(".pyc") and folder.endswith("__pycache__"):
            # Bytecode of a source that goes would otherwise keep its folder alive.
            source = f"{folder.removesuffix('__pycache__')}{name.partition('.')[0]}.py"
            return source in self._leaving or path in self._leaving
        return path in self._leaving

    def _save(self, old: FolderTree, path: str) -> None:
        """Keep what the user made or changed, under another name."""
        plan = self._plan
        if path in plan.moves or path in plan.owned or path.startswith(f"{CONDA_META}/"):
            return
        if path in plan.dropped:
            entry = plan.dropped[path]
            since = plan.recorded_at.get(path)
            if (
                entry is None
                or since is None
                or not is_modified(f"{self._path}/{path}", entry, since)
            ):
                return
        elif path.endswith(".pyc"):
            return
        target = path + SAVED_SUFFIX
        link_or_copy(*old.place(path), *self._tree.place(target))
        self.saved.append((path, target))


def is_modified(path: str, entry: PathsEntry, since: int) -> bool:
    """Whether somebody changed a linked file after its record was written.

    The time decides first, so that only files written since are hashed.

    Args:
        path: The file.
        entry: What its record says.
        since: When the record was written, nanoseconds since 1970.
    """
    expected = entry.sha256_in_prefix or entry.sha256
    try:
        status = os.lstat(path)
    except OSError:
        return False
    if not stat.S_ISREG(status.st_mode) or expected is None or status.st_mtime_ns <= since:
        return False
    return sha256_of_file(path) != expected


def _entries(folder: Folder, *, but: Collection[str]) -> tuple[list[str], list[str]]:
    folders, names = folder.entries()
    return [n for n in folders if n not in but], [n for n in names if n not in but]


def carry_plan(
    *,
    prefix: Path,
    unlink: Collection[PrefixRecord],
    unchanged: Collection[PrefixRecord],
    written: Collection[str],
    moves: Mapping[str, str],
    dropped: Collection[str],
) -> CarryPlan:
    """Work out what leaves.

    Args:
        prefix: The present environment.
        unlink: Packages that go.
        unchanged: Packages that stay.
        written: Paths that packages to link will write, metadata not included.
        moves: Files that get another place.
        dropped: Further paths that go, and that are not the user's.
    """
    owned = {path for record in unchanged for path in record.files}
    real = _RealPaths(prefix)
    leaving: dict[str, PathsEntry | None] = dict.fromkeys(dropped)
    recorded_at: dict[str, int] = {}
    for record in unlink:
        path = f"{CONDA_META}/{record.file_name}"
        leaving[path] = None
        since = None if _was_replaced(prefix, record) else _modified_at(prefix / path)
        entries = {entry.path: entry for entry in record.paths}
        for name in record.files:
            if name not in owned:
                path = real.path(name)
                leaving[path] = entries.get(name)
                if since is not None:
                    recorded_at[path] = since
    return CarryPlan(
        dropped=leaving,
        written=frozenset(map(real.path, written)),
        moves=moves,
        owned=owned,
        recorded_at=recorded_at,
    )


class _RealPaths:
    """Where paths lead that go through links to folders of the same environment.

    A package may have put ``lib64/x`` into an environment where ``lib64`` is a link to ``lib``.
    """

    def __init__(self, prefix: Path) -> None:
        self._prefix = str(prefix)
        self._folders = {"": ""}

    def path(self, path: str) -> str:
        folder, _, name = path.rpartition("/")
        real = self._folder(folder)
        return f"{real}/{name}" if real else name

    def _folder(self, folder: str) -> str:
        known = self._folders.get(folder)
        if known is None:
            known = self._folders[folder] = self._resolve(folder)
        return known

    def _resolve(self, folder: str) -> str:
        path = self.path(folder)
        try:
            text = os.readlink(f"{self._prefix}/{path}")
        except OSError:
            return path
        inside = posixpath.normpath(posixpath.join(posixpath.dirname(path), text))
        leads_out = inside.startswith(("/", "../")) or inside == ".."
        return path if leads_out else inside.removeprefix(".")


def _modified_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _was_replaced(prefix: Path, record: PrefixRecord) -> bool:
    """Whether pip put another version over a package: its files are pip's then, not the user's."""
    metadata = [path for path in record.files if path.endswith(".dist-info/METADATA")]
    return bool(metadata) and not any((prefix / path).exists() for path in metadata)
