"""From a ChangeRequest to a Plan: ask the sources, solve, decide every link and unlink.

::

    ChangeRequest ─ specs, requirements ─┐
    Sources ─────── record indices ──────┼─> SolveRequest ─> Solution ─> Transaction ─> Plan
    Prefix ──────── installed, pins ─────┘

Nothing here touches the environment.
"""

from __future__ import annotations

from dataclasses import dataclass

from minicon.api.explicit import clone_solution, explicit_entries, explicit_solution
from minicon.api.indices import channel_indices
from minicon.api.preparation import found_interpreters
from minicon.api.request import Plan
from minicon.api.requirements import PYPI_PREFIX, Asked, split_specs
from minicon.api.sources import Sources, choose_sources
from minicon.errors import PrefixError, SolveError
from minicon.models.match_spec import MatchSpec
from minicon.prefix.executor import recover
from minicon.prefix.prefix import Prefix
from minicon.prefix.site_packages import installed_packages
from minicon.prefix.transaction import make_transaction
from minicon.pypi.requirements import PipRequirement
from minicon.solver.request import (
    ChannelPriority,
    Solution,
    SolveRequest,
    Strategy,
    UpdatePolicy,
)
from minicon.solver.resolvelib_solver import CondaSolver

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.api.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord


@dataclass(frozen=True, slots=True, kw_only=True)
class Question:
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
    asked: Asked

    @property
    def installed(self) -> tuple[PrefixRecord, ...]:
        """See the class."""
        return () if self.request.action == "create" else self.there


def make_plan(services: Services, request: ChangeRequest) -> Plan:
    """Decide everything that a request means.

    Raises:
        SolveError: No set of packages does what was asked; the text says why and what would.
        ChannelError: A source cannot be asked.
        SpecError: A spec cannot be read.
        PrefixError: The environment is frozen, or cannot be read.
    """
    question = make_question(services, request)
    _refuse_frozen(question.prefix, request)
    return _plan(question, _solution(question))


def make_question(services: Services, request: ChangeRequest) -> Question:
    """Read the environment and the specs, and choose the sources; nothing is solved yet."""
    recover(request.prefix)
    prefix = Prefix(request.prefix)
    return Question(
        services=services,
        request=request,
        prefix=prefix,
        there=installed_packages(prefix) if prefix.is_environment else (),
        sources=choose_sources(
            services.settings,
            request.channels,
            override=request.override_channels,
            is_reachable=services.channel_client.is_reachable,
        ),
        asked=split_specs(request.specs, request.pip_lines, environ=services.environ),
    )


def _refuse_frozen(prefix: Prefix, request: ChangeRequest) -> None:
    message = prefix.frozen_message()
    if message is not None and not request.override_frozen:
        raise PrefixError(
            "environment-frozen",
            f"{prefix.path} must not be changed: {message}",
            hint="--override-frozen changes it all the same",
        )


def _solution(question: Question) -> Solution:
    request, services = question.request, question.services
    explicit = request.explicit or explicit_entries(request.specs)
    if explicit:
        return explicit_solution(services, explicit, question.installed)
    if request.clone_of is not None:
        return clone_solution(request.clone_of)
    task = services.reporter.start("solve", "environment", None, unit="steps")
    try:
        return CondaSolver().solve(make_solve_request(question))
    except SolveError as error:
        error.context = error.context or _where_was_looked(question)
        raise
    finally:
        task.finish()


def make_solve_request(question: Question) -> SolveRequest:
    """Put specs, sources and the environment's state together as one question."""
    request, sources, asked = question.request, question.sources, question.asked
    services, settings = question.services, question.services.settings
    removing = request.action == "remove"
    history = _history(question)
    requirements = (*asked.requirements, *history.requirements)
    wheels_wanted = bool(requirements) or sources.pypi_for_missing_names
    pins = (*settings.pinned_packages, *question.prefix.pinned_specs()) if request.use_pins else ()
    return SolveRequest(
        specs=() if removing else asked.specs,
        removals=asked.specs if removing else (),
        requirements=requirements,
        channels=channel_indices(services, sources, asked.specs),
        wheels=services.wheel_index(asked.from_pip)
        if wheels_wanted and sources.allow_pypi
        else None,
        wheels_for_missing_names=sources.pypi_for_missing_names,
        installed=() if request.prune else question.installed,
        history=history.specs,
        pins=tuple(MatchSpec(text) for text in pins),
        virtual_packages=services.virtual_packages,
        platform=settings.platform,
        channel_priority=ChannelPriority(settings.channel_priority),
        update_policy=UpdatePolicy(request.update_policy),
        strategy=Strategy.LOWEST if request.lowest else Strategy.HIGHEST,
        exclude_newer=services.exclude_newer,
        no_deps=request.no_deps,
        only_deps=request.only_deps,
        force_reinstall=request.force_reinstall,
        add_pip=settings.add_pip_as_python_dependency,
    )


def _history(question: Question) -> Asked:
    """What was asked for earlier and still holds: not what this request words anew or removes."""
    request = question.request
    if request.prune or request.action == "create":
        return split_specs(())
    anew = {spec.exact_name for spec in question.asked.specs}
    anew |= {requirement.name for requirement in question.asked.requirements}
    texts = question.prefix.requested_specs()
    return split_specs(text for name, text in texts.items() if name not in anew)


def _plan(question: Question, solution: Solution) -> Plan:
    request, services, asked = question.request, question.services, question.asked
    wanted = (*map(str, request.specs), *(f"{PYPI_PREFIX}{r}" for r in asked.from_pip_lines))
    names = {spec.exact_name for spec in asked.specs}
    removing = request.action == "remove"
    transaction = make_transaction(
        question.prefix,
        solution,
        platform=services.settings.platform,
        installed=question.there,
        update_specs=() if removing else wanted,
        remove_specs=wanted if removing else (),
        reinstall={name for name in names if name} if request.force_reinstall else (),
    )
    return Plan(
        request=request,
        transaction=transaction,
        solution=solution,
        fetch=tuple(r for r in transaction.link if services.package_cache.find(r) is None),
        by_pip=(
            *asked.from_pip.pip_requirements,
            *(PipRequirement(text=text) for text in solution.pip_requirements),
        ),
        index_options=asked.from_pip.options,
        channels=question.sources.names,
        notes=_notes(question.sources),
    )


def _notes(sources: Sources) -> tuple[str, ...]:
    instead = " and ".join(sources.names)
    return tuple(
        f"{channel.name} cannot be reached: using {instead} instead" for channel in sources.skipped
    )


def _where_was_looked(question: Question) -> str:
    """Names of the sources; where python was asked for, which interpreters there are."""
    sources = question.sources
    looked = f"looked in {', '.join(sources.names) or 'no source'}"
    if sources.use_host and any(spec.exact_name == "python" for spec in question.asked.specs):
        looked += f"; of python {found_interpreters(question.services)}"
    return looked
