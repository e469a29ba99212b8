"""From a planning context to a Solution: the one builder of solver requests, and the solver's run.

::

    packages, sources ───── channel indices, wheels ─┐
    settings, machine ───── limits of age, facts ────┼─> SolveRequest ─> Solution
    environment ─────────── installed, pins, history ┘
"""

from __future__ import annotations

import json

from minicon.api.plan.channel_indices import channel_indices
from minicon.api.plan.context import needs_channels
from minicon.api.plan.own_packages import with_dependencies
from minicon.api.plan.requested_packages import parse_constraint
from minicon.api.plan.requested_specs import history_of, removals_of
from minicon.errors import ChannelError, FileError, SolveError
from minicon.lean_dataclasses import replace
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.request import ChannelPriority, SolveRequest, Strategy
from minicon.solver.solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.api.plan.channel_indices import Channels
    from minicon.api.plan.context import PlanningContext
    from minicon.api.plan.own_packages import OwnPackages
    from minicon.api.plan.requested_packages import RequestedPackages
    from minicon.api.services import Services
    from minicon.api.sources import Sources
    from minicon.models.indexes.wheel_index import WheelIndex
    from minicon.models.records import RepodataRecord
    from minicon.pypi.requirements.requirements import RequirementSet
    from minicon.solver.request import Solution


def make_solve_request(context: PlanningContext, channels: Channels | None = None) -> SolveRequest:
    """Build the solver's request for a change of an environment.

    Args:
        context: The change, the environment and the sources.
        channels: Record indices; None fetches those of the sources, where any are needed.

    Raises:
        ChannelError: A channel cannot be reached.
        SpecError: A pin, or a spec of the history, cannot be read.
    """
    request, settings = context.request, context.services.settings
    history = history_of(context)
    is_pinned = request.use_pins and not settings.ignore_pinned
    pins = (*settings.pinned_packages, *context.prefix.pinned_specs()) if is_pinned else ()
    solve_request = _solve_request(
        context.services,
        context.sources,
        request.packages,
        channels if needs_channels(request) else (),
        kept=history.from_pip,
        own=context.own,
        installed=with_dependencies(
            context.installed, platform=settings.platform, without=context.own.rebuilt
        ),
        history=history.specs,
        history_requirements=history.requirements,
        held=frozenset(map(normalize_pypi_name, context.own.held)),
        pins=tuple(map(parse_constraint, pins)),
        constraints=request.constraints,
        update_policy=request.update_policy,
        strategy=Strategy.LOWEST if request.lowest else Strategy.HIGHEST,
        no_deps=request.no_deps,
        only_deps=request.only_deps,
        keep_unneeded=request.keep_unneeded,
        force_reinstall=request.force_reinstall,
        add_pip=settings.add_pip_as_python_dependency,
    )
    if request.action == "remove":
        removals = removals_of(context)
        solve_request = replace(solve_request, specs=(), requirements=(), removals=removals)
    if not request.prune:
        return solve_request
    from minicon.api.plan.pruning import for_pruning

    return for_pruning(
        solve_request,
        solve_request.installed,
        by_pip=request.packages.from_pip.pip_requirements,
        keep_satisfied=request.keep_satisfied,
    )


def _solve_request(
    services: Services,
    sources: Sources,
    packages: RequestedPackages,
    channels: Channels | None = None,
    *,
    kept: RequirementSet | None = None,
    own: OwnPackages | None = None,
    **fields: Any,
) -> SolveRequest:
    """Build a request from what every solve has: packages, sources, settings and machine.

    Args:
        services: Settings, machine and caches.
        sources: Where packages may come from.
        packages: What has to be in the solution.
        channels: Record indices; None fetches those of the sources.
        kept: Earlier requirements, whose wheels may be needed too.
        own: Installed packages that did not come from an index.
        fields: Further fields of the request.
    """
    settings, limits = services.settings, services.age_limits
    for key in ("history", "pins", "constraints"):
        fields[key] = services.with_channels(fields.get(key, ()))
    if channels is None:
        channels = channel_indices(services, sources, packages.specs)
    from_pip = packages.from_pip.merged_with(kept) if kept else packages.from_pip
    needs_wheels = bool(from_pip.requirements) or sources.pypi_for_missing_names
    return SolveRequest(
        specs=services.with_channels(packages.specs),
        requirements=packages.requirements,
        channels=channels,
        wheels=services.wheel_index(
            own.requirements(fields["installed"]).merged_with(from_pip) if own else from_pip
        )
        if needs_wheels and sources.allow_pypi
        else None,
        prefer_conda=settings.pypi_dependencies == "channels",
        wheels_for_missing_names=sources.pypi_for_missing_names,
        virtual_packages=services.virtual_packages,
        platform=settings.platform,
        channel_priority=ChannelPriority(settings.channel_priority),
        exclude_newer=limits.everywhere,
        exclude_newer_channel=limits.channels,
        exclude_newer_package=limits.packages,
        tables=services.table_store,
        **fields,
    )


def solve(context: PlanningContext, solve_request: SolveRequest) -> Solution:
    """Solve, report progress, and add to a failure where packages were looked for.

    Raises:
        SolveError: There is no solution.
        ChannelError: A source cannot be reached.
    """
    services, request = context.services, context.request
    task = services.reporter.start("solve", "", None, unit="projects")
    try:
        solution = _solve_with_pip(services, solve_request, request.capture)
        if context.sources.pypi_for_missing_names:
            solution = _with_fallen_names(solution, solve_request, context)
        if not request.prune:
            return solution
        from minicon.api.plan.pruning import pruned

        return pruned(solve_request, solution)
    except SolveError as error:
        from minicon.api.plan.missing_packages import complete_error

        complete_error(error, context, solve_request)
        raise
    finally:
        task.finish()


