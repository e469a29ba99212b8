"""From a ChangeRequest to a Plan: solve, and decide every package to link and unlink.

::

    ChangeRequest ─ make_planning_context ─> PlanningContext ─┬─ explicit, clone, lock ─> Solution
                                                              └─ solving ───────────────> Solution
    Solution + Prefix ─> Transaction ─> Plan

Nothing here touches the environment.
"""

from __future__ import annotations

from functools import partial

from minicon.api.package_preparation import local_packages
from minicon.api.plan.channel_indices import channel_indices
from minicon.api.plan.context import (
    PlanningContext,
    make_planning_context,
    needs_channels,
    refuse_frozen,
)
from minicon.api.plan.own_packages import after_solving
from minicon.api.plan.request import Plan
from minicon.api.plan.requested_specs import requested_before, weakened
from minicon.api.plan.solutions.kept_solutions import Said, question_of
from minicon.errors import (
    SolveError,
    Unsatisfiable,
)
from minicon.lean_dataclasses import replace
from minicon.models.package_names import normalize_pypi_name
from minicon.prefix.plan.transaction import make_transaction
from minicon.solver.request import Solution, UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from packaging.requirements import Requirement

    from minicon.api.plan.channel_indices import Channels
    from minicon.api.plan.request import ChangeRequest
    from minicon.api.plan.requested_packages import RequestedPackages
    from minicon.api.plan.solutions.kept_solutions import Question
    from minicon.api.services import Services
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.prefix.plan.transaction import Transaction


def make_plan(services: Services, request: ChangeRequest) -> Plan:
    """Decide everything that a request means.

    What cannot be solved with the first of ``repodata_fns`` is tried with the next, as in conda.

    Raises:
        SolveError: No set of packages satisfies the request; the text says why and what would.
        ChannelError: A source cannot be reached.
        SpecError: A pin, or a spec of the environment's history, cannot be read.
        PrefixError: The environment is frozen, or cannot be read.
    """
    reporter = services.reporter
    while True:
        services.reporter = said = Said(reporter)
        try:
            context = make_planning_context(services, request)
            refuse_frozen(context.prefix, override=request.override_frozen)
            solution, question = _solution(context, said)
            solution = after_solving(context.own, solution, context.present)
            return _plan(context, solution, question)
        except SolveError:
            if not services.channel_client.use_next_repodata_fn():
                raise
        finally:
            services.reporter = reporter


def _solution(context: PlanningContext, said: Said) -> tuple[Solution, Question | None]:
    """Return the solution, and the question under which it can be kept for the next time."""
    if context.request.action != "create" or not needs_channels(context.request):
        return _new_solution(context), None
    channels = channel_indices(context.services, context.sources, context.request.packages.specs)

    def find() -> Solution:
        return _new_solution(context, channels)

    question = question_of(context, channels, said)
    kept = question.answer(find) if question else None
    return (find() if kept is None else kept), question


def _new_solution(context: PlanningContext, channels: Channels | None = None) -> Solution:
    request, services = context.request, context.services
    if request.explicit:
        from minicon.api.plan.solutions.exact_solutions import explicit_solution

        kept = () if request.prune else context.installed
        return explicit_solution(services, request.explicit, kept)
    if request.clone_of is not None:
        from minicon.api.plan.solutions.exact_solutions import clone_solution

        return clone_solution(request.clone_of)
    if request.lock is not None:
        return _lock_solution(context)
    if request.update_policy is UpdatePolicy.SATISFIED_SKIP_SOLVE:
        from minicon.api.plan.solving import make_solve_request
        from minicon.solver.result.solution import as_installed, is_satisfied

        without_channels = make_solve_request(context, channels=())
        if is_satisfied(without_channels):
            return as_installed(without_channels)
    from minicon.api.plan.solving import make_solve_request, solve

    solve_request = make_solve_request(context, channels)
    if request.action == "remove" and not solve_request.removals:
        from minicon.solver.result.solution import as_installed

        return as_installed(solve_request)  # only requests end, of what pip uninstalled
    return solve(context, solve_request)


def _lock_solution(context: PlanningContext) -> Solution:
    from minicon.api.plan.solutions.exact_solutions import beside_installed, lock_solution
    from minicon.api.plan.solutions.python_lock_solution import python_lock_solution

    request, services = context.request, context.services
    assert request.lock is not None
    solution = (
        python_lock_solution(services, request.lock, partial(_solve_python, context))
        if request.lock.lock.kind == "pylock"
        else lock_solution(services, request.lock)
    )
    replaces_all = request.prune or request.action == "create"
    return beside_installed(solution, context.present, keep_others=not replaces_all)


def _solve_python(context: PlanningContext, spec: MatchSpec) -> Solution:
    from minicon.api.plan.solving import make_solve_request, solve

    return solve(context, replace(make_solve_request(context), specs=(spec,), history=()))


