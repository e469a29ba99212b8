"""Refuse packages that would write what is not theirs.

No package may write outside of the prefix, or minicon's own files. A wheel or noarch python
package also must not replace the interpreter, its standard library, or the description of another
project. Target paths are checked, so the spelling in the package makes no difference.
"""

from __future__ import annotations

from minicon.errors import PackageError, PrefixError
from minicon.fs.safe_path import folders_above, has_reserved_path
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_names import is_interpreter_name, normalize_pypi_name
from minicon.models.subdir import is_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Sequence

    from minicon.models.package_files import EntryPoint, PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.prefix.environment.python_layout import PythonLayout
    from minicon.prefix.plan.package_plan import PackagePlan

_HINT = "do not use this package; report this to its authors"
_COMMAND = lazy_pattern(r"[A-Za-z0-9_-][A-Za-z0-9_.-]*")
_DOTTED = lazy_pattern(r"[^\W\d]\w*(\.[^\W\d]\w*)*")
# What no path may contain, looked for in all paths at once, each on a line of its own: a loop over
# 20,000 paths would cost more than linking them. Empty, "." and ".." components, absolute paths,
# backslashes, NULs.
_UNSAFE = (
    *("\n/", "/\n", "//", "\n\n", "\\", "\0", "\r"),
    *("\n./", "/./", "/.\n", "\n.\n", "\n../", "/../", "/..\n", "\n..\n"),
)
#: Directories of commands; compared without letter case, which some file systems ignore.
_COMMAND_FOLDERS = ("bin", "scripts")
#: Suffixes of files and directories that describe one installed project.
_DESCRIPTIONS = (".dist-info", ".egg-info", ".egg-link")


def check_entry_point(entry_point: EntryPoint, package: str) -> None:
    """Refuse a command name that is a path, or a target that is not a dotted name.

    Four tools wrote executables outside the environment because they did not check
    (CVE-2026-47425, CVE-2026-53940, GHSA-4gg8-gxpx-9rph).

    Raises:
        PackageError: With reference ``unsafe-entry-point``.
    """
    is_safe = (
        _COMMAND.fullmatch(entry_point.command)
        and _DOTTED.fullmatch(entry_point.module)
        and _DOTTED.fullmatch(entry_point.function)
    )
    if not is_safe:
        text = f"{entry_point.command} = {entry_point.module}:{entry_point.function}"
        message = f"{package} has an invalid entry point: {text!r}"
        raise PackageError("unsafe-entry-point", message, hint=_HINT)


def check_prefix_fits(entry: PathsEntry, prefix: str, package: str) -> None:
    """Refuse a prefix that is longer than the placeholder of a binary file.

    Raises:
        PrefixError: Before anything is linked, since no part of the package could work.
    """
    placeholder = entry.prefix_placeholder
    if not placeholder:
        return
    length, room = len(prefix.encode()), len(placeholder.encode())
    if entry.file_mode == "binary" and length > room:
        message = (
            f"the path of the environment is too long for {package}: {prefix} has {length} bytes, "
            f"{entry.path} has room for {room}"
        )
        hint = "use a shorter path (-p) or root directory"
        raise PrefixError("prefix-too-long", message, hint=hint)


def check_paths(plan: PackagePlan) -> None:
    """Refuse target paths that are not the package's to write.

    Costs one look at each directory, and at each file in directories of commands.

    Raises:
        PackageError: With reference ``unsafe-path`` or ``unsafe-entry-point``.
    """
    if plan.layout is not None:
        _check_python_package(plan, plan.layout)
    names = [name for _, _, files in plan.folders for name in files.names]
    paths = [target for _, target, _ in plan.folders if target]
    paths += [*(target for _, target, _ in plan.others), *plan.commands]
    if _are_safe(names) and _are_safe(paths):
        return
    for target in plan.targets:
        if not _are_safe([target]):
            raise _refusal(plan, repr(target))


def _are_safe(paths: Sequence[str]) -> bool:
    if not paths:
        return True
    text = "\n".join(("", *paths, ""))
    is_plain = text.count("\n") == len(paths) + 1 and not any(part in text for part in _UNSAFE)
    return is_plain and not has_reserved_path(paths)


def _check_python_package(plan: PackagePlan, layout: PythonLayout) -> None:
    """Refuse a Python package that would replace the interpreter or describe another project."""
    for point in plan.entry_points:
        if is_interpreter_name(point.command):
            message = f"{plan.record.dist_name} has the entry point {point.command!r}, python's own"
            raise PackageError("unsafe-entry-point", message, hint=_HINT)
    for target in _interpreters(plan, layout):
        raise _refusal(plan, repr(target))
    if plan.record.is_wheel:
        for name in _descriptions(plan, layout):
            if not _describes(name, plan.record):
                raise _refusal(plan, f"{name!r} into site-packages")


def _refusal(plan: PackagePlan, what: str) -> PackageError:
    message = f"{plan.record.dist_name} would write {what}, which does not belong to it"
    return PackageError("unsafe-path", message, hint=_HINT)


def _interpreters(plan: PackagePlan, layout: PythonLayout) -> Iterator[str]:
    """Files that would run instead of the environment's python."""
    folders = {
        *_COMMAND_FOLDERS,
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
    """Names in site-packages that describe installed projects, in lower case."""
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
    own = normalize_pypi_name(record.project)
    if kind != "dist-info":
        return own in (normalize_pypi_name(stem), normalize_pypi_name(stem.partition("-")[0]))
    project, _, version = stem.partition("-")
    if version == record.version and normalize_pypi_name(project) == own:
        return True
    from minicon.pypi.wheels.filenames import names_release

    return names_release(stem, record.project, record.version)


def check_python_files(
    contested: set[str], plans: Collection[PackagePlan], unchanged: Collection[PrefixRecord]
) -> None:
    """Refuse a wheel that replaces files of its python, for instance the standard library.

    Commands are checked by name (:func:`check_paths`), and files in site-packages may have two
    owners, as with other packages.

    Args:
        contested: Paths that several packages claim.
        plans: Packages to link.
        unchanged: Packages that are not changed.

    Raises:
        PackageError: With reference ``unsafe-path``.
    """
    wheels = [p for p in plans if p.record.is_wheel and p.layout] if contested else []
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
        for path in sorted(contested.intersection(plan.targets)):
            inside = (path, *folders_above(path))
            is_owned = not owned.isdisjoint(inside) or any(o.startswith(f"{path}/") for o in owned)
            if is_owned and not path.startswith(shared):
                raise _refusal(plan, repr(path))
