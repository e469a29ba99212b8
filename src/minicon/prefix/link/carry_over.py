"""Carry over unchanged files from the old generation to the next, by hard links.

These are the files of packages that stay, and all files that no package owns: the user's
notebooks, configuration, distributions that pip installed. Costs one system call per file.
"""

from __future__ import annotations

import contextlib
import os
import posixpath
import stat
import time

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import Clobbered, PrefixError
from minicon.fs.folder_tree import FolderTree
from minicon.fs.hashing import sha256_of_file
from minicon.fs.safe_path import folders_above
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import UNMOVABLE_ENTRIES, unmovable_entries
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

#: Suffix of a user's file that a package's file replaced.
SAVED_SUFFIX = ".minicon-saved"
_CLOCK_GRAIN = 20_000_000  # nanoseconds


@dataclass(frozen=True, slots=True, kw_only=True)
class CarryPlan:
    """The files that are *not* carried over as they are.

    Attributes:
        dropped: Files of removed packages, with their entry in the record, or None.
        written: Paths that packages to link will write.
        moves: Files to move: from, to.
        owned: Files of packages that stay; only used for paths in ``written``.
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
        saved: The user's files that were renamed: old and new path.
    """

    def __init__(self, old: Path, tree: StagingDirectory, plan: CarryPlan, task: Task) -> None:
        self._path = str(old)
        self._tree = tree
        self._plan = plan
        self._task = task
        not_carried = {*plan.dropped, *plan.written, *plan.moves, *plan.moves.values()}
        self._not_carried = not_carried
        self._touched = {path.rpartition("/")[0] for path in not_carried}
        self._began = time.time_ns()
        self.saved: list[tuple[str, str]] = []

    def carry(self) -> None:
        """Carry over all files but those of the plan.

        Raises:
            PrefixError: Other environments are inside this one.
            Clobbered: A package has a file where the user has a directory.
            OSError: Disk full and the like.
        """
        with FolderTree(self._path, make=False, through_links=True) as old:
            self._folder(old, "")
            for source, target in self._plan.moves.items():
                with contextlib.suppress(FileNotFoundError, NotADirectoryError):
                    link_or_copy(*old.parent_of(source), *self._tree.parent_of(target))

    def carry_late_writes(self, old: Folder, new: Folder) -> list[str]:
        """Carry over what running programs wrote while the next generation was being built.

        Only directories that changed since are searched: one ``lstat`` per directory.

        Args:
            old: The previous tree.
            new: The tree that replaced it.

        Returns:
            The paths that were carried over.
        """
        found: list[str] = []
        with (
            FolderTree(old, make=False) as previous,
            FolderTree(new, make=False, through_links=True) as present,
            StagingDirectory(new) as tree,
        ):
            waiting = [""]
            while waiting:
                relative = waiting.pop()
                folder = previous.folder(relative)
                folders, names = _entries(folder, but=() if relative else UNMOVABLE_ENTRIES)
                start = f"{relative}/" if relative else ""
                waiting += [start + name for name in folders if start + name != CONDA_META]
                # The file system's clock may be a few milliseconds behind.
                if folder.own_status().st_mtime_ns >= self._began - _CLOCK_GRAIN:
                    late = [start + name for name in names]
                    found += [path for path in late if self._is_late(previous, present, path)]
            for path in found:
                link_or_copy(*previous.parent_of(path), *tree.parent_of(path))
        return found

    def _is_late(self, previous: FolderTree, present: FolderTree, path: str) -> bool:
        if self._is_not_carried(path):
            return False
        try:
            before, now = (tree.status(path) for tree in (previous, present))
        except OSError:
            return True
        return before is None or now is None or not os.path.samestat(before, now)

    def _folder(self, old: FolderTree, relative: str) -> bool:
        """Carry one directory over; False if nothing of it remains."""
        source = old.folder(relative)
        folders, names = _entries(source, but=() if relative else unmovable_entries(self._path))
        if relative and CONDA_META in folders and source.status(HISTORY) is not None:
            raise PrefixError(
                "holds-environments",
                f"{self._path} cannot be changed: it contains another environment, {source.path}",
                hint="move the inner environment elsewhere (minicon rename)",
            )
        is_left = not (folders or names or self._is_empty_folder_of_a_package(relative))
        saved_before = len(self.saved)
        if relative in self._touched or self._is_touched_cache(relative):
            names = [name for name in names if self._stays(old, relative, name)]
        if names:
            link_names(source, self._tree.folder(relative), names)
            self._task.advance(len(names))
        kept = bool(names) or is_left
        for name in folders:
            child = f"{relative}/{name}" if relative else name
            self._tree.make_folder(child, stat.S_IMODE(old.folder(child).own_status().st_mode))
            if self._folder(old, child):
                if child in self._plan.written:
                    raise _excluded(child)
                kept = True
            else:
                self._tree.remove_folder(child)
        return kept or len(self.saved) > saved_before

    def _is_empty_folder_of_a_package(self, path: str) -> bool:
        """Whether a directory without entries goes with its package, or yields to a file."""
        plan = self._plan
        yields = any(each in plan.written for each in (path, *folders_above(path)))
        return path in plan.dropped or (yields and path in plan.owned)

    def _is_touched_cache(self, relative: str) -> bool:
        parent, _, name = relative.rpartition("/")
        return name == "__pycache__" and parent in self._touched

    def _stays(self, old: FolderTree, folder: str, name: str) -> bool:
        path = f"{folder}/{name}" if folder else name
        if path in self._not_carried:
            self._save(old, path)
            return False
        return not self._is_not_carried(path)

    def _is_not_carried(self, path: str) -> bool:
        folder, _, name = path.rpartition("/")
        if name.endswith(".pyc") and folder.endswith("__pycache__"):
            # Otherwise bytecode of removed sources would keep their directory.
            source = f"{folder.removesuffix('__pycache__')}{name.partition('.')[0]}.py"
            return source in self._not_carried or path in self._not_carried
        return path in self._not_carried

    def _save(self, old: FolderTree, path: str) -> None:
        """Keep a file that the user created or changed, under another name."""
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
        link_or_copy(*old.parent_of(path), *self._tree.parent_of(target))
        self.saved.append((path, target))


