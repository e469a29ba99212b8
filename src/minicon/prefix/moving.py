"""Move and clone whole environments; only files that contain the path are rewritten.

::

    rename   old ── changed files ─> stages ── JOURNAL, RENAME ── stages replace files in it
    clone    source ─ linked or copied, relocated ─> stage ── SWITCH IN

Where the environment cannot be renamed (another file system, a mount point, an image layer), it is
copied by hard links or content, switched in, and removed at its old path.

If killed before the switch, only the old environment exists; if killed after it, the new one is
complete (a renamed one after recovery), and so is the old one unless it is removed already.
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path
from typing import NamedTuple

from minicon.constants import HISTORY
from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.fs.ownership import is_real_folder
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.history import change_lines, format_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import (
    CANNOT_BE_RENAMED,
    check_is_writable,
    check_prefix_location,
    is_empty,
    unmovable_entries,
    untrusted_store,
)
from minicon.prefix.generations.change import locked, uninterrupted
from minicon.prefix.generations.metadata import GenerationMetadata, read_generation_metadata
from minicon.prefix.generations.recovery import recover_locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import GENERATION_FILE, is_tree, new_environment_mark
from minicon.prefix.generations.tree_move import ENVIRONMENT, TreeMove
from minicon.prefix.link.conda_meta import read_history
from minicon.prefix.link.path_replacement import Relocation
from minicon.prefix.link.relocated_copy import copy_relocated
from minicon.prefix.link.relocated_files import list_folders, write_relocated
from minicon.prefix.removal import remove_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from minicon.models.reporter import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class MoveOptions:
    """How a whole environment is moved, copied or created, and what is recorded about that.

    Attributes:
        command: The user's command line, for history.
        version: Of minicon, for history.
        now: Seconds since 1970.
        finish: Writes files that depend on the whole tree; called with it and its final path.
        channel_name: Gives conda's canonical name of a channel's base URL, for history.
        reporter: Notified of progress, and of the process that is waited for.
        durable: Whether to wait before the switch until the disk has everything.
        lock_timeout: Seconds to wait for another process that changes the environment.
    """

    command: str
    version: str
    now: float
    finish: Callable[[Folder, Path], object]
    channel_name: Callable[[str], str] = str
    reporter: Reporter = SilentReporter()
    durable: bool = True
    lock_timeout: float = 30.0

    def locked(self, store: GenerationStore) -> contextlib.AbstractContextManager[None]:
        """Hold the lock of an environment."""
        return locked(store, self.lock_timeout, self.reporter)

    def files(self, prefix: Prefix, metadata: GenerationMetadata) -> Mapping[str, bytes]:
        """Return history with one more block, and metadata, by path."""
        text = format_block(
            lines=change_lines(prefix.revisions(), prefix.readable_records(), self.channel_name),
            specs={},
            command=self.command,
            version=self.version,
            now=self.now,
            generation=metadata.number,
        )
        return {
            HISTORY: read_history(prefix.path) + text.encode(),
            GENERATION_FILE: metadata.to_bytes(),
        }

    def finished(self, stage: Folder, final: Path) -> None:
        """Write the files that depend on the whole tree; wait for the disk."""
        self.finish(stage, final)
        if self.durable:
            operations.sync_file_system(stage)

    def switch(self, target: GenerationStore, stage: Path) -> None:
        """Make a stage the environment."""
        try:
            with uninterrupted():
                target.switch_in(stage, undoable=False)
            if self.durable:
                operations.sync_directory(target.prefix.parent)
        except BaseException:
            with contextlib.suppress(OSError):
                target.abort_switch(stage)
            raise


def move_environment(old: Path, new: Path, options: MoveOptions) -> None:
    """Move an environment and its kept generations to another path.

    Args:
        old: Its path.
        new: Its new path; it must not exist, or be an empty directory.
        options: How, and what is recorded.

    Raises:
        PrefixError: A path cannot be an environment, or the new one is too long for a file.
        PrefixLocked: Another process is changing one of the two.
        FileError: From the file system; the environment is unchanged.
    """
    source, target = GenerationStore(old), GenerationStore(new)
    _check_paths(source.prefix, target.prefix)
    check_is_writable(source.prefix)  # what cannot be activated can still be moved
    operations.make_directory(target.prefix.parent)
    with (
        operations.describing("rename", source.prefix),
        options.locked(source),
        options.locked(target),
    ):
        recover_locked(source)
        _clear(target)
        environment = Prefix(old)
        relocation = _relocation(environment, new, share=True)
        move = _Move(source, target, environment, relocation, options)
        try:
            move.rename()
            with Folder.open(target.prefix) as tree:
                options.finished(tree, new)
        except _CannotBeRenamed:
            move.copy()
    remove_environment(old, lock_timeout=options.lock_timeout, reporter=options.reporter)


def clone_environment(
    source: Path, new: Path, options: MoveOptions, *, share_packages: bool = True
) -> None:
    """Copy an environment to another path: offline, exact, independent.

    Errors as for :func:`move_environment`. With ``share_packages``, files that are
    hard-linked from the package cache are hard-linked in the copy too.
    """
    target = GenerationStore(new)
    _check_paths(GenerationStore(source).prefix, target.prefix)
    operations.make_directory(target.prefix.parent)
    with (
        operations.describing("clone into", target.prefix),
        _unchanging(source, options),
        options.locked(target),
    ):
        _clear(target)
        prefix = Prefix(source)
        prefix.records()  # raises an error if one cannot be read
        relocation = _relocation(prefix, new, share=False)
        relocation = replace(relocation, share_packages=share_packages)
        with _stage(target) as stage, target.opened(stage) as tree:
            metadata = replace(
                read_generation_metadata(source),
                number=1,
                stage=stage.name,
                previous=None,
                created=options.now,
                command=options.command,
                environment=new_environment_mark(),
            )
            _copy(prefix, tree, relocation, options.files(prefix, metadata), options.reporter)
            options.finished(tree, new)
        options.switch(target, stage)


def create_from_tree(
    new: Path, fill: Callable[[Folder, Path], object], options: MoveOptions
) -> None:
    """Create an environment from a whole tree, in one step: nothing is left of a failure.

    ``fill`` writes the tree into an empty directory; it is called with the open directory and its
    path. Errors are those of :func:`move_environment`.
    """
    target = GenerationStore(new)
    check_prefix_location(new)
    _check_unused(target.prefix)
    operations.make_directory(target.prefix.parent)
    with (
        operations.describing("write into", target.prefix),
        options.locked(target),
    ):
        _clear(target)
        with _stage(target) as stage, target.opened(stage) as tree:
            fill(tree, stage)
            metadata = GenerationMetadata(
                number=1,
                stage=stage.name,
                created=options.now,
                command=options.command,
                environment=new_environment_mark(),
            )
            for path, data in options.files(Prefix(stage), metadata).items():
                tree.replace_file(path, data, durable=False)
            options.finished(tree, new)
        options.switch(target, stage)


class _CannotBeRenamed(Exception):
    """The environment has to be copied to its new path."""


class _Move(NamedTuple):
    """One environment that moves from a store to another one; both are locked."""

    source: GenerationStore
    target: GenerationStore
    environment: Prefix
    relocation: Relocation
    options: MoveOptions

    def rename(self) -> None:
        """Move the environment and its kept generations by renames.

        Raises:
            _CannotBeRenamed: The file system does not allow that; nothing was changed.
        """
        source, target = self.source, self.target
        if not _is_movable(source, target):
            raise _CannotBeRenamed
        with contextlib.ExitStack() as stages:
            changes = []
            for name in (ENVIRONMENT, *map(str, source.numbers())):
                stage = stages.enter_context(_stage(target))
                with target.opened(stage) as root, FolderTree(root) as changed:
                    self._write_changes(name, changed)
                changes.append((name, stage.name))
            if self.options.durable:
                operations.sync_file_system(target.folder)
            mark = read_generation_metadata(source.prefix).environment
            move = TreeMove(source=str(source.prefix), mark=mark, changes=tuple(changes))
            try:
                with uninterrupted():
                    target.move_in(move, durable=self.options.durable)
            except OSError as error:
                if error.errno in CANNOT_BE_RENAMED and source.prefix.exists():
                    raise _CannotBeRenamed from error
                raise

    def _write_changes(self, name: str, changed: FolderTree) -> None:
        prefix = self._generation(name) if name else self.environment
        files: Mapping[str, bytes] = {}
        if name == ENVIRONMENT:
            metadata = replace(read_generation_metadata(prefix.path), stage="")
            files = self.options.files(prefix, metadata)
        write_relocated(prefix, list_folders(prefix.path), changed, self.relocation, files)

    def copy(self) -> None:
        """Copy the environment and its kept generations, and switch it in."""
        target, new, options = self.target, Path(self.relocation.new), self.options
        for number in map(str, self.source.numbers()):
            with _stage(target) as stage, target.opened(stage) as tree:
                _copy(self._generation(number), tree, self.relocation, {}, options.reporter)
                options.finished(tree, new)
            target.root.rename(stage.name, number)
        prefix = self.environment
        with _stage(target) as stage, target.opened(stage) as tree:
            metadata = replace(read_generation_metadata(prefix.path), stage=stage.name)
            files = self.options.files(prefix, metadata)
            _copy(prefix, tree, self.relocation, files, options.reporter)
            options.finished(tree, new)
        options.switch(target, stage)

    def _generation(self, number: str) -> Prefix:
        return Prefix(self.source.folder / number)


def _is_movable(source: GenerationStore, target: GenerationStore) -> bool:
    """Whether an environment can be renamed as a whole, as far as that is known beforehand."""
    if os.name == "nt" or source.is_inside or target.is_inside:
        return False
    return source.prefix.stat().st_dev == target.folder.stat().st_dev


@contextlib.contextmanager
def _stage(target: GenerationStore) -> Iterator[Path]:
    """Make an empty stage, which is removed if the block raises, unless recovery needs it."""
    stage = target.new_stage()
    try:
        yield stage
    except BaseException:
        with contextlib.suppress(OSError):
            if not target.is_moving:
                target.discard(stage)
        raise


def _unchanging(source: Path, options: MoveOptions) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of an environment while it is copied.

    Not needed for one that is read-only, or whose store cannot be trusted: minicon does not
    change it.
    """
    store = GenerationStore(source)
    if not os.access(store.prefix.parent, os.W_OK) or untrusted_store(store.prefix) is not None:
        return contextlib.nullcontext()
    return options.locked(store)


