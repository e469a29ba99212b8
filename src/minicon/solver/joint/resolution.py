"""The resolution of resolvelib, which verifies each requirement once."""

from __future__ import annotations

from resolvelib.resolvers import Resolution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from resolvelib import BaseReporter
    from resolvelib.resolvers import Criterion

    from minicon.solver.joint.conda_provider import CondaProvider
    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement

    Base = Resolution[AnyRequirement, AnyCandidate, str]
    Reporter = BaseReporter[AnyRequirement, AnyCandidate, str]
else:
    Base = Resolution


class RememberingResolution(Base):
    """Verifies once that a pinned candidate meets the requirements of its identifier.

    resolvelib does so for all identifiers in each round, twice: N² times for N of them. A criterion
    is never changed, but replaced by another one, and so is a candidate.
    """

    def __init__(self, provider: CondaProvider, reporter: Reporter) -> None:
        super().__init__(provider, reporter)
        self._provider = provider
        self._met: dict[str, tuple[object, object]] = {}

    def _is_current_pin_satisfying(
        self, name: str, criterion: Criterion[AnyRequirement, AnyCandidate]
    ) -> bool:
        pin = self.state.mapping.get(name)
        if pin is None:
            return False
        known = self._met.get(name)
        if known is not None and known[0] is criterion and known[1] is pin:
            return True
        is_met = self._provider.meets_all(criterion.iter_requirement(), pin)
        if is_met:
            self._met[name] = criterion, pin
        return is_met
