"""Own packages: what was installed from a directory, a file or a repository, in a new request.

::

    request ─┐            lines that name an origin: installed already, or to be built again
    origins ─┴─> settle ─ names of own packages:      they stay, or an update builds them again
                          all others:                 they stay

Another project of the same name never replaces one of them, unless the request names a version
that only the other has.
"""

from __future__ import annotations

from pathlib import Path

from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.package_names import normalize_pypi_name
from minicon.models.prefix_record import PrefixRecord
from minicon.models.records import RepodataRecord
from minicon.models.version import python_minor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from packaging.requirements import Requirement

    from minicon.api.plan.request import ChangeRequest
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.prefix.environment.origins import Origin
    from minicon.prefix.environment.prefix import Prefix
    from minicon.pypi.requirements.requirements import RequirementSet
    from minicon.solver.request import Solution


@dataclass(frozen=True, slots=True, kw_only=True)
class OwnPackages:
    """The packages of an environment that have an origin, by what a request does with them.

    Attributes:
        origins: All of them, by package name.
        named: Names of those that the request names, and that satisfy it.
        rebuilt: Names of those that pip builds again.
        lines: What pip builds again because the request updates it.
        replaced: Names of those that the request replaces by other packages.
    """

    origins: Mapping[str, Origin] = field(default_factory=dict)
    named: frozenset[str] = frozenset()
    rebuilt: frozenset[str] = frozenset()
    lines: tuple[PipRequirement, ...] = ()
    replaced: frozenset[str] = frozenset()

    @property
    def kept(self) -> frozenset[str]:
        """Names of packages that the request names and that pip does not build again."""
        return self.named - self.rebuilt

    @property
    def held(self) -> frozenset[str]:
        """Names of packages that no other project may replace."""
        return frozenset(self.origins) - self.replaced

    def requirements(self, installed: Iterable[PrefixRecord]) -> RequirementSet:
        """Return the wheels among them as the only files of their projects; the others for pip."""
        from minicon.pypi.requirements.requirements import RequirementSet

        if not self.origins:
            return RequirementSet()
        from minicon.models.environment_files.pip_requirement import PipRequirement
        from minicon.models.indexes.wheel_index import DistributionFile
        from minicon.pypi.requirement_syntax import parse_requirement
        from minicon.pypi.requirements.requirements import IndexRequirement

        return RequirementSet(
            requirements=tuple(
                IndexRequirement(
                    requirement=parse_requirement(f"{each.name}=={each.record.version}"),
                    direct=DistributionFile(
                        filename=each.record.fn, url=each.record.url, sha256=each.record.sha256
                    ),
                )
                for each in installed
                if each.name in self.held and each.record.url
            ),
            pip_requirements=tuple(
                PipRequirement(text=each.source, name=each.name, location=each.location)
                for each in self.origins.values()
            ),
        )


def settle(
    request: ChangeRequest, prefix: Prefix, present: Sequence[PrefixRecord]
) -> tuple[ChangeRequest, OwnPackages]:
    """Decide what a request means for own packages.

    Args:
        request: The request.
        prefix: The environment.
        present: Its packages.

    Returns:
        The request without what is installed already, with lines that build again what is updated;
        and the own packages.

    Raises:
        SpecError: A package is to be built again, and its directory or file is missing.
    """
    if request.action == "create" or not present:
        return request, OwnPackages()
    from minicon.prefix.environment.origins import read_origins

    origins = read_origins(prefix.path, present)
    recorded = {each.name for each in prefix.readable_records()}
    by_hand = {r.name for r in present if r.record.is_installed_by_pip and r.name not in recorded}
    is_solved = request.action != "remove" and not request.is_exact
    if not is_solved or not (origins or by_hand or request.packages.from_pip.pip_requirements):
        return request, OwnPackages(origins=origins)
    return _Settling(request, origins, by_hand, prefix, present).result()


