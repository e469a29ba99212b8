"""The fast path prints what the full command prints."""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.commands import Outcome

from minicon.__main__ import main
from minicon.cli.fast_path import answer


@pytest.fixture
def program(data: CommandLine, monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    """The program, fast path included."""

    def run(text: str) -> Outcome:
        monkeypatch.setattr(sys, "argv", ["minicon", *text.split()])
        data.capture.readouterr()
        code = main()
        out, err = data.capture.readouterr()
        return Outcome(code, out, err)

    return run


@pytest.fixture
def without_full_command(monkeypatch: pytest.MonkeyPatch):  # type: ignore[no-untyped-def]
    def replace() -> None:
        def refuse(*_: object) -> int:
            raise AssertionError("the full command was called")

        monkeypatch.setattr("minicon.cli.main.main", refuse)

    return replace


def test_list_needs_no_full_command(data: CommandLine, program, without_full_command) -> None:  # type: ignore[no-untyped-def]
    first = program("list -n data").ok()
    assert first.out == data("list -n data").ok().out
    without_full_command()
    assert program("list -n data").ok() == first
    assert program(f"list -p {data.environment('data')}").ok() == first


def test_changes_are_seen(data: CommandLine, program) -> None:  # type: ignore[no-untyped-def]
    prefix = data.environment("data")
    assert "lone" not in program("list -n data").ok().out
    data("install -y -n data lone").ok()
    assert "lone" in program("list -n data").ok().out
    assert "lone" in program("list -n data").ok().out
    data("undo -y -n data").ok()
    assert "lone" not in program("list -n data").ok().out
    next((prefix / "conda-meta").glob("hello-*.json")).unlink()
    assert "hello" not in program("list -n data").ok().out
    data("remove -y -n data --all").ok()
    assert program("list -n data").code == 1


def test_other_forms_are_left_to_the_full_command(data: CommandLine, program) -> None:  # type: ignore[no-untyped-def]
    program("list -n data").ok()
    assert len(program("list -n data --json").ok().json) == 2
    assert program("list -n data zzz").code == 1
    data.set(MINICON_JSON="true")
    assert len(program("list -n data").ok().json) == 2


def record(prefix: Path, name: str, **fields: object) -> Path:
    """A conda-meta record, its members in conda's order unless FIELDS say otherwise."""
    data = {
        "name": name,
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "channel": "https://conda.example/forge/noarch",
        "subdir": "noarch",
        "depends": [],
        "files": [],
        "paths_data": {"paths_version": 1, "paths": []},
    }
    data.update(fields)
    file = prefix / "conda-meta" / f"{name}-1.0-0.json"
    file.write_text(json.dumps(data))
    return file


def distribution(prefix: Path, folder: str) -> str:
    """Metadata of a wheel in site-packages; returns its path."""
    path = prefix / "lib" / "python3.11" / "site-packages" / folder
    path.mkdir(parents=True)
    name, _, version = folder.removesuffix(".dist-info").partition("-")
    (path / "METADATA").write_text(f"Name: {name}\nVersion: {version}\n")
    return f"lib/python3.11/site-packages/{folder}/METADATA"


class Environments:
    """Environments of many kinds, each made in a folder."""

    @staticmethod
    def plain(prefix: Path) -> None:
        record(prefix, "one")
        record(prefix, "two", channel="defaults", subdir="linux-64")

    @staticmethod
    def empty(prefix: Path) -> None:
        pass

    @staticmethod
    def other_orders(prefix: Path) -> None:
        file = record(prefix, "sorted")
        file.write_text(json.dumps(json.loads(file.read_text()), sort_keys=True, indent=2) + "\n")
        many = [f"share/file-{number}" for number in range(2000)]
        late = record(prefix, "late", files=many)
        data = json.loads(late.read_text())
        late.write_text(json.dumps({"files": data.pop("files"), **data}))

    @staticmethod
    def python_and_packages(prefix: Path) -> None:
        record(prefix, "python", version="3.11.4")
        record(prefix, "attrs", files=[distribution(prefix, "attrs-1.0.dist-info")])
        record(prefix, "pytorch", files=[distribution(prefix, "torch-1.0.dist-info")])
        wheel = distribution(prefix, "A.Wheel-1.0.dist-info")
        record(prefix, "a-wheel", channel="pypi", subdir="pypi", files=[wheel])

    @staticmethod
    def python_in_another_directory(prefix: Path) -> None:
        record(
            prefix,
            "python",
            version="3.13.0",
            python_site_packages_path="lib/python3.11/site-packages",
        )
        distribution(prefix, "hand-2.0.dist-info")

    @staticmethod
    def installed_by_hand(prefix: Path) -> None:
        record(prefix, "python", version="3.11.4")
        record(prefix, "attrs")
        distribution(prefix, "attrs-2.0.dist-info")
        distribution(prefix, "hand-2.0.dist-info")

    @staticmethod
    def removed_by_hand(prefix: Path) -> None:
        record(prefix, "python", version="3.11.4")
        gone = "lib/python3.11/site-packages/gone-1.0.dist-info/METADATA"
        record(prefix, "gone", channel="pypi", subdir="pypi", files=[gone])

    @staticmethod
    def cut(prefix: Path) -> None:
        file = record(prefix, "cut", files=["x"] * 3000)
        file.write_bytes(file.read_bytes()[:9000])

    @staticmethod
    def foreign(prefix: Path) -> None:
        (prefix / "conda-meta" / "foreign.json").write_text('{"name": ["x"]}')

    @staticmethod
    def repaint_the_terminal(prefix: Path) -> None:
        record(prefix, "one", build="\x1b[2J", channel="https://conda.example/\u202eforge")

    @staticmethod
    def twice(prefix: Path) -> None:
        record(prefix, "one")
        file = record(prefix, "other")
        file.write_text(file.read_text().replace('"other"', '"one"').replace('"1.0"', '"2.0"'))


KINDS = [name for name in vars(Environments) if not name.startswith("_")]


@pytest.mark.parametrize("kind", KINDS)
def test_every_kind_of_environment(kind: str, minicon: CommandLine, monkeypatch) -> None:  # type: ignore[no-untyped-def]
    prefix = minicon.folder / "environment"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").write_text("")
    getattr(Environments, kind)(prefix)
    whole = minicon("list", "-p", prefix)
    monkeypatch.setenv("CONDA_PREFIX", str(prefix))
    for arguments in (["-p", str(prefix)], []):
        minicon.capture.readouterr()
        code = answer(["list", *arguments], os.environ)
        if code is not None:
            assert (code, *minicon.capture.readouterr()) == (whole.code, whole.out, whole.err)
    is_plain = kind in ("plain", "empty", "other_orders", "python_and_packages")
    assert (code is not None) is is_plain


def test_env_list_prints_what_the_full_command_prints(minicon: CommandLine) -> None:
    for name in ("b", "a", ".hidden", "no-environment"):
        (minicon.root / "envs" / name / "conda-meta").mkdir(parents=True)
        if name != "no-environment":
            (minicon.root / "envs" / name / "conda-meta" / "history").write_text("")
    others = [minicon.folder / "project" / "env", minicon.folder / "envs" / "named"]
    for path in others:
        (path / "conda-meta").mkdir(parents=True)
        (path / "conda-meta" / "history").write_text("")
    (minicon.home / ".conda").mkdir()
    (minicon.folder / "other way").symlink_to(minicon.folder)
    again = minicon.folder / "other way" / "project" / "env"
    lines = [*map(str, others), str(minicon.root / "envs" / "b"), "/gone", str(again)]
    (minicon.home / ".conda" / "environments.txt").write_text("\n".join(lines))
    minicon.set(CONDA_PREFIX=str(again))
    whole = minicon("env list").ok()
    minicon.capture.readouterr()
    assert answer(["env", "list"], os.environ) == 0
    assert minicon.capture.readouterr().out == whole.out
    names = [line.split()[0] for line in whole.out.splitlines()[2:]]
    assert names == ["a", "b", "*", str(others[1])]  # -n does not find the last one
    minicon.set(MINICON_JSON="yes")
    assert answer(["env", "list"], os.environ) is None


def test_an_unfinished_change_is_left_to_the_full_command(data: CommandLine) -> None:
    prefix = data.environment("data")
    assert answer(["list", "-n", "data"], os.environ) == 0
    (prefix.parent / ".minicon-generations" / "data").mkdir(parents=True, exist_ok=True)
    (prefix.parent / ".minicon-generations" / "data" / "staging").mkdir()
    assert answer(["list", "-n", "data"], os.environ) is None
