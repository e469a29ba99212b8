"""A user's day with a channel: create, list, change, go back, remove."""

from __future__ import annotations

import json
from pathlib import Path

from tests.support.commands import Workspace


def source(channel: Path) -> tuple[str, ...]:
    return ("-c", channel.as_uri(), "--override-channels")


def test_dry_run_changes_nothing_and_has_the_documented_shape(
    workspace: Workspace, channel: Path
) -> None:
    done = workspace.run("create", "-n", "a", "--dry-run", "--json", *source(channel), "hello").ok()
    document = done.json
    assert document["success"] is True
    assert document["dry_run"] is True
    prefix = str(workspace.environment("a"))
    assert document["prefix"] == document["actions"]["PREFIX"] == prefix
    link = {entry["name"]: entry for entry in document["actions"]["LINK"]}
    assert list(link) == ["greeting", "hello"]
    assert (
        link["hello"].items()
        >= {
            "version": "2.0",
            "build_string": "0",
            "build_number": 0,
            "platform": "linux-64",
            "dist_name": "hello-2.0-0",
            "source": "conda",
            "fn": "hello-2.0-0.conda",
            "base_url": channel.as_uri(),
            "depends": ["greeting >=1"],
        }.items()
    )
    assert len(link["hello"]["sha256"]) == 64
    assert not workspace.environment("a").exists()


def test_from_creation_to_removal(workspace: Workspace, channel: Path) -> None:
    created = workspace.run("create", "-y", "-n", "a", *source(channel), "hello=1.0").ok()
    assert "minicon activate a" in created.out
    prefix = workspace.environment("a")
    said = workspace.run("run", "-n", "a", "hello").ok().out
    assert said == f"hello 1.0 from {prefix}\n"

    listed = workspace.run("list", "-n", "a", "--json").ok().json
    assert [(p["name"], p["version"]) for p in listed] == [("greeting", "1.5"), ("hello", "1.0")]

    plan = workspace.run("install", "-y", "-n", "a", *source(channel), "shout").ok().out
    assert "shout" in plan
    assert "greeting" not in plan.split("install:")[1]
    assert workspace.run("run", "-n", "a", "shout").ok().out.startswith("HELLO 1.0")

    again = workspace.run("install", "-y", "-n", "a", *source(channel), "shout").ok()
    assert "already installed" in again.out

    workspace.run("remove", "-y", "-n", "a", *source(channel), "shout").ok()
    workspace.run("update", "-y", "-n", "a", *source(channel), "hello=2").ok()
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 2.0")

    workspace.run("undo", "-n", "a", "-y").ok()
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 1.0")
    history = workspace.run("history", "-n", "a", "--json").ok().json
    assert len(history) >= 3

    workspace.run("remove", "-y", "-n", "a", "--all").ok()
    assert not prefix.exists()
    assert workspace.run("env", "list", "--json").ok().json["envs"] == []
    assert workspace.left_behind() == []


def test_export_creates_an_equal_environment(
    workspace: Workspace, channel: Path, tmp_path: Path
) -> None:
    workspace.run("create", "-y", "-n", "a", *source(channel), "shout").ok()
    workspace.run("env", "config", "vars", "set", "-n", "a", "COLOUR=it's blue").ok()
    text = workspace.run("env", "export", "-n", "a").ok().out
    file = tmp_path / "environment.yml"
    file.write_text(text.replace("name: a", "name: b"))
    workspace.run("env", "create", "-n", "b", "-f", str(file)).ok()

    def packages(name: str) -> object:
        return workspace.run("list", "-n", name, "--json").ok().json

    assert packages("a") == packages("b")
    said = workspace.run("run", "-n", "b", "sh", "-c", 'echo "$COLOUR"').ok().out
    assert said == "it's blue\n"

    explicit = tmp_path / "explicit.txt"
    lines = workspace.run("list", "-n", "a", "--explicit", "--sha256").ok().out
    explicit.write_text(lines)
    workspace.run("create", "-y", "-n", "c", "--file", str(explicit), "--offline").ok()
    assert packages("a") == packages("c")


def test_every_record_is_readable_by_conda_and_mamba(workspace: Workspace, channel: Path) -> None:
    import rattler

    workspace.run("create", "-y", "-n", "a", *source(channel), "shout").ok()
    records = list((workspace.environment("a") / "conda-meta").glob("*.json"))
    names = {rattler.PrefixRecord.from_path(path).name.normalized for path in records}
    assert names == {"shout", "hello", "greeting"}
    history = (workspace.environment("a") / "conda-meta" / "history").read_text()
    assert "# update specs: ['shout']" in history


def test_noarch_python_over_an_interpreter_of_this_machine(
    workspace: Workspace, channel: Path
) -> None:
    workspace.run("create", "-y", "-n", "a", "-c", channel.as_uri(), "-c", "host", "pure").ok()
    assert workspace.run("run", "-n", "a", "pure-command").ok().out == "pure python\n"


def test_search_and_info(workspace: Workspace, channel: Path) -> None:
    found = workspace.run("search", *source(channel), "hello", "--json").ok().json
    assert [record["version"] for record in found["hello"]] == ["1.0", "2.0"]
    missing = workspace.run("search", *source(channel), "helo")
    assert missing.code == 1
    assert "hello" in missing.err
    facts = workspace.run("info", "--json").ok().json
    assert facts["root_prefix"] == str(workspace.root)
    assert any(fact[0] == "__unix" for fact in facts["virtual_pkgs"])


def test_clean_frees_what_no_environment_uses(workspace: Workspace, channel: Path) -> None:
    workspace.environ["MINICON_PKGS_DIRS"] = str(workspace.root / "pkgs")
    workspace.run("create", "-y", "-n", "a", *source(channel), "hello=1.0").ok()
    workspace.run("create", "-y", "-n", "b", *source(channel), "hello=2.0").ok()
    workspace.run("remove", "-y", "-n", "b", "--all").ok()
    removed = workspace.run("clean", "--all", "-y", "--json").ok().json["removed"]
    packages = [Path(entry["path"]).name for entry in removed if entry["kind"] == "packages"]
    assert [name.rsplit("-", 1)[0] for name in packages] == ["hello-2.0-0"]
    assert workspace.run("run", "-n", "a", "hello").ok().out.startswith("hello 1.0")


def test_channel_index_writes_what_create_reads(
    workspace: Workspace, channel: Path, tmp_path: Path
) -> None:
    import shutil

    copy = tmp_path / "fresh"
    shutil.copytree(channel, copy)
    for file in copy.rglob("repodata*"):
        file.unlink()
    summary = workspace.run("channel", "index", str(copy), "--json").ok().json
    assert summary["subdirs"] == {"linux-64": 3, "noarch": 2}
    assert json.loads((copy / "noarch" / "repodata.json").read_text())["packages.conda"]
    workspace.run("create", "-y", "-n", "a", "-c", str(copy), "--override-channels", "hello").ok()