def _plan(context: PlanningContext, solution: Solution, question: Question | None = None) -> Plan:
    request, services = context.request, context.services
    transaction = _transaction(context, solution)
    _refuse_disallowed(services, transaction.link)
    _refuse_two_sources(solution.records, transaction.link)
    from_lines = () if request.action == "remove" else request.packages.from_pip.pip_requirements
    by_pip = (*from_lines, *solution.pip_requirements)
    if by_pip and not services.settings.build_from_source:
        raise SolveError(
            "no-build",
            f"{by_pip[0]} has to be built, and build_from_source is false (--no-build)",
            hint="request a wheel, or allow builds: 'minicon config --show-sources "
            "build_from_source' shows what forbids them",
        )
    fetch = () if request.clone_of else services.package_cache.missing(transaction.link)
    return Plan(
        request=request,
        transaction=transaction,
        solution=solution,
        fetch=fetch,
        local=local_packages(services, fetch),
        by_pip=by_pip,
        adopted=tuple(_adopted(context, transaction)),
        index_options=request.packages.from_pip.options,
        notes=_notes(context, solution, transaction),
        source_notes=context.sources.notes,
        keep=question.keep if question else None,
    )


def _adopted(context: PlanningContext, transaction: Transaction) -> Iterator[RepodataRecord]:
    """Yield the requested packages that pip installed and that have no record yet."""
    packages, own = context.request.packages, context.own
    names = [spec.exact_name or "" for spec in packages.specs]
    names += [requirement.name for requirement in packages.requirements]
    named = {*map(normalize_pypi_name, names), *own.named}
    recorded = {path.name for path in context.prefix.record_paths()}
    for each in transaction.unchanged:
        is_unrecorded = each.record.is_installed_by_pip and each.file_name not in recorded
        if is_unrecorded and each.name in named:
            yield each.record


def _transaction(context: PlanningContext, solution: Solution) -> Transaction:
    request = context.request
    requested = request.packages.history_texts
    origins = context.own.origins  # they are requests that no history has to record
    if request.is_exact and not requested:
        answered = [texts for name, texts in solution.requested.items() if name not in origins]
        requested = tuple(text for texts in answered for text in texts)
    now = {str(each) for each in (*request.packages.specs, *request.packages.requirements)}
    named = [name for name, texts in solution.requested.items() if not now.isdisjoint(texts)]
    removing = request.action == "remove"
    recorded = context.recorded
    # Where no request is recorded yet, those that were assumed are recorded with the first change.
    before = {} if recorded else requested_before(context)
    assumed = tuple(text for name, text in before.items() if name not in origins)
    dropped = [name for name in recorded if name not in solution.requested]
    ended = tuple(_ended_requests(context, solution))
    return make_transaction(
        context.prefix,
        solution,
        platform=context.services.settings.platform,
        installed=context.present,
        update_specs=(
            *(assumed or [now for _, now in weakened(recorded, solution.records, origins)]),
            *(() if removing else requested),
        ),
        remove_specs=requested if removing else dropped if request.prune else ended,
        reinstall=named if request.force_reinstall else (),
    )


def _refuse_disallowed(services: Services, records: Iterable[RepodataRecord]) -> None:
    """Refuse a change that would link a package of ``disallowed_packages``.

    As in conda, the setting does not influence the choice: the packages that were chosen are
    checked. Installed ones may stay.

    Args:
        services: Settings and channels.
        records: What would be linked.

    Raises:
        SpecError: The setting holds a text that is no spec.
        SolveError: Reference ``package-disallowed``.
    """
    texts = services.settings.disallowed_packages
    if not texts:
        return
    from minicon.models.match_spec.spec import MatchSpec

    disallowed = services.with_channels(map(MatchSpec, texts))
    for record in records:
        for text, spec in zip(texts, disallowed, strict=True):
            if spec.matches(record):
                raise SolveError(
                    "package-disallowed",
                    f"{record.dist_name} would be installed, and the configuration disallows it",
                    context=f"disallowed_packages: {text}",
                    hint="request another package; 'minicon config --show-sources "
                    "disallowed_packages' shows which file says so",
                )


def _refuse_two_sources(records: Sequence[RepodataRecord], link: Sequence[RepodataRecord]) -> None:
    """Refuse a change after which a wheel and a conda package would contain one Python project.

    The solver chooses one source for each project; locks, exact files and what was installed
    before need not.

    Args:
        records: All packages after the change.
        link: Those that it links.

    Raises:
        Unsatisfiable: Reference ``two-sources``.
    """
    wheels = [record for record in records if record.source == "pypi"]
    conda = {
        record.name: record
        for record in records
        if record.source == "conda" and any(text.split()[0] == "python" for text in record.depends)
    }
    if not (wheels and conda):
        return
    from minicon.models.package_names import NameMap

    names, new = NameMap.built_in(), frozenset(link)
    for wheel in wheels:
        for other in map(conda.get, names.conda_names(wheel.name)):
            if other is not None and {wheel, other} & new:
                raise Unsatisfiable(
                    "two-sources",
                    f"{wheel.name} {wheel.version} from PyPI and {other.dist_name} from "
                    f"{other.channel} contain the same Python project",
                    hint=f"request only one of them: {wheel.name} or {other.name}",
                )


