"""``config`` in the dialects: which file is changed, and settings that minicon does not use."""

from __future__ import annotations

import io

import pytest
from tests.cli.test_dialects import Program
from tests.support.command_line import CommandLine

from minicon.cli.main import main


@pytest.fixture
def conda(data: CommandLine) -> Program:
    return Program(data, "conda")


@pytest.mark.parametrize("name", ["conda", "mamba", "micromamba"])
def test_the_file_of_conda_is_changed(data: CommandLine, name: str) -> None:
    program = Program(data, name)
    program("config --set offline true").ok()
    condarc = data.home / ".condarc"
    assert condarc.read_text() == "offline: true\n"
    assert program("info --json").ok().json["user_rc_path"] == str(condarc)
    data.set(CONDARC=str(data.folder / "other.yml"))
    program("config --append channels x").ok()
    assert (data.folder / "other.yml").read_text() == "channels:\n- x\n"
    assert "other.yml" in program("info --json").ok().json["user_rc_path"]
    data("config --set offline false").ok()
    assert condarc.read_text() == "offline: true\n"


def test_settings_that_minicon_does_not_use_are_shown(conda: Program) -> None:
    assert conda("config --show solver").ok().out == "solver: libmamba\n"
    conda("config --set solver classic").ok()
    assert conda("config --show solver").ok().out == "solver: classic\n"
    assert conda("config --get solver").ok().out == "--set solver classic\n"
    assert "solver: classic" in conda("config --show-sources").ok().out
    unknown = conda("config --get nothing")
    assert (unknown.code, unknown.out) == (0, "")
    assert "unknown key: 'nothing'" in unknown.err
    assert conda.line("config --show solver").code == 1


def test_a_single_value_becomes_the_first_of_a_list(conda: Program) -> None:
    conda("config --set experimental jlap").ok()
    conda("config --append experimental other").ok()
    assert conda("config --show experimental --json").ok().json == {
        "experimental": ["jlap", "other"]
    }


def _with_input(data: CommandLine, program: Program, typed: str) -> int:
    data.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    return main(["config", "--stdin"], program.dialect)


def test_settings_are_read_from_stdin(data: CommandLine, conda: Program) -> None:
    condarc = data.home / ".condarc"
    condarc.write_text("# mine\nchannels: [old]\nssl_verify: true\n")
    typed = "channels:\n  - one\noffline: yes\nsolver: classic\n"
    assert _with_input(data, conda, typed) == 0
    assert condarc.read_text() == (
        "# mine\nchannels:\n- one\nssl_verify: true\noffline: true\nsolver: classic\n"
    )
    before = condarc.read_text()
    for refused in ("offline: maybe", "nokey: 1", "- a list", "a: ["):
        assert _with_input(data, conda, refused) != 0, refused
    assert _with_input(data, conda, "") == 0
    assert condarc.read_text() == before


def test_all_settings_are_written_as_comments(data: CommandLine, conda: Program) -> None:
    conda("config --write-default").ok()
    text = (data.home / ".condarc").read_text()
    assert "# channel_priority: strict\n" in text
    assert all(line.startswith("#") or not line for line in text.splitlines())
    assert conda("config --write-default --json").json["reference"] == "config-exists"
    assert (data.home / ".condarc").read_text() == text


def test_a_list_is_cleared(conda: Program, data: CommandLine) -> None:
    condarc = data.home / ".condarc"
    condarc.write_text("channels:\n- a\n- b\nlist_fields: [name]\noffline: true\n")
    conda("config --clear channels").ok()
    conda("config --clear list_fields").ok()
    assert condarc.read_text() == "channels: []\nlist_fields: []\noffline: true\n"
    assert "not a list" in conda("config --clear offline").err
    assert conda("config --clear nothing").code == 1
    assert conda("config --clear").code == 2


@pytest.mark.parametrize("command", ["remove --all", "env remove"])
def test_no_environment_is_removed_where_packages_are_only_downloaded(
    data: CommandLine, conda: Program, command: str
) -> None:
    (data.home / ".condarc").write_text("download_only: true\n")
    assert "would remove" in conda(f"{command} -y -n data").ok().out
    assert data("list -n data hello --export").ok().out
