"""Tables that earlier processes stored change no solution, and fewer records are read."""

from __future__ import annotations

import marshal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.solver.test_fuzz import random_case
from tests.support.solver_cases import SolverCase, versions
from tests.support.table_cache import MemoryTables, names_read, with_fingerprints

from minicon.errors import SolveError
from minicon.lean_dataclasses import replace
from minicon.solver.candidates import stored_tables
from minicon.solver.request import ChannelPriority, Strategy
from minicon.solver.solver import CondaSolver


def world(*channels: str) -> SolverCase:
    case = SolverCase(*channels)
    case.virtual("__unix")
    case.package("python", "3.11.4")
    case.package("python", "3.12.1", depends=["__unix"])
    case.package("pip", "24.0", depends=["python"])
    for version in ("1.0", "2.0", "3.0"):
        case.package("lib", version, depends=["python <3.12"], timestamp=int(version[0]) * 10**12)
        case.package("tool", version, depends=[f"lib {version[0]}.*"], constrains=["other <2"])
    case.package("other", "1.0")
    case.package("other", "2.0")
    return with_fingerprints(case)


def solved(case: SolverCase, *specs: str, **options):
    """Keys of the chosen records, without the checker, which reads all records."""
    solution = CondaSolver().solve(case.request(*specs, **options))
    return [record.key for record in solution.records]


def test_a_second_process_reads_no_records() -> None:
    tables = MemoryTables()
    first = solved(world(), "tool", "other", tables=tables)
    again = world()
    assert solved(again, "tool", "other", tables=tables) == first
    assert names_read(again) == set()


@given(st.integers(0, (1 << 300) - 1), st.integers(0, 300), st.integers(0, 300))
def test_sets_are_the_same_after_storing(bits, first, last) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stored_tables, "_SMALL", 8)
        ranges = (1 << max(first, last)) - (1 << min(first, last))
        for domain in (bits, bits << 300, ranges, 1 << first, 0):
            stored = stored_tables._range_of(domain)
            assert stored_tables._set_of(stored) == domain
        assert len(marshal.dumps(stored_tables._range_of(ranges))) < 25


def test_tables_of_many_versions_grow_linearly(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stored_tables, "_SMALL", 20)
    sizes = []
    for count in (100, 400):
        case = SolverCase()
        for number in range(count):
            case.package("p", f"1.{number}", depends=[f"q 1.{number}"])
            case.package("q", f"1.{number}")
        tables = MemoryTables()
        first = solved(with_fingerprints(case), "p", "q", tables=tables)
        again = with_fingerprints(case)
        assert solved(again, "p", "q", tables=tables) == first
        sizes.append(sum(len(entry.table) for entry in tables.entries.values()))
    assert sizes[1] < 4.4 * sizes[0]


def test_a_newly_chosen_record_is_read_and_then_stored() -> None:
    tables = MemoryTables()
    solved(world(), "tool", tables=tables)
    second = world()
    assert any("lib-1.0" in key[-1] for key in solved(second, "tool=1", tables=tables))
    assert names_read(second) == {"tool", "lib"}
    third = world()
    assert any("lib-1.0" in key[-1] for key in solved(third, "tool=1", tables=tables))
    assert names_read(third) == set()


def test_stored_records_are_complete() -> None:
    tables = MemoryTables()
    before = world().solve("lib", tables=tables)
    after = world().solve("lib", tables=tables)
    assert [r.to_json() for r in after.records] == [r.to_json() for r in before.records]


def updated(*channels: str) -> SolverCase:
    """The channel after an update that added a version of lib."""
    case = world(*channels)
    case.package("lib", "4.0", depends=["python <3.12"])
    for index in case.indices.values():
        index.fingerprint += "-newer"
    return case


def test_changed_content_invalidates_a_table() -> None:
    tables = MemoryTables()
    solved(world(), "lib", tables=tables)
    newer = updated()
    assert versions(newer.solve("lib", tables=tables))["lib"] == "4.0"


