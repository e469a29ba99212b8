"""From a ChangeRequest to a Plan: ask the sources, solve, decide every link and unlink.

::

    ChangeRequest ─ specs, requirements ─┐
    Sources ─────── record indices ──────┼─> SolveRequest ─> Solution ─> Transaction ─> Plan
    Prefix ──────── installed, pins ─────┘

Nothing here touches the environment.
"""

from __future__ import annotations

from functools import partial

from minicon.api.plan.indices import channel_indices
from minicon.api.plan.plan_notes import plan_notes
from minicon.api.plan.policy import refuse_disallowed
from minicon.api.plan.request import Plan
from minicon.api.plan.requested_specs import history_of, removals_of, requested_before
from minicon.api.plan.requirements import PYPI_PREFIX, RequestedPackages, limit_of, split_specs
from minicon.api.plan.sources import Sources, choose_sources
from minicon.errors import ChannelError, PrefixError, SolveError
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.channel import expand_references
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.store_entries import needs_recovery
from minicon.prefix.plan.transaction import make_transaction
from minicon.pypi.requirements.requirements import PipRequirement
from minicon.solver.request import (
    ChannelPriority,
    Solution,
    SolveRequest,
    Strategy,
    UpdatePolicy,
)
from minicon.solver.solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.indexes import RecordIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanningContext:
    """A request with all that planning has found out about it.

    Attributes:
        prefix: The environment; it need not exist.
        there: What it holds now, hand-made pip installations included.
        installed: What of that the new state builds upon: nothing, when it is created anew.
        asked: Specs and requirements, sorted by who answers them.
    """

    services: Services
    request: ChangeRequest
    prefix: Prefix
    there: tuple[PrefixRecord, ...]
    sources: Sources
    asked: RequestedPackages

    @property
    def installed(self) -> tuple[PrefixRecord, ...]:
        """See the class."""
        return () if self.request.action == "create" else self.there


def make_plan(services: Services, request: ChangeRequest) -> Plan:
    """Decide everything that a request means.

    What cannot be solved with the first of ``repodata_fns`` is tried with the next, as conda does.

    Raises:
        SolveError: No set of packages does what was asked; the text says why and what would.
        ChannelError: A source cannot be asked.
        SpecError: A spec cannot be read.
        PrefixError: The environment is frozen, or cannot be read.
    """
    while True:
        question = make_planning_context(services, request)
        refuse_frozen(question.prefix, override=request.override_frozen)
        try:
            return _plan(question, _solution(question))
        except SolveError:
            if not services.channel_client.use_next_repodata_fn():
                raise


def make_planning_context(services: Services, request: ChangeRequest) -> PlanningContext:
    """Read the environment and the specs, and choose the sources; nothing is solved yet."""
    if needs_recovery(request.prefix):
        services.registry.recover(request.prefix)
    prefix = Prefix(request.prefix)
    return PlanningContext(
        services=services,
        request=request,
        prefix=prefix,
        there=_installed(prefix) if prefix.is_environment else (),
        sources=choose_sources(
            services.settings,
            expand_references(request.channels, services.environ),
            override=request.override_channels,
            is_reachable=services.channel_client.is_reachable
            if _asks_sources(request)
            else _anything_goes,
        ),
        asked=split_specs(request.specs, request.pip_lines, environ=services.environ),
    )


