"""What only pip can install (source distributions, VCS, editable), done in the new environment."""

from __future__ import annotations

import json
import os

from minicon.constants import CONDA_META
from minicon.errors import PipError
from minicon.fs import operations
from minicon.prefix.prefix import Prefix
from minicon.prefix.site_packages import hand_installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.pypi.index_options import IndexOptions
    from minicon.pypi.requirements import PipRequirement


def install_and_record(
    services: Services,
    requirements: Sequence[PipRequirement],
    options: IndexOptions | None,
    path: Path,
) -> None:
    """Let pip install into an environment, then write a record for everything it brought.

    Everything that is there already is a constraint: pip adds and never changes.

    Raises:
        PipError: There is no python, or pip failed.
    """
    from minicon.pypi.installed import installed_constraints
    from minicon.pypi.pip_step import install_with_pip

    prefix = Prefix(path)
    layout = prefix.python_layout
    if layout is None:
        names = ", ".join(str(requirement) for requirement in requirements[:3])
        raise PipError("no-python", f"{names} needs python", hint="add python to what you ask for")
    python = path / layout.executable
    install_with_pip(
        python,
        requirements,
        constraints=installed_constraints(path / layout.site_packages),
        environ={
            **services.environ,
            "PATH": os.pathsep.join([str(python.parent), services.environ.get("PATH", "")]),
            "CONDA_PREFIX": str(path),
        },
        reporter=services.reporter,
        options=options,
        log=path / CONDA_META / "pip.log",
        offline=services.settings.offline,
    )
    record_pip_packages(path)


def record_pip_packages(path: Path) -> None:
    """Write ``conda-meta`` records for distributions that pip installed and no record owns."""
    prefix = Prefix(path)
    for record in hand_installed(prefix):
        text = json.dumps(record.to_json()).encode()
        operations.replace_file(path / CONDA_META / record.file_name, text)
