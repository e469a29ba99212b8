"""Solutions that are kept: the same request to the same sources is not solved again."""

from __future__ import annotations

import hashlib
import json
import os
from pathlib import Path
from unittest import mock

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.explained_world import explained_channel, explained_workspace
from tests.support.wheels import WheelBuilder

from minicon.solver.solver import CondaSolver


@pytest.fixture
def world(tmp_path: Path) -> QuickWorkspace:
    channel = explained_channel(tmp_path / "channel")
    return explained_workspace(tmp_path, channel, tmp_path / "root" / "pkgs")


def solves(workspace: QuickWorkspace, *arguments: str) -> tuple[int, str, str]:
    """Return how often a command solved, and what it printed."""
    with mock.patch.object(
        CondaSolver, "solve", autospec=True, side_effect=CondaSolver.solve
    ) as at:
        done = workspace.run(*arguments).ok()
    return at.call_count, done.out, done.err


def kept(workspace: QuickWorkspace) -> list[Path]:
    return sorted((workspace.root / "cache" / "solutions-v1").glob("*.json"))


PLAN = ("create", "-n", "e", "--dry-run", "app", "pure")


def test_the_same_request_is_answered_as_before(world: QuickWorkspace) -> None:
    first, second = solves(world, *PLAN), solves(world, *PLAN)
    assert (first[0], second[0]) == (1, 0)
    assert first[1:] == second[1:]
    assert solves(world, "create", "-y", "-n", "e", "app", "pure")[0] == 0
    world.run("verify", "-n", "e").ok()
    records = {p.name: p.read_text() for p in world.environment("e").glob("conda-meta/*-*.json")}
    for path in kept(world):
        path.unlink()
    assert solves(world, "create", "-y", "-n", "other", "app", "pure")[0] == 1
    for path in world.environment("other").glob("conda-meta/*-*.json"):
        theirs = path.read_text().replace(f"{world.root}/envs/other", f"{world.root}/envs/e")
        assert theirs == records[path.name]


@pytest.mark.parametrize(
    "change",
    [
        ("create", "-n", "e", "--dry-run", "app", "pure", "--no-deps"),
        ("create", "-n", "e", "--dry-run", "app", "pure", "--constraint", "lib <3"),
        ("create", "-n", "e", "--dry-run", "app", "pure", "--exclude-newer", "2030-01-01"),
        ("create", "-n", "e", "--dry-run", "app", "pure", "--platform", "linux-64", "-c", "pypi"),
    ],
)
def test_another_request_is_solved(world: QuickWorkspace, change: tuple[str, ...]) -> None:
    world.environ["PIP_CONFIG_FILE"] = os.devnull
    solves(world, *PLAN)
    assert solves(world, *change)[0] == 1


def test_settings_and_machine_are_part_of_the_request(world: QuickWorkspace) -> None:
    solves(world, *PLAN)
    for variable, value in (("CONDA_OVERRIDE_GLIBC", "2.30"), ("MINICON_PINNED_PACKAGES", "lib")):
        world.environ[variable] = value
        assert solves(world, *PLAN)[0] == 1
        assert solves(world, *PLAN)[0] == 0


def test_a_request_to_a_changed_channel_is_solved_again(world: QuickWorkspace) -> None:
    solves(world, *PLAN)
    repodata = next((world.folder / "channel").glob("linux-64/repodata.json"))
    data = json.loads(repodata.read_text())
    for section in ("packages", "packages.conda"):
        data[section] = {
            fn: record
            for fn, record in data[section].items()
            if (record["name"], record["version"]) != ("app", "2.0")
        }
    repodata.write_text(json.dumps(data))
    count, out, _ = solves(world, *PLAN)
    assert count == 1
    assert "1.0" in next(line for line in out.splitlines() if " app " in line)


def test_what_was_planted_is_not_used(world: QuickWorkspace) -> None:
    _, out, _ = solves(world, *PLAN)
    (path,) = kept(world)
    good = json.loads(path.read_text())
    for number, value in ((3, "../../app.tar.bz2"), (5, "other"), (0, {"name": "../x"})):
        bad = json.loads(json.dumps(good))
        bad["records"][0][number] = value
        path.write_text(json.dumps(bad))
        assert solves(world, *PLAN)[:2] == (1, out)
    for text in ("", "[]", "{}", path.read_text()[:-20]):
        path.write_text(text)
        assert solves(world, *PLAN)[:2] == (1, out)
    assert json.loads(path.read_text()) == good