def is_modified(path: str, entry: PathsEntry, since: int) -> bool:
    """Whether a linked file was changed after its record was written.

    Only files with a later time are hashed.

    Args:
        path: The file.
        entry: Its entry in the record.
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


def _excluded(path: str) -> Clobbered:
    message = f"{path} must be a file of a package, but it is a directory with your own files"
    return Clobbered("not-a-file", message, hint="move it away and try again")


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
    """Determine which files are not carried over.

    Args:
        prefix: The present environment.
        unlink: Packages to remove.
        unchanged: Packages that are not changed.
        written: Paths that packages to link will write, metadata not included.
        moves: Files to move.
        dropped: Further paths to drop, which are not the user's.
    """
    owned = {path for record in unchanged for path in record.files}
    real = _RealPaths(prefix)
    environment = Prefix(prefix)
    not_carried: dict[str, PathsEntry | None] = dict.fromkeys(dropped)
    recorded_at: dict[str, int] = {}
    for record in unlink:
        path = f"{CONDA_META}/{record.file_name}"
        not_carried[path] = None
        since = None if _was_replaced(prefix, record) else _modified_at(prefix / path)
        entries = environment.entries_of(record)
        for name in record.files:
            if name not in owned:
                path = real.path(name)
                not_carried[path] = entries.get(name)
                if since is not None:
                    recorded_at[path] = since
    return CarryPlan(
        dropped=not_carried,
        written=frozenset(map(real.path, written)),
        moves=moves,
        owned=owned,
        recorded_at=recorded_at,
    )


class _RealPaths:
    """Resolves links to directories of the same environment in paths.

    A package may have ``lib64/x`` in an environment where ``lib64`` is a link to ``lib``.
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
        leaves = inside.startswith(("/", "../")) or inside == ".."
        return path if leaves else inside.removeprefix(".")


def _modified_at(path: Path) -> int | None:
    try:
        return path.stat().st_mtime_ns
    except OSError:
        return None


def _was_replaced(prefix: Path, record: PrefixRecord) -> bool:
    """Whether pip replaced a package: changes of its files are then pip's, not the user's."""
    metadata = [path for path in record.files if path.endswith(".dist-info/METADATA")]
    return bool(metadata) and not any((prefix / path).exists() for path in metadata)
