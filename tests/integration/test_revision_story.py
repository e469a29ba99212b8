"""Revisions that are not kept: their packages are installed again from the history."""

from __future__ import annotations

import json
import re
from pathlib import Path

from tests.support.commands import Workspace

from minicon.prefix.generations.store_entries import GENERATION_FILE


def versions(workspace: Workspace, name: str) -> dict[str, str]:
    listed = workspace.run("list", "-n", name, "--json").ok().json
    return {package["name"]: package["version"] for package in listed}


def test_a_revision_that_is_not_kept_is_installed_again(
    workspace: Workspace, channel: Path
) -> None:
    workspace.environ["MINICON_KEEP_GENERATIONS"] = "0"
    source = ("-c", channel.as_uri(), "-c", "host", "-c", "pypi", "--override-channels")
    workspace.run("create", "-y", "-n", "a", *source, "hello=1.0", "python", "leaf<2").ok()
    first = versions(workspace, "a")
    assert (first["hello"], first["leaf"]) == ("1.0", "1.0")
    workspace.run("update", "-y", "-n", "a", *source, "hello", "leaf").ok()
    workspace.run("install", "-y", "-n", "a", *source, "pure").ok()
    third = versions(workspace, "a")
    assert (third["hello"], third["leaf"]) == ("2.0", "2.0")

    assert "hello" in workspace.run("install", "-n", "a", "--revision", "0", "--dry-run").ok().out
    assert versions(workspace, "a") == third
    workspace.run("install", "-y", "-n", "a", "--revision", "0").ok()
    assert versions(workspace, "a") == first
    exported = workspace.run("export", "-n", "a", "--from-history").ok().out
    assert "hello" in exported
    assert "greeting" not in exported  # a dependency does not become a request
    workspace.run("install", "-y", "-n", "a", "--revision", "2").ok()
    assert versions(workspace, "a") == third
    failed = workspace.run("install", "-y", "-n", "a", "--revision", "77")
    assert failed.code == 1
    assert "has no revision 77" in failed.err


def test_revisions_of_another_tool_are_numbered_from_zero(
    workspace: Workspace, channel: Path
) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    workspace.environ["MINICON_KEEP_GENERATIONS"] = "0"
    workspace.run("create", "-y", "-n", "a", *source, "hello=1.0").ok()
    workspace.run("update", "-y", "-n", "a", *source, "hello").ok()
    prefix = workspace.environment("a")
    history = prefix / "conda-meta" / "history"
    history.write_text(re.sub(r"# minicon.*\n", "", history.read_text()))
    (prefix / GENERATION_FILE).unlink()
    workspace.run("install", "-y", "-n", "a", "--revision", "0").ok()
    assert versions(workspace, "a")["hello"] == "1.0"
    record = json.loads(next((prefix / "conda-meta").glob("hello-*.json")).read_text())
    assert record["requested_spec"] == "hello=1.0"
