"""``config``: shown with sources, described, changed in the user's file."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

from minicon.config.keys import KEYS


def user_file(minicon: CommandLine) -> Path:
    return minicon.home / ".config" / "minicon" / "config.yml"


def test_show_tells_every_key(minicon: CommandLine) -> None:
    shown = minicon("config --show --json").ok().json
    assert shown.keys() == KEYS.keys()
    assert shown["channel_priority"] == "strict"
    assert shown["envs_dirs"][0] == str(minicon.root / "envs")
    lines = minicon("config --show").ok().out.splitlines()
    assert len(lines) == len(KEYS)
    assert minicon("config --show offline").ok().out.split() == ["offline:", "False"]
    assert minicon("config --show subdir --json").ok().json["subdir"]
    assert minicon("config --show verify_ssl --json").ok().json == {"ssl_verify": True}


def test_show_sources(minicon: CommandLine) -> None:
    minicon.set(MINICON_OFFLINE="true")
    (minicon.home / ".condarc").write_text("channel_priority: flexible\n")
    shown = minicon("config --show-sources --json").ok().json
    assert shown["offline"] == {"value": True, "source": "MINICON_OFFLINE"}
    assert shown["channel_priority"]["source"] == str(minicon.home / ".condarc")
    assert shown["always_copy"]["source"] == "default"
    assert shown["json"] == {"value": True, "source": "flag"}
    line = minicon("config --show-sources offline").ok().out
    assert line.split() == ["offline:", "True", "#", "MINICON_OFFLINE"]


def test_describe(minicon: CommandLine) -> None:
    assert len(minicon("config --describe").ok().out.splitlines()) == len(KEYS)
    one = minicon("config --describe channels --json").ok().json
    assert one == {
        "channels": {"kind": KEYS["channels"].kind.value, "meaning": KEYS["channels"].meaning}
    }
    unknown = minicon("config --describe chanels")
    assert unknown.code == 1
    assert "--describe" in unknown.err


def test_changes_last(minicon: CommandLine) -> None:
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
        ("--remove channels absent", "--show-sources"),
        ("--remove-key channels", "--show-sources"),
    ],
)
def test_what_cannot_be(minicon: CommandLine, arguments: str, words: str) -> None:
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
