"""install_with_pip: build and install what only pip can, after all other packages are linked.

Source distributions, version control and editable folders have to be built, which pip does. Every
package that is already installed is a constraint, so that pip adds to the solution and never
changes it. Dependencies that are known only after the build are installed by pip too, under the
same constraints.
"""

from __future__ import annotations

import tempfile
from pathlib import Path

from packaging.requirements import InvalidRequirement, Requirement

from minicon.errors import PackageError
from minicon.fs import operations
from minicon.models.package_names import normalize_pypi_name
from minicon.models.reporter import SilentReporter
from minicon.pypi.pip_process import (
    FLAGS,
    option_lines,
    pip_command,
    pip_failure,
    pip_variables,
    run_pip,
)
from minicon.pypi.wheels.core_metadata import CoreMetadata
from minicon.pypi.wheels.filenames import is_project_name, parse_version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.reporter import Reporter
    from minicon.pypi.requirements.requirements import IndexOptions

#: Metadata of installed distributions, relative to site-packages.
_INSTALLED_METADATA = ("*.dist-info/METADATA", "*.egg-info/PKG-INFO")


def install_with_pip(
    prefix_python: Path,
    requirements: Sequence[PipRequirement],
    *,
    constraints: Iterable[str],
    environ: Mapping[str, str],
    reporter: Reporter | None = None,
    options: IndexOptions | None = None,
    log: Path | None = None,
    no_deps: bool = False,
    offline: bool = False,
) -> None:
    """Install requirements into an environment with pip.

    Args:
        prefix_python: The environment's own interpreter.
        requirements: What to install.
        constraints: ``name==version`` of everything that is installed (see
            :func:`installed_constraints`); those that pip cannot parse, with a conda version
            for instance, are left out.
        environ: Variables of the activated environment; pip's settings in it apply.
        reporter: Receives pip's progress.
        options: Index options of the requirement file, in addition to pip's configuration.
        log: File that is replaced by pip's output (credentials masked).
        no_deps: Do not install dependencies.
        offline: Let pip use no index, only files of this machine.

    Raises:
        PipError: ``pip-failed`` (with pip's own last error).
    """
    if not requirements:
        return
    reporter = reporter or SilentReporter()
    with tempfile.TemporaryDirectory(prefix="minicon-pip-") as folder:
        requirement_file = Path(folder) / "requirements.txt"
        constraint_file = Path(folder) / "constraints.txt"
        lines = [*option_lines(options), *(requirement.text for requirement in requirements)]
        operations.create_file(requirement_file, "\n".join([*lines, ""]).encode(), 0o600)
        known = sorted({text for text in constraints if _is_valid_constraint(text)})
        operations.create_file(constraint_file, "\n".join([*known, ""]).encode())
        variables = pip_variables(environ, offline=offline)
        command = [*pip_command(prefix_python, variables), "install", *FLAGS]
        command += ["--upgrade-strategy=only-if-needed"]
        command += ["--requirement", str(requirement_file), "--constraint", str(constraint_file)]
        command += ["--no-deps"] * no_deps
        output = run_pip(command, variables, reporter, log)
    if output is not None:
        names = ", ".join(r.name or str(r) for r in requirements[:3])
        more = f" and {len(requirements) - 3} more" if len(requirements) > 3 else ""
        raise pip_failure(f"could not install {names}{more}", output, log)


def _is_valid_constraint(constraint: str) -> bool:
    try:
        return bool(Requirement(constraint).specifier)
    except InvalidRequirement:
        return False


def installed_constraints(site_packages: Path) -> list[str]:
    """Return ``name==version`` of every distribution in a site-packages folder, by name.

    They are read from the distributions' own metadata, since the name and version of a conda
    package may differ from those that pip uses. Costs reading one small file per distribution.
    """
    found = {}
    for pattern in _INSTALLED_METADATA:
        for path in site_packages.glob(pattern):
            try:
                metadata = CoreMetadata.from_text(path.read_text("utf-8", "replace"))
            except (OSError, PackageError):
                continue
            version = parse_version(metadata.version)
            if is_project_name(metadata.name) and version is not None:
                found[normalize_pypi_name(metadata.name)] = str(version)
    return [f"{name}=={version}" for name, version in sorted(found.items())]