def _installed(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    from minicon.prefix.environment.site_packages import installed_packages

    return installed_packages(prefix)


def _asks_sources(request: ChangeRequest) -> bool:
    """Whether packages have to be chosen at all."""
    if request.lock is not None:
        return request.lock.lock.kind == "pylock"  # such a lock leaves python to choose
    is_bare = request.action == "create" and not (request.specs or request.pip_lines)
    return not (request.action == "remove" or is_bare or request.clone_of or request.explicit)


def _anything_goes(_channel: object, _seconds: float) -> bool:
    return True


def refuse_frozen(prefix: Prefix, *, override: bool) -> None:
    """Refuse to change an environment that is marked so (CEP 22), unless OVERRIDE."""
    message = prefix.frozen_message()
    if message is not None and not override:
        raise PrefixError(
            "environment-frozen",
            f"{prefix.path} must not be changed: {message}",
            hint="--override-frozen changes it all the same",
        )


def _solution(question: PlanningContext) -> Solution:
    request, services = question.request, question.services
    explicit = request.explicit or _explicit_entries(request.specs)
    if explicit:
        from minicon.api.plan.explicit import explicit_solution

        return explicit_solution(services, explicit, () if request.prune else question.installed)
    if request.clone_of is not None:
        from minicon.api.plan.explicit import clone_solution

        return clone_solution(request.clone_of)
    if request.lock is not None:
        from minicon.api.lock.lock_solution import beside_installed, lock_solution
        from minicon.api.lock.python_lock_solution import python_lock_solution

        solution = (
            python_lock_solution(services, request.lock, partial(_solve_python, question))
            if request.lock.lock.kind == "pylock"
            else lock_solution(services, request.lock)
        )
        return beside_installed(solution, question.there, keep_others=not _is_exact(request))
    if UpdatePolicy(request.update_policy) is UpdatePolicy.SATISFIED_SKIP_SOLVE:
        from minicon.solver.result.solution import as_installed, is_satisfied

        bare = make_solve_request(question, channels=())  # nobody is asked for nothing
        if is_satisfied(bare):
            return as_installed(bare)
    return solve(question, make_solve_request(question))


def _explicit_entries(specs: Sequence[str]) -> tuple[ExplicitEntry, ...]:
    """Specs that are files; a glance tells for most that they are not."""
    if not any("/" in text or ":" in text or "\\" in text or "[" in text for text in specs):
        return ()
    from minicon.api.plan.explicit import explicit_entries

    return explicit_entries(specs)


def _solve_python(question: PlanningContext, spec: MatchSpec) -> Solution:
    return solve(question, replace(make_solve_request(question), specs=(spec,), history=()))


def _is_exact(request: ChangeRequest) -> bool:
    return request.prune or request.action == "create"


def solve(question: PlanningContext, solve_request: SolveRequest) -> Solution:
    """Solve, show that it is being done, and say of a failure where was looked."""
    services, request = question.services, question.request
    task = services.reporter.start("solve", "environment", None, unit="steps")
    try:
        solution = _solved_or_without_pip(services, solve_request, request.capture)
        if not request.prune:
            return solution
        from minicon.api.plan.pruning import pruned

        return pruned(solve_request, solution)
    except SolveError as error:
        from minicon.api.plan.missing_packages import complete_error

        complete_error(error, question, solve_request)
        raise
    finally:
        task.finish()


def _solved_or_without_pip(
    services: Services, solve_request: SolveRequest, capture: Path | None
) -> Solution:
    """Solve; where only pip, which nobody asked for, needs an index out of reach, go without."""
    try:
        return _solved(solve_request, capture)
    except ChannelError as error:
        if not solve_request.add_pip:
            raise
        try:
            solution = _solved(replace(solve_request, add_pip=False), capture)
        except ChannelError:
            raise error from None
        services.reporter.warn(f"python comes without pip: {error.message}")
        return solution


def _solved(solve_request: SolveRequest, capture: Path | None) -> Solution:
    if capture is None:
        return CondaSolver().solve(solve_request)
    from minicon.api.export.capturing import solve_captured

    return solve_captured(solve_request, capture)


def make_solve_request(
    question: PlanningContext, channels: tuple[tuple[RecordIndex, ...], ...] | None = None
) -> SolveRequest:
    """Put specs, sources and the environment's state together as one question.

    Args:
        question: All that is known.
        channels: The records of the sources; None to ask the sources for them.
    """
    request, sources, asked = question.request, question.sources, question.asked
    services, settings = question.services, question.services.settings
    removing = request.action == "remove"
    channels = channels if _asks_sources(request) else ()
    history = history_of(question)
    wheels_wanted = (
        bool(asked.requirements or history.requirements) or sources.pypi_for_missing_names
    )
    pins = (*settings.pinned_packages, *question.prefix.pinned_specs()) if request.use_pins else ()
    solve_request = SolveRequest(
        specs=() if removing else asked.specs,
        removals=removals_of(question) if removing else (),
        requirements=() if removing else asked.requirements,
        channels=channels
        if channels is not None
        else channel_indices(services, sources, asked.specs),
        wheels=services.wheel_index(asked.from_pip)
        if wheels_wanted and sources.allow_pypi
        else None,
        wheels_for_missing_names=sources.pypi_for_missing_names,
        installed=question.installed,
        history=history.specs,
        history_requirements=history.requirements,
        pins=tuple(map(limit_of, pins)),
        constraints=tuple(map(limit_of, request.constraints)),
        virtual_packages=services.virtual_packages,
        platform=settings.platform,
        channel_priority=ChannelPriority(settings.channel_priority),
        update_policy=UpdatePolicy(request.update_policy),
        strategy=Strategy.LOWEST if request.lowest else Strategy.HIGHEST,
        exclude_newer=services.age_limits.everywhere,
        exclude_newer_channel=services.age_limits.channels,
        exclude_newer_package=services.age_limits.packages,
        no_deps=request.no_deps,
        only_deps=request.only_deps,
        keep_unneeded=request.keep_unneeded,
        force_reinstall=request.force_reinstall,
        add_pip=settings.add_pip_as_python_dependency,
        tables=services.table_store,
    )
    if not request.prune:
        return solve_request
    from minicon.api.plan.pruning import for_pruning

    return for_pruning(
        solve_request,
        question.installed,
        by_pip=asked.from_pip.pip_requirements,
        keep_satisfied=request.keep_satisfied,
    )


def _plan(question: PlanningContext, solution: Solution) -> Plan:
    request, services, asked = question.request, question.services, question.asked
    wanted = (*map(str, request.specs), *(f"{PYPI_PREFIX}{r}" for r in asked.from_pip_lines))
    wanted = wanted or tuple(text for texts in solution.requested.values() for text in texts)
    names = {spec.exact_name for spec in asked.specs}
    removing = request.action == "remove"
    adopted = (
        () if question.prefix.requested_specs() else tuple(requested_before(question).values())
    )
    dropped = _no_longer_asked_for(question, solution) if request.prune else ()
    transaction = make_transaction(
        question.prefix,
        solution,
        platform=services.settings.platform,
        installed=question.there,
        update_specs=(*adopted, *(() if removing else wanted)),
        remove_specs=wanted if removing else dropped,
        reinstall={name for name in names if name} if request.force_reinstall else (),
    )
    refuse_disallowed(services.settings.disallowed_packages, transaction.link)
    return Plan(
        request=request,
        transaction=transaction,
        solution=solution,
        fetch=() if request.clone_of else services.package_cache.missing(transaction.link),
        by_pip=(
            *(() if removing else _not_yet_built(question, solution)),
            *(PipRequirement(text=text) for text in solution.pip_requirements),
        ),
        index_options=asked.from_pip.options,
        channels=question.sources.names,
        notes=plan_notes(question, solution),
    )


def _not_yet_built(question: PlanningContext, solution: Solution) -> Iterator[PipRequirement]:
    """What pip has to build; a synchronised environment keeps what pip built before."""
    requirements = question.asked.from_pip.pip_requirements
    if not requirements:
        return
    built = {record.name for record in solution.records if record.is_installed_by_pip}
    for requirement in requirements:
        if not (question.request.keep_satisfied and requirement.name in built):
            yield requirement


def _no_longer_asked_for(question: PlanningContext, solution: Solution) -> tuple[str, ...]:
    """Earlier requests that an environment gives up when it becomes exactly what is asked for."""
    return tuple(
        name for name in question.prefix.requested_specs() if name not in solution.requested
    )
