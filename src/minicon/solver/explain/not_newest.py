"""Why packages are not the newest version that the request allows, one sentence for each."""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.models.match_spec.spec import channel_matches
from minicon.models.version import version_key
from minicon.solver.request import LazyReasons, Strategy, UpdatePolicy
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import Search, UndecidedError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from minicon.solver.joint.requirements import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem

#: Up to this size a core need not be minimal: the derivation leaves out what it does not need.
_SMALL_CORE = 3
#: What keeps packages that a request does not name.
_KEEPING = (Kind.HISTORY, Kind.PIN, Kind.PYTHON_MINOR, Kind.INSTALLED)
#: Processor time that the reasons of one package may take.
_SECONDS = 1.0


def _reason_to_keep(demand: Demand) -> str:
    """The sentence of a demand that is not one of this request's specs; else empty."""
    origin = demand.origin
    return origin.sentence if isinstance(origin, Origin) and origin.kind in _KEEPING else ""


class NotNewest(LazyReasons):
    """Per package name, the reason.

    Contains requested packages that are older than the specs on them allow, unless the lowest
    versions were requested, installed packages that are downgraded, and wheels that are older than
    a source distribution. Costs a few searches per package.
    """

    def __init__(
        self,
        request: SolveRequest,
        conda: CondaSubproblem,
        resolved: Resolved,
        among: Collection[str] | None = None,
    ) -> None:
        super().__init__()
        self._among = among
        self._request = request
        self._conda = conda
        self._resolved = resolved
        self._model = resolved.model

    def among(self, names: Collection[str]) -> NotNewest:
        """The same for some packages only."""
        return NotNewest(self._request, self._conda, self._resolved, names)

    def find(self) -> dict[str, str]:
        """See :class:`LazyReasons`."""
        found = {name: self._reason(name, version) for name, version in self._packages()}
        if self._resolved.wheels:
            from minicon.solver.explain.older_wheels import older_wheels

            of_wheels = older_wheels(self._request, self._conda, self._resolved)
            among = self._among
            found |= {name: why for name, why in of_wheels if among is None or name in among}
        return found

    def _packages(self) -> Iterator[tuple[str, str]]:
        """Packages, each with the newer version that could be expected."""
        installed = {each.name: each.record.version for each in self._request.installed}
        lowest = self._request.strategy is Strategy.LOWEST
        low = {spec.exact_name for spec in self._request.specs} if lowest else ()
        direct = list(self._conda.goal.direct)
        if self._request.update_policy is UpdatePolicy.UPDATE_ALL:
            direct += [spec.exact_name for spec in self._request.pins if spec.exact_name]
        for name in dict.fromkeys([*direct, *sorted(installed)]):
            record = self._model.record(name)
            if record is None or (self._among is not None and name not in self._among):
                continue
            if name in low:
                continue
            expected = self._newest_allowed(name) if name in direct else installed[name]
            if expected is not None and version_key(expected) > version_key(record.version):
                yield name, expected

    def _newest_allowed(self, name: str) -> str | None:
        """The newest version that the specs on a package allow, whatever keeps it older."""
        domain = self._conda.source.candidates(name).all
        for demand in self._conda.goal.demands:
            if demand.name == name and not _reason_to_keep(demand):
                domain &= demand.allowed
        return next(iter(self._conda.source.candidates(name).versions_in(domain)), None)

    def _reason(self, name: str, expected: str) -> str:
        from minicon.solver.explain.derivation import derivation_of, minimal_core

        candidates = self._conda.source.candidates(name)
        record = self._model.record(name)
        assert record is not None
        newer = candidates.matching(f"{name} >{record.version}")
        origin = Origin(Kind.WHEEL, f"{name} newer than {record.version}")
        hypothesis = Demand(name, newer, origin)
        head = f"{name} {record.version}, not {expected}"
        search = Search(self._conda.store, _SECONDS)
        demands = [*self._conda.goal.demands, hypothesis]
        try:
            order = [name, *self._conda.goal.direct]
            projects = self._conda.goal.projects
            model = search.run(demands, order, projects=projects, builds=False)
        except Contradiction as contradiction:
            core = contradiction.demands
            if len(core) > _SMALL_CORE:
                core = minimal_core(search, core)
            if all(demand.name == name for demand in core):
                own = [d.origin for d in core if d is not hypothesis]
                sentences = [each.sentence for each in own if isinstance(each, Origin)]
                known = f"{name} {record.version} is installed and "  # the head says so
                reasons = (each.removeprefix(known) for each in sentences)
                return f"{head}: {' and '.join(reasons)}"
            derivation = derivation_of(self._conda.store, core)
            sentences = derivation or ["the other requests exclude newer versions"]
            others = [each for each in sentences if each != origin.sentence][:3]
            others += [_reason_to_keep(each) for each in core if each.name != name]
            return f"{head}: {'; '.join(dict.fromkeys(filter(None, others)))}"
        except (UndecidedError, ChannelError):
            return f"{head}: newer versions are incompatible with other packages of the solution"
        return f"{head}: {self._price(name, model)}"

    def _price(self, name: str, other: dict[str, int]) -> str:
        """What a newer version would cost: another channel, or packages that would change."""
        behind = self._behind(name, other[name])
        if behind:
            return behind
        versions = {
            each: self._conda.source.candidates(each).table.versions
            for each in self._conda.goal.direct
        }
        own = self._model.positions
        older = [
            f"{each} {texts[other[each]]} instead of {texts[own[each]]}"
            for each, texts in versions.items()
            if each != name and each in other and other[each] > own.get(each, other[each])
        ]
        if older:
            return f"a newer version would need {', '.join(older[:3])}"
        kept = [
            each
            for each, mask in self._conda.goal.preferred.items()
            if each != name and own.get(each) is not None and not _has(mask, other.get(each))
        ]
        if kept:
            return f"a newer version would change what is kept as it is: {', '.join(kept[:3])}"
        if self._resolved.wheels:
            return "newer versions are incompatible with packages from PyPI"
        return "newer versions are incompatible with other packages of the solution"

    def _behind(self, name: str, newer: int) -> str | None:
        """Why the channels alone leave a newer candidate behind; None if they don't."""
        own, records = self._model.positions[name], self._conda.source.candidates(name).records
        first, later = records[own].channel, records[newer].channel
        if newer < own or first == later:
            return None
        searched = [group[0].channel for group in self._request.channels if group]
        if not any(channel_matches(each, later) for each in searched):
            return f"no newer version is in {first}; {later}, where it came from, is not searched"
        return f"no newer version is in {first}, which comes before {later}"


def _has(mask: int, position: int | None) -> bool:
    return position is not None and bool(mask >> position & 1)
