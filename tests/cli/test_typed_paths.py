"""Paths that users type: commands in messages can be copied, and unusable paths are refused."""

from __future__ import annotations

import json
import os
import shlex
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine


def code_for(shell: str, *words: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "minicon", f"shell.{shell}", *words]
    return subprocess.run(command, capture_output=True, text=True, timeout=60, check=False)


def test_commands_in_messages_can_be_typed(minicon: CommandLine) -> None:
    path = minicon.folder / "sp ace" / "it is"
    made = minicon("create", "-y", "-p", path).ok().out
    typed = shlex.split(made.rpartition("with: minicon ")[2])
    assert typed == ["activate", str(path)]
    assert str(path) in code_for("xonsh", *typed).stdout
    refused = code_for("bash", "activate", *str(path).split())
    assert "quote a path that contains spaces" in refused.stderr
    missing = code_for("bash", "activate", str(path.parent))
    assert shlex.split(missing.stderr.partition("create it: ")[2])[:4] == [
        *("minicon", "create", "-p"),
        str(path.parent),
    ]
    (path / "conda-meta" / "broken-1-0.json").write_text("{")
    broken = minicon("list", "-p", path)
    fix = shlex.split(broken.err.partition("hint: ")[2])
    assert fix == ["minicon", "doctor", "--fix", "-p", str(path)]


def test_a_name_is_shown_only_where_it_is_found(minicon: CommandLine) -> None:
    elsewhere = minicon.folder / "other" / "envs" / "data"
    assert f"minicon activate {elsewhere}" in minicon("create", "-y", "-p", elsewhere).ok().out
    assert "minicon activate data\n" in minicon("create -y -n data").ok().out


