"""Remembered: what an environment was asked for earlier, and what of it a request takes back."""

from __future__ import annotations

from minicon.api.plan.requirements import PYPI_PREFIX, RequestedPackages, split_specs
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from minicon.api.plan.planning import PlanningContext
    from minicon.models.prefix_record import PrefixRecord


def removals_of(question: PlanningContext) -> tuple[MatchSpec, ...]:
    """What is to go; a PyPI requirement names the installed package that provides it."""
    specs = tuple(_as_wheels_are_named(question.asked.specs, question.there))
    if question.asked.requirements:
        there = {normalize_pypi_name(each.name): each.name for each in question.there}
        specs += tuple(_installed_as(each, there) for each in question.asked.requirements)
    return specs


def _as_wheels_are_named(
    specs: Iterable[MatchSpec], there: Iterable[PrefixRecord]
) -> Iterator[MatchSpec]:
    """Specs that name a wheel in another spelling (``typing_extensions``), in the wheel's own."""
    records = {each.name: each.record for each in there}
    wheels = {
        normalize_pypi_name(name): name
        for name, record in records.items()
        if record.source == "pypi"
    }
    for spec in specs:
        name = spec.exact_name
        if name is None or name in records or normalize_pypi_name(name) not in wheels:
            yield spec
        else:
            yield MatchSpec.from_fields(
                **{**spec.to_fields(), "name": wheels[normalize_pypi_name(name)]}
            )


def _installed_as(requirement: Requirement, there: Mapping[str, str]) -> MatchSpec:
    """A requirement as a spec of the package that provides it, by normalised names."""
    from minicon.models.package_names import NameMap

    own = normalize_pypi_name(requirement.name)
    names = (own, *NameMap.built_in().conda_names(own))
    name = next((there[each] for each in names if each in there), requirement.name)
    return MatchSpec.from_fields(name=name, version=str(requirement.specifier) or None)


def history_of(question: PlanningContext) -> RequestedPackages:
    """What was asked for earlier and still holds: not what this request words anew or removes."""
    request = question.request
    if request.prune or request.action == "create":
        return split_specs(())
    anew = {spec.exact_name for spec in question.asked.specs}
    anew |= {requirement.name for requirement in question.asked.requirements}
    texts = requested_before(question)
    there = {record.name: record.record.version for record in question.there}
    return split_specs(
        # A wheel that was named by its place need not be there any more; what it brought is.
        f"{PYPI_PREFIX}{name}=={there[name]}"
        if text.startswith(PYPI_PREFIX) and "/" in text and name in there
        else text
        for name, text in texts.items()
        if name not in anew
    )


def requested_before(question: PlanningContext) -> Mapping[str, str]:
    """What was asked for earlier, by package name.

    Where an environment's maker wrote nothing down, all that no other package needs counts as
    asked for; else removing one package later would take away what was there before it.
    """
    texts = question.prefix.requested_specs()
    if texts or not question.installed:
        return texts
    from minicon.api.inspect.dependency_graph import DependencyGraph

    platform = question.services.settings.platform
    orphans = DependencyGraph(question.installed, platform=platform).orphans()
    from_pypi = {record.name for record in question.installed if record.record.source == "pypi"}
    return {name: f"{PYPI_PREFIX}{name}" if name in from_pypi else name for name in orphans}
