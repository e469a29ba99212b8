"""Names under which a Python interpreter is started: no command of a package may have one."""

from __future__ import annotations

import re

from minicon.lazy_pattern import lazy_pattern

# ``python``, ``python3``, ``python3.11``, ``python3.13t``, ``pythonw`` and what Windows starts by
# these names. ``python-argcomplete`` and ``python3.11-config`` are commands of their own.
_INTERPRETER = lazy_pattern(
    r"pythonw?(?:[0-9]+(?:\.[0-9]+)*[a-z]{0,2})?"
    r"(?:-script)?(?:\.(?:exe|com|bat|cmd|ps1|py|pyw))?[. ]*",
    re.IGNORECASE,
)


def is_interpreter_name(name: str) -> bool:
    """Whether a file of this name, in a folder of commands, is taken for the interpreter."""
    return _INTERPRETER.fullmatch(name) is not None
