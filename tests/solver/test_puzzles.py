"""Adversarial requests are solved correctly, and with few conflicts."""

from __future__ import annotations

import contextlib
import random
from time import process_time

import pytest
from tests.support.puzzles import HARD, USUAL, ladder, pigeons, sudoku, versions_that_fail
from tests.support.solver_cases import SolverCase, versions

from minicon.errors import SolveError, Unsatisfiable
from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.explain import explain
from minicon.solver.search.clause_store import ClauseStore
from minicon.solver.search.clauses import ClauseIndex, Dependency, Requirement
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.demands import goal_of
from minicon.solver.search.search import Search


def conflicts_of(case: SolverCase, specs: list[str]) -> int:
    """Number of conflicts of a search; unlike time, the same on every machine."""
    request = case.request(*specs)
    source = CandidateSource(request)
    goal = goal_of(request, source, request.specs)
    search = Search(ClauseStore(source.candidates))
    with contextlib.suppress(Contradiction):
        search.run(goal.demands, goal.direct)
    return search.conflicts


@pytest.mark.parametrize(("grid", "most"), [(USUAL, 20), (HARD, 1000)], ids=["usual", "hard"])
def test_sudoku(grid: str, most: int) -> None:
    case, specs = sudoku(grid)
    found = versions(case.solve(*specs))
    rows = [[found[f"cell-{row}{column}"] for column in range(9)] for row in range(9)]
    columns = list(zip(*rows, strict=True))
    assert all(len(set(line)) == 9 for line in (*rows, *columns))
    assert conflicts_of(case, specs) <= most


@pytest.mark.parametrize("holes", [3, 5, 6])
def test_pigeons(holes: int) -> None:
    case, specs = pigeons(holes)
    assert conflicts_of(case, specs) <= 200
    if holes == 3:
        with pytest.raises(SolveError):
            case.solve(*specs)


@pytest.mark.parametrize("length", [5, 60, 300])
def test_ladders(length: int) -> None:
    case, specs = ladder(length)
    assert set(versions(case.solve(*specs)).values()) == {"1"}
    assert conflicts_of(case, specs) <= 10


@pytest.mark.parametrize("length", [5, 300])
def test_many_versions_that_fail_are_not_tried_one_by_one(length: int) -> None:
    case, specs = versions_that_fail(length)
    assert versions(case.solve(*specs))["top"] == "1.0"
    assert conflicts_of(case, specs) <= 20


def test_shared_dependencies_are_found_by_position() -> None:
    """The index of many dependencies finds the same ones, in the same order, as looking at each."""
    rng = random.Random(0)
    requirement = Requirement(0, "*", False)
    for span in (1, 3, 63, 64, 65, 200):
        clauses = []
        for _ in range(100):
            premise = rng.getrandbits(span) | 1 | 1 << rng.randrange(span)
            clauses.append(Dependency((0, premise << rng.randrange(300), requirement)))
        index = ClauseIndex(clauses)
        for clause in clauses:
            some = clause.premise & rng.getrandbits(512)
            for domain in (clause.premise, some, some & -some, 1 << rng.randrange(512)):
                if domain:
                    expected = [each for each in clauses if not domain & ~each.premise]
                    assert index.shared_by(domain) == expected


def test_an_explanation_has_a_budget(monkeypatch: pytest.MonkeyPatch) -> None:
    """A conflict is reported in time, though fixes would have to solve a hard puzzle."""
    monkeypatch.setattr(explain, "_SECONDS", 0.1)
    case, specs = pigeons(5)
    for name in [f"hard-{number}" for number in range(12)]:
        others = [f"hard-{number}" for number in range(12)]
        for hole in range(1, 12):
            constrains = [f"{other} !={hole}.0" for other in others if other != name]
            case.package(name, f"{hole}.0", constrains=constrains)
        specs.append(name)
    started = process_time()
    with pytest.raises(Unsatisfiable) as caught:
        case.solve(*specs)
    assert process_time() - started < 2.0
    assert caught.value.reference == "unsatisfiable"
    assert "pigeon-0" in caught.value.message
    assert "hard" not in caught.value.message
    assert not caught.value.hint
