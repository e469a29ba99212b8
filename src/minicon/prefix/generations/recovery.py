"""Recovery: finish or undo what a killed process left of a change, if its state can be trusted."""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.errors import PrefixError, PrefixLocked
from minicon.fs import operations
from minicon.fs.ownership import is_real_folder
from minicon.prefix.environment.prefix_location import (
    generations_folder,
    store_problem,
    untrusted_store,
)
from minicon.prefix.generations.change import locked
from minicon.prefix.generations.journal import read_journal
from minicon.prefix.generations.metadata import (
    BEING_REMOVED,
    GenerationMetadata,
    has_no_content,
    is_generation,
    metadata_problem,
    read_generation_metadata,
)
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import (
    GENERATION_FILE,
    PERMANENT_ENTRIES,
    is_number,
    is_stage,
    is_trash,
    is_tree,
    needs_recovery,
)
from minicon.prefix.generations.store_folder import StoreFolder


def recover(prefix: str | os.PathLike[str]) -> bool:
    """Finish or undo an interrupted change. Costs one directory listing if there is none.

    Every command calls it before it reads the environment. Nothing is done while another process
    is changing the environment, where this user has no permission, or where the store or its
    state cannot be trusted: what can be read is complete in any case.

    Args:
        prefix: The environment.

    Returns:
        Whether anything was done.
    """
    store = GenerationStore(prefix)
    if not needs_recovery(store.prefix) or not os.access(store.folder, os.W_OK):
        return False
    if untrusted_store(store.prefix) or _damaged_state(store.prefix):
        return False
    with (
        operations.describing("repair", store.prefix),
        contextlib.suppress(PrefixLocked),
        locked(store, 0.0),
    ):
        return recover_locked(store)
    return False


def recover_locked(store: GenerationStore) -> bool:
    """Finish or undo an interrupted change of an environment whose lock is held.

    Returns:
        Whether there was one.

    Raises:
        PrefixError: ``damaged-state``: minicon did not write its state; nothing is changed.
    """
    if not needs_recovery(store.prefix):
        return False
    problem = _damaged_state(store.prefix)
    if problem is not None:
        raise problem
    store.finish_switch()
    current = read_generation_metadata(store.prefix)
    for name in store.entries():
        _tidy(store, name, current)
    return True


def _tidy(store: GenerationStore, name: str, current: GenerationMetadata) -> None:
    """Rename or remove one entry of a store; entries that minicon did not make stay."""
    tree = store.folder / name
    if name in PERMANENT_ENTRIES or is_generation(tree):
        return
    if is_trash(name):
        store.root.remove_tree(name)
        return
    if not is_tree(name) or not is_real_folder(tree):
        return
    number = read_generation_metadata(tree).number
    if has_no_content(tree) or number == BEING_REMOVED:
        store.root.remove_tree(name)
    elif name == current.stage or (is_number(name) and number > 0):
        store.keep(tree)
    elif is_stage(name):
        store.discard(tree)


def state_problem(prefix: str | os.PathLike[str]) -> PrefixError | None:
    """Why a part of an environment's store or metadata is not trusted; None if all is."""
    path = Path(os.path.realpath(prefix))
    return untrusted_store(path) or _damaged_state(path) or _forged_generation(path)


def _damaged_state(prefix: Path) -> PrefixError | None:
    """Why the metadata or the journal of an environment is not acted upon; None if it can be."""
    text = metadata_problem(prefix)
    if text is not None:
        path = prefix / GENERATION_FILE
        message = f"{path} is damaged and was left unchanged: {text}"
        return PrefixError("damaged-state", message, hint=f"remove {path}")
    try:
        with StoreFolder(prefix).opened() as folder:
            read_journal(folder)
    except PrefixError as error:
        return error
    except OSError:  # missing, or reported by untrusted_store
        return None
    return None


def _forged_generation(prefix: Path) -> PrefixError | None:
    """The error of a tree that is named like a kept generation and is none."""
    folder = Path(generations_folder(str(prefix)))
    if store_problem(str(prefix)) is not None or not folder.is_dir():
        return None
    for name in filter(is_number, sorted(os.listdir(folder))):
        tree = folder / name
        is_misplaced = is_real_folder(tree) and read_generation_metadata(tree).number > 0
        if not is_generation(tree) and not is_misplaced:
            message = f"{tree} is ignored: it is not a revision of {prefix} that minicon kept"
            return PrefixError("damaged-state", message, hint=f"remove {tree}")
    return None
