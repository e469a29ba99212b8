"""``env config vars``, ``env`` verbs, ``export`` and ``clean``."""

from __future__ import annotations

import json
import os
import re
from pathlib import Path

import pytest
import yaml
from tests.support.command_line import CommandLine

from minicon.cli.render.listing import human_size


def test_variables(data: CommandLine) -> None:
    assert data("env config vars list -n data").ok().out == ""
    data("env", "config", "vars", "set", "-n", "data", "A=1", "B=it's = here").ok()
    assert data("env config vars list -n data").ok().out == "A = 1\nB = it's = here\n"
    assert data("env config vars list -n data --json").json == {"A": "1", "B": "it's = here"}
    state = json.loads((data.environment("data") / "conda-meta" / "state").read_text())
    assert state["env_vars"] == {"A": "1", "B": "it's = here"}
    data("env config vars unset -n data A").ok()
    assert data("env config vars list -n data --json").json == {"B": "it's = here"}
    data("env config vars unset -n data NEVER").ok()


@pytest.mark.parametrize("word", ["KEY", "1A=x", "PATH=/bin", "A-B=1", "=x"])
def test_words_that_are_not_variables(data: CommandLine, word: str) -> None:
    failed = data("env", "config", "vars", "set", "-n", "data", word)
    assert failed.code == 2
    assert "KEY=VALUE" in failed.err
    assert data("env config vars list -n data --json").json == {}


def test_unknown_keys_of_the_state_stay(data: CommandLine) -> None:
    state = data.environment("data") / "conda-meta" / "state"
    state.write_text(json.dumps({"env_vars": {"A": "1"}, "version": 1, "of_others": [1]}))
    data("env config vars set -n data B=2").ok()
    left = json.loads(state.read_text())
    assert left == {"env_vars": {"A": "1", "B": "2"}, "version": 1, "of_others": [1]}


def test_export(data: CommandLine, channel: Path) -> None:
    data("env config vars set -n data COLOUR=blue").ok()
    exported = yaml.safe_load(data("export -n data").ok().out)
    assert exported == {
        "name": "data",
        "channels": [channel.as_uri()],
        "dependencies": ["greeting=1.5=0", "hello=1.0=0"],
        "variables": {"COLOUR": "blue"},
        "prefix": str(data.environment("data")),
    }
    assert next(iter(exported)) == "name"
    assert data("env export -n data").out == data("export -n data").out
    assert data("export -n data --json").json == exported
    assert data("export -n data --format json").json == exported


@pytest.mark.parametrize(
    ("flags", "expected"),
    [
        ("--no-builds", ["greeting=1.5", "hello=1.0"]),
        ("--from-history", ["hello=1.0"]),
        ("--ignore-channels", ["greeting=1.5=0", "hello=1.0=0"]),
    ],
)
def test_forms_of_export(data: CommandLine, flags: str, expected: list[str]) -> None:
    exported = data(f"export -n data --json {flags}").ok().json
    assert exported["dependencies"] == expected
    assert ("channels" in exported and bool(exported["channels"])) == ("ignore" not in flags)


def test_export_to_a_file_and_as_an_explicit_list(data: CommandLine, channel: Path) -> None:
    data("export -n data -f out.yml").ok()
    assert yaml.safe_load((data.folder / "out.yml").read_text())["name"] == "data"
    lines = data("export -n data --format explicit").ok().out.splitlines()
    assert "@EXPLICIT" in lines
    assert lines[-1].startswith(f"{channel.as_uri()}/linux-64/hello-1.0-0.conda#sha256:")
    named = data("export -n data --json -c extra").ok().json
    assert named["channels"] == ["extra", channel.as_uri()]
    failed = data("export -n data -f nowhere/out.yml")
    assert failed.code == 1
    assert "nowhere/out.yml" in failed.err


def test_environments_from_files(data: CommandLine) -> None:
    (data.folder / "environment.yml").write_text("name: made\ndependencies: [lone]\n")
    data("env create").ok()
    assert [p["name"] for p in data("list -n made --json").json] == ["lone"]
    (data.folder / "environment.yml").write_text("name: made\ndependencies: [greeting]\n")
    data("env update").ok()
    assert {p["name"] for p in data("list -n made --json").json} == {"lone", "greeting"}
    data("env update --prune").ok()
    assert {p["name"] for p in data("list -n made --json").json} == {"greeting"}
    data("env remove -y -n made").ok()
    assert not data.environment("made").exists()
    data("env update -n other --prune").ok()  # which creates it, as conda does
    assert {p["name"] for p in data("list -n other --json").json} == {"greeting"}
    missing = data("env create -f nowhere.yml")
    assert missing.code == 1
    assert "nowhere.yml" in missing.err


def test_removing_an_environment(data: CommandLine) -> None:
    document = data("remove -n data --all --dry-run --json").ok().json
    prefix = str(data.environment("data"))
    actions = document.pop("actions")
    assert document == {"success": True, "prefix": prefix, "dry_run": True}
    assert (actions["PREFIX"], actions["FETCH"]) == (prefix, [])
    assert [each["name"] for each in actions["UNLINK"]] == ["greeting", "hello"]
    assert data.environment("data").exists()
    assert data("remove -n data").code == 2, "nothing is named"
    data("remove -n data --all -y").ok()
    assert not data.environment("data").exists()
    assert data("remove -n data --all -y").code == 1


