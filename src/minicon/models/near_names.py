"""Known names that are similar to an unknown one, for "did you mean" hints."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_MOST_NAMES = 3
_SHORT_NAME = 5


def meant(name: str, known: Iterable[str], otherwise: str) -> str:
    """Return a hint that offers known names: "did you mean X?"; ``otherwise`` if none is near."""
    near = near_names(name, known)
    return f"did you mean {' or '.join(near)}?" if near else otherwise


def near_names(name: str, known: Iterable[str]) -> list[str]:
    """Known names within a small edit distance of a name, nearest first: at most three.

    The name itself is never among them. Letter case makes no difference.

    Cost: a quick comparison of each known name; the distance is computed for likely ones only,
    so that the names of a large channel can be passed.
    """
    typed, name = name, name.lower()
    limit = 1 if len(name) < _SHORT_NAME else 2
    letters = set(name)
    found: dict[str, int] = {}
    for other in known:
        if other == typed or other in found or abs(len(other) - len(name)) > limit:
            continue
        lower = other.lower()
        if len(letters.symmetric_difference(lower)) > 2 * limit:
            continue
        distance = _edit_distance(name, lower, limit)
        if distance <= limit:
            found[other] = distance
    return sorted(found, key=lambda other: (found[other], other))[:_MOST_NAMES]


def _edit_distance(left: str, right: str, limit: int) -> int:
    """Number of letters to replace, insert, delete or swap with a neighbour; stops above a limit.

    The restricted Damerau-Levenshtein distance, row by row.
    """
    before: list[int] = []
    previous: list[int] = []
    row = list(range(len(right) + 1))
    for i, letter in enumerate(left, 1):
        before, previous, row = previous, row, [i]
        for j, other in enumerate(right, 1):
            cost = min(previous[j] + 1, row[-1] + 1, previous[j - 1] + (letter != other))
            if before and letter == right[j - 2 : j - 1] and left[i - 2] == other:
                cost = min(cost, before[j - 2] + 1)
            row.append(cost)
        if min(row) > limit:
            return limit + 1
    return row[-1]
