"""Install what only pip can build (source distributions, VCS, editable), and record it."""

from __future__ import annotations

import contextlib
import json
import os

from minicon.constants import CONDA_META
from minicon.errors import PipError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import pip_installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.prefix.environment.python_layout import PythonLayout
    from minicon.pypi.requirements.requirements import IndexOptions


def install_and_record(
    services: Services,
    requirements: Sequence[PipRequirement],
    options: IndexOptions | None,
    path: Path,
) -> None:
    """Run pip in an environment, then write a record for every package that it installed.

    Every installed package is a constraint for pip, so that it adds packages and changes none.

    Args:
        services: Environment variables and reporter.
        requirements: What pip has to build.
        options: Options of the requirement files.
        path: The environment.

    Raises:
        PipError: The environment has no python, or pip failed.
    """
    from minicon.pypi.pip_step import install_with_pip, installed_constraints

    prefix = Prefix(path)
    layout = prefix.python_layout
    if layout is None:
        names = ", ".join(str(requirement) for requirement in requirements[:3])
        raise PipError("no-python", f"{names} needs python", hint="add python to the request")
    python = path / layout.executable
    with Folder.open(path) as folder, folder.folder(CONDA_META) as meta:
        _check_folders(folder, layout)
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
            log=meta,
            offline=services.settings.offline,
        )
    record_pip_packages(path)


def _check_folders(prefix: Folder, layout: PythonLayout) -> None:
    """Check that the directories pip writes to are in the environment: pip follows every link.

    Raises:
        OSError: A link leads out of it.
    """
    with FolderTree(prefix, make=False, through_links=True) as tree:
        for folder in (layout.site_packages, layout.scripts):
            with contextlib.suppress(FileNotFoundError):
                tree.folder(folder)


def record_pip_packages(path: Path) -> None:
    """Write ``conda-meta`` records for distributions that pip installed and that have none."""
    records = pip_installed(Prefix(path))
    with operations.describing("record what pip installed in", path), Folder.open(path) as folder:
        for record in records:
            text = json.dumps(record.to_json()).encode()
            folder.replace_file(f"{CONDA_META}/{record.file_name}", text)
