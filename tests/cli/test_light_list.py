"""A list that is said again is the one that would be made anew, whatever happened in between."""

from __future__ import annotations

import os
import shutil
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.explained_world import QuickWorkspace, install_by_hand


@pytest.fixture
def listed(in_world: QuickWorkspace) -> QuickWorkspace:
    """``e`` was listed, and the list is remembered."""
    in_world.run("create", "-y", "-n", "e", "app=1", "pure").ok()
    settle(in_world.environment("e"))
    in_world.run("list", "-n", "e").ok()
    return in_world


def settle(prefix: Path) -> None:
    """Let the folders look as if their last change were a while ago."""
    past = time.time() - 60
    for folder in (prefix / "conda-meta", prefix / "lib/python3.11/site-packages"):
        os.utime(folder, (past, past))


def remembered(workspace: QuickWorkspace) -> Path:
    (file,) = (workspace.root / "cache" / "lists-v1").iterdir()
    return file


def anew(workspace: QuickWorkspace) -> str:
    """The list without what is remembered: an unknown form of the same command line."""
    return workspace.run("list", "-n", "e", "-v").ok().out


def test_what_is_remembered_is_said(listed: QuickWorkspace) -> None:
    first = listed.run("list", "-n", "e").ok().out
    assert first == anew(listed)
    file = remembered(listed)
    file.write_text(file.read_text().replace("pure", "PURE"))
    assert "PURE" in listed.run("list", "-n", "e").ok().out
    assert "PURE" in listed.run("list", "--prefix", str(listed.environment("e"))).ok().out


def install(workspace: QuickWorkspace) -> None:
    workspace.run("install", "-y", "-n", "e", "machine").ok()


def go_back(workspace: QuickWorkspace) -> None:
    workspace.run("install", "-y", "-n", "e", "app=2").ok()
    settle(workspace.environment("e"))
    workspace.run("list", "-n", "e").ok()
    workspace.run("undo", "-n", "e").ok()


def pip_install(workspace: QuickWorkspace) -> None:
    install_by_hand(workspace.environment("e"), "visitor", "1.0")


def conda_removes(workspace: QuickWorkspace) -> None:
    (workspace.environment("e") / "conda-meta/app-1.0-0.json").unlink()


def made_anew(workspace: QuickWorkspace) -> None:
    shutil.rmtree(workspace.environment("e"))
    workspace.run("create", "-y", "-n", "e", "base").ok()


@pytest.mark.parametrize("change", [install, go_back, pip_install, conda_removes, made_anew])
def test_every_change_is_seen(
    listed: QuickWorkspace, change: Callable[[QuickWorkspace], None]
) -> None:
    before = listed.run("list", "-n", "e").ok().out
    change(listed)
    after = listed.run("list", "-n", "e").ok().out
    assert after == anew(listed)
    assert (after != before) == (change is not go_back)


def test_another_form_of_output_is_not_overheard(listed: QuickWorkspace) -> None:
    (listed.home / ".condarc").write_text("json: true\n")
    assert listed.run("list", "-n", "e").ok().json[0]["name"] == "app"
    (listed.home / ".condarc").unlink()
    listed.environ["CONDA_JSON"] = "true"
    assert listed.run("list", "-n", "e").ok().json


@pytest.mark.parametrize(
    "damage", [b"", b"\xff\xfe", b"\n\n", b"/elsewhere/conda-meta\t1:2:3\n\nx\n"]
)
def test_a_damaged_memory_is_no_memory(listed: QuickWorkspace, damage: bytes) -> None:
    remembered(listed).write_bytes(damage)
    assert listed.run("list", "-n", "e").ok().out == anew(listed)


def test_an_environment_that_is_gone_is_an_error(listed: QuickWorkspace) -> None:
    shutil.rmtree(listed.environment("e"))
    failed = listed.run("list", "-n", "e")
    assert failed.code == 1
    assert "no environment named 'e'" in failed.err
