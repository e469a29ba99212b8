"""Install what only pip can build (source distributions, VCS, editable), and record it."""

from __future__ import annotations

import contextlib
import json
import os

from minicon.api.dependency_graph import DependencyGraph
from minicon.constants import CONDA_META
from minicon.errors import PipError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord
from minicon.models.version import python_minor
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages, pip_installed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
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
    with Folder.open(path) as folder:
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
        # Not in the environment: what a failed change wrote there is undone.
        log=services.pip_log(path.name),
        offline=services.settings.offline,
    )
    record_pip_packages(path, requirements, platform=services.settings.platform)


def _check_folders(prefix: Folder, layout: PythonLayout) -> None:
    """Check that the directories pip writes to are in the environment: pip follows every link.

    Raises:
        OSError: A link leads out of it.
    """
    with FolderTree(prefix, make=False, through_links=True) as tree:
        for folder in (layout.site_packages, layout.scripts):
            with contextlib.suppress(FileNotFoundError):
                tree.folder(folder)


def record_pip_packages(
    path: Path, requirements: Iterable[PipRequirement] = (), *, platform: str
) -> None:
    """Write ``conda-meta`` records for distributions that pip installed and that have none.

    Args:
        path: The environment.
        requirements: What pip installed, with the dependencies that are known.
        platform: The environment's subdir, for markers.
    """
    prefix = Prefix(path)
    known = {each.name: each.depends for each in requirements}
    graph = DependencyGraph(installed_packages(prefix), platform=platform)
    records = [
        _with_depends(record, (*known.get(record.name, ()), *_needs(graph, record)))
        for record in pip_installed(prefix)
    ]
    with operations.describing("record what pip installed in", path), Folder.open(path) as folder:
        for record in records:
            text = json.dumps(record.to_json()).encode()
            folder.replace_file(f"{CONDA_META}/{record.file_name}", text)


def _needs(graph: DependencyGraph, record: PrefixRecord) -> Iterator[str]:
    """The dependencies of a distribution: of its metadata, and the python that it was built for."""
    yield from (edge.spec for edge in graph.dependencies(record.name))
    python = graph.records.get("python")
    if python is not None:
        yield f"python {python_minor(python.record.version)}.*"


def _with_depends(record: PrefixRecord, depends: Iterable[str]) -> PrefixRecord:
    """The record with dependencies as conda packages have them, in place of ``Requires-Dist``."""
    old = record.record
    data = {key: value for key, value in old.data.items() if key != "requires_dist"}
    new = RepodataRecord(
        {**data, "depends": list(dict.fromkeys(depends))},
        channel=old.channel,
        subdir=old.subdir,
        fn=old.fn,
        url=old.url,
        source=old.source,
    )
    return PrefixRecord(new, files=record.files, paths=record.paths)
