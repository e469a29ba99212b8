"""Real requests for conda packages and wheels together, over a recorded world.

Every answer comes within seconds and is judged: solutions by the checker and by the metadata of
their wheels, refusals by a SAT solver. ``MINICON_FUZZ`` sets how many of the pairs are solved:
``./dev test --exhaustive`` solves all.
"""

from __future__ import annotations

import os
from time import process_time

import pytest
from tests.support.checker import problems
from tests.support.joint_oracle import Oracle
from tests.support.joint_requests import CONFLICTS, SATISFIABLE, conflict_pairs, everyday_pairs
from tests.support.joint_world import problems_with_wheels, recorded_world

from minicon.errors import Unsatisfiable
from minicon.solver.solver import CondaSolver

#: Processor time within which every request is answered.
SECONDS = 3.0
#: Every which request is solved.
STEP = 1 if int(os.environ.get("MINICON_FUZZ", "3000")) > 20_000 else 20


def answered(texts: list[str]) -> bool:
    """Whether a request has a solution; the answer is judged."""
    world = recorded_world()
    request = world.request(texts)
    started = process_time()
    refusal, solution = None, None
    try:
        solution = CondaSolver().solve(request)
    except Unsatisfiable as error:
        refusal = error.reference
    assert process_time() - started < SECONDS
    if solution is None:
        assert refusal == "unsatisfiable"
        assert not Oracle(world, request).is_satisfiable(), f"{texts} can be met"
        return False
    found = problems(request, solution) + problems_with_wheels(world, request, solution)
    assert not found, "\n".join(found)
    return True


@pytest.mark.parametrize("texts", SATISFIABLE[:: min(STEP, 3)], ids=" ".join)
def test_requests_that_can_be_met(texts: list[str]) -> None:
    assert answered(texts)


@pytest.mark.parametrize("texts", CONFLICTS[:: min(STEP, 5)], ids=" ".join)
def test_requests_that_contradict_themselves(texts: list[str]) -> None:
    assert not answered(texts)


@pytest.mark.parametrize("texts", everyday_pairs()[::STEP], ids=" ".join)
def test_an_everyday_package_beside_a_project(texts: list[str]) -> None:
    answered(texts)


@pytest.mark.parametrize("texts", conflict_pairs()[::STEP], ids=" ".join)
def test_a_recent_package_beside_an_old_release(texts: list[str]) -> None:
    answered(texts)
