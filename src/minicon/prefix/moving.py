"""Move and clone whole environments: a relocated copy is built, then switched in in one step.

::

    rename   old ──┬─ kept generations ─> relocated, hard-linked ─> new store
                   └─ the environment ──> stage ── SWITCH IN ── old one removed
    clone    source ─ copied, relocated ─> stage ── SWITCH IN

If killed before the switch, only the old environment exists; if killed after it, the new one is
complete, and so is the old one unless it is removed already.
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
from minicon.prefix.environment.history import change_lines, format_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import (
    check_prefix_location,
    is_empty,
    unmovable_entries,
    untrusted_store,
)
from minicon.prefix.generations.change import locked, uninterrupted
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.recovery import recover_locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import GENERATION_FILE, is_tree, new_environment_mark
from minicon.prefix.link.conda_meta import read_history
from minicon.prefix.link.path_replacement import Relocation
from minicon.prefix.link.relocated_copy import copy_relocated
from minicon.prefix.removal import remove_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Reporter

    #: Called with the finished tree and its final path, before the switch.
    Finish = Callable[[Folder, Path], object]


def move_environment(
    old: Path,
    new: Path,
    *,
    command: str,
    version: str,
    now: float,
    finish: Finish,
    channel_name: Callable[[str], str] = str,
    reporter: Reporter | None = None,
    durable: bool = True,
    lock_timeout: float = 30.0,
) -> None:
    """Move an environment and its kept generations to another path.

    Args:
        old: Its path.
        new: Its new path; it must not exist, or be an empty directory.
        command: The user's command line, for history.
        version: Of minicon, for history.
        now: Seconds since 1970.
        finish: Writes files that depend on the whole tree.
        channel_name: Gives conda's canonical name of a channel's base URL, for history.
        reporter: Notified of progress, and of the process that is waited for.
        durable: Whether to wait before the switch until the disk has everything.
        lock_timeout: Seconds to wait for another process that changes one of the two.

    Raises:
        PrefixError: A path cannot be an environment, or the new one is too long for a file.
        PrefixLocked: Another process is changing one of the two.
        FileError: From the file system; the environment is unchanged.
    """
    source, target = GenerationStore(old), GenerationStore(new)
    _check_paths(source.prefix, target.prefix)
    check_prefix_location(source.prefix)
    operations.make_directory(target.prefix.parent)
    with (
        operations.describing("rename", source.prefix),
        locked(source, lock_timeout, reporter),
        locked(target, lock_timeout, reporter),
    ):
        recover_locked(source)
        _clear(target)
        relocation = _relocation(old, new, share=True)
        for number in source.numbers():
            stage = target.new_stage()
            with target.opened(stage) as tree:
                _copy(source.folder / str(number), tree, relocation, reporter)
                _finish(tree, new, finish, durable=durable)
            target.root.rename(stage.name, str(number))
        stage = target.new_stage()
        with target.opened(stage) as tree:
            _copy(source.prefix, tree, relocation, reporter)
            metadata = replace(read_generation_metadata(stage), stage=stage.name)
            tree.replace_file(GENERATION_FILE, metadata.to_bytes(), durable=False)
            block = {"command": command, "version": version, "now": now}
            _add_history(tree, stage, {**block, "generation": metadata.number}, channel_name)
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
    channel_name: Callable[[str], str] = str,
    reporter: Reporter | None = None,
    durable: bool = True,
    lock_timeout: float = 30.0,
    share_packages: bool = True,
) -> None:
    """Copy an environment to another path: offline, exact, independent.

    Arguments and errors as for :func:`move_environment`. With ``share_packages``, files that are
    hard-linked from the package cache are hard-linked in the copy too.
    """
    target = GenerationStore(new)
    _check_paths(GenerationStore(source).prefix, target.prefix)
    operations.make_directory(target.prefix.parent)
    with (
        operations.describing("clone into", target.prefix),
        _unchanging(source, lock_timeout, reporter),
        locked(target, lock_timeout, reporter),
    ):
        _clear(target)
        stage = target.new_stage()
        relocation = _relocation(source, new, share=False)
        with target.opened(stage) as tree:
            _copy(source, tree, replace(relocation, share_packages=share_packages), reporter)
            metadata = replace(
                read_generation_metadata(stage),
                number=1,
                stage=stage.name,
                previous=None,
                created=now,
                command=command,
                environment=new_environment_mark(),
            )
            tree.replace_file(GENERATION_FILE, metadata.to_bytes(), durable=False)
            block = {"command": command, "version": version, "now": now, "generation": 1}
            _add_history(tree, stage, block, channel_name)
            _finish(tree, new, finish, durable=durable)
        _switch(target, stage, durable=durable)


def _unchanging(
    source: Path, lock_timeout: float, reporter: Reporter | None
) -> contextlib.AbstractContextManager[None]:
    """Hold the lock of an environment while it is copied.

    Not needed for one that is read-only, or whose store cannot be trusted: minicon does not
    change it.
    """
    store = GenerationStore(source)
    if not os.access(store.prefix.parent, os.W_OK) or untrusted_store(store.prefix) is not None:
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


def _check_paths(old: Path, new: Path) -> None:
    Prefix(old).require()
    check_prefix_location(new)
    inside = new.relative_to(old).parts[:1] if new.is_relative_to(old) else None
    is_apart = inside is None or bool(set(inside) & unmovable_entries(old))  # in base's envs
    if not is_apart or old.is_relative_to(new):
        message = f"one of {new} and {old} is inside the other"
        raise PrefixError("nested-environments", message, hint="choose a path outside of it")
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


def _finish(stage: Folder, final: Path, finish: Finish, *, durable: bool) -> None:
    finish(stage, final)
    if durable:
        operations.sync_file_system(stage)


def _switch(target: GenerationStore, stage: Path, *, durable: bool) -> None:
    try:
        with uninterrupted():
            target.switch_in(stage, undoable=False)
        if durable:
            operations.sync_directory(target.prefix.parent)
    except BaseException:
        with contextlib.suppress(OSError):
            target.abort_switch(stage)
        raise


def _add_history(
    tree: Folder, stage: Path, block: Mapping[str, Any], channel_name: Callable[[str], str]
) -> None:
    copy = Prefix(stage)
    lines = change_lines(copy.revisions(), copy.readable_records(), channel_name)
    text = format_block(lines=lines, specs={}, **block)
    tree.replace_file(HISTORY, read_history(tree) + text.encode(), durable=False)
