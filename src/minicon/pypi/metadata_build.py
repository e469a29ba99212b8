"""build_metadata: metadata of a source distribution that does not state it, by a build of pip.

pip creates an isolated environment with the build requirements and calls the hooks of PEP 517
there; nothing is installed. The code of the distribution runs.
"""

from __future__ import annotations

import sys
import tempfile
from importlib.metadata import metadata
from pathlib import Path

from packaging.specifiers import SpecifierSet

from minicon.errors import PipError
from minicon.fs import operations
from minicon.models.package_names import normalize_pypi_name
from minicon.models.strict_json import read_json
from minicon.pypi.pip_process import (
    FLAGS,
    ISOLATED,
    option_lines,
    pip_command,
    pip_failure,
    pip_variables,
    run_pip,
)
from minicon.pypi.wheels.core_metadata import CoreMetadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.models.reporter import Reporter
    from minicon.pypi.requirements.requirements import IndexOptions


def build_metadata(
    archive: Path,
    python: str,
    minor: str,
    *,
    environ: Mapping[str, str],
    reporter: Reporter,
    log: Path,
    options: IndexOptions | None = None,
    offline: bool = False,
    limit: float | None = None,
) -> CoreMetadata:
    """Build the metadata of a source distribution.

    Args:
        archive: The source distribution.
        python: Executable of the Python to build with.
        minor: Its minor version.
        environ: Environment variables; pip's settings in them apply.
        reporter: Receives progress.
        log: File that is replaced by pip's output.
        options: Index options, in addition to pip's configuration.
        offline: Let pip use no index, only files of this machine.
        limit: Seconds that it may take.

    Raises:
        PipError: ``pip-failed``: the build failed; its hint names the log.
    """
    reporter.note(f"building the metadata of {archive.name}, which does not state its requirements")
    with tempfile.TemporaryDirectory(prefix="minicon-build-") as folder:
        report, lines = Path(folder) / "report.json", Path(folder) / "requirements.txt"
        text = "\n".join([*option_lines(options), archive.as_uri(), ""])
        operations.create_file(lines, text.encode(), 0o600)
        variables = pip_variables(environ, offline=offline)
        command = [*_pip(python, minor, variables), "install", *FLAGS]
        command += ["--dry-run", "--ignore-installed", "--no-deps", "--report", str(report)]
        command += ["--requirement", str(lines)]
        output = run_pip(command, variables, reporter, log, limit=limit)
        if output is not None:
            # As pip and uv, without a try at older releases: each would run for minutes, and most
            # fail for the same reason, which the user can then not see.
            failure = pip_failure(f"could not build the metadata of {archive.name}", output, log)
            failure.hint = f"{failure.hint}; request another version, or pass --no-build"
            raise failure
        try:
            found = read_json(report.read_bytes())["install"][0]["metadata"]
            return _metadata(found)
        except (OSError, ValueError, LookupError, TypeError) as error:
            message = f"pip reported no metadata of {archive.name}"
            raise PipError("pip-failed", message, hint=f"see {log}") from error


def _pip(python: str, minor: str, variables: Mapping[str, str]) -> list[str]:
    """Return the command of minicon's pip; of that python's own if it is too old for minicon's."""
    supported = SpecifierSet(metadata("pip")["Requires-Python"])
    if not supported.contains(f"{minor}.99"):
        return pip_command(Path(python), variables)
    return [sys.executable, *ISOLATED, "-m", "pip", "--python", python]


def _metadata(found: Mapping[str, Any]) -> CoreMetadata:
    """Convert the metadata of pip's installation report."""
    return CoreMetadata(
        name=str(found["name"]),
        version=str(found["version"]),
        requires=tuple(map(str, found.get("requires_dist") or ())),
        requires_python=str(found["requires_python"]) if found.get("requires_python") else None,
        extras=tuple(normalize_pypi_name(str(each)) for each in found.get("provides_extra") or ()),
    )
