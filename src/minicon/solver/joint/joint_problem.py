"""The part of a request that concerns PyPI: what it demands of the search, and the outcome."""

from __future__ import annotations

from minicon.errors import PackageNotFound, Unsatisfiable
from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.models.package_names import normalize_pypi_name
from minicon.solver.candidates.candidate_table import EXTRA, PYPI
from minicon.solver.candidates.missing_names import no_projects
from minicon.solver.joint.avoidable_builds import AvoidableBuilds
from minicon.solver.joint.candidate_needs import (
    CandidateNeeds,
    project_requirements,
    spec_requirements,
)
from minicon.solver.joint.markers import applies, marker_environment
from minicon.solver.joint.project_provider import ProjectProvider
from minicon.solver.joint.project_variables import (
    INSTALLED,
    WHEEL,
    ProjectVariables,
    project,
)
from minicon.solver.joint.projects import Projects
from minicon.solver.joint.requirements import (
    PIP,
    ProjectRequirement,
    Resolved,
    project_of,
)
from minicon.solver.joint.wheel_offers import wheels_of
from minicon.solver.joint.wheel_records import WheelRecords
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from typing import TypeAlias

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.solver.joint.requirements import AnyCandidate
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel, CondaSubproblem

    Demanded: TypeAlias = tuple["Origin", list["ProjectRequirement"]]


