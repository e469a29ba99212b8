"""Other orders of decision are chosen if they are better, and abandoned if they cannot be."""

from __future__ import annotations

import pytest
from tests.support.solver_cases import SolverCase, versions

from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.search.clause_store import ClauseStore
from minicon.solver.search.demands import goal_of
from minicon.solver.search.portfolio import best_of_orders
from minicon.solver.search.search import NotWorthwhileError, Search


def world(newest: int) -> SolverCase:
    """``first 2`` leaves ``second`` its oldest version, which no single clause shows."""
    case = SolverCase()
    case.package("lib", "1")
    case.package("lib", "2")
    case.package("first", "1", depends=["lib 2", "open"])
    case.package("first", "2", depends=["middle", "open"])
    case.package("open", "1")
    case.package("open", "2")
    case.package("middle", "1", depends=["lib 1.*"])
    case.package("middle", "2", depends=["lib <2"])
    case.package("second", "1")
    for version in range(2, newest + 1):
        case.package("second", str(version), depends=["lib >=2"])
    return case


def searched(case: SolverCase, *specs: str):
    request = case.request(*specs)
    source = CandidateSource(request)
    return Search(ClauseStore(source.candidates)), goal_of(request, source, request.specs)


@pytest.mark.parametrize(
    ("newest", "expected"),
    [(2, {"first": "2", "second": "1"}), (5, {"first": "1", "second": "5"})],
    ids=["equal: the user's order", "the other order is less behind"],
)
def test_the_order_with_fewer_versions_behind_is_chosen(
    newest: int, expected: dict[str, str]
) -> None:
    found = versions(world(newest).solve("first", "second"))
    assert {name: found[name] for name in expected} == expected


def test_an_order_that_is_no_better_is_abandoned_once_requested_packages_are_decided() -> None:
    search, goal = searched(world(2), "first", "second")
    runs = []
    run = search.run

    def noting(*arguments, **options):
        try:
            model = run(*arguments, **options)
        except NotWorthwhileError:
            runs.append(None)
            raise
        runs.append(model)
        return model

    search.run = noting  # type: ignore[method-assign]
    chosen = best_of_orders(search, goal)
    assert runs[0] == chosen
    assert runs[1:] == [None]


def test_a_search_that_is_not_worthwhile_is_abandoned() -> None:
    search, goal = searched(world(3), "first", "second")
    settled = []

    def is_worthwhile() -> bool:
        settled.append(sorted(search.decided(["first", "second"])))
        return False

    with pytest.raises(NotWorthwhileError):
        search.run(goal.demands, goal.direct, is_worthwhile=is_worthwhile)
    assert settled == [["first", "second"]]
