"""Random channels and installed packages: every update policy agrees with a SAT solver."""

from __future__ import annotations

import os
import random

import pytest
from tests.solver.test_fuzz import random_case
from tests.support.checker import _counts
from tests.support.oracle import is_satisfiable
from tests.support.solver_cases import SolverCase

from minicon.errors import SolveError
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.records import RepodataRecord
from minicon.solver.request import UpdatePolicy

WORLDS = int(os.environ.get("MINICON_FUZZ", "3000")) // 10
CHUNKS = 4


def exactly(record: RepodataRecord) -> str:
    return f"{record.name} =={record.version} {record.build}"


def solve(case: SolverCase, specs: list[str], options: dict) -> dict[str, RepodataRecord] | None:
    try:
        return {record.name: record for record in case.solve(*specs, **options).records}
    except SolveError:
        return None


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_changes_of_environments(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        rng = random.Random(-seed)
        case, specs, _ = random_case(seed, modern=seed % 2 == 0)
        split = rng.randrange(1, len(specs) + 1)
        earlier, now = specs[:split], specs[split:] or [MatchSpec(specs[0]).exact_name]
        there = solve(case, earlier, {})
        if not there:
            continue
        policy = rng.choice([each for each in UpdatePolicy if "skip" not in each.value])
        named = {MatchSpec(text).exact_name for text in now if MatchSpec(text).when is None}
        history = [text for text in earlier if MatchSpec(text).exact_name not in named]
        history = [text for text in history if MatchSpec(text).exact_name in there]
        options = {
            "installed": case.installed(*there.values()),
            "history": history,
            "update_policy": policy,
        }
        after = solve(case, now, options)
        judge(case, now, options, there, after, f"seed {seed}: {earlier} {now} {policy}")


def or_newer(text: str, there: dict[str, RepodataRecord]) -> str:
    """Return an earlier spec as it applies to a package that is updated."""
    name, _, condition = text.partition("[when")
    version = name.lstrip("p0123456789")
    if version[:1] not in tuple("<>=!"):
        return text
    name = name.removesuffix(version)
    version, _, brackets = version.partition("[")
    newer = f"{name} {version}|>{there[name].version}"
    return newer + (f"[{brackets}" if brackets else "") + (f"[when{condition}" if condition else "")


def judge(
    case: SolverCase,
    now: list[str],
    options: dict,
    there: dict[str, RepodataRecord],
    after: dict[str, RepodataRecord] | None,
    label: str,
) -> None:
    named = {MatchSpec(text).exact_name for text in now if MatchSpec(text).when is None}
    frozen = options["update_policy"] is UpdatePolicy.FREEZE_INSTALLED
    limits = [exactly(each) for name, each in there.items() if name not in named] if frozen else []
    kept = [name for name in there if name not in named] if frozen else []
    history = options["history"]
    if options["update_policy"] is UpdatePolicy.UPDATE_ALL:
        history = [or_newer(text, there) for text in history]
    question = case.request(*now, *history, *kept, constraints=limits)
    assert is_satisfiable(question, case.all_records()) == (after is not None), label
    if after is None:
        return
    facts = {fact.name: fact.as_record() for fact in case.virtual_packages}
    if options["update_policy"] is UpdatePolicy.UPDATE_DEPS:
        history = [or_newer(text, there) for text in history]
    for text in history:
        spec = MatchSpec(text)
        is_met = spec.exact_name in after and spec.matches(after[spec.exact_name])
        assert is_met or not _counts(spec, {**after, **facts}), f"{label}: {text}"
    for name in kept:
        assert exactly(after[name]) == exactly(there[name]), label
