"""Python projects as variables of the search.

None of them is a package; their names begin with ``(pypi)`` and end with ``]``::

    python-multipart ≥ 0.0.7 is required
             │
             ▼
    requirement [python-multipart>=0.0.7] ──► project [python-multipart] ──► conda package
             │     one candidate for each           (conda, installed or      (no wheel beside it)
             │     provider that can meet it         wheel: one for all)
             ▼
    wheels [python-multipart] ──► python, requirement […], extra […], …
          one candidate per release and python minor; its metadata is read when it is about to be
          chosen, and becomes clauses then

Nothing looks a project up in the package index before the search has to choose among its wheels.
"""

from __future__ import annotations

from functools import partial

from minicon.models.match_spec.spec import parse_dependency
from minicon.solver.candidates.candidate_table import (
    EXTRA,
    INSTALLED_WHEEL,
    LIMIT,
    MISSING,
    PROJECT,
    REQUIREMENT,
    plain_table,
)
from minicon.solver.candidates.candidates import Candidates, domain_text, members
from minicon.solver.joint.pypi_constraints import for_versions
from minicon.solver.joint.requirements import (
    CondaBuilds,
    CondaRequirement,
    InstalledWheel,
    ProjectRequirement,
)
from minicon.solver.joint.wheel_offers import Offer, WheelOffers, wheels_of
from minicon.solver.search.clauses import Demand
from minicon.solver.search.demands import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from packaging.version import Version

    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.candidates.candidate_table import CandidateTable
    from minicon.solver.joint.candidate_needs import CandidateNeeds
    from minicon.solver.joint.projects import Projects
    from minicon.solver.joint.pypi_constraints import Limit
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.joint.requirements import AnyRequirement, Choice
    from minicon.solver.search.conda_subproblem import CondaModel

#: Providers of a project beside the names of conda packages.
WHEEL, INSTALLED = "@wheel", "@installed"


class _Compiled(Candidates):
    """The candidates of one of these variables."""

    __slots__ = ("_accept",)

    def __init__(
        self,
        table: CandidateTable,
        read: Callable[[int], Iterable[tuple[str, str]]] | None = None,
        accept: Callable[[str], int] | None = None,
    ) -> None:
        super().__init__(table, ())
        self.read = read
        self._accept = accept

    def matching(self, text: str) -> int:
        """The candidates that a requirement accepts, by its text; ``*`` accepts all."""
        if text[0] == "#":
            return super().matching(text)
        known = self._matching.get(text)
        if known is None:
            accept = self._accept
            known = self.all if accept is None or text == "*" else accept(text)
            self._matching[text] = known
        return known


def project(name: str) -> str:
    """The variable for the provider of a project."""
    return f"{PROJECT}[{name}]"