class _Settling:
    """One request, sorted by what it does with each own package."""

    def __init__(
        self,
        request: ChangeRequest,
        origins: Mapping[str, Origin],
        by_hand: Collection[str],
        prefix: Prefix,
        present: Sequence[PrefixRecord],
    ) -> None:
        self._request = request
        self._origins = origins
        self._prefix = prefix
        self._present = {each.name: each for each in present}
        self._records = {each.name: each.record for each in present}
        self._by_project = {normalize_pypi_name(name): name for name in (*origins, *by_hand)}
        self._named: set[str] = set()
        self._updated: set[str] = set()
        self._rebuilt: set[str] = set()
        self._replaced: set[str] = set()

    def result(self) -> tuple[ChangeRequest, OwnPackages]:
        packages = self._request.packages
        from_pip = packages.from_pip
        specs = tuple(spec for spec in packages.specs if not self._keeps_spec(spec))
        requirements = tuple(
            each
            for each in from_pip.requirements
            if each.direct is not None
            or each.requirement.extras
            or not self._keeps_requirement(each.requirement)
        )
        for each in from_pip.requirements:
            name = self._by_project.get(normalize_pypi_name(each.requirement.name), "")
            if each.direct and name in self._origins:
                self._replaced.add(name)
        by_pip = tuple(self._unsettled(from_pip.pip_requirements))
        from_pip = replace(from_pip, requirements=requirements, pip_requirements=by_pip)
        updates = self._updates()
        from_pip = from_pip.merged_with(replace(updates, pip_requirements=()))
        packages = replace(packages, specs=specs, from_pip=from_pip)
        own = OwnPackages(
            origins=self._origins,
            named=frozenset(self._named),
            rebuilt=frozenset(self._rebuilt),
            lines=updates.pip_requirements,
            replaced=frozenset(self._replaced),
        )
        return replace(self._request, packages=packages), own

    def _keeps_spec(self, spec: MatchSpec) -> bool:
        name = self._by_project.get(normalize_pypi_name(spec.exact_name or ""))
        if name is None:
            return False
        has_source = spec.channel is not None or spec.url is not None
        is_met = not has_source and spec.replace(name=name).matches(self._records[name])
        return self._keeps(name, is_met=is_met)

    def _keeps_requirement(self, requirement: Requirement) -> bool:
        name = self._by_project.get(normalize_pypi_name(requirement.name))
        if name is None:
            return False
        version = self._records[name].version
        return self._keeps(name, is_met=requirement.specifier.contains(version, prereleases=True))

    def _keeps(self, name: str, *, is_met: bool) -> bool:
        """Note what a spec means for a package; return whether that is no task for the solver."""
        is_updated = self._request.action == "update" or self._request.force_reinstall
        if name not in self._origins:  # pip installed it from an index, by hand
            self._named.update([name] if is_met and not is_updated else [])
            return is_met and not is_updated
        if not is_met:
            self._replaced.add(name)
        elif is_updated:
            self._updated.add(name)
        else:
            self._named.add(name)
        return is_met

    def _unsettled(self, lines: Iterable[PipRequirement]) -> Iterator[PipRequirement]:
        """Yield the lines that pip has to build, each with its project's name if it is known."""
        for line in lines:
            origin = next((each for each in self._origins.values() if each.is_of(line)), None)
            name = origin.name if origin else line.name
            if name in self._records and self._is_settled(line, self._records[name], origin):
                self._named.add(name)
                continue
            if name in self._records:
                self._rebuilt.add(name)
            yield replace(line, name=name)

    def _is_settled(
        self, line: PipRequirement, record: RepodataRecord, origin: Origin | None
    ) -> bool:
        """Whether a package is what pip would build for a line."""
        if self._request.force_reinstall:
            return False
        if origin is None:
            return record.is_installed_by_pip and _is_met(line, record)
        is_same = not origin.has_changed()
        return is_same and (not line.extras or self._has_extras(origin.name, line.extras))

    def _has_extras(self, name: str, extras: Iterable[str]) -> bool:
        """Whether what some extras of a package require is installed."""
        from minicon.prefix.environment.site_packages import requires_dist
        from minicon.pypi.requirement_syntax import valid_requirements
        from minicon.solver.joint.markers import applies, marker_environment

        python = self._records.get("python")
        environment = marker_environment(python.version if python else "3", "")
        projects = {normalize_pypi_name(each): each for each in self._records}
        texts = requires_dist(self._prefix, self._present[name])
        return all(
            normalize_pypi_name(each.name) in projects
            for each in valid_requirements(texts)
            for extra in extras
            if applies(each, environment, extra)
        )

    def _updates(self) -> RequirementSet:
        """Return what installs updated packages again from where they came."""
        from minicon.pypi.requirements.requirement_files import parse_requirements

        lines = [self._origins[name].source for name in sorted(self._updated)]
        wheels = {name for name in self._updated if self._records[name].url}
        self._rebuilt |= self._updated - wheels
        self._replaced |= wheels  # by what the file is now
        return parse_requirements(lines, folder=Path.cwd(), origin="update")


