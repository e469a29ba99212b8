"""The solver as a whole: determinism, lazy loading, a light import."""

from __future__ import annotations

import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from tests.solver.test_fuzz import random_case
from tests.support.checker import problems
from tests.support.solver_cases import SolverCase, builds, versions

from minicon.errors import SolveError
from minicon.solver.candidates.candidate_source import CandidateSource
from minicon.solver.request import UpdatePolicy
from minicon.solver.search.clause_store import ClauseStore
from minicon.solver.search.clauses import Demand
from minicon.solver.search.conflict_analysis import Contradiction
from minicon.solver.search.search import Search

ROOT = Path(__file__).parent.parent.parent


def run(code: str, seed: str) -> str:
    environ = {**os.environ, "PYTHONHASHSEED": seed, "PYTHONPATH": f"{ROOT / 'src'}:{ROOT}"}
    answer = subprocess.run(
        [sys.executable, "-c", code], env=environ, capture_output=True, text=True, check=True
    )
    return answer.stdout


def test_the_hash_seed_changes_nothing() -> None:
    code = """
from minicon.errors import SolveError
from tests.solver.test_fuzz import random_case
for seed in range(25):
    case, specs, options = random_case(seed, modern=seed % 3 == 0)
    try:
        solution = case.solve(*specs, **options)
        print([record.key for record in solution.records], solution.reasons, solution.hold_backs)
    except SolveError as error:
        print(error.message, error.hint)
"""
    assert run(code, "0") == run(code, "1") == run(code, "4242")


def test_channels_alone_need_no_packaging() -> None:
    code = """
import sys
from tests.support.solver_cases import SolverCase
from minicon.solver.solver import CondaSolver
for name in [m for m in sys.modules if m.startswith("packaging")]:
    del sys.modules[name]
case = SolverCase()
case.package("a", "1.0")
CondaSolver().solve(case.request("a"))
print([m for m in sys.modules if m.startswith("packaging")])
"""
    assert run(code, "0").strip() == "[]"


def test_only_needed_names_are_loaded() -> None:
    case = SolverCase()
    case.package("a", "2.0", depends=["b"])
    case.package("a", "1.0", depends=["old"])
    case.package("b", "1.0", constrains=["optional >1"])
    for name in ("old", "optional", "unrelated"):
        case.package(name, "1.0")
    case.solve("a")
    index = case.indices["main", "noarch"]
    assert "b" in index.names_read
    assert not {"old", "optional", "unrelated"} & set(index.names_read)


def test_names_are_prefetched_before_they_are_read() -> None:
    case = SolverCase()
    case.package("a", "1.0", depends=["b"])
    case.package("b", "1.0")
    announced = []
    index = case.indices["main", "noarch"]
    index.prefetch = lambda names: announced.append((list(names), list(index.names_read)))
    case.solve("a")
    assert announced[0] == (["a"], [])
    assert (["b"], ["a"]) in announced


@pytest.mark.parametrize("seed", range(40))
def test_one_clause_store_serves_many_searches(seed: int) -> None:
    """Searches that share learned clauses agree with searches from scratch."""
    case, _, _ = random_case(seed)
    source = CandidateSource(case.request())
    shared = ClauseStore(source.candidates)
    shared.loaded("__v")
    rng = random.Random(seed)
    names = sorted({record.name for record in case.all_records()})
    for _ in range(8):
        demands = []
        for name in rng.sample(names, rng.randrange(1, 4)):
            candidates = source.candidates(name)
            allowed = candidates.all & rng.getrandbits(candidates.size)
            demands.append(Demand(name, allowed or candidates.all, name))
        fresh = ClauseStore(source.candidates)
        fresh.loaded("__v")
        assert can(Search(shared), demands) == can(Search(fresh), demands)


def can(search: Search, demands: list[Demand]) -> bool:
    try:
        search.run(demands, [demand.name for demand in demands])
    except Contradiction as contradiction:
        behind = contradiction.demands
    else:
        return True
    assert {id(demand) for demand in behind} <= {id(demand) for demand in demands}
    with pytest.raises(Contradiction):
        search.run(behind)
    return False


@pytest.mark.parametrize("seed", range(0, 150, 2))
@pytest.mark.parametrize("policy", list(UpdatePolicy))
def test_changes_of_an_environment_are_solved(seed: int, policy: UpdatePolicy) -> None:
    case, specs, options = random_case(seed)
    try:
        first = case.solve(*specs, **options)
    except SolveError:
        return
    rng = random.Random(seed)
    some = rng.sample(first.records, max(1, len(first.records) // 2))
    for record in rng.sample(some, len(some) // 2):
        name, version = record.name, f"{rng.randrange(6, 9)}.0"
        case.package(name, version, "b_0", depends=list(record.depends))
    name = rng.choice(sorted({record.name for record in case.all_records()}))
    change = {"installed": case.installed(*first.records), "update_policy": policy, **options}
    change["history"] = [spec for spec in specs if not spec.startswith(name)]
    try:
        second = case.solve(name, **change)
    except SolveError:
        assert policy is UpdatePolicy.FREEZE_INSTALLED or name not in versions(first)
        return
    if policy is UpdatePolicy.FREEZE_INSTALLED:
        kept = builds(second)
        assert all(kept[each] == text for each, text in builds(first).items() if each != name)
    again = case.installed(*second.records)
    request = case.request(**{**change, "installed": again})
    assert not problems(request, case.solve(**{**change, "installed": again}))


def test_interpreters_of_the_machine_are_candidates_of_python() -> None:
    case = SolverCase("conda-forge", "host")
    case.package("python", "3.12.3", "host_0", channel="host", source="interpreter")
    case.package("tool", "1.0", depends=["python >=3.10"])
    solution = case.solve("tool")
    assert [(r.name, r.source) for r in solution.records] == [
        ("python", "interpreter"),
        ("tool", "conda"),
    ]