class ProjectVariables:
    """Finds the candidates of these variables; each is compiled once.

    Args:
        projects: Looks projects up.
        needs: Evaluates what their candidates require.
        source: The conda packages.
        providers: Per project, what can provide it, best first: ``WHEEL``, ``INSTALLED``, or the
            name of a conda package.

    Attributes:
        wheels: The wheels of projects.
        requirements: The requirements by the names of their variables.
    """

    def __init__(
        self,
        projects: Projects,
        needs: CandidateNeeds,
        source: CandidateSource,
        providers: Callable[[str], Sequence[str]],
    ) -> None:
        self._projects = projects
        self._needs = needs
        self._source = source
        self._order_of = providers
        self._providers: dict[str, Sequence[str]] = {}
        self._makers: dict[str, Callable[[str], Candidates]] = {}
        self.wheels = WheelOffers(projects)
        self.requirements: dict[str, ProjectRequirement] = {}
        source.set_projects(self.candidates)

    def knows(self, name: str) -> bool:
        """Whether something required a variable so far."""
        return name in self._makers

    def forget(self, ordered: Iterable[str]) -> None:
        """Forget all candidates, since there are others, and the order of some projects' ones."""
        self.wheels.forget(ordered)
        self._source.set_projects(self.candidates)

    def candidates(self, name: str) -> Candidates:
        """The candidates of a variable."""
        return self._makers[name](name)

    def variable(self, requirement: ProjectRequirement) -> str:
        """The variable that must be present for a requirement to be met."""
        if requirement.extra:
            name = f"{EXTRA}[{requirement.name}[{requirement.extra}]]"
            make: Callable[[str], Candidates] = partial(
                self._extra, requirement.name, requirement.extra
            )
        else:
            name = f"{REQUIREMENT}[{requirement.name}{_versions(requirement)}]"
            make = partial(self._requirement, requirement)
        if name not in self._makers:
            self._makers[name] = make
            self.requirements[name] = requirement
            self._makers[project(requirement.name)] = partial(self._project, requirement.name)
            self._makers[wheels_of(requirement.name)] = partial(self._wheels, requirement.name)
            self._projects.note(requirement)
        return name

    def demands(self) -> Iterator[Demand]:
        """The pins and constraints on projects."""
        for limit in self._projects.constraints.all:
            name = self._limit(limit)
            if limit.spec.when is not None:
                name = self._source.conditional(limit.spec, target=name)
            yield Demand(name, 1, Origin(limit.kind, str(limit.spec), limit.spec))

    def _limit(self, limit: Limit) -> str:
        """The variable whose presence enforces a pin or constraint."""
        name = f"{LIMIT}[the {limit.kind.value} {limit.spec}]"
        self._makers[name] = _one
        return name

    def choice(self, name: str, model: CondaModel) -> Choice | None:
        """The candidate of a project in a model; None if nothing in it provides the project."""
        position = model.positions.get(project(name))
        if position is None:
            return None
        provider = self._of(name)[position]
        if provider == INSTALLED:
            return self._projects.installed_wheel(name)
        if provider == WHEEL:
            return self.wheels.choice(name, model.positions[wheels_of(name)])
        return CondaBuilds(name, provider, 1 << model.positions[provider])

    def _of(self, name: str) -> Sequence[str]:
        known = self._providers.get(name)
        if known is None:
            known = self._providers[name] = self._order_of(name)
        return known

    def _requirement(self, requirement: ProjectRequirement, name: str) -> Candidates:
        """One candidate for each provider that can meet a requirement."""
        own = requirement.name
        found: list[str] = []
        needs: list[tuple[str, str, int]] = []
        for position, provider in enumerate(self._of(own)):
            bit = 1 << len(found)
            if provider == WHEEL:
                more = (wheels_of(own), name, bit)
            elif provider == INSTALLED:
                kept = self._projects.installed_wheel(own)
                if kept is None or not requirement.accepts(kept.version):
                    continue
                more = (self._installed_name(kept), "*", bit)
            else:
                accepted = self._projects.builds_accepted(own, provider, [requirement])
                if not accepted:
                    continue
                more = (provider, domain_text(accepted), bit)
            needs += [(project(own), f"#{position}", bit), more]
            found.append(provider)
        return _Compiled(_of_providers(name, found)._replace(dependencies=tuple(needs)))

    def _project(self, own: str, name: str) -> Candidates:
        """One candidate for each provider; where a wheel provides it, no conda package may."""
        needs: list[tuple[str, str, int]] = []
        limits: list[tuple[str, str, int]] = []
        providers = self._of(own)
        excluded = self._projects.excluded_by_wheel(own)
        for position, provider in enumerate(providers):
            bit = 1 << position
            if provider == WHEEL:
                needs.append((wheels_of(own), "*", bit))
            elif provider == INSTALLED:
                kept = self._projects.installed_wheel(own)
                assert kept is not None
                needs.append((self._installed_name(kept), "*", bit))
            else:
                every = domain_text(self._source.candidates(provider).all)
                needs.append((provider, every, bit))
                continue
            limits += [(other, "#0x0", bit) for other in excluded]
        table = _of_providers(name, providers)
        return _Compiled(table._replace(dependencies=tuple(needs), constrains=tuple(limits)))

    def _installed_name(self, kept: InstalledWheel) -> str:
        name = f"{INSTALLED_WHEEL}[{kept.name}]"
        self._makers[name] = partial(self._installed, kept)
        return name

    def _installed(self, kept: InstalledWheel, name: str) -> Candidates:
        """The installed wheel, with what its record says."""
        own = kept.name
        needs = [(*self._target(each), 1) for each in self._needs.of(kept)]
        constraints = self._projects.constraints
        forbidden = constraints.forbidding(own, kept.version)
        if constraints.exempt(kept):
            forbidden = [each for each in forbidden if each.spec.when is not None]
        limits = [(self._limit(limit), "#0x0", 1) for limit in forbidden]
        table = plain_table(name, (str(kept.version),))
        table = table._replace(dependencies=tuple(needs), constrains=tuple(limits))
        found = _Compiled(table, accept=partial(_accept_version, kept.version))
        found.carriers = self._projects.names_in_channels(own)
        return found

    def _wheels(self, own: str, name: str) -> Candidates:
        """One candidate per release and python minor, then the same to be built by pip."""
        limits: dict[Limit, int] = {}
        constraints = self._projects.constraints
        for version, positions in self.wheels.positions(own) if constraints.concern(own) else ():
            for limit in constraints.forbidding(own, version):
                limits[limit] = limits.get(limit, 0) | positions
        table = plain_table(name, self.wheels.versions(own))
        table = table._replace(
            dependencies=tuple(
                ("python", domain_text(minor.allowed), bits)
                for minor, bits in self.wheels.by_minor(own)
            ),
            constrains=tuple((self._limit(limit), "#0x0", bits) for limit, bits in limits.items()),
        )
        found = _Compiled(table, partial(self._read, own), partial(self._accept, own))
        found.defers = partial(self.wheels.is_built, own)
        found.carriers = self._projects.names_in_channels(own)
        return found

    def _accept(self, own: str, text: str) -> int:
        """The wheels of a project that a requirement accepts, by the name of its variable.

        Another text is the MatchSpec of a conda package that limits the project.
        """
        requirement = self.requirements.get(text)
        if requirement is not None:
            return self.wheels.accepted(own, requirement)
        limit = for_versions(parse_dependency(text))
        positions = self.wheels.positions(own)
        return sum(bits for version, bits in positions if limit and limit.accepts(version))

    def _read(self, own: str, position: int) -> Iterator[tuple[str, str]]:
        """What one of a project's wheels requires, by its metadata."""
        choice = self.wheels.choice(own, position)
        if choice is None:
            offer = self.wheels.offer(own, position)
            yield self._missing(offer), "*"
            return
        for each in self._needs.of(choice):
            yield self._target(each)

    def _missing(self, offer: Offer) -> str:
        """A variable without candidates, required by wheels that do not exist."""
        what = "need to build it" if offer.is_source else f"wheel for python {offer.minor.text}"
        name = f"{MISSING}[{what}]"
        self._makers[name] = _nothing
        return name

    def _target(self, requirement: AnyRequirement) -> tuple[str, str]:
        """A requirement as the name and the text of a dependency."""
        if isinstance(requirement, CondaRequirement):
            return requirement.name, domain_text(requirement.allowed)
        return self.variable(requirement), "*"

    def _extra(self, own: str, extra: str, name: str) -> Candidates:
        """An extra of a project: each candidate requires one candidate of the project."""
        choices: list[tuple[Choice | int, PythonMinor]] = []
        needs: list[tuple[str, str, int]] = []
        for position, provider in enumerate(self._of(own)):
            for choice, minor, target in self._extended(own, provider):
                bit = 1 << len(choices)
                needs += [(project(own), f"#{position}", bit), (*target, bit)]
                needs.append(("python", domain_text(minor.allowed), bit))
                choices.append((choice, minor))
        table = plain_table(name, [self._version(own, choice) for choice, _ in choices])
        table = table._replace(dependencies=tuple(needs))
        found = _Compiled(table, partial(self._read_extra, own, extra, choices))
        found.defers = partial(self._defers_extra, own, choices)
        return found

    def _extended(
        self, own: str, provider: str
    ) -> Iterator[tuple[Choice | int, PythonMinor, tuple[str, str]]]:
        """The candidates of a project by one provider, their pythons, and what stands for them."""
        if provider == WHEEL:
            for position in range(len(self.wheels.versions(own))):
                offer = self.wheels.offer(own, position)
                yield position, offer.minor, (wheels_of(own), f"#{position}")
            return
        for minor in self._projects.pythons.minors:
            if provider == INSTALLED:
                kept = self._projects.installed_wheel(own)
                assert kept is not None
                yield kept, minor, (self._installed_name(kept), "*")
                continue
            candidates = self._source.candidates(provider)
            builds = self._projects.builds_accepted(own, provider, ())
            for version in candidates.versions_in(builds):
                same = candidates.of_version(candidates.table.versions.index(version)) & builds
                yield CondaBuilds(own, provider, same), minor, (provider, domain_text(same))

    def _version(self, own: str, choice: Choice | int) -> str:
        if isinstance(choice, int):
            return str(self.wheels.offer(own, choice).release.version)
        if isinstance(choice, CondaBuilds):
            candidates = self._source.candidates(choice.conda_name)
            return candidates.table.versions[next(members(choice.allowed))]
        return str(choice.version)

    def _defers_extra(
        self, own: str, choices: Sequence[tuple[Choice | int, PythonMinor]], position: int
    ) -> bool:
        choice = choices[position][0]
        return isinstance(choice, int) and self.wheels.is_built(own, choice)

    def _read_extra(
        self,
        own: str,
        extra: str,
        choices: Sequence[tuple[Choice | int, PythonMinor]],
        position: int,
    ) -> Iterator[tuple[str, str]]:
        choice, minor = choices[position]
        found = self.wheels.choice(own, choice) if isinstance(choice, int) else choice
        if found is not None:
            for each in self._needs.of_extra(self._needs.extra_of(found, extra, minor)):
                yield self._target(each)


def _versions(requirement: ProjectRequirement) -> str:
    """The versions that a requirement accepts, as its author wrote them."""
    if requirement.spec is None:
        return str(requirement.specifier or "")
    return str(requirement.spec).removeprefix(requirement.spec.exact_name or "")


def _of_providers(name: str, providers: Sequence[str]) -> CandidateTable:
    """A table with one candidate for each provider."""
    return plain_table(name, ("0",) * len(providers))._replace(builds=tuple(providers))


def _accept_version(version: Version, text: str) -> int:
    """Whether the MatchSpec of a conda package accepts the version of an installed wheel."""
    limit = for_versions(parse_dependency(text))
    return int(limit is not None and limit.accepts(version))


def _one(name: str) -> Candidates:
    return _Compiled(plain_table(name, ("0",)))


def _nothing(name: str) -> Candidates:
    return _Compiled(plain_table(name, ()))