def test_reasons_are_kept_with_it_or_found_when_they_are_read(world: QuickWorkspace) -> None:
    older = ("create", "-n", "e", "--dry-run", "app", "old")
    assert solves(world, *older, "--quiet")[0] == 1
    assert json.loads(kept(world)[0].read_text())["hold_backs"] is None
    count, out, _ = solves(world, *older)
    assert count == 1
    assert "app" in out.partition("not the newest")[2]
    assert solves(world, *older)[:2] == (0, out)


def test_they_are_few_and_clean_removes_them(world: QuickWorkspace) -> None:
    with mock.patch("minicon.api.plan.solutions.kept_solutions._MOST", 2):
        for name in ("app", "lib", "base", "pure"):
            solves(world, "create", "-n", "e", "--dry-run", name)
    assert len(kept(world)) == 2
    world.run("clean", "-y", "--index-cache").ok()
    assert not kept(world)


def _page(folder: Path, *wheels: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    links = "".join(
        f'<a href="{w.as_uri()}#sha256={hashlib.sha256(w.read_bytes()).hexdigest()}">{w.name}</a>\n'
        for w in wheels
    )
    (folder / "index.html").write_text(links)


def test_pages_of_an_index_that_changed_are_read_again(world: QuickWorkspace) -> None:
    wheels = world.folder / "wheels"
    old = WheelBuilder("leaf", "1.0").file("leaf.py", "").build(wheels)
    _page(world.folder / "index" / "leaf", old)
    world.environ["PIP_CONFIG_FILE"] = os.devnull
    world.environ["PIP_INDEX_URL"] = (world.folder / "index").as_uri()
    plan = ("create", "-n", "e", "--dry-run", "-c", "pypi", "python", "leaf")
    assert [solves(world, *plan)[0] > 0 for _ in range(2)] == [True, False]
    new = WheelBuilder("leaf", "2.0").file("leaf.py", "").build(wheels)
    _page(world.folder / "index" / "leaf", old, new)
    count, out, _ = solves(world, *plan)
    assert count
    assert "2.0" in out
    assert solves(world, *plan)[:2] == (0, out)
    constraints = world.folder / "constraints.txt"
    constraints.write_text("leaf<2\n")
    world.environ["PIP_CONSTRAINT"] = str(constraints)
    assert "1.0" in solves(world, *plan)[1]
    assert solves(world, *plan)[0] == 0
    constraints.write_text("leaf>=1\n")
    assert "2.0" in solves(world, *plan)[1]


def test_files_in_a_directory_are_compared(world: QuickWorkspace) -> None:
    links = world.folder / "links"
    WheelBuilder("leaf", "1.0").file("leaf.py", "").build(links)
    world.environ.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(links))
    plan = ("create", "-n", "e", "--dry-run", "-c", "pypi", "python", "leaf")
    assert [solves(world, *plan)[0] > 0 for _ in range(2)] == [True, False]
    WheelBuilder("leaf", "2.0").file("leaf.py", "").build(links)
    assert "2.0" in solves(world, *plan)[1]


@pytest.mark.parametrize(
    ("variable", "value"), [("PIP_FIND_LINKS", "links"), ("PIP_CONSTRAINT", "constraints.txt")]
)
def test_relative_paths_of_pip_mean_others_elsewhere(
    world: QuickWorkspace, variable: str, value: str
) -> None:
    both = world.folder / "both"
    world.environ.update(PIP_CONFIG_FILE=os.devnull, PIP_NO_INDEX="1", PIP_FIND_LINKS=str(both))
    world.environ[variable] = value
    for version in ("1.0", "2.0"):
        folder = world.folder / version
        for links in (both, folder / "links"):
            WheelBuilder("leaf", version).file("leaf.py", "").build(links)
        (folder / "constraints.txt").write_text(f"leaf=={version}\n")
    plan = ("create", "-n", "e", "--dry-run", "-c", "pypi", "python", "leaf")
    for version in ("1.0", "2.0"):
        out = world.run(*plan, cwd=world.folder / version).ok().out
        assert version in next(line for line in out.splitlines() if " leaf " in line)
