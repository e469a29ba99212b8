"""Reachability over dependencies: the one implementation for search, removal and pruning."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def reachable(starts: Iterable[str], following: Callable[[str], Iterable[str]]) -> set[str]:
    """The names that can be reached from some names, these included.

    Args:
        starts: Where to begin.
        following: The names that a name leads to, for instance those that it depends on.
    """
    found: set[str] = set()
    pending = list(starts)
    while pending:
        name = pending.pop()
        if name not in found:
            found.add(name)
            pending += following(name)
    return found
