"""Install what only pip can build (source distributions, VCS, editable), and record it."""

from __future__ import annotations

import contextlib
import json
import os

from minicon.api.dependency_graph import DependencyGraph
from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PipError
from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord
from minicon.models.version import python_minor
from minicon.prefix.environment.history import with_packages_of_last_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages, pip_installed
from minicon.prefix.link.conda_meta import read_history

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
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
    record_pip_packages(
        path,
        requirements,
        platform=services.settings.platform,
        channel_name=services.channel_names,
    )


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
    path: Path,
    requirements: Iterable[PipRequirement] = (),
    *,
    platform: str,
    names: Collection[str] | None = None,
    channel_name: Callable[[str], str] = str,
) -> None:
    """Write ``conda-meta`` records for distributions that pip installed, and add them to history.

    Args:
        path: The environment.
        requirements: What pip installed, with the dependencies that are known.
        platform: The environment's subdir, for markers.
        names: Their names; None for all but those that replaced a package. The record of a replaced
            package is removed, and its files belong to the new one.
        channel_name: Gives conda's canonical name of a channel's base URL, for history.
    """
    prefix = Prefix(path)
    known = {each.name: each.depends for each in requirements}
    installed = installed_packages(prefix)
    graph = DependencyGraph(installed, platform=platform)
    by_pip = {record.name for record in pip_installed(prefix)}
    recorded = {record.name: record.file_name for record in prefix.readable_records()}
    chosen = by_pip - recorded.keys() if names is None else by_pip.intersection(names)
    with operations.describing("record what pip installed in", path), Folder.open(path) as folder:
        for record in installed:
            if record.name not in chosen:
                continue
            depends = (*known.get(record.name, ()), *_needs(graph, record))
            data = json.dumps(_with_depends(record, depends).to_json()).encode()
            folder.replace_file(f"{CONDA_META}/{record.file_name}", data)
            if recorded.get(record.name, record.file_name) != record.file_name:
                folder.remove_file(f"{CONDA_META}/{recorded[record.name]}")
        history = read_history(path).decode(errors="surrogateescape")
        if chosen:
            records = Prefix(path).readable_records()
            text = with_packages_of_last_block(history, records, channel_name)
            folder.replace_file(HISTORY, text.encode(errors="surrogateescape"))


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
