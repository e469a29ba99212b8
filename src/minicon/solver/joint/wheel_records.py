"""Records of chosen wheels, their dependencies by the names of packages in the solution."""

from __future__ import annotations

import functools

from minicon.models.environment_files.pip_requirement import PipRequirement
from minicon.solver.joint.requirements import (
    CONDA,
    PIP,
    CondaBuilds,
    ExtraCandidate,
    InstalledWheel,
    ProjectRequirement,
    SourceOnly,
    Wheel,
)
from minicon.solver.request import Reason

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.project_provider import ProjectProvider
    from minicon.solver.joint.requirements import AnyCandidate
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaModel


class WheelRecords:
    """Records of the wheels in the result of a resolution.

    Args:
        request: The request.
        provider: Knows the requirements of candidates.
        model: The conda packages.
        mapping: The chosen candidate of each identifier.

    Attributes:
        names: Per Python project, the name of the package that provides it.
    """

    def __init__(
        self,
        request: SolveRequest,
        provider: ProjectProvider,
        model: CondaModel,
        mapping: Mapping[str, AnyCandidate],
    ) -> None:
        self._request = request
        self._provider = provider
        self._model = model
        self._mapping = mapping
        self.names: dict[str, str] = {}
        for candidate in mapping.values():
            if isinstance(candidate, CondaBuilds):
                self.names[candidate.name] = candidate.conda_name
            elif isinstance(candidate, InstalledWheel):
                self.names[candidate.name] = candidate.record.name
            elif isinstance(candidate, Wheel):
                self.names[candidate.name] = candidate.name

    def records(self) -> dict[str, RepodataRecord]:
        """All records of wheels by package name."""
        found: dict[str, RepodataRecord] = {}
        for identifier in sorted(self._mapping):
            candidate = self._mapping[identifier]
            if isinstance(candidate, InstalledWheel):
                found[candidate.record.name] = candidate.record
            elif isinstance(candidate, Wheel):
                record = self._record(candidate)
                found[record.name] = record
                self.names[candidate.name] = record.name
        return found

    def notes(self) -> Iterator[str]:
        """Sentences for the user: which wheels are yanked, and which lack a required extra."""
        for identifier in sorted(self._mapping):
            wheel = self._mapping[identifier]
            if isinstance(wheel, Wheel):
                assert self._request.wheels is not None
                extras = [each.extra for each in self._extras(wheel)]
                yield from self._request.wheels.notes(wheel.release, wheel.file, extras)

    def built(self) -> Iterator[PipRequirement]:
        """What pip has to build: exactly the release whose requirements were resolved."""
        for identifier in sorted(self._mapping):
            source = self._mapping[identifier]
            if isinstance(source, SourceOnly):
                extras = sorted(each.extra for each in self._extras(source))
                brackets = f"[{','.join(extras)}]" if extras else ""
                yield PipRequirement(
                    text=f"{source.name}{brackets}=={source.version}",
                    name=source.name,
                    depends=tuple(self._depends(source)[1:]),
                )

    def _extras(self, wheel: Wheel | SourceOnly) -> list[ExtraCandidate]:
        return [each for each in self._by_name.get(wheel.name, ()) if each.choice == wheel]

    @functools.cached_property
    def _by_name(self) -> dict[str, list[ExtraCandidate]]:
        """The chosen extras by the name of their project."""
        found: dict[str, list[ExtraCandidate]] = {}
        for each in self._mapping.values():
            if isinstance(each, ExtraCandidate):
                found.setdefault(each.choice.name, []).append(each)
        return found

    def reasons(self) -> dict[str, list[Reason]]:
        """Reasons that no record states: extras of conda packages, what pip builds, and pip."""
        found: dict[str, list[Reason]] = {}
        for identifier in sorted(self._mapping):
            candidate = self._mapping[identifier]
            if isinstance(candidate, SourceOnly):
                parent = candidate.name
            elif isinstance(candidate, ExtraCandidate) and isinstance(
                candidate.choice, CondaBuilds
            ):
                parent = candidate.choice.conda_name
            else:
                continue
            for requirement in self._provider.get_dependencies(candidate):
                if isinstance(requirement, ProjectRequirement) and requirement.choice is None:
                    name = self.names.get(requirement.name, requirement.name)
                    found.setdefault(name, []).append(Reason(parent, requirement.text))
        for requirement in self._provider.get_dependencies(self._mapping[CONDA]):
            if isinstance(requirement, ProjectRequirement) and requirement.text == PIP:
                name = self.names.get(requirement.name, requirement.name)
                found.setdefault(name, []).append(Reason("python", PIP))
        return found

    def _record(self, wheel: Wheel) -> RepodataRecord:
        python = self._model.record("python")
        version = wheel.minor.version if python is None else python.version
        assert self._request.wheels is not None
        return self._request.wheels.record_for(
            wheel.release, wheel.file, version, self._depends(wheel)
        )

    def _depends(self, wheel: Wheel | SourceOnly) -> list[str]:
        """The requirements of a distribution and of its chosen extras, as MatchSpecs."""
        texts = {f"python {wheel.minor.text}.*": None}
        sources: list[AnyCandidate] = [wheel, *self._extras(wheel)]
        for source in sources:
            for requirement in self._provider.get_dependencies(source):
                if isinstance(requirement, ProjectRequirement) and requirement.name != wheel.name:
                    name = self.names.get(requirement.name, requirement.name)
                    versions = str(requirement.specifier or "")
                    texts[f"{name} {versions}".strip()] = None
        return list(texts)
