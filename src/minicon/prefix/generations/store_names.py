"""The names in a store of generations: what minicon writes there, and nothing else is touched."""

from __future__ import annotations

import os

from minicon.lazy_pattern import lazy_pattern

#: How the names of trees begin that are being built, or on their way.
STAGE = "stage-"
#: How the names of trees begin that are on their way out.
TRASH = "trash-"
#: Highest number that a generation can have.
LAST_NUMBER = 999_999_999

_NUMBER = lazy_pattern(r"0|[1-9][0-9]{0,8}")
_STAGE = lazy_pattern(rf"{STAGE}[0-9a-f]{{16}}")
_TRASH = lazy_pattern(rf"{TRASH}[0-9a-f]{{16}}")
_TEMPORARY = lazy_pattern(r"\.[a-z]+\.[0-9]+\.tmp")


def new_stage_name() -> str:
    """A name that no other tree ever had."""
    return f"{STAGE}{os.urandom(8).hex()}"


def new_trash_name() -> str:
    """A name for what is removed."""
    return f"{TRASH}{os.urandom(8).hex()}"


def is_number(name: str) -> bool:
    """Whether a name is that of a kept generation."""
    return _NUMBER.fullmatch(name) is not None


def is_stage(name: object) -> bool:
    """Whether :func:`new_stage_name` makes such names."""
    return isinstance(name, str) and _STAGE.fullmatch(name) is not None


def is_tree(name: object) -> bool:
    """Whether a name is that of a tree that can change places with an environment."""
    return is_stage(name) or (isinstance(name, str) and is_number(name))


def is_trash(name: str) -> bool:
    """Whether a name is that of something on its way out, or of a file that was being written."""
    return _TRASH.fullmatch(name) is not None or _TEMPORARY.fullmatch(name) is not None
