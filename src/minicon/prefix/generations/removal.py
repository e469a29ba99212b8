"""Removing whole environments, and what dead processes left beside them."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.ownership import folder_problem, is_real_folder
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import CANNOT_BE_RENAMED, check_place
from minicon.prefix.environment.prefix_lock import locked
from minicon.prefix.generations.interrupts import uninterrupted
from minicon.prefix.generations.store import STORE_FOLDER, GenerationStore
from minicon.prefix.generations.store_folder import remove_if_unused
from minicon.prefix.generations.switch_undo import undoing
from minicon.prefix.generations.untrusted_state import foreign_store
from minicon.prefix.generations.working_copy import make_working_copy
from minicon.prefix.scripts.link_scripts import own_text, scripts_of_record
from minicon.prefix.scripts.own_files import own_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.switch_undo import Change
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner

_TRASH = ".trash-"


def remove_environment(
    prefix: str | os.PathLike[str],
    *,
    lock_timeout: float = 30.0,
    reporter: Reporter | None = None,
    link_scripts: LinkScriptRunner | None = None,
) -> None:
    """Remove an environment with its kept generations: gone in one rename, deleted after it.

    Args:
        prefix: The environment.
        lock_timeout: Seconds to wait for another process.
        reporter: Is told whom minicon waits for.
        link_scripts: Runs the packages' ``pre-unlink`` scripts first; None leaves them out.

    Raises:
        PrefixError: Neither it nor its parent can be written to.
        PrefixLocked: Another process changes it.
        FileError: The file system refused.
    """
    store = GenerationStore(prefix)
    check_place(store.place)
    with operations.describing("remove", store.place):
        with locked(store, lock_timeout, reporter):
            store.recover()
            with undoing(store) as change:
                if link_scripts is not None:
                    _run_scripts(store, link_scripts, change)
                with uninterrupted():
                    if store.place.exists():
                        store.vacate()
                    trash = _set_aside(store)
        _remove(store, trash)
        if store.is_inside:
            with contextlib.suppress(OSError):  # a mount point stays, and is empty
                operations.remove_directory(store.place)
        else:
            remove_if_unused(store.folder.parent)


def _run_scripts(store: GenerationStore, runner: LinkScriptRunner, change: Change) -> None:
    """Run them in a copy: until the environment is gone, the original can be put back."""
    prefix = Prefix(store.place)
    scripts = [
        script
        for record in prefix.readable_records()
        for script in scripts_of_record(record, "pre-unlink", prefix.subdir or "")
    ]
    if not scripts:
        return
    change.switch_in(*make_working_copy(store, durable=True), undoable=True)
    with own_files(store):
        for script in scripts:
            message = runner.run_quietly(own_text(script, prefix.path), prefix.path)
            if message:
                runner.reporter.note(f"{script.record.name}: {message}")


def sweep(folder: Path) -> list[Path]:
    """Remove what is left beside the environments of a folder by dead processes.

    Unfinished changes are finished or undone; the kept generations of environments that are no
    longer there are removed. What another process works on is left alone.

    Args:
        folder: One that holds environments, for instance ``envs/``.

    Returns:
        What was removed or repaired.
    """
    stores = folder / STORE_FOLDER
    done = []
    for path in stores_in(folder):
        if path.name.startswith(_TRASH):
            with Folder.open(folder) as parent, parent.child(STORE_FOLDER) as opened:
                opened.remove_tree(path.name)
            done.append(path)
        else:
            with contextlib.suppress(PrefixError):  # locked, or with a journal that is not ours
                done += [path] if _sweep_store(GenerationStore(folder / path.name)) else []
    if folder_problem(str(stores)) is None:
        remove_if_unused(stores)
    return done


def stores_in(folder: Path) -> list[Path]:
    """Stores of the environments of a folder, and what is left of removed ones.

    Those that cannot be believed, or are of an environment elsewhere, are left out.
    """
    stores = Path(os.path.realpath(folder)) / STORE_FOLDER
    if folder_problem(str(stores)) is not None or not stores.is_dir():
        return []
    found = []
    for path in sorted(stores.iterdir()):
        store = GenerationStore(folder / path.name)
        is_its_store = (
            path == store.folder and is_real_folder(path) and foreign_store(store.place) is None
        )
        if path.name.startswith(_TRASH) or is_its_store:
            found.append(path)
    return found


def _sweep_store(store: GenerationStore) -> bool:
    with locked(store, 0.0):
        repaired = store.recover()
        if store.place.exists():
            return repaired
        trash = _set_aside(store)
    _remove(store, trash)
    return True


def _set_aside(store: GenerationStore) -> str:
    """The folder with the lock goes as well: who waits for it notices and makes another."""
    name = store.folder.name
    if not store.is_inside:
        trash = f"{_TRASH}{os.urandom(8).hex()}"
        try:
            with store.store.opened_parent() as stores:
                stores.rename(name, stores, trash)
        except OSError as error:
            if error.errno not in CANNOT_BE_RENAMED:
                raise
        else:
            return trash
    return name


def _remove(store: GenerationStore, name: str) -> None:
    with store.store.opened_parent() as stores:
        stores.remove_tree(name)
