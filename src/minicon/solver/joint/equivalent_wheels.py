"""Equivalent wheels: versions of a project that fail or succeed alike, of which one is tried.

A wheel is rejected because of its requirements, or because a requirement excludes its version. A
wheel with the same requirements, which every requirement so far accepts if and only if it accepts
the rejected one, would be rejected for the same reason.
"""

from __future__ import annotations

from minicon.solver.joint.requirements import ProjectRequirement, Wheel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from packaging.version import Version

    from minicon.solver.joint.requirements import AnyCandidate, AnyRequirement


class EquivalentWheels:
    """Finds equivalent wheels by the requirements of a resolution.

    Args:
        needs_of: Gives the requirements of a wheel, as a value that can be compared.

    Attributes:
        skipped: Per project and rejected version, the equivalent versions that were not tried.
    """

    def __init__(self, needs_of: Callable[[Wheel], Hashable]) -> None:
        self._needs_of = needs_of
        self._requirements: dict[str, dict[str, ProjectRequirement]] = {}
        self._distinct: set[str] = set()
        self.skipped: dict[tuple[str, Version], set[Version]] = {}

    def note(self, requirements: Iterable[AnyRequirement]) -> None:
        """Record requirements that the resolution came across."""
        for each in requirements:
            if not isinstance(each, ProjectRequirement):
                continue
            if each.choice is not None or each.extra:
                self._distinct.add(each.name)
            key = str(each.spec) if each.spec is not None else str(each.specifier or "")
            self._requirements.setdefault(each.name, {}).setdefault(key, each)

    def worth_trying(
        self, candidates: Iterable[AnyCandidate], rejected: Iterable[AnyCandidate]
    ) -> Iterator[AnyCandidate]:
        """Candidates that are neither rejected nor equivalent to a rejected one."""
        rejected = list(rejected)
        wheels = [each for each in rejected if isinstance(each, Wheel)]
        for candidate in candidates:
            if candidate in rejected:
                continue
            if isinstance(candidate, Wheel):
                same = next(
                    (each for each in wheels if self._are_equivalent(each, candidate)), None
                )
                if same is not None:
                    skipped = self.skipped.setdefault((same.name, same.version), set())
                    skipped.add(candidate.version)
                    continue
            yield candidate

    def _are_equivalent(self, one: Wheel, other: Wheel) -> bool:
        if one.name in self._distinct or one.minor != other.minor:
            return False
        if self._needs_of(one) != self._needs_of(other):
            return False
        known = self._requirements.get(one.name, {}).values()
        return all(each.accepts(one.version) == each.accepts(other.version) for each in known)
