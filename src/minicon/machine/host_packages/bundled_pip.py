"""The wheel of pip that an interpreter brings along for ``ensurepip``."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.machine.interpreters.facts import InterpreterFacts

#: Where distributions keep the wheels that they take out of ``ensurepip`` (``WHEEL_PKG_DIR``).
_OF_DISTRIBUTIONS = "/usr/share/python-wheels"


def bundled_pip(facts: InterpreterFacts) -> str | None:
    """Return the directory of an interpreter's own wheel of pip; None if it has none."""
    for folder in (os.path.join(facts.stdlib, "ensurepip", "_bundled"), _OF_DISTRIBUTIONS):
        try:
            names = os.listdir(folder)
        except OSError:
            continue
        if any(name.startswith("pip-") and name.endswith(".whl") for name in names):
            return folder
    return None
