"""Where things of Python lie in an environment, relative to its prefix."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.machine.interpreters.facts import InterpreterFacts


def command_name(facts: InterpreterFacts) -> str:
    """The full name of the command, for instance ``python3.11`` or ``python3.13t``."""
    return f"python{facts.minor}{'t' if facts.is_free_threaded else ''}"


def executable(facts: InterpreterFacts) -> str:
    """What runs Python."""
    return "python.exe" if facts.is_windows else "bin/python"


def standard_library(facts: InterpreterFacts) -> str:
    """The folder of the standard library."""
    if facts.implementation == "pypy":
        return f"lib/pypy{facts.minor}"
    return "Lib" if facts.is_windows else f"lib/{command_name(facts)}"


def site_packages(facts: InterpreterFacts) -> str:
    """Where packages go: ``python_site_packages_path`` of the record (CEP 17)."""
    return f"{standard_library(facts)}/site-packages"