def _notes(
    context: PlanningContext, solution: Solution, transaction: Transaction
) -> tuple[str, ...]:
    """Return what a user should know about a plan, one sentence each."""
    return (
        *_uninstalled_by_pip(context, solution),
        *_replaced_origins(context),
        *_outdated_requests(context, transaction),
        *solution_notes(context.request.packages, solution),
    )


def solution_notes(requested: RequestedPackages, solution: Solution) -> Iterator[str]:
    """Yield what a user should know about a solution, whatever it is for, one sentence each."""
    yield from _unknown_extras(requested.specs, solution.records)
    yield from solution.notes
    yield from channel_notes(requested.requirements, solution)
    yield from build_notes(solution.pip_requirements)


def _uninstalled_by_pip(context: PlanningContext, solution: Solution) -> Iterator[str]:
    """Yield a sentence for each wheel that the user uninstalled with pip: its request ends."""
    if not context.prefix.is_environment or context.request.is_exact:
        return
    from minicon.prefix.environment.site_packages import uninstalled_wheels

    chosen = {record.name for record in solution.records}
    ended = _ended_requests(context, solution)
    for record in uninstalled_wheels(context.prefix):
        was = f"{record.name} {record.record.version} was uninstalled by pip"
        parents = [reason.parent for reason in solution.reasons.get(record.name, ())]
        if record.name in chosen and all(parents):
            because = f", because {parents[0]} needs it" if parents else ""
            yield f"{was}; it is installed again{because}"
        elif record.name in ended:
            yield f"{was}: it is no longer requested"


def _ended_requests(context: PlanningContext, solution: Solution) -> list[str]:
    """Return the names of requested packages that pip uninstalled, and that stay so."""
    present = {record.name for record in context.present}
    requested = solution.requested
    return [name for name in context.recorded if name not in present and name not in requested]


def _replaced_origins(context: PlanningContext) -> Iterator[str]:
    """Name what came from a directory, a file or a repository, and will be another package."""
    own = context.own
    refreshed = {each.requirement.name for each in context.request.packages.from_pip.requirements}
    for name in sorted(own.replaced - refreshed):
        yield f"{name} came from {own.origins[name].url}: another package replaces it"


def _outdated_requests(context: PlanningContext, transaction: Transaction) -> Iterator[str]:
    """Yield a sentence if an update of everything goes beyond what was requested earlier."""
    if context.request.update_policy is not UpdatePolicy.UPDATE_ALL or context.request.prune:
        return
    named = set(context.request.packages.names)
    earlier = {name: text for name, text in context.recorded.items() if name not in named}
    beyond = [text for text, _ in weakened(earlier, transaction.link, context.own.origins)]
    if beyond:
        yield (
            f"the update goes beyond requests of earlier commands: {', '.join(beyond)}; "
            "it never goes beyond pinned_packages"
        )


def _unknown_extras(specs: Sequence[MatchSpec], records: Sequence[RepodataRecord]) -> Iterator[str]:
    """Name extras that a chosen build does not have: they add nothing, without error (CEP 44)."""
    requested = {spec.exact_name: spec.extras for spec in specs if spec.extras}
    for record in records if requested else ():
        known = record.extra_depends
        for extra in requested.get(record.name, ()) if record.source == "conda" else ():
            if extra not in known:
                others = f"it has {', '.join(sorted(known))}" if known else "it has none"
                yield f"{record.name} {record.version} has no extra {extra}; {others}"


def channel_notes(requirements: Sequence[Requirement], solution: Solution) -> Iterator[str]:
    """Yield one sentence for each project that a channel's build provides instead of a wheel."""
    texts = {str(requirement): requirement.name for requirement in requirements}
    wheels = {record.name for record in solution.records if record.source == "pypi"}
    for record in solution.records if texts else ():
        names = [texts[each] for each in solution.requested.get(record.name, ()) if each in texts]
        reasons = solution.reasons.get(record.name, ())
        parents = [each.parent for each in reasons if each.parent and each.parent not in wheels]
        if names and parents and record.source != "pypi":
            yield (
                f"{names[0]} comes from a channel, not from PyPI: "
                f"{parents[0]} depends on {record.name} {record.version}"
            )


def build_notes(requirements: Sequence[PipRequirement]) -> Iterator[str]:
    """Yield one sentence for each project that has only a source distribution."""
    for requirement in requirements:
        if requirement.location or " @ " in requirement.text:
            continue  # the user, or a lock, chose what is built
        line = str(requirement).partition("\n")[0].removesuffix("\\").strip()
        yield f"{line} has no wheel that fits: pip has to build it from source, which may fail"
