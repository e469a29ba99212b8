"""Pack an environment into a file or a directory, and unpack one.

::

    environment ─ files verified ─ projects outside refused ─> minicon.travel.packing ─> output
"""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from minicon.api.upkeep.health import file_problems
from minicon.errors import PrefixError, UsageError
from minicon.fs.safe_path import user_path_problem
from minicon.lean_dataclasses import dataclass, field
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import refuse_unusable_path
from minicon.travel.contents import Selection
from minicon.travel.formats import check_level, format_of, open_writer
from minicon.travel.obstacles import projects_outside, refuse_projects_outside, shortened_list
from minicon.travel.packing import PackOptions, pack_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.api.services import Services
    from minicon.models.reporter import Reporter

#: Kinds of problems of packed files: a changed file is packed, a missing one cannot be.
_MISSING, _CHANGED = "missing", ("changed", "not-a-file")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackRequest:
    """What to pack, and how.

    Attributes:
        prefix: The environment.
        output: A file or a directory.
        format: A key of :data:`minicon.travel.formats.FORMATS`; None is that of the output's name.
        destination: The later path of the environment; None if it is not known.
        selection: Which files are packed.
        level: Level of compression; None is the default of the format.
        force: Whether an existing output is replaced.
        ignore_editable: Whether projects outside of the environment may be missing.
        ignore_missing: Whether files of packages may be missing.
    """

    prefix: Path
    output: Path
    format: str | None = None
    destination: str | None = None
    selection: Selection = field(default_factory=Selection)
    level: int | None = None
    force: bool = False
    ignore_editable: bool = False
    ignore_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class PackResult:
    """The output, its format, and the number of files in it."""

    output: Path
    format: str
    files: int


def pack(
    request: PackRequest, *, environ: Mapping[str, str], reporter: Reporter | None = None
) -> PackResult:
    """Pack an environment.

    Args:
        request: What to pack.
        environ: Environment variables; ``SOURCE_DATE_EPOCH`` is the latest time of files.
        reporter: Receives progress, and what users should know of the packed files.

    Raises:
        UsageError: The output exists, or its format is unknown.
        PrefixError: The environment would not work on another machine.
        FileError: The file system failed; nothing is left of the output.
    """
    reporter = reporter or SilentReporter()
    prefix = Prefix(request.prefix).require()
    output = Path(os.path.abspath(request.output))
    kind = format_of(output, request.format)
    check_level(kind, request.level)
    if output.is_relative_to(request.prefix):
        message = f"{output} is inside the environment"
        raise UsageError("invalid-path", message, hint="choose another name with -o")
    check_output(output, force=request.force)
    epoch = source_date_epoch(environ)
    destination = checked_destination(request.destination)
    is_changed = require_complete(
        prefix,
        reporter,
        ignore_editable=request.ignore_editable,
        ignore_missing=request.ignore_missing,
    )
    options = PackOptions(destination=destination, selection=request.selection, epoch=epoch)
    task = reporter.start("pack", output.name, None, "files")
    try:
        with open_writer(output, kind, level=request.level, epoch=epoch) as writer:
            packed = pack_environment(prefix, writer, options, task)
    finally:
        task.finish()
    if is_changed or packed.is_changed:
        warn_of_changes(prefix, reporter)
    if packed.stuck:
        reporter.warn(
            f"changed files may keep the path {prefix.path}: {shortened_list(packed.stuck)}"
        )
    return PackResult(output=output, format=kind, files=packed.files)


def require_complete(
    prefix: Prefix, reporter: Reporter, *, ignore_editable: bool, ignore_missing: bool
) -> bool:
    """Refuse an environment that would not be complete elsewhere.

    Files are not read: they are compared with their packages when they are packed.

    Returns:
        Whether a file was replaced by one of another size, or by something else.

    Raises:
        PrefixError: ``editable-projects``, ``missing-files``.
    """
    if not ignore_editable:
        refuse_projects_outside(prefix)
    elif projects := projects_outside(prefix):
        reporter.warn(f"not packed: {shortened_list(projects)}")
    problems = file_problems(prefix, quick=True)
    missing = [f"{each.path} ({each.package})" for each in problems if each.kind == _MISSING]
    if missing and not ignore_missing:
        raise PrefixError(
            "missing-files",
            f"files of packages in {prefix.path} are missing: {shortened_list(missing)}",
            hint=f"minicon doctor --fix -p {shlex.quote(str(prefix.path))}, or --ignore-missing",
        )
    if missing:
        reporter.warn(f"missing files of packages: {shortened_list(missing)}")
    return any(each.kind in _CHANGED for each in problems)


def warn_of_changes(prefix: Prefix, reporter: Reporter) -> None:
    """Read all files of packages, and warn of changed ones."""
    problems = file_problems(prefix, quick=False)
    changed = [f"{each.path} ({each.package})" for each in problems if each.kind in _CHANGED]
    if changed:
        reporter.warn(f"packed as they are, though changed: {shortened_list(changed)}")


def checked_destination(path: str | None) -> str | None:
    """Return the normalized later path of an environment.

    Raises:
        UsageError: ``invalid-path``: it is relative, or no valid path.
        PrefixError: No environment can have this path.
    """
    if path is None:
        return None
    problem = "is not absolute" if not path.startswith("/") else user_path_problem(path)
    if problem:
        message = f"{path!r} cannot be the path of the environment: it {problem}"
        raise UsageError("invalid-path", message, hint="pass a path such as /opt/data")
    refuse_unusable_path(Path(path))
    return os.path.normpath(path)


def source_date_epoch(environ: Mapping[str, str]) -> int | None:
    """Return ``SOURCE_DATE_EPOCH`` in seconds since 1970, or None.

    Raises:
        UsageError: ``wrong-arguments``: it is not a number.
    """
    text = environ.get("SOURCE_DATE_EPOCH")
    if not text:
        return None
    if not (text.isascii() and text.isdigit() and len(text) < 12):
        message = f"SOURCE_DATE_EPOCH is {text!r}, not a number of seconds since 1970"
        raise UsageError("wrong-arguments", message, hint="unset SOURCE_DATE_EPOCH")
    return int(text)


def check_output(output: Path, *, force: bool) -> None:
    """Refuse an output that exists, or has no directory.

    Raises:
        UsageError: ``output-exists``, ``invalid-path``.
    """
    parent = output.parent
    if not parent.is_dir():
        message = f"the directory {parent} does not exist"
        raise UsageError("invalid-path", message, hint=f"mkdir -p {shlex.quote(str(parent))}")
    if os.path.lexists(output) and (output.is_dir() or not force):
        hint = "remove it first" if output.is_dir() else "pass --force to replace it, or another -o"
        raise UsageError("output-exists", f"{output} exists already", hint=hint)


def unpack(services: Services, archive: Path, new: Path, *, command_line: Sequence[str]) -> None:
    """Create an environment from an archive of minicon or conda-pack, and register it.

    Raises:
        MiniconError: It cannot be created; nothing is left of it.
    """
    from minicon.api.change.environments import move_options
    from minicon.travel.unpacking import unpack_environment

    unpack_environment(archive, new, move_options(services, command_line))
    services.registry.register(new)
