"""Settings that say how carefully environments are changed."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.faults import counting

from minicon.cli.main import main
from minicon.prefix.generations import STORE_FOLDER


def kept(workspace: Workspace, name: str) -> list[str]:
    store = workspace.root / "envs" / STORE_FOLDER / name
    return sorted(path.name for path in store.iterdir() if path.name.isdigit())


def test_as_many_states_are_kept_as_are_asked_for(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace.run("create", "-y", "-n", "a", *source, "greeting").ok()
    for names in (["hello=1.0"], ["hello=2.0"]):
        workspace.run("install", "-y", "-n", "a", *source, *names).ok()
    assert kept(workspace, "a") == ["1", "2"]
    careless = Workspace(workspace.folder, {**workspace.environ, "MINICON_KEEP_GENERATIONS": "0"})
    careless.run("install", "-y", "-n", "a", *source, "hello=1.0").ok()
    assert kept(workspace, "a") == []


@pytest.mark.parametrize(("durability", "waits"), [("safe", True), ("fast", False)])
def test_only_safe_changes_wait_for_the_disk(
    durability: str,
    channel: Path,
    workspace: Workspace,
    monkeypatch: pytest.MonkeyPatch,
    *,
    waits: bool,
) -> None:
    for name, value in workspace.variables.items():
        monkeypatch.setenv(name, value)
    monkeypatch.setenv("MINICON_PKGS_DIRS", str(workspace.root / "pkgs"))
    monkeypatch.setenv("MINICON_DURABILITY", durability)
    source = ["-c", channel.as_uri(), "--override-channels", "--no-pypi"]
    with counting() as counter:
        assert main(["create", "-q", "-y", "-n", "a", *source, "hello=1.0"]) == 0
        assert main(["install", "-q", "-y", "-n", "a", *source, "hello=2.0"]) == 0
        assert main(["rollback", "-q", "-n", "a"]) == 0
    synced = [operation for operation, _ in counter.calls if operation == "sync_file_system"]
    assert bool(synced) is waits
    assert (workspace.environment("a") / "bin" / "hello").exists()


def test_a_durability_that_nobody_knows_is_refused(workspace: Workspace) -> None:
    careful = Workspace(workspace.folder, {"MINICON_DURABILITY": "mostly"})
    refused = careful.run("create", "-y", "-n", "a")
    assert refused.code != 0
    assert "safe" in refused.err
    assert "fast" in refused.err
