"""Moving and cloning whole environments: a relocated copy, built aside, switched in in one step.

::

    rename   old ──┬─ kept generations ─> relocated, hard-linked ─> new store
                   └─ the environment ──> stage ── SWITCH IN ── old one removed
    clone    source ─ copied, relocated ─> stage ── SWITCH IN

Killed before the switch, there is the old environment and nothing else; killed after it, the new
one is whole, and the old one, if it is still there, is whole as well.
"""

from __future__ import annotations

import contextlib
import os

from minicon.constants import HISTORY
from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.ownership import is_real_folder
from minicon.lean_dataclasses import replace
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.history import format_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import check_place, is_empty
from minicon.prefix.environment.prefix_lock import locked
from minicon.prefix.generations.interrupts import uninterrupted
from minicon.prefix.generations.metadata import MARK, read_generation_metadata
from minicon.prefix.generations.removal import remove_environment
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_names import is_tree
from minicon.prefix.generations.untrusted_state import foreign_store
from minicon.prefix.link.path_replacement import Relocation
from minicon.prefix.link.relocated_copy import copy_relocated
from minicon.prefix.link.stage_builder import read_history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Reporter

    #: Called with the finished tree and its final path, before anybody sees it.
    Finish = Callable[[Folder, Path], object]


def move_environment(
    old: Path,
    new: Path,
    *,
    command: str,
    version: str,
    now: float,
    finish: Finish,
    reporter: Reporter | None = None,
    durable: bool = True,
    lock_timeout: float = 30.0,
) -> None:
    """Give an environment another path, its kept generations included.

    Args:
        old: Where it is.
        new: Where it shall be; nothing, or an empty folder, may be there.
        command: The user's command line, for history.
        version: Of minicon, for history.
        now: Seconds since 1970.
        finish: Writes what depends on the whole tree.
        reporter: Is told whom minicon waits for.
        durable: Whether to wait until the disk has everything, before the switch.
        lock_timeout: Seconds to wait for another process that changes one of the two.

    Raises:
        PrefixError: A place cannot hold an environment, or the new path is too long for a file.
        PrefixLocked: Another process changes one of the two.
        FileError: The file system refused; the environment is where it was.
    """
    source, target = GenerationStore(old), GenerationStore(new)
    _check_places(source.place, target.place)
    operations.make_directory(target.place.parent)
    with (
        operations.describing("rename", source.place),
        locked(source, lock_timeout, reporter),
        locked(target, lock_timeout, reporter),
    ):
        source.recover()
        _clear(target)
        relocation = _relocation(old, new, share=True)
        for number in source.numbers():
            stage = target.new_stage()
            with target.opened(stage) as tree:
                _copy(source.folder / str(number), tree, relocation, reporter)
                _finish(tree, new, finish, durable=durable)
            target.store.rename(stage.name, str(number))
        stage = target.new_stage()
        with target.opened(stage) as tree:
            _copy(source.place, tree, relocation, reporter)
            mark = replace(read_generation_metadata(stage), stage=stage.name)
            tree.replace_file(MARK, mark.to_bytes(), durable=False)
            _add_history(tree, command, version, now)
            _finish(tree, new, finish, durable=durable)
        _switch(target, stage, durable=durable)
    remove_environment(old, lock_timeout=lock_timeout, reporter=reporter)


def clone_environment(
    source: Path,
    new: Path,
    *,
    command: str,
    version: str,
    now: float,
    finish: Finish,
    reporter: Reporter | None = None,
    durable: bool = True,
    lock_timeout: float = 30.0,
    share_packages: bool = True,
) -> None:
    """Make a copy of an environment under another path: offline, exact, independent.

    Arguments and errors as for :func:`move_environment`. With SHARE_PACKAGES, files that are
    linked from the package cache are linked here, too.
    """
    target = GenerationStore(new)
    _check_places(GenerationStore(source).place, target.place)
    operations.make_directory(target.place.parent)
    with (
        operations.describing("clone into", target.place),
        _held_still(source, lock_timeout, reporter),
        locked(target, lock_timeout, reporter),
    ):
        _clear(target)
        stage = target.new_stage()
        relocation = _relocation(source, new, share=False)
        with target.opened(stage) as tree:
            _copy(source, tree, replace(relocation, share_packages=share_packages), reporter)
            mark = replace(
                read_generation_metadata(stage),
                number=1,
                stage=stage.name,
                previous=None,
                created=now,
                command=command,
            )
            tree.replace_file(MARK, mark.to_bytes(), durable=False)
            _add_history(tree, command, version, now)
            _finish(tree, new, finish, durable=durable)
        _switch(target, stage, durable=durable)


def _held_still(
    source: Path, lock_timeout: float, reporter: Reporter | None
) -> contextlib.AbstractContextManager[None]:
    """Nobody changes an environment while it is copied.

    One that is read-only, or whose store is left alone, stays as it is.
    """
    store = GenerationStore(source)
    if not os.access(store.place.parent, os.W_OK) or foreign_store(store.place) is not None:
        return contextlib.nullcontext()
    return locked(store, lock_timeout, reporter)


def _copy(tree: Path, stage: Folder, relocation: Relocation, reporter: Reporter | None) -> None:
    task = (reporter or SilentReporter()).start("link", "environment", None, "files")
    try:
        copy_relocated(tree, stage, relocation, task)
    finally:
        task.finish()


def _relocation(old: Path, new: Path, *, share: bool) -> Relocation:
    subdir = Prefix(old).subdir or ("win-64" if os.name == "nt" else "linux-64")
    return Relocation(old=str(old), new=str(new), subdir=subdir, share=share)


def _check_places(old: Path, new: Path) -> None:
    Prefix(old).require()
    check_place(old)
    check_place(new)
    if new.is_relative_to(old) or old.is_relative_to(new):
        message = f"{new} and {old} lie inside each other"
        raise PrefixError("nested-environments", message, hint="choose a path beside it")
    if not is_empty(new):
        message = f"{new} is there already"
        raise PrefixError("path-exists", message, hint="choose another name, or remove it first")


def _clear(target: GenerationStore) -> None:
    """Take away what a killed attempt left; no environment is there that it could belong to."""
    target.recover()
    for name in sorted(os.listdir(target.folder)):
        tree = target.folder / name
        if is_tree(name) and is_real_folder(tree):
            target.store.remove_tree(name)


def _finish(stage: Folder, final: Path, finish: Finish, *, durable: bool) -> None:
    finish(stage, final)
    if durable:
        operations.sync_file_system(stage)


def _switch(target: GenerationStore, stage: Path, *, durable: bool) -> None:
    try:
        with uninterrupted():
            target.switch_in(stage, undoable=False)
        if durable:
            operations.sync_directory(target.place.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            target.abandon(stage)
        raise


def _add_history(stage: Folder, command: str, version: str, now: float) -> None:
    block = format_block(command=command, version=version, added=[], removed=[], specs={}, now=now)
    stage.replace_file(HISTORY, read_history(stage) + block.encode(), durable=False)
