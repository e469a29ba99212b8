"""The entries of a generation store by their names, and whether all are as a change leaves them.

Light, since every command asks whether an environment needs recovery.
"""

from __future__ import annotations

import os

from minicon.constants import CONDA_META
from minicon.fs.ownership import is_real_folder
from minicon.fs.plain_file import read_plain_file
from minicon.prefix.environment.prefix_location import (
    belongs_to_another_user,
    generations_folder,
    store_problem,
)

#: Name of the file that is locked while an environment is changed.
LOCK = "lock"
#: Name of the file that is locked while a change is planned again; begins with :data:`LOCK`.
TURN = "lock-turn"
IGNORE_FILE = ".gitignore"
#: Entries that stay between changes, besides generations.
PERMANENT_ENTRIES = (LOCK, TURN, IGNORE_FILE)
#: The metadata in each tree. Its number comes first, so that it can be read without parsing.
GENERATION_FILE = f"{CONDA_META}/generation"
METADATA_VERSION = 1

_STAGE_PREFIX = "stage-"
_TRASH_PREFIX = "trash-"
_RANDOM_BYTES = 8
_HEX_DIGITS = frozenset("0123456789abcdef")
_LONGEST_NUMBER = 9


def new_stage_name() -> str:
    """Return a unique name for a tree that is being built or moved."""
    return f"{_STAGE_PREFIX}{os.urandom(_RANDOM_BYTES).hex()}"


def new_trash_name() -> str:
    """Return a unique name for a tree that is being removed."""
    return f"{_TRASH_PREFIX}{os.urandom(_RANDOM_BYTES).hex()}"


def new_environment_mark() -> str:
    """Return a unique mark of an environment, which all its generations have."""
    return os.urandom(_RANDOM_BYTES).hex()


def is_environment_mark(value: object) -> bool:
    """Whether a value is a mark of :func:`new_environment_mark`."""
    return isinstance(value, str) and _is_random(value, "")


def is_number(name: str) -> bool:
    """Whether an entry is named like a kept generation: 0 or more, without leading zeros."""
    return _is_decimal(name) and len(name) <= _LONGEST_NUMBER and (name == "0" or name[0] != "0")


def is_stage(name: object) -> bool:
    """Whether an entry has a name of :func:`new_stage_name`."""
    return isinstance(name, str) and _is_random(name, _STAGE_PREFIX)


def is_tree(name: object) -> bool:
    """Whether an entry is named like a tree that can be swapped with the environment."""
    return is_stage(name) or (isinstance(name, str) and is_number(name))


def is_trash(name: str) -> bool:
    """Whether an entry is named like a tree being removed or a temporary file."""
    return _is_random(name, _TRASH_PREFIX) or _is_temporary(name)


def _is_temporary(name: str) -> bool:
    """Whether a name is that of a file being written: ``.WORD.NUMBER.tmp``."""
    parts = name.split(".")
    if len(parts) != 4 or parts[0] or parts[3] != "tmp":
        return False
    word, number = parts[1:3]
    return word.isascii() and word.isalpha() and word.islower() and _is_decimal(number)


def _is_random(name: str, start: str) -> bool:
    digits = name[len(start) :]
    is_hex = len(digits) == 2 * _RANDOM_BYTES and _HEX_DIGITS.issuperset(digits)
    return is_hex and name.startswith(start)


def _is_decimal(text: str) -> bool:
    return text.isascii() and text.isdecimal()


def needs_recovery(prefix: str | os.PathLike[str]) -> bool:
    """Whether a change of an environment is under way or was interrupted.

    Also true if its generation store cannot be trusted, unless environment and store belong to
    the same other user: then the store is that user's concern. Costs one directory listing, and
    a few system calls per kept generation.
    """
    path = os.path.realpath(prefix)
    problem = store_problem(path)
    if problem is not None:
        return not belongs_to_another_user(path, problem[0])
    folder = generations_folder(path)
    try:
        names = os.listdir(folder)
    except OSError:
        return False
    return not all(
        name.startswith(PERMANENT_ENTRIES) or _has_own_number(os.path.join(folder, name), name)
        for name in names
    )


def _has_own_number(tree: str, name: str) -> bool:
    """Whether a tree has the number that its name says; one of another tool has no metadata."""
    if not is_number(name) or not is_real_folder(os.path.join(tree, CONDA_META)):
        return False
    try:
        text = read_plain_file(os.path.join(tree, GENERATION_FILE))
    except FileNotFoundError:
        return name == "0"
    except OSError:
        return False
    return text.startswith(b'{"version": %d, "number": %d, ' % (METADATA_VERSION, int(name)))
