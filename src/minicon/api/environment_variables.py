"""Variables that an environment sets on activation, in its state file (``conda-meta/state``)."""

from __future__ import annotations

import json
from pathlib import Path

from minicon.constants import STATE
from minicon.errors import UsageError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.plain_file import read_followed
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix import UNSET, Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from minicon.fs.operations import PathText

_VARIABLE_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")
#: A key of minicon's own in the state file; other tools keep keys that they do not know.
_OF_FILES = "minicon_variables_of_files"


def listed_variables(path: Path) -> dict[str, str]:
    """Return the variables of an environment's state file."""
    state = Prefix(path).require().state_variables()
    return {key: value for key, value in state.items() if value != UNSET}


def change_variables(path: Path, words: Sequence[str], *, unset: bool = False) -> tuple[str, ...]:
    """Set ``KEY=VALUE`` words, or unset ``KEY`` words.

    Returns:
        Sentences on variables that activation will not set.

    Raises:
        UsageError: A word has another form.
    """
    from minicon.shell.activation_files import write_activation_files

    changes = dict(_parse_variable(word, unset=unset) for word in words)
    write_variables(path, changes)
    return write_activation_files(path)


def variables_of_files(path: Path) -> tuple[str, ...]:
    """Return the names of variables that environment files set, not the user by hand."""
    names = _read_state(path).get(_OF_FILES)
    return tuple(map(str, names)) if isinstance(names, list) else ()


def write_variables(
    prefix: PathText, changes: Mapping[str, str | None], *, of_file: bool = False
) -> None:
    """Merge variables into ``conda-meta/state``; unknown keys are kept.

    Args:
        prefix: The environment: its path, or its open folder.
        changes: What to set; None unsets a variable.
        of_file: Whether an environment file names them, so that a later one can drop them.
    """
    path = Path(prefix)
    state = _read_state(path)
    found = state.get("env_vars")
    variables = dict(found) if isinstance(found, dict) else {}
    of_files = dict.fromkeys(variables_of_files(path))
    for key, value in changes.items():
        if value is None or not of_file:
            of_files.pop(key, None)
        else:
            of_files[key] = None
        if value is None:
            variables.pop(key, None)
        else:
            variables[key] = value
    state = {**state, "env_vars": variables, _OF_FILES: list(of_files)}
    if not of_files:
        del state[_OF_FILES]
    with operations.describing("write", path / STATE), Folder.open(prefix) as folder:
        folder.replace_file(STATE, json.dumps(state).encode())


def _read_state(path: Path) -> dict[str, Any]:
    try:
        state = read_json(read_followed(path / STATE))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _parse_variable(word: str, *, unset: bool) -> tuple[str, str | None]:
    key, separator, value = word.partition("=")
    if not _VARIABLE_NAME.match(key) or (not separator and not unset) or key.upper() == "PATH":
        raise UsageError(
            "invalid-variable",
            f"{word!r} is not a variable that can be set",
            hint="write KEY=VALUE; KEY is letters, digits and '_', and not PATH",
        )
    return key, None if unset else value