class JointProblem:
    """Resolution of a request's PyPI part together with its conda part.

    Args:
        request: The request.
        conda: Its conda part.
        for_pypi: Specs of the request whose names no channel has, to be met by PyPI.

    Raises:
        PackageNotFound: A requested project, or python, is in no source.
    """

    def __init__(
        self, request: SolveRequest, conda: CondaSubproblem, for_pypi: Sequence[MatchSpec]
    ) -> None:
        self._request = request
        self._conda = conda
        if not conda.source.candidates("python").size:
            raise PackageNotFound(
                "no-python",
                "packages from PyPI need a python, and no source has one",
                hint="add a channel that has python, or the interpreters of this machine: -c host",
            )
        self._projects = Projects(request, conda)
        self._refuse_two_sources()
        self._needs = CandidateNeeds(request, conda.source, self._projects)
        self._by_project = {
            normalize_pypi_name(each.name)
            for each in (*request.requirements, *request.history_requirements)
        }
        self._variables = ProjectVariables(
            self._projects, self._needs, conda.source, self._providers
        )
        self._conditional = [spec for spec in for_pypi if spec.when is not None]
        self._built_by_pip = [
            PipRequirement(text=str(each), name=normalize_pypi_name(each.name))
            for each in request.requirements
            if each.url
        ]
        self._demanded = [*self._of_the_user(for_pypi)]
        names = dict.fromkeys(each.name for _, found in self._demanded for each in found)
        unknown = [name for name in names if not self._projects.exists(name)]
        if unknown:
            raise no_projects(unknown, request)
        kept, self._optional = self._installed()
        self._demanded += kept
        self._builds = AvoidableBuilds(request, conda, self._variables.wheels, [*names])
        self._extend()

    def _refuse_two_sources(self) -> None:
        """A project that is requested from PyPI cannot be requested from a channel too."""
        specs = {each.exact_name: each for each in self._request.specs if each.when is None}
        for requirement in self._request.requirements:
            for name in self._projects.conda_names(normalize_pypi_name(requirement.name)):
                if name in specs:
                    raise Unsatisfiable(
                        "two-sources",
                        f"{name} is requested from a channel ({specs[name]}) and from PyPI "
                        f"({requirement})",
                        hint=f"leave {specs[name]} out to install the wheel, or pypi:{requirement} "
                        "to install the channel's build",
                    )

    def provider(self) -> ProjectProvider:
        """Answers resolvelib's questions."""
        return ProjectProvider(
            self._conda,
            self._model,
            self._required_by,
            self._projects,
            self._variables,
            self._needs,
        )

    def _required_by(self, model: CondaModel) -> list[ProjectRequirement]:
        """The requirements on projects that the walk through a model starts from."""
        found = [each for _, requirements in self._demanded for each in requirements]
        for spec in self._conditional:
            if spec.applies(model.has):
                found += spec_requirements(spec, self._request.wheels)
        return found

    def _extend(self) -> None:
        """Add to the demands of the search what the request demands of projects."""
        variables, source = self._variables, self._conda.source
        demands = [*variables.demands()]
        order: dict[str, None] = {"python": None}
        for origin, requirements in self._demanded:
            for each in requirements:
                name = variables.variable(each)
                demands.append(Demand(name, source.candidates(name).all, origin))
                order.update(dict.fromkeys((name, wheels_of(each.name))))
        for spec in self._conditional:
            for each in spec_requirements(spec, self._request.wheels):
                target = variables.variable(each)
                name = source.conditional(spec.replace(extras=()), target=target)
                demands.append(Demand(name, 1, Origin(Kind.SPEC, str(spec), spec)))
        if self._demanded or self._built_by_pip or self._optional:
            origin = Origin(Kind.WHEEL, "packages from PyPI need python")
            demands.append(Demand("python", source.candidates("python").all, origin))
        self._projects.adopt()
        self._conda.extend(demands, order)

    def _providers(self, name: str) -> Sequence[str]:
        """What can provide a project, best first.

        A project that is requested from PyPI comes from there, unless a conda package that
        carries it is in the solution for another reason.
        """
        projects, request = self._projects, self._request
        conda = projects.conda_names(name)
        from_pypi = name in self._by_project or not request.prefer_conda
        if from_pypi and not projects.updated & {name} and any(map(self._is_installed, conda)):
            from_pypi = False
        found = [WHEEL, *conda] if from_pypi else [*conda, WHEEL]
        kept = projects.installed_wheel(name)
        if kept is None:
            return found
        if name in request.held:  # for another python, a wheel is linked from its file again
            return [INSTALLED, WHEEL] if kept.record.url else [INSTALLED]
        if not projects.may_stay(kept):
            is_last = name not in projects.updated and projects.constraints.exempt(kept)
            return [*found, INSTALLED] if is_last else found
        if name in projects.updated:
            return [*found, INSTALLED]
        frozen = request.update_policy is UpdatePolicy.FREEZE_INSTALLED
        return [INSTALLED] if frozen else [INSTALLED, *found]

    def _is_installed(self, conda_name: str) -> bool:
        return self._conda.source.installed_position(conda_name) is not None

    def _model(self) -> CondaModel:
        """The best conda packages and wheels.

        Installed wheels stay unchanged if possible; if not, those in the conflict need not. The
        same applies to the presence of those that nothing requires.

        Raises:
            Contradiction: The demands contradict each other.
        """
        source = self._conda.source
        soft: dict[Demand, bool] = {}
        for origin, requirements in self._optional:
            name = self._variables.variable(requirements[0])
            soft[Demand(name, source.candidates(name).all, origin)] = False
        soft.update(dict.fromkeys(self._unchanged(), True))
        while (model := self._attempt(soft)) is None:
            pass
        origins = [demand.origin for demand in soft]
        self._demanded += [each for each in self._optional if each[0] in origins]
        return model

    def _attempt(self, soft: dict[Demand, bool]) -> CondaModel | None:
        """The best model; None if there may be one after something was changed or left out.

        Args:
            soft: Demands that need not be met, and whether they are left out before the others.
        """
        try:
            return self._builds.avoided([*soft])
        except Contradiction as contradiction:
            found: Contradiction | None = contradiction
            while found is not None and (adopted := self._projects.adopt()):
                found = self._again(found, adopted)
            if found is None:
                return None
            broken = [each for each in found.demands if each in soft]
            if not broken:
                wide = self._again(found) if self._projects.widen() else None
                raise wide or found from None
            for demand in [each for each in broken if soft[each]] or broken:
                del soft[demand]
            return None

    def _restart(self, ordered: Iterable[str]) -> None:
        """Forget all candidates; those of an extra are others for other pythons."""
        self._variables.forget(ordered)
        self._conda.restart()
        for demand in self._conda.goal.demands:
            if demand.name.startswith(EXTRA):
                demand.allowed = self._conda.source.candidates(demand.name).all

    def _again(
        self, contradiction: Contradiction, ordered: Iterable[str] = ()
    ) -> Contradiction | None:
        """Find a contradiction again after candidates changed; None if it is none any more.

        No other demands are needed than its own and those on conda packages, which exclude
        pythons that are considered now; the result has the latter only if it is about them.

        Args:
            contradiction: It.
            ordered: The projects whose releases come in another order.
        """
        self._restart(ordered)
        goal = self._conda.goal
        demands = [each for each in goal.demands if not each.name.startswith(PYPI)]
        demands += [each for each in contradiction.demands if each.name.startswith(PYPI)]
        search = Search(self._conda.store, self._request.max_seconds)
        try:
            search.run(demands, goal.direct, projects=goal.projects)
        except Contradiction as found:
            return found
        return None

    def _unchanged(self) -> Iterator[Demand]:
        """Installed wheels stay as they are, if their project is in the solution at all."""
        for name, record in self._projects.installed.items():
            variable = project(name)
            providers = self._providers(name)
            if providers[0] == INSTALLED and self._variables.knows(variable):
                allowed = 1 | 1 << len(providers)
                origin = Origin(Kind.WHEEL, f"{name} {record.version} is installed")
                yield Demand(variable, allowed, origin)

    def _of_the_user(self, for_pypi: Sequence[MatchSpec]) -> Iterator[Demanded]:
        """What the user requests of projects, now and earlier."""
        for requirement in self._request.requirements:
            if not requirement.url and self._concerns(requirement):
                text = f"you requested {requirement}"
                origin = self._origin(Kind.SPEC, requirement)
                yield origin, [*project_requirements(requirement, text)]
        for requirement in self._request.history_requirements:
            if not requirement.url and self._concerns(requirement):
                text = f"you requested {requirement} earlier"
                loose = self._projects.loosened(requirement)
                origin = self._origin(Kind.HISTORY, requirement)
                yield origin, [*project_requirements(loose, text)]
        for spec in for_pypi:
            if spec.when is None:
                origin = self._origin_of(spec)
                yield origin, [*spec_requirements(spec, self._request.wheels)]
        if self._adds_pip():
            yield Origin(Kind.WHEEL, PIP), [ProjectRequirement("pip", PIP)]

    def _origin(self, kind: Kind, requirement: Requirement) -> Origin:
        any_version = ProjectRequirement(normalize_pypi_name(requirement.name), "")
        return Origin(kind, str(requirement), loose=self._variables.variable(any_version))

    def _origin_of(self, spec: MatchSpec) -> Origin:
        """The origin of a spec for PyPI; fixes propose other releases of a plain one."""
        if spec.exact_name is None or "[" in str(spec):
            return Origin(Kind.SPEC, str(spec), spec)
        any_version = ProjectRequirement(project_of(spec.exact_name, self._request.wheels), "")
        loose = self._variables.variable(any_version)
        return Origin(Kind.SPEC, str(spec), spec, loose=loose)

    def _adds_pip(self) -> bool:
        """Python depends on pip: of a channel (see CandidateSource), or else on its wheel."""
        request = self._request
        if not request.add_pip or request.wheels is None:
            return False
        if self._conda.source.candidates("pip").size:
            return False
        return "pip" in self._projects.installed or bool(self._projects.releases("pip"))

    def _concerns(self, requirement: Requirement) -> bool:
        """Whether a requirement's marker is true for some possible python."""
        return any(
            applies(requirement, marker_environment(minor.version, self._request.platform))
            for minor in self._projects.pythons.minors
        )

    def _installed(self) -> tuple[list[Demanded], list[Demanded]]:
        """Installed wheels that must stay, since they were requested earlier; and the others."""
        wheels = self._request.wheels
        removed = [project_of(spec.name.text, wheels) for spec in self._request.removals]
        named = {
            *removed,
            *self._by_project,
            *(project_of(spec.exact_name or "", wheels) for spec in self._request.specs),
        }
        history = {project_of(spec.name.text, wheels): spec for spec in self._request.history}
        kept: list[Demanded] = []
        optional: list[Demanded] = []
        for name, record in self._projects.installed.items():
            if name in named:
                continue
            spec = history.get(name)
            if spec is not None:
                origin = Origin(Kind.HISTORY, str(spec), spec)
                loose = self._projects.loosened_spec(spec, record)
                kept.append((origin, [ProjectRequirement(name, origin.sentence, spec=loose)]))
            else:
                text = f"{record.name} {record.version} is installed"
                optional.append((Origin(Kind.WHEEL, text), [ProjectRequirement(name, text)]))
        return kept, optional

    def outcome(self, provider: ProjectProvider, mapping: Mapping[str, AnyCandidate]) -> Resolved:
        """The packages and wheels that were chosen.

        Args:
            provider: The provider of the resolution.
            mapping: resolvelib's result: the chosen candidate of each identifier.
        """
        wheels = WheelRecords(self._request, provider, provider.model(), mapping)
        return Resolved(
            model=provider.model(),
            wheels=wheels.records(),
            names=wheels.names,
            reasons=wheels.reasons(),
            pip_requirements=(*self._built_by_pip, *wheels.built()),
            notes=tuple(wheels.notes()),
        )
