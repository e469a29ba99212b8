"""Sets of candidates in words: ``1.16.0 to 1.19.5``, ``3.9 or 3.11 to 3.13``."""

from __future__ import annotations

from minicon.models.version import version_key

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.candidates import Candidates

_INTERVALS = 3


def versions_in_words(candidates: Candidates, domain: int) -> str:
    """The versions of some candidates, as few intervals over all versions there are."""
    inside = candidates.versions_in(domain)
    if not inside:
        return "nothing"
    if domain & candidates.all == candidates.all:
        return "any version" if len(inside) > 1 else inside[0]
    everything = candidates.versions_in(candidates.all)[::-1]
    wanted = {version_key(text) for text in inside}
    intervals: list[list[str]] = []
    open_interval = False
    for text in everything:
        if version_key(text) not in wanted:
            open_interval = False
        elif open_interval:
            intervals[-1][1] = text
        else:
            intervals.append([text, text])
            open_interval = True
    return _joined([first if first == last else f"{first} to {last}" for first, last in intervals])


def _joined(intervals: list[str]) -> str:
    if len(intervals) > _INTERVALS:
        intervals = [intervals[0], "…", *intervals[-_INTERVALS + 1 :]]
        return ", ".join(intervals)
    if len(intervals) == 1:
        return intervals[0]
    return ", ".join(intervals[:-1]) + f" or {intervals[-1]}"
