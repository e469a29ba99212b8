"""``config``: shown with sources, described, changed in the user's file."""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.config.keys import KEYS
from minicon.fs.operations import rename, replace_file


def user_file(minicon: CommandLine) -> Path:
    return minicon.home / ".config" / "minicon" / "config.yml"


def test_show_prints_every_key(minicon: CommandLine) -> None:
    shown = minicon("config --show --json").ok().json
    assert shown.keys() == KEYS.keys()
    assert shown["channel_priority"] == "strict"
    assert shown["envs_dirs"][0] == str(minicon.root / "envs")
    lines = minicon("config --show").ok().out.splitlines()
    assert [line.partition(":")[0] for line in lines if line[0] != " "] == list(KEYS)
    assert minicon("config --show offline").ok().out.split() == ["offline:", "False"]
    assert minicon("config --show subdir --json").ok().json["subdir"]
    assert minicon("config --show verify_ssl --json").ok().json == {"ssl_verify": True}


def test_show_sources(minicon: CommandLine) -> None:
    minicon.set(MINICON_OFFLINE="true")
    (minicon.home / ".condarc").write_text("channel_priority: flexible\n")
    minicon("config --append channels one --append channels two").ok()
    condarc, own = str(minicon.home / ".condarc"), str(user_file(minicon))
    shown = minicon("config --show-sources --json").ok().json
    assert list(shown) == [condarc, own, "envvars", "cmd_line"]
    assert shown[condarc] == {"channel_priority": "flexible"}
    assert shown[own] == {"channels": ["one", "two"]}
    assert shown["envvars"]["offline"] is True
    assert shown["cmd_line"] == {"json": True}
    text = minicon("config --show-sources channels channel_priority").ok().out
    assert text.splitlines() == [
        f"==> {condarc} <==",
        "channel_priority: flexible",
        "",
        f"==> {own} <==",
        "channels:",
        "  - one",
        "  - two",
        "",
    ]
    nothing = minicon("config --show-sources always_copy").ok()
    assert nothing.out == ""
    assert "defaults" in nothing.err


def test_describe(minicon: CommandLine) -> None:
    assert len(minicon("config --describe").ok().out.splitlines()) == len(KEYS)
    one = minicon("config --describe channels --json").ok().json
    assert one == {
        "channels": {
            "kind": KEYS["channels"].kind.value,
            "choices": [],
            "meaning": KEYS["channels"].meaning,
            "aliases": ["channel"],
            "separator": ",",
            "default": None,
        }
    }
    priority = minicon("config --describe channel_priority").ok().out
    assert "  strict | flexible | disabled  " in priority
    unknown = minicon("config --describe chanels")
    assert unknown.code == 1
    assert "did you mean channels?" in unknown.err
    assert "--describe" in minicon("config --describe nonsense").err


def test_changes_are_permanent(minicon: CommandLine) -> None:
    minicon("config --set channel_priority flexible").ok()
    assert user_file(minicon).read_text() == "channel_priority: flexible\n"
    minicon("config --append channels conda-forge").ok()
    minicon("config --append channels bioconda").ok()
    minicon("config --prepend channels mine").ok()
    shown = minicon("config --show channels channel_priority --json").ok().json
    assert shown == {
        "channels": ["mine", "conda-forge", "bioconda"],
        "channel_priority": "flexible",
    }
    assert minicon("config --get channel_priority channels offline").ok().out.splitlines()[0] == (
        "--set channel_priority flexible"
    )
    minicon("config --remove channels conda-forge").ok()
    assert minicon("config --show channels --json").json == {"channels": ["mine", "bioconda"]}
    minicon("config --remove-key channels").ok()
    assert minicon("config --show channels --json").json == {"channels": None}


def test_several_changes_at_once(minicon: CommandLine) -> None:
    refused = minicon("config --set offline true --add channels low --set envs_dirs.x y")
    assert refused.code != 0
    assert not user_file(minicon).exists()
    minicon("config --set offline true --add channels low --add channels high").ok()
    assert user_file(minicon).read_text() == "offline: true\nchannels:\n- high\n- low\n"
    minicon.monkeypatch.delenv("MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY")
    assert minicon("config --get").ok().out.splitlines() == [
        "--set offline True",
        "--add channels 'low'   # lowest priority",
        "--add channels 'high'   # highest priority",
    ]
    got = minicon("config --get --json").ok().json
    assert got["get"] == {"offline": True, "channels": ["high", "low"]}
    assert got["rc_path"] == str(user_file(minicon))
    assert "config list" in minicon("config").ok().out
    assert minicon("config", "--file", "x.yml").code == 2