def _with_fallen_names(
    solution: Solution, solve_request: SolveRequest, context: PlanningContext
) -> Solution:
    """Add a note for each name of a conda spec that no channel has, and that PyPI provides.

    What was taken from PyPI before needs no second note, nor does anything where there is no
    channel.
    """
    sources = context.sources
    if not (sources.channels or sources.skipped):
        return solution
    known = {each.name for each in solve_request.installed if each.record.source == "pypi"}
    wheels = {record.name for record in solution.records if record.source == "pypi"} - known
    named = dict.fromkeys(spec.exact_name or "" for spec in solve_request.specs)
    fallen = [name for name in named if name in wheels]
    if not fallen:
        return solution
    from minicon.api.plan.missing_packages import cached_indices, taken_from_pypi

    cached = cached_indices(context.services, sources.skipped)
    skipped = [each.name for each in sources.skipped]
    notes = taken_from_pypi(fallen, (*solve_request.channels, *cached), skipped)
    return replace(solution, notes=(*notes, *solution.notes))


def solve_packages(
    services: Services, packages: RequestedPackages, channels: tuple[str, ...], **fields: Any
) -> Solution:
    """Solve without an environment.

    Args:
        services: Settings, machine and caches.
        packages: What has to be in the solution.
        channels: Sources in order of priority; none means those of the settings.
        fields: Further fields of the :class:`SolveRequest`.

    Raises:
        SolveError: There is no solution.
        ChannelError: A source cannot be reached.
    """
    sources = services.sources(channels, override=bool(channels))
    return CondaSolver().solve(_solve_request(services, sources, packages, **fields))


def _solve_with_pip(
    services: Services, solve_request: SolveRequest, capture: Path | None
) -> Solution:
    """Solve; if no source has pip, which the user did not name, use the interpreter's own."""
    if not solve_request.add_pip:
        return _solve(solve_request, capture)
    reason = ""
    try:
        solution = _solve(solve_request, capture)
    except ChannelError as error:
        try:
            solution = _solve(replace(solve_request, add_pip=False), capture)
        except ChannelError:
            raise error from None
        reason = error.message
    python = _python_without_pip(solve_request, solution)
    if python is None:
        return solution
    wheels = _bundled_pip(services, python) if python.source == "interpreter" else None
    needs_index = any(each.source == "pypi" for each in solution.records)
    if wheels is not None and (solve_request.wheels is None or not needs_index):
        return _solve(replace(solve_request, wheels=wheels), capture)
    if reason or python.source == "interpreter":
        reason = reason or "no source has it, and the interpreter has no wheel of it"
        services.reporter.warn(f"python comes without pip: {reason}")
    return solution


def _python_without_pip(request: SolveRequest, solution: Solution) -> RepodataRecord | None:
    """Return the python that a solution adds, or changes, without the pip that belongs to it."""
    records = {record.name: record for record in solution.records}
    installed = {record.name for record in request.installed}
    if request.no_deps or request.removals or "pip" in records:
        return None
    if "python" in installed and "pip" not in installed:
        return None
    return records.get("python")


def _bundled_pip(services: Services, python: RepodataRecord) -> WheelIndex | None:
    """Return an index of the wheel that an interpreter has for ``ensurepip``."""
    from minicon.machine.host_packages.bundled_pip import bundled_pip
    from minicon.machine.host_packages.host_index import interpreter_for
    from minicon.pypi.requirements.requirements import IndexOptions, RequirementSet

    folder = bundled_pip(interpreter_for(python, services.discovery.interpreters))
    if folder is None:
        return None
    options = IndexOptions(find_links=(folder,), no_index=True)
    return services.wheel_index(RequirementSet(options=options))


def _solve(solve_request: SolveRequest, capture: Path | None) -> Solution:
    return (
        CondaSolver().solve(solve_request)
        if capture is None
        else solve_captured(solve_request, capture)
    )


def solve_captured(request: SolveRequest, path: Path) -> Solution:
    """Solve, and write the request with all records it looked at to a file, also on failure.

    Raises:
        SolveError: There is no solution.
        FileError: The file cannot be written.
    """
    from minicon.fs import operations
    from minicon.fs.output_file import write_output
    from minicon.solver.capture import capture, recording

    watched = recording(request)
    try:
        solution = CondaSolver().solve(watched)
        dict(solution.hold_backs)  # computed when read, from further records
    finally:
        with operations.describing("write", path):
            text = json.dumps(capture(watched), separators=(",", ":"), sort_keys=True)
            write_output(path, text.encode())
    return solution


def replay(path: Path) -> Solution:
    """Solve the request that :func:`solve_captured` wrote.

    Raises:
        FileError: The file cannot be read, or holds something else.
        SolveError: There is no solution.
    """
    from minicon.fs import operations
    from minicon.fs.plain_file import FILE_LIMIT, read_named_file
    from minicon.models.strict_json import read_object
    from minicon.solver.capture import captured_request

    with operations.describing("read", path):
        text = read_named_file(path, FILE_LIMIT)
    try:
        document = read_object(text)
    except ValueError as error:
        message = f"{path} is not a capture in JSON: {str(error)[:80]}"
        raise FileError("invalid-capture", message, hint="write it again") from error
    return CondaSolver().solve(captured_request(document))
