"""Whole environments: what is in one, its variables, taking it away."""

from __future__ import annotations

import json
import re
from pathlib import Path

from minicon.constants import STATE
from minicon.errors import SpecError, UsageError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.plain_file import read_followed
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix import UNSET, Prefix
from minicon.prefix.environment.site_packages import installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.api.services import Services
    from minicon.fs.operations import PathText
    from minicon.models.prefix_record import PrefixRecord

_VARIABLE_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_PATTERN = 200
#: A key of the state file of minicon's own; other tools keep what they do not know.
_OF_FILES = "minicon_variables_of_files"


def listed_packages(
    path: Path, *, pattern: str | None = None, full_name: bool = False, with_pip: bool = True
) -> list[PrefixRecord]:
    """Packages of an environment by name, those that pip installed by hand included.

    Args:
        path: The environment.
        pattern: Only names in which this regular expression is found.
        full_name: PATTERN is a name, not an expression.
        with_pip: Whether what only pip knows of is listed.

    Raises:
        SpecError: PATTERN is no regular expression.
    """
    prefix = Prefix(path).require()
    records = installed_packages(prefix) if with_pip else prefix.records()
    if pattern is None:
        return list(records)
    if full_name:
        return [record for record in records if record.name == pattern]
    try:
        found = re.compile(pattern[:_LONGEST_PATTERN]).search
    except re.error as error:
        raise SpecError(
            "invalid-regex", f"{pattern!r} is no regular expression: {error}"
        ) from error
    return [record for record in records if found(record.name)]


def packages_of_environments(
    paths: Iterable[Path], spec: str
) -> dict[Path, tuple[PrefixRecord, ...]]:
    """Packages that match a spec, by environment; environments without one are left out.

    Raises:
        SpecError: SPEC cannot be read.
    """
    from minicon.models.match_spec.spec import MatchSpec

    wanted = MatchSpec(spec)
    found = {}
    for path in paths:
        records = Prefix(path).readable_records()
        if matching := tuple(record for record in records if wanted.matches(record.record)):
            found[path] = matching
    return found


def delete_environment(services: Services, path: Path) -> None:
    """Take an environment away, kept generations included; its packages' scripts run before.

    Raises:
        PrefixLocked: Another process is changing it.
        FileError: The file system refuses.
    """
    from minicon.api.change.script_runner import script_runner
    from minicon.prefix.environment.environments_txt import unregister_environment
    from minicon.prefix.removal import remove_environment

    remove_environment(
        path,
        lock_timeout=services.settings.lock_timeout,
        reporter=services.reporter,
        link_scripts=script_runner(services) if services.settings.link_scripts else None,
    )
    unregister_environment(services.registry.environments_txt, path)


def listed_variables(path: Path) -> dict[str, str]:
    """Variables that activating the environment sets by its state file."""
    state = Prefix(path).require().state_variables()
    return {key: value for key, value in state.items() if value != UNSET}


def change_variables(path: Path, words: Sequence[str], *, unset: bool = False) -> tuple[str, ...]:
    """Set ``KEY=VALUE`` words, or unset ``KEY`` words, for the environment's activation.

    Returns:
        Sentences on variables that activation will not set.

    Raises:
        UsageError: A word of another shape.
    """
    from minicon.shell.activation_files import write_activation_files

    changes = dict(_variable(word, unset=unset) for word in words)
    write_variables(path, changes)
    return write_activation_files(path)


def variables_of_files(path: Path) -> tuple[str, ...]:
    """Names of the variables that an environment file set, not the user by hand."""
    names = _state(path).get(_OF_FILES)
    return tuple(map(str, names)) if isinstance(names, list) else ()


def write_variables(
    prefix: PathText, changes: Mapping[str, str | None], *, of_file: bool = False
) -> None:
    """Merge variables into ``conda-meta/state``; None takes one out. Unknown keys stay.

    Args:
        prefix: The environment: its path, or its open folder.
        changes: What to set and to take out.
        of_file: A file names them, so that it can give them up later.
    """
    path = Path(prefix)
    state = _state(path)
    found = state.get("env_vars")
    variables = dict(found) if isinstance(found, dict) else {}
    named = dict.fromkeys(variables_of_files(path))
    for key, value in changes.items():
        if value is None or not of_file:
            named.pop(key, None)
        else:
            named[key] = None
        if value is None:
            variables.pop(key, None)
        else:
            variables[key] = value
    state = {**state, "env_vars": variables, _OF_FILES: list(named)}
    if not named:
        del state[_OF_FILES]
    with operations.describing("write", path / STATE), Folder.open(prefix) as folder:
        folder.replace_file(STATE, json.dumps(state).encode())


def _state(path: Path) -> dict[str, Any]:
    try:
        state = read_json(read_followed(path / STATE))
    except (OSError, ValueError):
        return {}
    return state if isinstance(state, dict) else {}


def _variable(word: str, *, unset: bool) -> tuple[str, str | None]:
    key, separator, value = word.partition("=")
    if not _VARIABLE_NAME.match(key) or (not separator and not unset) or key.upper() == "PATH":
        raise UsageError(
            "invalid-variable",
            f"{word!r} is not a variable that can be set",
            hint="write KEY=VALUE; KEY is letters, digits and '_', and not PATH",
        )
    return key, None if unset else value
