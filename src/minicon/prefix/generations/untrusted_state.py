"""What of an environment's state is not believed: named in one line, and left alone."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.errors import PrefixError
from minicon.fs.ownership import is_real_folder
from minicon.prefix.environment.prefix_location import generations_folder, store_problem
from minicon.prefix.generations.journal import read_journal
from minicon.prefix.generations.metadata import (
    MARK,
    is_generation,
    mark_problem,
    read_generation_metadata,
)
from minicon.prefix.generations.store_folder import StoreFolder
from minicon.prefix.generations.store_names import is_number


def foreign_store(place: Path) -> PrefixError | None:
    """Why the folder of an environment's generations is neither read nor written, or None."""
    found = store_problem(str(place))
    if found is None:
        return None
    folder, problem = found
    hint = "if you do not need it, move it away; else use a folder that is yours alone"
    if "can be written" in problem:
        hint = f"if you know that all in it is yours: chmod go-w {folder}"
    return PrefixError("foreign-store", f"{folder} is left alone: it {problem}", hint=hint)


def damaged_state(place: Path) -> PrefixError | None:
    """Why the mark or the journal of an environment is not acted upon, or None."""
    text = mark_problem(place)
    if text is not None:
        path = place / MARK
        message = f"{path} is left alone, since minicon did not write it like that: {text}"
        return PrefixError("damaged-state", message, hint=f"remove {path}")
    try:
        with StoreFolder(place).opened() as folder:
            read_journal(folder)
    except PrefixError as error:
        return error
    except OSError:  # missing, or what foreign_store names
        return None
    return None


def forged_generation(place: Path) -> PrefixError | None:
    """A tree of the store that looks like a kept generation and is none, or None."""
    folder = Path(generations_folder(str(place)))
    if store_problem(str(place)) is not None or not folder.is_dir():
        return None
    for name in filter(is_number, sorted(os.listdir(folder))):
        tree = folder / name
        is_misplaced = is_real_folder(tree) and read_generation_metadata(tree).number > 0
        if not is_generation(tree) and not is_misplaced:
            message = f"{tree} is left alone: it is no state of {place} that minicon kept"
            return PrefixError("damaged-state", message, hint=f"remove {tree}")
    return None
