"""What only pip can install (source distributions, VCS, editable), done in the new environment."""

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
    from minicon.prefix.environment.python_layout import PythonLayout
    from minicon.pypi.requirements.requirements import IndexOptions, PipRequirement


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
    from minicon.pypi.pip_step import install_with_pip, installed_constraints

    prefix = Prefix(path)
    layout = prefix.python_layout
    if layout is None:
        names = ", ".join(str(requirement) for requirement in requirements[:3])
        raise PipError("no-python", f"{names} needs python", hint="add python to what you ask for")
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
    """Check that what pip writes to lies in the environment: pip follows every link.

    Raises:
        OSError: A link there leads out.
    """
    with FolderTree(prefix, make=False, through_links=True) as tree:
        for place in (layout.site_packages, layout.scripts):
            with contextlib.suppress(FileNotFoundError):
                tree.folder(place)


def record_pip_packages(path: Path) -> None:
    """Write ``conda-meta`` records for distributions that pip installed and no record owns."""
    records = pip_installed(Prefix(path))
    with operations.describing("record what pip did in", path), Folder.open(path) as folder:
        for record in records:
            text = json.dumps(record.to_json()).encode()
            folder.replace_file(f"{CONDA_META}/{record.file_name}", text)
