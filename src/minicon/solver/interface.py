"""Solver: the protocol behind which every solver stands."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.solver.request import Solution, SolveRequest


class Solver(Protocol):
    """Answers requests. Deterministic: the same request has the same answer."""

    def solve(self, request: SolveRequest) -> Solution:
        """The best solution by conda's preferences.

        Raises:
            PackageNotFound: A requested name is in no source.
            Unsatisfiable: The message holds a minimal set of requests that contradict each
                other, and the hint the fixes that were found to work.
            ChannelError: Records had to be fetched and could not be.
        """