def test_clean_shows_what_is_removed(data: CommandLine) -> None:
    assert data("clean").code == 2
    data("create -y -n other lone").ok()
    data("remove -y -n other --all").ok()
    dry = data("clean --all --dry-run --json").ok().json
    packages = [entry for entry in dry["removed"] if entry["kind"] == "packages"]
    (lone,) = packages
    assert Path(lone["path"]).name.startswith("lone-0.1-0")
    assert lone["size"] >= 5000
    assert Path(lone["path"]).exists()
    cleaned = data("clean --all -y").ok()
    assert "\nunused packages" in cleaned.out
    assert " lone 0.1\n" in cleaned.out
    assert " in 3 items" in cleaned.out
    assert cleaned.err.startswith("Removed; ")
    quiet = data("clean --all -y -q").ok()
    assert (quiet.out, quiet.err) == ("", "")
    assert not Path(lone["path"]).exists()
    assert data("list -n data").ok()
    again = data("clean --packages -y --json").ok().json
    assert again["removed"] == []


def test_rows_of_what_is_removed_add_up(data: CommandLine) -> None:
    """Revisions and the package cache share files: removing one of them alone frees little."""
    data("install -y -n data lone").ok()
    data("undo -y -n data").ok()
    dry = data("gc --keep 0 --dry-run --json").ok().json
    shown = data("gc --keep 0 --dry-run").ok().out
    assert re.search(r"^old revisions .* 2 of data$", shown, re.MULTILINE)
    assert re.search(r"^unused packages .* lone 0.1$", shown, re.MULTILINE)
    shared = dry["total_size"] - sum(item["size"] for item in dry["removed"])
    assert shared > 0
    assert re.search(rf"^shared by these +{human_size(shared)}  freed if all", shown, re.MULTILINE)
    assert shown.splitlines()[-1].startswith(human_size(dry["total_size"]))
    assert all(item["path"] in data("gc --keep 0 -d -v").ok().out for item in dry["removed"])


def test_a_plan_that_is_not_confirmed(data: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    with open(os.devnull) as nothing:
        monkeypatch.setattr("sys.stdin", nothing)
        installed = data("install -n data lone").ok()
        refused = data("remove -n data --all")
    assert "lone" in installed.out, "the plan was shown"
    assert "lone" in data("list -n data").out
    assert refused.code == 2
    assert "--yes" in refused.err


@pytest.mark.parametrize("text", [None, "@EXPLICIT\n", "name: bare\n", "dependencies: []\n"])
def test_an_environment_without_packages(
    minicon: CommandLine, tmp_path: Path, text: str | None
) -> None:
    minicon.set(MINICON_CHANNELS="https://127.0.0.1:9/nowhere")
    words = ["create", "-y", "-n", "bare"]
    if text is not None:
        file = tmp_path / ("list.txt" if "@" in text else "environment.yml")
        file.write_text(text)
        words += ["--file", str(file)]
    assert "minicon activate bare" in minicon(*words).ok().out
    assert (minicon.environment("bare") / "conda-meta" / "history").is_file()
    assert (minicon.environment("bare") / "conda-meta" / "minicon" / "activation.sh").is_file()
    assert minicon("list -n bare --json").json == []
    assert "already installed" in minicon(*words).ok().out


def test_export_writes_through_links_and_to_stdout(data: CommandLine) -> None:
    (data.folder / "link.yml").symlink_to("real.yml")
    expected = data("export -n data").ok().out
    data("export -n data -f link.yml").ok()
    assert (data.folder / "link.yml").is_symlink()
    assert (data.folder / "real.yml").read_text() == expected
    assert data("export -n data -f -").ok().out == expected
    assert not (data.folder / "-").exists()
    whole = data("export -n data --json").json
    data("export -n data --format json -f out.json").ok()
    assert json.loads((data.folder / "out.json").read_text()) == whole


def test_a_capture_is_written_through_links(data: CommandLine) -> None:
    (data.folder / "link.json").symlink_to("real.json")
    data("create -n new lone --dry-run --capture link.json").ok()
    assert (data.folder / "link.json").is_symlink()
    assert json.loads((data.folder / "real.json").read_text())["minicon_capture"]


def test_the_active_environment_is_neither_removed_nor_renamed(data: CommandLine) -> None:
    path = data.environment("data")
    data.set(CONDA_PREFIX=str(path))
    for words, works in (
        ("remove -y -n data --all", f"remove --all --prefix {path}"),
        ("env remove -y -n data", f"remove --all --prefix {path}"),
        ("rename -n data new", f"rename --prefix {path} new"),
    ):
        refused = data(words)
        assert refused.code == 2
        assert f"hint: minicon deactivate && minicon {works}\n" in refused.err
    data.monkeypatch.delenv("CONDA_PREFIX")
    data(f"rename --prefix {path} new").ok()
    data(f"remove -y --all --prefix {data.environment('new')}").ok()


def test_the_first_writable_directory_gets_new_environments(data: CommandLine) -> None:
    (data.folder / "file").touch()
    folders = [data.folder / "file/envs", data.folder / "second/envs"]
    data.set(CONDA_ENVS_DIRS=os.pathsep.join(map(str, folders)))
    data("create -y -n new lone").ok()
    assert (folders[1] / "new/conda-meta/history").is_file()
    assert "new" in data("env list").ok().out


def test_an_environment_that_can_only_be_read_is_cloned(data: CommandLine) -> None:
    source = data.environment("data")
    access = os.access

    def without_writing(path: str, mode: int, **options: bool) -> bool:
        is_protected = os.fspath(path) in (str(source), str(source.parent))
        return not (is_protected and mode & os.W_OK) and access(path, mode, **options)

    data.monkeypatch.setattr(os, "access", without_writing)
    assert "writable" in data("install -y -n data lone").err
    copy = data.folder / "copy"
    data(f"create -y -p {copy} --clone data").ok()
    assert (copy / "bin/hello").is_file()