def _is_met(line: PipRequirement, record: RepodataRecord) -> bool:
    """Whether a line names a project, and the installed version fits."""
    from minicon.pypi.requirement_syntax import valid_requirements

    text = line.text.splitlines()[-1].partition(" --")[0]
    return any(
        each.url is None and each.specifier.contains(record.version, prereleases=True)
        for each in valid_requirements([text])
    )


def with_dependencies(
    present: Sequence[PrefixRecord], *, platform: str, without: Iterable[str] = ()
) -> tuple[PrefixRecord, ...]:
    """Add to what pip installed the dependencies that are satisfied, so that a solve keeps them.

    Args:
        present: Packages of an environment.
        platform: Its subdir.
        without: Names of packages whose dependencies will be others.
    """
    if not any(each.record.is_installed_by_pip for each in present):
        return tuple(present)
    from minicon.api.dependency_graph import DependencyGraph

    graph = DependencyGraph(present, platform=platform)
    unmet = set(graph.unmet({}))
    return tuple(
        each
        if not each.record.is_installed_by_pip or each.name in without
        else _depending(
            each,
            [
                edge.spec
                for edge in graph.dependencies(each.name)
                if edge not in unmet and edge.name != "python"  # see CandidateNeeds
            ],
        )
        for each in present
    )


def _depending(installed: PrefixRecord, texts: Sequence[str]) -> PrefixRecord:
    from minicon.api.dependency_graph import parsed_dependency

    record = installed.record
    depends = [text for text in texts if parsed_dependency(text) is not None]
    changed = RepodataRecord(
        {**record.data, "depends": depends},
        channel=record.channel,
        subdir=record.subdir,
        fn=record.fn,
        url=record.url,
        source=record.source,
    )
    return PrefixRecord(changed, files=installed.files, paths=())


def after_solving(
    own: OwnPackages, solution: Solution, present: Sequence[PrefixRecord]
) -> Solution:
    """Leave out what pip builds again, and add what it has to build for another python.

    Args:
        own: The own packages.
        solution: Of the request.
        present: Packages of the environment.

    Raises:
        SpecError: A directory or a file that a package came from is missing.
    """
    records = {record.name: record for record in solution.records}
    before = next((each.record for each in present if each.name == "python"), None)
    moved: list[Origin] = []
    after = records.get("python")
    if before and after and python_minor(before.version) != python_minor(after.version):
        built = [name for name in own.held if name in records and not records[name].url]
        moved = [own.origins[name] for name in sorted(set(built) - own.rebuilt)]
    lost = own.rebuilt | {origin.name for origin in moved}
    if not lost:
        return solution
    return replace(
        solution,
        records=tuple(record for record in solution.records if record.name not in lost),
        pip_requirements=(*solution.pip_requirements, *own.lines, *_built_again(moved)),
    )


def _built_again(origins: Iterable[Origin]) -> Iterator[PipRequirement]:
    from minicon.pypi.requirements.requirement_files import parse_requirements

    for origin in origins:
        found = parse_requirements([origin.requirement], folder=Path.cwd(), origin=origin.name)
        yield from (replace(each, name=origin.name) for each in found.pip_requirements)