def test_after_an_update_only_changed_names_are_read() -> None:
    tables = MemoryTables()
    solved(world(), "lib", "other", tables=tables)
    for turn in range(2):
        newer = updated()
        names = [key[2] for key in solved(newer, "lib", "other", tables=tables)]
        assert names_read(newer) == (set() if turn else {"lib"})
        assert {"lib", "python", "other"} <= set(names)
    assert len({entry.state for entry in tables.entries.values()}) == 1, "all of the newer index"


def test_without_content_hashes_an_updated_channel_is_read_again() -> None:
    tables = MemoryTables()
    for case in (world(), updated()):
        for index in case.indices.values():
            index.content_of = lambda name: ""
        solved(case, "other", tables=tables)
        assert names_read(case) == {"other"}


def test_tables_of_content_that_changes_meanwhile_are_not_saved() -> None:
    tables = MemoryTables()
    case = world()
    index = case.indices["main", "noarch"]
    read = index.records_for

    def changing(name: str):
        index.fingerprint = ""
        return read(name)

    index.records_for = changing
    solved(case, "tool", tables=tables)
    assert not tables.entries


@pytest.mark.parametrize(
    "options",
    [
        {"exclude_newer": 2 * 10**12},
        {"exclude_newer_package": {"lib": 10**12}},
        {"strategy": Strategy.LOWEST},
        {"add_pip": True},
        {"channel_priority": ChannelPriority.FLEXIBLE},
        {"channel_priority": ChannelPriority.DISABLED},
        {"pins": ["lib <3"]},
    ],
    ids=str,
)
def test_options_have_the_same_effect_with_stored_tables(options: dict) -> None:
    tables = MemoryTables()
    plain = solved(world(), "lib", "python", **options)
    for _ in range(2):
        assert solved(world(), "lib", "python", tables=tables, **options) == plain
    assert solved(world(), "lib", "python", tables=tables) == solved(world(), "lib", "python")
    assert solved(world(), "lib", "python", tables=tables, **options) == plain


@pytest.mark.parametrize("priority", ChannelPriority)
def test_several_channels(priority: ChannelPriority) -> None:
    def two() -> SolverCase:
        case = world("first", "second")
        case.package("lib", "9.0", channel="second", depends=["only-second"])
        case.package("only-second", "1.0", channel="second")
        return with_fingerprints(case)

    tables = MemoryTables()
    for specs in (["lib", "only-second"], ["second::lib"], ["tool"]):
        plain = solved(two(), *specs, channel_priority=priority)
        for turn in range(2):
            case = two()
            assert solved(case, *specs, channel_priority=priority, tables=tables) == plain
            assert names_read(case) == set() or not turn


def test_installed_packages_in_the_channel_and_not() -> None:
    tables = MemoryTables()
    solved(world(), "tool", tables=tables)
    gone = SolverCase().package("lib", "2.5", depends=["python"])
    known = world().indices["main", "noarch"].records["lib"][0]
    for record in (gone, known):
        case = world()
        options = {"installed": case.installed(record), "history": ["lib"]}
        plain = solved(world(), "other", **options)
        assert solved(case, "other", tables=tables, **options) == plain
        assert solved(world(), "other", tables=tables, **options) == plain


@pytest.mark.parametrize("damage", [b"", *map(marshal.dumps, ([], {}, (1, 2), ((1,), {}), None))])
def test_damaged_tables_are_compiled_again(damage: bytes) -> None:
    tables = MemoryTables()
    first = solved(world(), "tool", tables=tables)
    tables.entries = {key: each._replace(table=damage) for key, each in tables.entries.items()}
    assert solved(world(), "tool", tables=tables) == first
    tables.entries = {key: each._replace(records=damage) for key, each in tables.entries.items()}
    assert solved(world(), "tool", tables=tables) == first


@pytest.mark.parametrize("modern", [False, True])
def test_random_worlds(modern: bool) -> None:
    for seed in range(150):
        case, specs, options = random_case(seed, modern=modern)
        with_fingerprints(case)
        request = case.request(*specs, **options)
        tables = MemoryTables()
        answers = []
        for kept in (None, tables, tables, tables):
            try:
                solution = CondaSolver().solve(replace(request, tables=kept))
                answers.append([record.key for record in solution.records])
            except SolveError as error:
                answers.append([error.message])
        assert all(answer == answers[0] for answer in answers), f"seed {seed}"