def test_the_environments_own_file(minicon: CommandLine) -> None:
    prefix = minicon.folder / "e"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").touch()
    assert minicon("config --env --set offline true").code == 2
    minicon.set(CONDA_PREFIX=str(prefix))
    minicon("config --env --set offline true").ok()
    assert (prefix / ".condarc").read_text() == "offline: true\n"
    assert minicon("config --show offline").ok().out == "offline: True\n"


def test_another_file(minicon: CommandLine) -> None:
    file = minicon.folder / "other.yml"
    done = minicon("config", "--file", file, "--set", "offline", "true", "--json").ok()
    assert done.json == {"success": True, "file": str(file)}
    assert file.read_text() == "offline: true\n"
    assert not user_file(minicon).exists()


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ("--set chanel_priority strict", "channel_priority"),
        ("--set channel_priority odd", "strict, flexible, disabled"),
        ("--set channels conda-forge", "--append"),
        ("--append offline true", "--set"),
        ("--set channel_alias https://*****@h.example", "secret"),
        ("--append channels https://h.example/t/*****/c", "secret"),
        ("--remove channels absent", "--show-sources"),
        ("--remove-key channels", "--show-sources"),
    ],
)
def test_invalid_changes(minicon: CommandLine, arguments: str, words: str) -> None:
    failed = minicon(f"config {arguments}")
    assert failed.code in (1, 2)
    assert words in failed.err
    assert not user_file(minicon).exists()


def test_a_broken_file_is_named(minicon: CommandLine) -> None:
    user_file(minicon).parent.mkdir(parents=True)
    user_file(minicon).write_text("channels: [unclosed\n")
    failed = minicon("config --show")
    assert failed.code == 1
    assert str(user_file(minicon)) in failed.err


def test_options_as_words(minicon: CommandLine) -> None:
    minicon("config set offline true").ok()
    minicon("config append channels low").ok()
    minicon("config prepend channels high").ok()
    assert minicon("config get channels").ok().out == "channels:\n  - high\n  - low\n"
    minicon("config remove channels high").ok()
    minicon("config unset offline").ok()
    assert user_file(minicon).read_text() == "channels:\n- low\n"
    assert minicon("config list").ok().out == minicon("config --show").ok().out
    assert minicon("config list --json").ok().json == minicon("config --show --json").ok().json
    for wrong in ("sit offline true", "set offline", "get", "set a b c"):
        refused = minicon(f"config {wrong}")
        assert (refused.code, "set KEY VALUE" in refused.err) == (2, True), wrong


def test_a_pipe_or_device_is_not_replaced(minicon: CommandLine) -> None:
    """Root could replace /dev/null by a file, with every program of the machine that uses it."""
    pipe = minicon.folder / "pipe"
    os.mkfifo(pipe)
    for words in (["--write-default"], ["--set", "offline", "true"]):
        refused = minicon("config", "--file", pipe, *words)
        assert refused.code == 1
        assert "it is a device or a pipe" in refused.err or "not a regular file" in refused.err
    for write in (partial(replace_file, pipe, b"x"), partial(rename, _made(minicon), pipe)):
        with pytest.raises(OSError, match="it is a device or a pipe"):
            write()
    assert pipe.is_fifo()


def _made(minicon: CommandLine) -> Path:
    path = minicon.folder / "new"
    path.write_text("x")
    return path


def test_invalid_values_can_be_repaired(minicon: CommandLine) -> None:
    file = minicon.home / ".condarc"
    file.write_text("offline: maybe\nalways_yes: perhaps\n")
    assert "'maybe'; expected true or false" in minicon("config --show").err
    assert "'maybe'; expected true or false" in minicon("list").err
    edited = minicon("config", "--file", file, "--remove-key", "offline").ok()
    assert "always_yes" in edited.err  # still invalid
    minicon("config", "--file", file, "--set", "always_yes", "true").ok()
    assert minicon("config --show always_yes").ok().out == "always_yes: True\n"
