"""Find environments whose python links to an interpreter that was updated or removed since."""

from __future__ import annotations

import os

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix


@dataclass(frozen=True, slots=True)
class InterpreterChange:
    """What became of an interpreter of this machine that an environment links to.

    Attributes:
        kind: ``vanished-interpreter`` or ``changed-interpreter``.
        text: A sentence.
        path: The link, relative to the environment.
        is_problem: Whether the environment has to be repaired: not after an update that left the
            version as it was.
    """

    kind: str
    text: str
    path: str
    is_problem: bool = True


def interpreter_change(services: Services, prefix: Prefix) -> InterpreterChange | None:
    """Compare the interpreter that an environment links to with its record; None without a change.

    Copied interpreters and those of channels cannot change.

    Cost: two ``stat`` calls and reading a cache; a process if the interpreter was replaced.
    """
    python = prefix.record("python")
    if python is None or python.record.source != "interpreter":
        return None
    link = _link_outside(prefix.path, python)
    if link is None:
        return None
    target = os.path.realpath(prefix.path / link)
    if not os.path.exists(target):
        text = f"python {python.record.version} links to {target}, which is missing"
        return InterpreterChange("vanished-interpreter", text, link)
    return _changed(services, python, link, target)


def _link_outside(path: Path, python: PrefixRecord) -> str | None:
    """Return the file of python that links to the original, relative to the environment."""
    own = os.path.realpath(path) + os.sep
    for file in python.files:
        link = path / file
        if link.is_symlink() and not os.path.realpath(link).startswith(own):
            return file
    return None


def _changed(
    services: Services, python: PrefixRecord, link: str, target: str
) -> InterpreterChange | None:
    from minicon.machine.interpreters.discovery import facts_of
    from minicon.machine.interpreters.facts import InterpreterFacts

    found = facts_of(target, environ=services.environ, cache_dir=services.cache_dir)
    linked = f"python {python.record.version} links to {target}"
    if not isinstance(found, InterpreterFacts):
        text = f"{linked}, which cannot be used: {found.reason}"
        return InterpreterChange("changed-interpreter", text, link)
    if found.version != python.record.version:
        text = f"{linked}, which is {found.version} now"
        return InterpreterChange("changed-interpreter", text, link)
    if found.identity[:8] not in python.record.build:
        text = f"{linked}, which was updated since"
        return InterpreterChange("changed-interpreter", text, link, is_problem=False)
    return None
