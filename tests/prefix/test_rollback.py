"""Generations: kept, returned to, undone; the user's files are always today's."""

from __future__ import annotations

import itertools
import shutil
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.prefix.test_clobber import Notes
from tests.support.faults import failing_at, run_killed_at
from tests.support.packages import PackageBuilder
from tests.support.prefixes import (
    MINOR,
    Extracted,
    apply,
    executor,
    extract,
    python_package,
    snapshot,
)

from minicon.constants import GENERATIONS
from minicon.errors import FileError, PrefixError
from minicon.fs import operations
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.removal import remove_environment, sweep
from minicon.prefix.rollback import generations, redo, rollback, undo


@pytest.fixture
def versions(fast_path: Path) -> list[Extracted]:
    return [
        extract(
            PackageBuilder("tool").version(v).file("bin/tool", v).file(f"lib/only{v}", v),
            fast_path / "pkgs",
        )
        for v in "12345"
    ]


def numbers(env: Path) -> list[int]:
    return [generation.number for generation in generations(env)]


def back(env: Path, number: int) -> Prefix:
    return rollback(env, number, durable=False, command="minicon rollback", version="0.0.test")


def test_going_back_and_forth(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    states = {}
    for package in versions[:3]:
        apply(env, package, update_specs=[f"tool={package.record.version}"])
        states[read_generation_metadata(env).number] = snapshot(env, metadata=False)
    assert numbers(env) == [1, 2, 3]
    assert [g.packages for g in generations(env)] == [(f"tool-{v}-0",) for v in "123"]
    for number in (1, 3, 2):
        back(env, number)
        assert snapshot(env, metadata=False) == states[number]
        assert [r.record.version for r in Prefix(env).records()] == [str(number)]
        assert Prefix(env).requested_specs() == {"tool": f"tool={number}"}
        assert numbers(env) == [1, 2, 3]
        assert [g.number for g in generations(env) if g.is_current] == [number]
    assert len(Prefix(env).revisions()) == 6
    apply(env, versions[4])
    assert numbers(env) == [1, 2, 3, 4]


def test_undo_and_redo(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    apply(env, versions[0])
    with pytest.raises(PrefixError, match="has no earlier revision"):
        undo(env, durable=False)
    apply(env, versions[1])
    apply(env, versions[2])
    for step, expected in zip((undo, undo, redo, undo, redo, redo), "212123", strict=True):
        step(env, durable=False)
        assert (env / "bin/tool").read_text() == expected
    with pytest.raises(PrefixError, match="undone"):
        redo(env, durable=False)
    back(env, 1)
    with pytest.raises(PrefixError, match="has no earlier revision"):
        undo(env, durable=False)


def test_user_files_are_those_of_today(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    apply(env, versions[0])
    for name in ("stays", "goes", "changes"):
        (env / name).write_text("old")
    (env / "gone").mkdir()
    (env / "gone/deep").write_text("x")
    apply(env, versions[1])
    (env / "goes").unlink()
    shutil.rmtree(env / "gone")
    (env / "changes").unlink()
    (env / "changes").write_text("new")
    (env / "made/later").mkdir(parents=True)
    (env / "made/note").write_text("note")
    (env / "lib/only1").write_text("the user's, at a package's path")
    (env / "conda-meta/state").write_text('{"env_vars": {"A": "1"}}')
    back(env, 1)
    assert (env / "stays").read_text() == "old"
    assert (env / "changes").read_text() == "new"
    assert (env / "made/note").read_text() == "note"
    assert (env / "made/later").is_dir()
    assert not (env / "goes").exists()
    assert not (env / "gone").exists()
    assert (env / "lib/only1").read_text() == "1"
    assert (env / "lib/only1.minicon-saved").read_text().startswith("the user's")
    assert Prefix(env).environment_variables() == {"A": "1"}


def test_distributions_of_pip_are_restored_too(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    python = extract(python_package(), fast_path / "pkgs")
    apply(env, python)
    site = env / f"lib/python{MINOR}/site-packages"
    apply(env, python, versions[0])
    (site / "byhand").mkdir()
    (site / "byhand/__init__.py").write_text("")
    info = site / "byhand-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Name: byhand\nVersion: 1.0\n")
    (env / "bin/byhand").write_text("#!")
    (info / "RECORD").write_text("byhand/__init__.py,,\n../../../bin/byhand,,\n")
    back(env, 1)
    assert not (site / "byhand").exists()
    assert not (env / "bin/byhand").exists()
    back(env, 2)
    assert (site / "byhand").exists()
    assert (env / "bin/byhand").exists()


@pytest.mark.parametrize("keep", [0, 1, 2])
def test_only_so_many_are_kept(fast_path: Path, versions: list[Extracted], keep: int) -> None:
    env = fast_path / "envs" / "data"
    for package in versions:
        apply(env, package, executor=executor(keep_generations=keep))
    assert numbers(env) == [5 - n for n in range(keep, -1, -1)]


def test_the_state_before_is_the_last_to_go(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    for package in versions[:3]:
        apply(env, package)
    back(env, 1)
    apply(env, versions[3], executor=executor(keep_generations=1))
    assert numbers(env) == [1, 4]


@pytest.mark.slow
@pytest.mark.parametrize("exchange", [True, False])
def test_killed_at_every_step_of_a_rollback(
    fast_path: Path, versions: list[Extracted], monkeypatch: pytest.MonkeyPatch, *, exchange: bool
) -> None:
    if not exchange:
        monkeypatch.setattr(operations, "exchange", lambda *_, **__: False)
    envs, saved = fast_path / "envs", fast_path / "saved"
    env = envs / "data"
    apply(env, versions[0])
    (env / "mine").write_text("old")
    apply(env, versions[1])
    (env / "mine").write_text("new")
    (env / "later").write_text("x")
    shutil.copytree(envs, saved, symlinks=True)
    old = snapshot(env)
    back(env, 1)
    new = {**snapshot(env), "conda-meta/history": ("", 0, "")}
    for at in itertools.count(1):
        shutil.rmtree(envs)
        shutil.copytree(saved, envs, symlinks=True)
        if run_killed_at(at, lambda: back(env, 1)) == 0:
            break
        recover(env)
        now = snapshot(env)
        assert now == old or {**now, "conda-meta/history": ("", 0, "")} == new
        store = envs / GENERATIONS / "data"
        assert all(p.name.isdigit() or p.name == "lock" for p in store.iterdir())
        back(env, 1)
        assert {**snapshot(env), "conda-meta/history": ("", 0, "")} == new
        assert numbers(env) == [1, 2]
    assert at > 5


def test_errors(fast_path: Path, versions: list[Extracted]) -> None:
    env = fast_path / "envs" / "data"
    apply(env, versions[0])
    apply(env, versions[1])
    with pytest.raises(PrefixError, match=r"revision 7 .* was not kept \(kept: 1\)"):
        back(env, 7)
    before = snapshot(env)
    for at in itertools.count(1):
        with failing_at(at, OSError(28, "No space left on device")) as counter:
            failed = _fails(lambda: back(env, 1))
        if not failed:
            break
        recover(env)
        assert snapshot(env) == before
    assert counter.count > 5
    assert (env / "bin/tool").read_text() == "1"
    recover(env)
    assert numbers(env) == [1, 2]


def _fails(action: Callable[[], object]) -> bool:
    try:
        action()
    except FileError:
        return True
    return False


def test_an_environment_of_another_tool_can_be_returned_to(
    fast_path: Path, versions: list[Extracted]
) -> None:
    env = fast_path / "envs" / "data"
    (env / "conda-meta").mkdir(parents=True)
    (env / "conda-meta/history").write_text("")
    (env / "mine").write_text("x")
    apply(env, versions[0])
    assert numbers(env) == [0, 1]
    undo(env, durable=False)
    assert not (env / "bin/tool").exists()
    assert (env / "mine").exists()
    assert numbers(env) == [0, 1]
    redo(env, durable=False)
    assert (env / "bin/tool").exists()


def test_a_copied_environment_starts_its_own_line(
    fast_path: Path, versions: list[Extracted]
) -> None:
    env, copy = fast_path / "envs" / "data", fast_path / "envs" / "copy"
    apply(env, versions[0])
    apply(env, versions[1])
    shutil.copytree(env, copy, symlinks=True)
    apply(copy, versions[2])
    assert numbers(copy) == [2, 3]
    # A backup put back over a line that went on: two trees with one number.
    shutil.rmtree(copy)
    shutil.copytree(env, copy, symlinks=True)
    apply(copy, versions[3])
    assert len(numbers(copy)) == 3
    assert (copy / "bin/tool").read_text() == "4"
    assert recover(copy) is False


def test_removing_an_environment(fast_path: Path, versions: list[Extracted]) -> None:
    envs = fast_path / "envs"
    apply(envs / "a", versions[0])
    apply(envs / "b", versions[0])
    apply(envs / "a", versions[1])
    remove_environment(envs / "a")
    assert {p.name for p in envs.iterdir()} == {"b", GENERATIONS}
    remove_environment(envs / "b")
    assert list(envs.iterdir()) == []


@pytest.mark.slow
def test_killed_while_removing(fast_path: Path, versions: list[Extracted]) -> None:
    envs, saved = fast_path / "envs", fast_path / "saved"
    env = envs / "data"
    apply(env, versions[0])
    apply(env, versions[1])
    shutil.copytree(envs, saved, symlinks=True)
    old = snapshot(env)
    for at in itertools.count(1):
        shutil.rmtree(envs)
        shutil.copytree(saved, envs, symlinks=True)
        if run_killed_at(at, lambda: remove_environment(env)) == 0:
            break
        sweep(envs)
        if env.exists():
            assert snapshot(env) == old
            remove_environment(env)
        assert list(envs.iterdir()) == []
    assert at > 5


def test_sweeping_leaves_what_is_in_order(fast_path: Path, versions: list[Extracted]) -> None:
    envs = fast_path / "envs"
    apply(envs / "a", versions[0])
    apply(envs / "a", versions[1])
    store = GenerationStore(envs / "a")
    stage = store.new_stage()
    before = snapshot(envs / "a")
    assert sweep(envs) == [store.folder]
    assert not stage.exists()
    assert snapshot(envs / "a") == before
    assert numbers(envs / "a") == [1, 2]
    assert sweep(envs) == []


def test_a_shell_in_the_previous_tree_is_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / "envs" / "data"
    for version in ("1.0", "2.0"):
        builder = PackageBuilder("tool").version(version).file("etc/x", version)
        apply(env, extract(builder, tmp_path / "pkgs"))
    monkeypatch.chdir(env / "etc")
    notes = Notes()
    undo(env, reporter=notes)
    assert "run cd ." in notes.warnings[0]
    assert (env / "etc" / "x").read_text() == "1.0"
