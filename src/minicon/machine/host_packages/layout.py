"""Layouts of an interpreter of this machine in an environment, and the paths in it.

======== =============================== =================================================
layout   content of the environment      interpreters
======== =============================== =================================================
portable a whole Python, hard-linked     self-contained builds: pyenv, python-build-standalone,
         from the package cache          ``make install`` below ``/usr/local``
venv     ``pyvenv.cfg`` and links        those of a distribution, of a framework or of a conda
                                         installation, whose files are in several directories;
                                         with the setting ``host_python: link``, all others too
======== =============================== =================================================
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.machine.interpreters.facts import InterpreterFacts

PORTABLE = "portable"
VENV = "venv"

#: Directories of package managers that patch, split or link the packages that they install.
_MANAGED_PARTS = frozenset({"Cellar", ".linuxbrew", "homebrew"})
_MANAGED_ROOTS = ("/nix/store/", "/gnu/store/", "/snap/")


def layout_for(facts: InterpreterFacts, *, linked: bool = False) -> str:
    """``portable`` if a copy of the interpreter works in any directory, else ``venv``.

    Args:
        facts: The interpreter.
        linked: Whether the user prefers ``venv``. On Windows, where a virtual environment has
            another layout than a conda environment, this has no effect.
    """
    prefers_venv = linked and not facts.is_windows
    return VENV if prefers_venv or reason_against_copy(facts) else PORTABLE


def reason_against_copy(facts: InterpreterFacts) -> str | None:
    """Why an interpreter can only be linked; None if it can be copied."""
    if facts.implementation != "cpython":
        return "only CPython can be copied"
    if facts.in_conda_prefix:
        return "its libraries are other packages of a conda installation"
    if "WindowsApps" in facts.executable:
        return "the Windows Store protects its files"
    if facts.framework:
        return "a macOS framework cannot be moved"
    if facts.platform.startswith("osx-") and facts.is_shared:
        return "its libpython has a fixed install name"
    if facts.has_vendor_packages or facts.prefix == "/usr":
        return "its distribution has split and patched it"
    if facts.prefix.startswith(_MANAGED_ROOTS) or _MANAGED_PARTS & set(facts.prefix.split("/")):
        return "a package manager links it to other packages"
    if not _is_below(facts.executable, facts.prefix) or not _is_below(facts.stdlib, facts.prefix):
        return "its files are not all in one directory"
    return None


def _is_below(path: str, folder: str) -> bool:
    return os.path.realpath(path).startswith(os.path.realpath(folder).rstrip(os.sep) + os.sep)


def command_name(facts: InterpreterFacts) -> str:
    """The versioned name of the command, for instance ``python3.11`` or ``python3.13t``."""
    return f"python{facts.minor}{'t' if facts.is_free_threaded else ''}"


def executable(facts: InterpreterFacts) -> str:
    """Path of the executable, relative to the prefix."""
    return "python.exe" if facts.is_windows else "bin/python"


def standard_library(facts: InterpreterFacts) -> str:
    """Path of the standard library, relative to the prefix."""
    if facts.implementation == "pypy":
        return f"lib/pypy{facts.minor}"
    return "Lib" if facts.is_windows else f"lib/{command_name(facts)}"


def site_packages(facts: InterpreterFacts) -> str:
    """Path of site-packages: ``python_site_packages_path`` of the record (CEP 17)."""
    return f"{standard_library(facts)}/site-packages"
