"""Link scripts are shown, run in the activated environment, and can be disabled."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.packages import PackageBuilder, build_channel


@pytest.fixture
def source(tmp_path: Path) -> tuple[str, ...]:
    variables = (
        PackageBuilder("variables")
        .file("etc/conda/env_vars.d/variables.json", '{"GREETING": "from a file"}')
        .file("etc/conda/activate.d/variables.sh", "export SOURCED=from-a-script\n")
        .file("bin/sleeper", "#!/bin/sh\nexec sleep 60\n")
    )
    scripted = (
        PackageBuilder("scripted")
        .depends("variables")
        .script("post-link", 'echo "$CONDA_PREFIX|$GREETING|$SOURCED|$PKG_NAME" > "$PREFIX/seen"\n')
        .script("pre-unlink", 'echo gone > "$PREFIX/../said"\ntrue\n')
    )
    channel = build_channel(tmp_path / "channel", [variables, scripted])
    return ("-c", channel.as_uri(), "--override-channels")


def test_scripts_are_shown_before_they_run_in_the_activated_environment(
    workspace: Workspace, source: tuple[str, ...]
) -> None:
    workspace.run("create", "-y", "-n", "a", *source, "variables").ok()
    first = workspace.run("install", "-y", "-n", "a", *source, "scripted").ok()
    assert "will run: post-link of scripted-1.0-0" in first.err  # known once it was fetched
    prefix = workspace.environment("a")
    seen = (prefix / "seen").read_text()
    assert seen == f"{prefix}|from a file|from-a-script|scripted\n"

    planned = workspace.run("create", "-n", "b", "--dry-run", *source, "scripted").ok().out
    assert "link scripts to run" in planned
    assert "post-link  of  scripted-1.0-0" in planned
    document = workspace.run("create", "-n", "b", "-d", "--json", *source, "scripted").ok().json
    assert document["link_scripts"] == [
        {"action": "post-link", "package": "scripted-1.0-0", "path": "bin/.scripted-post-link.sh"}
    ]
    removed = workspace.run("remove", "-y", "-n", "a", *source, "scripted").ok().out
    assert "pre-unlink  of  scripted-1.0-0" in removed


def test_scripts_can_be_disabled(workspace: Workspace, source: tuple[str, ...]) -> None:
    planned = workspace.run(
        "create", "-y", "-n", "a", "--no-link-scripts", *source, "scripted"
    ).ok()
    assert "link scripts to run" not in planned.out + planned.err
    assert not (workspace.environment("a") / "seen").exists()


def test_programs_that_run_from_the_environment_are_named(
    workspace: Workspace, source: tuple[str, ...]
) -> None:
    workspace.run("create", "-y", "-n", "a", *source, "variables").ok()
    workspace.run("install", "-y", "-n", "a", *source, "scripted").ok()
    program = workspace.environment("a") / "bin" / "mine"
    program.write_bytes(Path("/bin/sleep").read_bytes())
    program.chmod(0o755)
    with subprocess.Popen([program, "60"]) as process:
        try:
            note = [
                workspace.run(*words, "--dry-run").ok().err
                for words in (
                    ("remove", "-n", "a", *source, "scripted"),
                    ("remove", "-n", "a", "--all"),
                    ("undo", "-n", "a"),
                    ("rename", "a", "b"),
                )
            ]
        finally:
            process.kill()
    named = f"programs are running from this environment: {process.pid} (mine 60)"
    assert all(named in text for text in note), note


def test_removing_an_environment_runs_its_unlink_scripts(
    workspace: Workspace, tmp_path: Path
) -> None:
    text = 'echo "goodbye from $PKG_NAME" > "$PREFIX/.messages.txt"\n'
    builder = PackageBuilder("polite").script("pre-unlink", text).script("pre-link", text)
    channel = build_channel(tmp_path / "polite", [builder])
    source = ("-c", channel.as_uri(), "--override-channels", "polite")
    created = workspace.run("create", "-y", "-n", "a", *source).ok()
    assert "will run: pre-link of polite-1.0-0" in created.err
    assert created.err.rstrip().endswith("polite: goodbye from polite")
    planned = workspace.run("remove", "-n", "a", "--all", "--dry-run").ok()
    assert "will run: pre-unlink of polite-1.0-0" in planned.err
    removed = workspace.run("remove", "-y", "-n", "a", "--all").ok()
    assert "polite: goodbye from polite" in removed.err
    quiet = workspace.run("create", "-y", "-q", "-n", "a", *source).ok()
    assert (quiet.out, quiet.err) == ("", "polite: goodbye from polite\n")
    document = workspace.run("remove", "-y", "-n", "a", "--all", "--json").ok()
    assert document.json["messages"] == [{"package": "polite", "message": "goodbye from polite"}]
    assert document.err == "polite: goodbye from polite\n"
    workspace.run("create", "-y", "-n", "a", *source).ok()
    silent = workspace.run("remove", "-y", "-n", "a", "--all", "--no-link-scripts").ok()
    assert "polite" not in silent.out + silent.err


def test_menu_entries_are_recorded_and_noted(workspace: Workspace, tmp_path: Path) -> None:
    """Nothing is written outside of environments, whatever a package contains (ADR 10)."""
    menu = '{"$schema": "x", "menu_name": "App", "menu_items": [{"name": "App"}]}'
    channel = build_channel(tmp_path / "c", [PackageBuilder("app").file("Menu/app.json", menu)])
    source = ("-c", channel.as_uri(), "--override-channels", "app")
    note = "app has menu entries (Menu/*.json), which minicon does not make"
    assert note in workspace.run("create", "-y", "-n", "a", *source).ok().err
    assert note in workspace.run("create", "-n", "b", "--dry-run", *source).ok().err
    document = workspace.run("create", "-n", "b", "--dry-run", "--json", *source).ok().json
    assert document["menus"] == ["app-1.0-0"]
    record = workspace.environment("a") / "conda-meta" / "app-1.0-0.json"
    assert "Menu/app.json" in record.read_text()
    assert not (workspace.home / ".local" / "share" / "applications").exists()


def test_a_frozen_environment_does_not_go_back(
    workspace: Workspace, source: tuple[str, ...]
) -> None:
    workspace.run("create", "-y", "-n", "a", *source, "variables").ok()
    workspace.run("install", "-y", "-n", "a", *source, "scripted").ok()
    (workspace.environment("a") / "conda-meta" / "frozen").write_text('{"message": "ask me"}')
    for words in (("undo",), ("rollback", "1"), ("install", "-y", "--revision", "1")):
        refused = workspace.run(*words, "-n", "a")
        assert refused.code == 1
        assert "must not be changed: ask me" in refused.err
    workspace.run("undo", "-y", "-n", "a", "--override-frozen").ok()