def _copy(
    prefix: Prefix,
    stage: Folder,
    relocation: Relocation,
    files: Mapping[str, bytes],
    reporter: Reporter,
) -> None:
    task = reporter.start("link", "environment", None, "files")
    try:
        copy_relocated(prefix, stage, relocation, files, task)
    finally:
        task.finish()


def _relocation(old: Prefix, new: Path, *, share: bool) -> Relocation:
    subdir = old.subdir or ("win-64" if os.name == "nt" else "linux-64")
    return Relocation(old=str(old.path), new=str(new), subdir=subdir, share=share)


def _check_paths(old: Path, new: Path) -> None:
    Prefix(old).require()
    check_prefix_location(new)
    inside = new.relative_to(old).parts[:1] if new.is_relative_to(old) else None
    is_apart = inside is None or bool(set(inside) & unmovable_entries(old))  # in base's envs
    if not is_apart or old.is_relative_to(new):
        message = f"one of {new} and {old} is inside the other"
        raise PrefixError("nested-environments", message, hint="choose a path outside of it")
    _check_unused(new)


def _check_unused(new: Path) -> None:
    if not is_empty(new):
        message = f"{new} exists already"
        raise PrefixError("path-exists", message, hint="choose another name, or remove it first")


def _clear(target: GenerationStore) -> None:
    """Remove what a killed process left; there is no environment that it could belong to."""
    recover_locked(target)
    for name in sorted(os.listdir(target.folder)):
        tree = target.folder / name
        if is_tree(name) and is_real_folder(tree):
            target.root.remove_tree(name)
