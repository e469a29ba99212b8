"""Settings that say how carefully environments are changed."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace, Workspace
from tests.support.faults import counting

from minicon.cli.main import main
from minicon.constants import GENERATIONS


def kept(workspace: Workspace, name: str) -> list[str]:
    store = workspace.root / "envs" / GENERATIONS / name
    return sorted(path.name for path in store.iterdir() if path.name.isdigit())


def test_as_many_revisions_are_kept_as_configured(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace.run("create", "-y", "-n", "a", *source, "greeting").ok()
    for names in (["hello=1.0"], ["hello=2.0"]):
        workspace.run("install", "-y", "-n", "a", *source, *names).ok()
    assert kept(workspace, "a") == ["1", "2"]
    careless = QuickWorkspace(
        workspace.folder, {**workspace.environ, "MINICON_KEEP_GENERATIONS": "0"}
    )
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
        assert main(["rollback", "-q", "-y", "-n", "a"]) == 0
    synced = [operation for operation, _ in counter.calls if operation == "sync_file_system"]
    assert bool(synced) is waits
    assert (workspace.environment("a") / "bin" / "hello").exists()


def test_an_unknown_durability_is_refused(workspace: Workspace) -> None:
    careful = QuickWorkspace(workspace.folder, {"MINICON_DURABILITY": "mostly"})
    refused = careful.run("create", "-y", "-n", "a")
    assert refused.code != 0
    assert "safe" in refused.err
    assert "fast" in refused.err


def test_a_disallowed_package_is_refused_as_a_dependency_too(
    workspace: Workspace, channel: Path
) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    careful = QuickWorkspace(workspace.folder, {"MINICON_DISALLOWED_PACKAGES": "hello 1.*&other"})
    refused = careful.run("create", "-y", "-n", "a", *source, "shout", "--json")
    assert refused.code == 1
    assert refused.json["reference"] == "package-disallowed"
    assert "hello-1.0" in refused.json["message"]
    assert not workspace.environment("a").exists()
    careful.run("create", "-y", "-n", "b", *source, "hello").ok()


def damaged(workspace: Workspace) -> Path:
    """A file of the cached package 'greeting', edited."""
    (file,) = (workspace.root / "pkgs").glob("greeting-*/share/greeting")
    file.chmod(0o644)
    file.write_text("edited")
    return file


@pytest.mark.parametrize("how", ["enabled", "warn", "disabled"])
def test_a_cached_file_that_was_edited_is_found(
    how: str, workspace: Workspace, channel: Path
) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace = QuickWorkspace(workspace.folder)
    workspace.run("create", "-y", "-n", "a", *source, "greeting", "--download-only").ok()
    damaged(workspace)
    checked = QuickWorkspace(workspace.folder, {"MINICON_SAFETY_CHECKS": how})
    done = checked.run("create", "-y", "-n", "b", *source, "greeting").ok()
    is_found = "share/greeting has 6 bytes instead of 3" in done.err
    assert is_found is (how != "disabled")
    installed = (workspace.environment("b") / "share" / "greeting").read_text()
    assert (installed == "edited") is (how != "enabled")


def test_offline_a_damaged_package_is_an_error(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace = QuickWorkspace(workspace.folder)
    workspace.run("create", "-y", "-n", "a", *source, "greeting", "--download-only").ok()
    file = damaged(workspace)
    refused = workspace.run("create", "-y", "-n", "b", *source, "greeting", "--offline", "--json")
    assert refused.code == 1
    assert refused.json["reference"] == "damaged-package"
    assert file.exists()


@pytest.mark.parametrize("allowed", [True, False])
def test_soft_links_stand_in_for_hard_links_where_allowed(
    workspace: Workspace, channel: Path, tmp_path: Path, *, allowed: bool
) -> None:
    memory = Path("/dev/shm")
    if not memory.is_dir() or memory.stat().st_dev == tmp_path.stat().st_dev:
        pytest.skip("no second file system")
    with tempfile.TemporaryDirectory(dir=memory) as cache:
        choice = {"MINICON_PKGS_DIRS": cache, "MINICON_ALLOW_SOFTLINKS": str(allowed).lower()}
        soft = QuickWorkspace(workspace.folder, choice)
        source = ("-c", channel.as_uri(), "--override-channels")
        soft.run("create", "-y", "-n", "a", *source, "greeting").ok()
        file = workspace.environment("a") / "share" / "greeting"
        assert file.is_symlink() is allowed
        assert file.read_text() == "hi\n"
        (record,) = (workspace.environment("a") / "conda-meta").glob("greeting-*.json")
        assert json.loads(record.read_text())["link"]["type"] == (2 if allowed else 3)