def test_a_path_that_cannot_be_on_path_is_refused(minicon: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "a:b"
    minicon("create -y -n data").ok()
    (tmp_path / "environment.yml").write_text(f"prefix: {bad}\ndependencies: []\n")
    for words in (
        ("create", "-y", "-p", bad),
        ("create", "--dry-run", "-p", bad),
        ("create", "-y", "--clone", "data", "-p", bad),
        ("rename", "data", bad),
        ("env", "create", "-y", "-f", tmp_path / "environment.yml"),
    ):
        refused = minicon(*words)
        assert refused.code == 1, words
        assert f"an environment cannot be at {bad}: PATH cannot contain" in refused.err
    assert not bad.exists()


@pytest.mark.parametrize("name", ["a\nb", "a\x1b[31m", "a\u2028b", "ends with a space "])
def test_a_path_must_be_one_plain_line(minicon: CommandLine, tmp_path: Path, name: str) -> None:
    bad = tmp_path / name
    minicon("create -y -n data").ok()
    minicon("pack -n data -o data.tar").ok()
    (tmp_path / "environment.yml").write_text(f"prefix: {json.dumps(str(bad))}\ndependencies: []\n")
    file = ("env", "create", "-y", "-f", tmp_path / "environment.yml")  # ends of texts are stripped
    for words in (
        ("create", "-y", "-p", bad),
        ("create", "--dry-run", "-p", bad),
        ("create", "-y", "--clone", "data", "-p", bad),
        ("rename", "data", bad),
        ("unpack", "data.tar", bad),
        ("pack", "-n", "data", "-o", "other.tar", "--prefix", bad),
        *([] if name.endswith(" ") else [file]),
    ):
        refused = minicon(*words)
        shown = str(bad) if name.isprintable() else repr(str(bad))
        assert refused.code == 1, words
        assert f"an environment cannot be at {shown}: the path" in refused.err
        assert refused.err.count("\n") == 2, words
    listed = (minicon.home / ".conda" / "environments.txt").read_text()
    assert listed == f"{minicon.environment('data')}\n"
    assert not bad.exists()


def test_an_existing_one_with_a_line_break_can_be_removed(minicon: CommandLine) -> None:
    bad = minicon.folder / "a\nb"
    minicon("create -y -n data").ok()
    minicon.environment("data").rename(bad)
    minicon("list", "-p", bad).ok()
    minicon("remove", "-y", "-p", bad, "--all").ok()
    assert not bad.exists()


@pytest.mark.parametrize("path", ["file", "file/env", "link", "link/deeper/env"])
def test_what_is_no_directory_is_found_before_a_plan(minicon: CommandLine, path: str) -> None:
    minicon("create -y -n data").ok()
    minicon("pack -n data -o data.tar").ok()
    (minicon.folder / "file").write_text("mine")
    (minicon.folder / "link").symlink_to("nothing")
    for command in (
        *("create -p ./{}", "create --dry-run -p ./{}", "create --clone data -p ./{}"),
        *("rename data ./{}", "rename --dry-run data ./{}", "unpack data.tar ./{}"),
    ):
        refused = minicon(*command.format(path).split())
        present = minicon.folder / path.partition("/")[0]
        what = "is a file" if present.name == "file" else "is a symbolic link to nothing"
        assert (refused.code, refused.out) == (1, ""), command
        assert f"{present} {what}" in refused.err, command
    assert not (minicon.folder / "nothing").exists()


def test_what_is_not_writable_is_found_before_a_plan(
    minicon: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    minicon("create -y -n data").ok()
    locked = minicon.folder / "locked"
    locked.mkdir()
    writable = os.access
    monkeypatch.setattr(
        os, "access", lambda path, mode: locked != Path(path) and writable(path, mode)
    )
    for command in ("create -p locked/env", "create --clone data -p locked/deep/env"):
        refused = minicon(*command.split())
        assert (refused.code, refused.out) == (1, "")
        assert "cannot be changed: neither it nor" in refused.err
    minicon("create --dry-run -p locked/env").ok()
    assert list(locked.iterdir()) == []


def test_an_existing_one_can_be_moved(minicon: CommandLine, tmp_path: Path) -> None:
    bad = tmp_path / "a:b"
    minicon("create -y -n data").ok()
    minicon.environment("data").rename(bad)
    hint = code_for("bash", "activate", str(bad)).stderr.partition("give it another path: ")[2]
    words = shlex.split(hint.replace("NEW_PATH", str(tmp_path / "ab")))
    assert words[0] == "minicon"
    minicon(*words[1:]).ok()
    assert (tmp_path / "ab" / "conda-meta" / "history").exists()
    assert not bad.exists()


def test_a_path_must_be_utf8(minicon: CommandLine, monkeypatch: pytest.MonkeyPatch) -> None:
    bad = minicon.folder / os.fsdecode(b"b\xffd")
    bad.mkdir()
    monkeypatch.chdir(bad)
    for path in (bad / "e", Path("e")):
        refused = minicon("create", "-y", "-p", path)
        assert refused.code == 1
        assert "the path is not valid UTF-8" in refused.err
    assert list(bad.iterdir()) == []


@pytest.mark.parametrize("word", ["a" * 300, os.fsdecode(b"b\xffd")], ids=["long", "no UTF-8"])
def test_no_word_is_an_internal_error(minicon: CommandLine, word: str) -> None:
    minicon("create -y -n data").ok()
    minicon.set(MINICON_OFFLINE="1", MINICON_CHANNELS="host")
    for command in (
        *("create -y -n {}", "create -y -p {}", "create -d -n q {}", "create -d -n q -f {}"),
        *("create -d -n q -c {} python", "create -d -n q --clone {}", "create -n q --platform={}"),
        *(
            "install -n {} x",
            "install -y -n data {}",
            "update -y -n data {}",
            "remove -y -n data {}",
        ),
        *("list -n {}", "list -p {}", "list -n data {}", "search {}", "why {} -n data", "{}"),
        *("why-not {} -n data", "tree {} -n data", "run -n {} true", "x {}", "init {}"),
        *("env config vars set -n data A={}", "env config vars set -n data {}=1", "rename data {}"),
        *("config --get {}", "config --set envs_dirs {}", "config --append channels {}"),
        *("export -n data -f {}.yml", "lock -f {}", "sync -n data -f {}", "status -n data -f {}"),
        *("apply {}", "replay {}", "allow {}", "channel index {}", "activate {}", "list --{}"),
        *("doctor -n {}", "du -n {}", "history -n {}", "rollback {} -n data", "compare -n data {}"),
    ):
        outcome = minicon(*(each.format(word) for each in command.split()))
        assert "internal error" not in outcome.err, command
        assert outcome.code in (0, 1, 2), command


def test_the_list_of_environments_need_not_be_writable(minicon: CommandLine) -> None:
    (minicon.home / ".conda").write_text("a file")
    for command in ("create -y -p env", "rename -p env ./other"):
        assert "the list of environments is not updated" in minicon(command).ok().err
    minicon("remove -y -p other --all").ok()
    assert not (minicon.folder / "other").exists()
