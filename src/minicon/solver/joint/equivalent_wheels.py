"""Interchangeable wheels: versions of a project that fail or fit alike, so that one is tried.

A wheel that was refused is refused because of what it needs, or because something else wants
another version of the project. A wheel that needs the same, and that every requirement met so far
accepts exactly if it accepts the refused one, would be refused by the very same derivation.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable, Iterable, Iterator

    from packaging.version import Version

    from minicon.solver.joint.requirements import (
        AnyCandidate,
        AnyRequirement,
        ProjectRequirement,
        Wheel,
    )


class EquivalentWheels:
    """Knows which wheels are as good as others, from the requirements met so far.

    Args:
        needs: What a wheel requires, as a value that can be compared.

    Attributes:
        stands_for: Per project and refused version, the versions that it spoke for.
    """

    def __init__(self, needs: Callable[[Wheel], Hashable]) -> None:
        self._needs = needs
        self._met: dict[str, dict[str, ProjectRequirement]] = {}
        self._particular: set[str] = set()
        self.stands_for: dict[tuple[str, Version], set[Version]] = {}

    def note(self, requirements: Iterable[AnyRequirement]) -> None:
        """Requirements that the resolution has met."""
        from minicon.solver.joint.requirements import ProjectRequirement

        for each in requirements:
            if not isinstance(each, ProjectRequirement):
                continue
            if each.choice is not None or each.extra:
                self._particular.add(each.name)
            key = str(each.spec) if each.spec is not None else str(each.specifier or "")
            self._met.setdefault(each.name, {}).setdefault(key, each)

    def worth_trying(
        self, candidates: Iterable[AnyCandidate], refused: Iterable[AnyCandidate]
    ) -> Iterator[AnyCandidate]:
        """Candidates that are neither refused nor interchangeable with one that is."""
        from minicon.solver.joint.requirements import Wheel

        refused = list(refused)
        wheels = [each for each in refused if isinstance(each, Wheel)]
        for candidate in candidates:
            if candidate in refused:
                continue
            same = (
                next((each for each in wheels if self._alike(each, candidate)), None)
                if isinstance(candidate, Wheel)
                else None
            )
            if same is None:
                yield candidate
            else:
                assert isinstance(candidate, Wheel)
                spoken = self.stands_for.setdefault((same.name, same.version), set())
                spoken.add(candidate.version)

    def _alike(self, one: Wheel, other: Wheel) -> bool:
        if one.name in self._particular or one.minor != other.minor:
            return False
        if self._needs(one) != self._needs(other):
            return False
        met = self._met.get(one.name, {}).values()
        return all(each.accepts(one.version) == each.accepts(other.version) for each in met)
