"""Random channels: the solver agrees with a SAT solver, and its solutions pass the checker.

A failure prints its seed; ``random_case(seed)`` builds the same channel again. MINICON_FUZZ sets
the number of channels (default 3,000; ``./dev test --exhaustive`` uses more).
"""

from __future__ import annotations

import os
import random

import pytest
from tests.support.oracle import is_satisfiable, plain_resolution
from tests.support.solver_cases import SolverCase, versions

from minicon.errors import SolveError

WORLDS = int(os.environ.get("MINICON_FUZZ", "3000"))
CHUNKS = 10


def random_limits(rng: random.Random) -> str:
    low, high = rng.randrange(1, 6), rng.randrange(2, 7)
    return rng.choice(
        [
            f">={low}",
            f"<{high}",
            f"=={low}.0",
            f"!={low}",
            f">={low},<{high}",
            f"<{low}|>={high}",
            f"{low}.* b*_{rng.randrange(2)}",
            "",
        ]
    )


def random_case(seed: int, *, modern: bool = False) -> tuple[SolverCase, list[str], dict]:
    """A channel, specs and options; if ``modern``, with conditions, extras and flags."""
    rng = random.Random(seed)
    case = SolverCase()
    case.virtual("__v=3")
    size = rng.randrange(4, 14)
    names = [f"p{number}" for number in range(size)]

    def condition(depth: int = 0) -> str:
        if depth < 2 and rng.random() < 0.4:
            inner = f" {rng.choice(('and', 'or'))} ".join(
                condition(depth + 1) for _ in range(rng.randrange(2, 4))
            )
            return f"({inner})" if rng.random() < 0.7 else inner
        return f"{rng.choice([*names, '__v', '__w'])}{rng.choice(('', '>=2', ' >=3', '<4'))}"

    def bracketed(text: str) -> str:
        """A spec; if ``modern``, perhaps with a condition, extras or flags."""
        pairs = []
        if modern and rng.random() < 0.25:
            pairs.append(f'when="{condition()}"')
        if modern and rng.random() < 0.2:
            pairs.append(f"extras=[e{rng.randrange(2)}{rng.choice(('', ',e2'))}]")
        if modern and rng.random() < 0.1:
            pairs.append(f"flags=[{rng.choice(('cuda', 'blas:*', 'cuda,blas:mkl'))}]")
        return f"{text}[{','.join(pairs)}]" if pairs else text

    def dependency(own: str) -> str:
        other = rng.choice([name for name in names if name != own])
        return bracketed(f"{other} {random_limits(rng)}".strip())

    for name in names:
        for version in range(1, rng.randrange(2, 7)):
            for build in range(rng.choice((1, 1, 2))):
                depends = [dependency(name) for _ in range(rng.randrange(4))]
                constrains = [
                    bracketed(f"{rng.choice(names)} {random_limits(rng)}".strip())
                    for _ in range(rng.choice((0, 0, 1, 2)))
                ]
                if rng.random() < 0.1:
                    constrains.append(f"__v >={rng.randrange(1, 5)}")
                fields = {}
                if modern and rng.random() < 0.4:
                    fields["extra_depends"] = {f"e{rng.randrange(2)}": [dependency(name)]}
                if modern:
                    flags = ("cuda", "blas:mkl", "blas:openblas")
                    fields["flags"] = [flag for flag in flags if rng.random() < 0.5]
                    fields["track_features"] = name if rng.random() < 0.2 else ""
                    fields["features"] = rng.choice(names) if rng.random() < 0.1 else ""
                case.package(
                    name, f"{version}.0", f"b_{build}", depends=depends, constrains=constrains,
                    build_number=build, timestamp=rng.randrange(10**12, 10**12 + 3), **fields,
                )  # fmt: skip
    chosen = rng.sample(names, rng.randrange(1, min(6, size)))
    specs = [bracketed(name + rng.choice(("", ">=2", "<4"))) for name in chosen]
    options = {}
    if rng.random() < 0.2:
        options["pins"] = [bracketed(f"{rng.choice(names)} <{rng.randrange(2, 6)}")]
    return case, specs, options


@pytest.mark.parametrize("chunk", range(CHUNKS))
def test_solver_agrees_with_a_sat_solver(chunk: int) -> None:
    for seed in range(chunk, WORLDS, CHUNKS):
        modern = seed % 3 == 0
        case, specs, options = random_case(seed, modern=modern)
        expected = is_satisfiable(case.request(*specs, **options), case.all_records())
        try:
            case.solve(*specs, **options)
            found = True
        except SolveError:
            found = False
        assert found == expected, f"seed {seed}: {specs} {options}"


@pytest.mark.parametrize("seed", range(40))
def test_solver_agrees_with_a_plain_resolvelib_provider(seed: int) -> None:
    rng = random.Random(seed)
    case = SolverCase()
    for number in range(6):
        for version in range(1, 4):
            others = [f"p{other}" for other in range(6) if other != number]
            depends = [
                f"{rng.choice(others)} >={rng.randrange(1, 4)}" for _ in range(rng.randrange(3))
            ]
            depends += [f"{rng.choice(others)} <{rng.randrange(1, 5)}"] * rng.randrange(2)
            case.package(f"p{number}", f"{version}.0", depends=depends)
    specs = [f"p{number}" for number in rng.sample(range(6), 2)]
    expected = plain_resolution(case.request(*specs), case.all_records())
    try:
        case.solve(*specs)
        found = True
    except SolveError:
        found = False
    assert expected in (found, None)


@pytest.mark.parametrize("seed", range(60))
def test_order_of_records_changes_nothing(seed: int) -> None:
    case, specs, options = random_case(seed)
    shuffled, _, _ = random_case(seed)
    rng = random.Random(-seed - 1)
    for index in shuffled.indices.values():
        for records in index.records.values():
            rng.shuffle(records)
        names = list(index.records)
        rng.shuffle(names)
        index.records = {name: index.records[name] for name in names}
    assert outcome(case, specs, options) == outcome(shuffled, specs, options)


@pytest.mark.parametrize("seed", range(60))
def test_an_unused_package_changes_nothing(seed: int) -> None:
    case, specs, options = random_case(seed)
    before = outcome(case, specs, options)
    case.package("unused", "9", depends=["p0 ==1.0", "p1 <2"], constrains=["p2 ==7"])
    assert outcome(case, specs, options) == before


@pytest.mark.parametrize("seed", range(60))
def test_removing_a_dependency_never_breaks_a_solution(seed: int) -> None:
    case, specs, options = random_case(seed)
    if outcome(case, specs, options) is None:
        return
    rng = random.Random(seed)
    carriers = [record for record in case.all_records() if record.data["depends"]]
    if carriers:
        record = rng.choice(carriers)
        record.data["depends"].pop(rng.randrange(len(record.data["depends"])))
    assert outcome(case, specs, options) is not None


@pytest.mark.parametrize("seed", range(60))
def test_a_solution_pinned_to_itself_is_the_solution(seed: int) -> None:
    case, specs, options = random_case(seed)
    found = outcome(case, specs, options)
    if found:
        pins = [f"{name} =={version}" for name, version in found.items()]
        assert outcome(case, specs, {"constraints": pins, **options}) == found


def outcome(case: SolverCase, specs: list[str], options: dict) -> dict[str, str] | None:
    try:
        return versions(case.solve(*specs, **options))
    except SolveError:
        return None
