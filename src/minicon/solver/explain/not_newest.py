"""HoldBacks: for every package that is not the newest it could be, one sentence why."""

from __future__ import annotations

from collections.abc import Mapping

from minicon.models.version import version_key
from minicon.solver.explain.derivation import minimal_core
from minicon.solver.request import Strategy
from minicon.solver.search.clauses import Root
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import Kind, Origin
from minicon.solver.search.search import Search

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator

    from minicon.solver.joint.resolved import Resolved
    from minicon.solver.request import SolveRequest
    from minicon.solver.search.conda_subproblem import CondaSubproblem


#: Demands that need not be made fewer: the story told of them leaves out what it does not need.
_SMALL_CORE = 3


class NotNewest(Mapping[str, str]):
    """Per package name, the reason; worked out when first looked at.

    Looked at are packages that were asked for and are not the newest that the request allows,
    unless the lowest are wanted, and installed ones that would go down. Costs a few searches per
    such package.
    """

    def __init__(
        self,
        request: SolveRequest,
        side: CondaSubproblem,
        resolved: Resolved,
        among: Collection[str] | None = None,
    ) -> None:
        self._among = among
        self._request = request
        self._side = side
        self._resolved = resolved
        self._model = resolved.model
        self._reasons: dict[str, str] | None = None

    def among(self, names: Collection[str]) -> NotNewest:
        """Those of some packages only."""
        return NotNewest(self._request, self._side, self._resolved, names)

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())

    def _all(self) -> dict[str, str]:
        if self._reasons is None:
            self._reasons = {}
            for name, version in self._held_back():
                self._reasons[name] = self._reason(name, version)
        return self._reasons

    def _held_back(self) -> Iterator[tuple[str, str]]:
        """Packages and the versions they do not have but could be thought to."""
        installed = {each.name: each.record.version for each in self._request.installed}
        lowest = self._request.strategy is Strategy.LOWEST
        low = {spec.exact_name for spec in self._request.specs} if lowest else ()
        for name in dict.fromkeys([*self._side.demands.direct, *sorted(installed)]):
            record = self._model.record(name)
            if record is None or (self._among is not None and name not in self._among):
                continue
            if name in low:
                continue
            if name in self._side.demands.direct:
                wanted = self._newest_allowed(name)
            else:
                wanted = installed[name]
            if wanted is not None and version_key(wanted) > version_key(record.version):
                yield name, wanted

    def _newest_allowed(self, name: str) -> str | None:
        """The newest version that the specs on this name allow."""
        domain = self._side.source.candidates(name).all
        for root in self._side.demands.roots:
            if root.name == name:
                domain &= root.allowed
        return next(iter(self._side.source.candidates(name).versions_in(domain)), None)

    def _reason(self, name: str, wanted: str) -> str:
        candidates = self._side.source.candidates(name)
        record = self._model.record(name)
        assert record is not None
        newer = candidates.matching(f"{name} >{record.version}")
        asked = Root(name, newer, Origin(Kind.WHEEL, f"{name} newer than {record.version}"))
        head = f"{name} {record.version}, not {wanted}"
        search = Search(self._side.store)
        roots = [*self._side.demands.roots, asked]
        try:
            model = search.run(roots, [name, *self._side.demands.direct])
        except Contradiction as contradiction:
            core = contradiction.roots
            if len(core) > _SMALL_CORE:
                core = minimal_core(search, core)
            if all(root.name == name for root in core):
                own = [r.origin for r in core if r is not asked and isinstance(r.origin, Origin)]
                return f"{head}: {' and '.join(origin.sentence for origin in own)}"
            from minicon.solver.explain.derivation import tell

            told = tell(self._side.store, core) or ["the other requests leave no newer one"]
            others = [each for each in told if each != asked.origin.sentence]  # type: ignore[attr-defined]
            return f"{head}: {'; '.join(others[:3])}"
        return f"{head}: {self._price(name, model)}"

    def _price(self, name: str, other: dict[str, int]) -> str:
        """What a newer version would cost: the requested packages that would be older."""
        versions = {
            each: self._side.source.candidates(each).table.versions
            for each in self._side.demands.direct
        }
        own = self._model.positions
        worse = [
            f"{each} {texts[other[each]]} instead of {texts[own[each]]}"
            for each, texts in versions.items()
            if each != name and each in other and other[each] > own.get(each, other[each])
        ]
        if worse:
            return f"a newer one would need {', '.join(worse[:3])}"
        if self._side.demands.preferred:
            return "a newer one would change packages that are to stay as they are"
        if self._resolved.wheels:
            return "a newer one does not go with what comes from PyPI"
        return "a newer one does not go with the other packages that were chosen"
