"""Choose the dialect: by MINICON_DIALECT, or by the name that the program was started with."""

from __future__ import annotations

import os

from minicon.cli.dialects.dialect import MINICON

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.cli.dialects.dialect import Dialect

#: Names of programs, and the dialects that they speak.
PROGRAMS = {
    "conda": "conda",
    "conda-env": "conda-env",
    "mamba": "mamba",
    "micromamba": "micromamba",
}


def dialect_of(program: str, environ: Mapping[str, str]) -> Dialect:
    """Return the dialect of a command line.

    Args:
        program: ``argv[0]``.
        environ: The environment variables; MINICON_DIALECT overrides the name of the program.
    """
    name = os.path.splitext(os.path.basename(program))[0]
    return dialect_named(environ.get("MINICON_DIALECT") or PROGRAMS.get(name, ""))


def dialect_named(name: str) -> Dialect:
    """Return a dialect by its name; minicon's own words for any other name."""
    if name in ("conda", "conda-env"):
        from minicon.cli.dialects import conda

        return conda.CONDA if name == "conda" else conda.CONDA_ENV
    if name in ("mamba", "micromamba"):
        from minicon.cli.dialects import mamba

        return mamba.MAMBA if name == "mamba" else mamba.MICROMAMBA
    return MINICON


def implied_variables(dialect: Dialect, program: str, environ: Mapping[str, str]) -> dict[str, str]:
    """Return variables that the dialect's own variables and the shims imply; typed ones win."""
    found = {
        own: environ[name]
        for name, own in dialect.variables.items()
        if environ.get(name) and own not in environ
    }
    if "CONDARC" not in environ and "CONDARC" not in found:
        for path in map(os.path.expanduser, dialect.user_files):
            if os.path.exists(path):
                found["CONDARC"] = path
    if "MINICON_ROOT" not in environ and "MINICON_ROOT" not in found:
        from minicon.shell.shims import recorded_root

        if root := recorded_root(program):
            found["MINICON_ROOT"] = root
    return found
