"""Remove whole environments, and what killed processes left beside them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.constants import GENERATIONS
from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.ownership import folder_problem, is_real_folder
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import (
    CANNOT_BE_RENAMED,
    check_is_writable,
    untrusted_store,
)
from minicon.prefix.generations.change import locked, undo_on_failure, uninterrupted
from minicon.prefix.generations.recovery import recover_locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_folder import remove_if_unused
from minicon.prefix.scripts.link_scripts import readable_script
from minicon.prefix.scripts.script_files import scripts_of_record
from minicon.prefix.scripts.working_copy import make_working_copy, unshared_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.change import Change
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner

_TRASH = ".trash-"


def remove_environment(
    prefix: str | os.PathLike[str],
    *,
    lock_timeout: float = 30.0,
    reporter: Reporter | None = None,
    link_scripts: LinkScriptRunner | None = None,
) -> None:
    """Remove an environment and its kept generations: renamed in one step, then deleted.

    Args:
        prefix: The environment.
        lock_timeout: Seconds to wait for another process.
        reporter: Notified of the process that is waited for.
        link_scripts: Runs the packages' ``pre-unlink`` scripts first; None skips them.

    Raises:
        PrefixError: Neither it nor its parent is writable.
        PrefixLocked: Another process is changing it.
        FileError: From the file system.
    """
    store = GenerationStore(prefix)
    check_is_writable(store.prefix)
    with operations.describing("remove", store.prefix):
        with locked(store, lock_timeout, reporter):
            recover_locked(store)
            with undo_on_failure(store) as change:
                if link_scripts is not None:
                    _run_scripts(store, link_scripts, change)
                with uninterrupted():
                    if store.prefix.exists():
                        store.move_environment_to_trash()
                    trash = _rename_to_trash(store)
        _remove(store, trash)
        if store.is_inside:
            with contextlib.suppress(OSError):  # a mount point stays, empty
                operations.remove_directory(store.prefix)
        else:
            remove_if_unused(store.folder.parent)


def _run_scripts(store: GenerationStore, runner: LinkScriptRunner, change: Change) -> None:
    """Run scripts in a copy: until the environment is removed, the original can be restored."""
    prefix = Prefix(store.prefix)
    scripts = [
        script
        for record in prefix.readable_records()
        for script in scripts_of_record(record, "pre-unlink", prefix.subdir or "")
    ]
    if not scripts:
        return
    change.switch_in(*make_working_copy(store, durable=True), undoable=True)
    with unshared_files(store):
        for script in scripts:
            message = runner.run_quietly(readable_script(script, prefix.path), prefix.path)
            if message:
                runner.reporter.message(script.record.name, message)


def sweep(folder: Path) -> list[Path]:
    """Remove what killed processes left beside the environments of a directory.

    Unfinished changes are finished or undone; kept generations of environments that no longer
    exist are removed. Stores that another process has locked are skipped.

    Args:
        folder: A directory of environments, for instance ``envs/``.

    Returns:
        Paths that were removed or repaired.
    """
    stores = folder / GENERATIONS
    done = []
    for path in stores_in(folder):
        if path.name.startswith(_TRASH):
            with Folder.open(folder) as parent, parent.child(GENERATIONS) as opened:
                opened.remove_tree(path.name)
            done.append(path)
        else:
            with contextlib.suppress(PrefixError):  # locked, or its journal is damaged
                done += [path] if _sweep_store(GenerationStore(folder / path.name)) else []
    if folder_problem(str(stores)) is None:
        remove_if_unused(stores)
    return done


def stores_in(folder: Path) -> list[Path]:
    """The stores of a directory of environments, and what is left of removed ones.

    Stores that cannot be trusted, or whose environment is not in the directory, are left out.
    """
    stores = Path(os.path.realpath(folder)) / GENERATIONS
    if folder_problem(str(stores)) is not None or not stores.is_dir():
        return []
    found = []
    for path in sorted(stores.iterdir()):
        store = GenerationStore(folder / path.name)
        is_its_store = (
            path == store.folder and is_real_folder(path) and untrusted_store(store.prefix) is None
        )
        if path.name.startswith(_TRASH) or is_its_store:
            found.append(path)
    return found


def _sweep_store(store: GenerationStore) -> bool:
    with locked(store, 0.0):
        repaired = recover_locked(store)
        if store.prefix.exists():
            return repaired
        trash = _rename_to_trash(store)
    _remove(store, trash)
    return True


def _rename_to_trash(store: GenerationStore) -> str:
    """Rename a store, its lock included: processes that wait for it notice, and create another."""
    name = store.folder.name
    if not store.is_inside:
        trash = f"{_TRASH}{os.urandom(8).hex()}"
        try:
            with store.root.opened_parent() as stores:
                stores.rename(name, stores, trash)
        except OSError as error:
            if error.errno not in CANNOT_BE_RENAMED:
                raise
        else:
            return trash
    return name


def _remove(store: GenerationStore, name: str) -> None:
    with store.root.opened_parent() as stores:
        stores.remove_tree(name)
