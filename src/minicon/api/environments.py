"""Whole environments: what is in one, its variables, taking it away."""

from __future__ import annotations

import json
import re

from minicon.constants import STATE
from minicon.errors import SpecError, UsageError
from minicon.fs import operations
from minicon.lazy_pattern import lazy_pattern
from minicon.prefix.prefix import UNSET, Prefix
from minicon.prefix.site_packages import installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord

_VARIABLE_NAME = lazy_pattern(r"[A-Za-z_][A-Za-z0-9_]*\Z")
_LONGEST_PATTERN = 200


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


def delete_environment(services: Services, path: Path) -> None:
    """Take an environment away, kept generations included.

    Raises:
        PrefixLocked: Another process is changing it.
        FileError: The file system refuses.
    """
    from minicon.prefix.environments_txt import unregister_environment
    from minicon.prefix.removal import remove_environment

    remove_environment(
        path, lock_timeout=services.settings.lock_timeout, reporter=services.reporter
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
    from minicon.shell.activation_files import refresh_activation_files

    changes = dict(_variable(word, unset=unset) for word in words)
    write_variables(path, changes)
    return refresh_activation_files(path)


def write_variables(path: Path, changes: dict[str, str | None]) -> None:
    """Merge variables into ``conda-meta/state``; None takes one out. Unknown keys stay."""
    file = path / STATE
    try:
        state = json.loads(file.read_bytes())
    except (OSError, ValueError):
        state = {}
    state = state if isinstance(state, dict) else {}
    variables = dict(state.get("env_vars") or {})
    for key, value in changes.items():
        variables.pop(key, None)
        if value is not None:
            variables[key] = value
    text = json.dumps({**state, "env_vars": variables})
    with operations.describing("write", file):
        operations.replace_file(file, text.encode())


def _variable(word: str, *, unset: bool) -> tuple[str, str | None]:
    key, separator, value = word.partition("=")
    if not _VARIABLE_NAME.match(key) or (not separator and not unset) or key.upper() == "PATH":
        raise UsageError(
            "invalid-variable",
            f"{word!r} is not a variable that can be set",
            hint="write KEY=VALUE; KEY is letters, digits and '_', and not PATH",
        )
    return key, None if unset else value
