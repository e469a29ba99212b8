"""``minicon x``: a tool runs from an environment of its own."""

from __future__ import annotations

from pathlib import Path

from tests.support.commands import Workspace


def test_a_tool_runs_and_is_kept(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    first = workspace.run("x", *source, "hello").ok()
    assert first.out.startswith("hello 2.0")
    again = workspace.run("x", *source, "--offline", "hello").ok()
    assert again.out == first.out
    older = workspace.run("x", "--from", "hello=1.0", *source, "hello").ok()
    assert older.out.startswith("hello 1.0")
    assert workspace.run("env", "list", "--json").ok().json["envs"] == []
    workspace.run("x", *source, "--with", "shout", "--from", "hello=1.0", "shout").ok()


def test_a_missing_tool(workspace: Workspace, channel: Path) -> None:
    source = ("-c", channel.as_uri(), "--override-channels")
    assert workspace.run("x", *source, "nosuchtool").code == 1
    assert workspace.run("x", *source).code == 2
    assert workspace.run("x", "--from", "hello", *source, "not-in-it").code == 127
