"""Places in an environment that belong to its python, or to another Python project.

A wheel or noarch python package says where each of its files goes: into site-packages, beside the
other commands, and a wheel's data anywhere below the prefix. What is checked are the final places,
so that no spelling in the package makes a difference.
"""

from __future__ import annotations

from minicon.errors import PackageError
from minicon.models.package_names import is_interpreter_name, normalize_pypi_name
from minicon.prefix.link.relocate import is_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.prefix.plan.file_layout import PackagePlan
    from minicon.prefix.plan.noarch_python import PythonLayout

_HINT = "do not use this package; tell its authors"
#: Folders of commands; compared with letter case folded, which some file systems ignore.
_COMMANDS = ("bin", "scripts")
#: By their ends, folders and files that describe one installed project.
_DESCRIPTIONS = (".dist-info", ".egg-info", ".egg-link")


def check_python_places(plan: PackagePlan) -> None:
    """Refuse a Python package that would take the interpreter's place, or another project's.

    Costs one look at each folder, and at each file in folders of commands.

    Raises:
        PackageError: With reference ``unsafe-path`` or ``unsafe-entry-point``.
    """
    if plan.layout is None:
        return
    for point in plan.entry_points:
        if is_interpreter_name(point.command):
            message = f"{plan.record.dist_name} has the entry point {point.command!r}, python's own"
            raise PackageError("unsafe-entry-point", message, hint=_HINT)
    for target in _interpreters(plan, plan.layout):
        raise _refusal(plan, repr(target))
    if plan.record.source == "pypi":
        for name in _descriptions(plan, plan.layout):
            if not _describes(name, plan.record):
                raise _refusal(plan, f"{name!r} into site-packages")


def _refusal(plan: PackagePlan, what: str) -> PackageError:
    message = f"{plan.record.dist_name} wants to write {what}, which is not its own place"
    return PackageError("unsafe-path", message, hint=_HINT)


def _interpreters(plan: PackagePlan, layout: PythonLayout) -> Iterator[str]:
    """Files that would be started in place of the environment's python."""
    folders = {
        *_COMMANDS,
        layout.scripts.casefold(),
        layout.executable.casefold().rpartition("/")[0],
    }
    if not is_windows(layout.subdir):
        folders.discard("")
    for target in _targets_in(plan, folders):
        if is_interpreter_name(target.rpartition("/")[2]):
            yield target


def _targets_in(plan: PackagePlan, folders: set[str]) -> Iterator[str]:
    for _, target, files in plan.folders:
        if target.casefold() in folders:
            yield from (f"{target}/{name}" if target else name for name in files.names)
    for _, target, _ in plan.others:
        if target.rpartition("/")[0].casefold() in folders:
            yield target


def _descriptions(plan: PackagePlan, layout: PythonLayout) -> set[str]:
    """Names right below site-packages that say which project is installed; letter case folded."""
    start = f"{layout.site_packages}/".casefold()
    paths = [f"{target}/" for _, target, _ in plan.folders]
    paths += _targets_in(plan, {start[:-1]})
    paths += [target for _, target, _ in plan.others]
    folded = [path.casefold() for path in paths]
    names = {p[len(start) :].partition("/")[0] for p in folded if p.startswith(start)}
    return {name for name in names if name.endswith(_DESCRIPTIONS)}


def _describes(name: str, record: RepodataRecord) -> bool:
    """Whether a dist-info or egg-info is that of a wheel's own project."""
    stem, _, kind = name.rpartition(".")
    own = normalize_pypi_name(record.name)
    if kind != "dist-info":
        return own in (normalize_pypi_name(stem), normalize_pypi_name(stem.partition("-")[0]))
    project, _, version = stem.rpartition("-")
    if normalize_pypi_name(project) != own:
        return False
    if version == record.version:
        return True
    from minicon.pypi.wheels.filenames import parse_version

    parsed = parse_version(version)
    return parsed is not None and parsed == parse_version(record.version)


def check_python_files(
    contested: set[str], plans: Collection[PackagePlan], unchanged: Collection[PrefixRecord]
) -> None:
    """Refuse a wheel that brings files of the python that it is for, its standard library's say.

    Commands are judged by their names (:func:`check_python_places`), and what lies in
    site-packages may have two owners, as with other packages.

    Args:
        contested: Paths that several packages claim.
        plans: Packages to link.
        unchanged: Packages that stay.

    Raises:
        PackageError: With reference ``unsafe-path``.
    """
    wheels = [p for p in plans if p.record.source == "pypi" and p.layout] if contested else []
    if not wheels:
        return
    owned = {
        path
        for record in unchanged
        if record.name == "python"
        for path in contested.intersection(record.files)
    }
    owned.update(
        path
        for p in plans
        if p.record.name == "python"
        for path in contested.intersection(p.targets)
    )
    for plan in wheels:
        assert plan.layout is not None
        shared = (f"{plan.layout.site_packages}/", f"{plan.layout.scripts}/")
        for path in sorted(owned.intersection(plan.targets)):
            if not path.startswith(shared):
                raise _refusal(plan, repr(path))
