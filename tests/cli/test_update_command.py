"""``update``: beyond the versions of earlier requests, and what is printed if nothing changes."""

from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.packages import PackageBuilder, build_channel


@pytest.fixture
def channel(tmp_path: Path) -> Path:
    dep, top = PackageBuilder("dep"), PackageBuilder("top")
    packages = [
        *(dep.version(each).noarch().file(f"share/dep-{each}", "") for each in ("1.0", "2.0")),
        top.version("1.0").noarch().depends("dep >=1"),
        top.version("2.0").noarch().depends("dep >=2"),
        *(PackageBuilder("side").version(each).noarch() for each in ("1.0", "2.0")),
    ]
    return build_channel(tmp_path / "channel", packages)


def test_updates_of_everything(minicon: CommandLine, channel: Path) -> None:
    sources = f"-c {channel} --override-channels"
    minicon(f"create -yn data {sources} dep=1.0 top").ok()
    nothing = minicon(f"update -yn data {sources} top").ok()
    assert "All requested packages" not in nothing.out
    assert "top 1.0, not 2.0: top 2.0 needs dep >=2; you requested dep 1.0.* earlier" in nothing.out
    held_back = minicon(f"update -yn data {sources} top --json").ok().json["hold_backs"]
    assert list(held_back) == ["top"]

    minicon(f"update -yn data {sources} --all").ok()
    assert "dep" in minicon("list -n data --export").out
    exported = minicon("env export -n data --from-history").ok().out
    assert "- dep\n" in exported
    again = minicon(f"update -yn data {sources} --all").ok()
    assert "All requested packages already installed." in again.out


def test_reasons_are_printed_beside_an_update(minicon: CommandLine, channel: Path) -> None:
    sources = f"-c {channel} --override-channels"
    minicon(f"create -yn data {sources} dep=1.0 top side=1.0").ok()
    updated = minicon(f"update -yn data {sources} top side").ok().out
    assert "↑  side  1.0 → 2.0" in updated
    held_back = updated.partition("not the newest:\n")[2].splitlines()
    assert held_back[0].startswith("  top 1.0, not 2.0: top 2.0 needs dep >=2")
    assert held_back[1] == ""
    assert "Updated 1 package in" in updated


def test_named_dependencies_are_updated(minicon: CommandLine, channel: Path) -> None:
    sources = f"-c {channel} --override-channels"
    minicon(f"create -yn data {sources} dep=1.0 top").ok()
    minicon(f"update -yn data {sources} top --update-deps").ok()
    listed = minicon("list -n data --json").ok().json
    assert {each["name"]: each["version"] for each in listed} == {"dep": "2.0", "top": "2.0"}
    assert "- dep\n" in minicon("env export -n data --from-history").ok().out


@pytest.mark.parametrize(
    ("words", "reported"),
    [
        ("remove nothere", "nothere is not in the environment"),
        ("install *[md5=d41d8cd98f00b204e9800998ecf8427e]", "does not name one package"),
        ("install dep~=1", "write >=1 or 1.*"),
        ("install ''", "a package name is missing"),
        ("install ' '", "a package name is missing"),
        ("update nothere", "nothere is not in the environment"),
    ],
)
def test_requests_that_name_nothing(
    minicon: CommandLine, channel: Path, words: str, reported: str
) -> None:
    (minicon.environment("data") / "conda-meta").mkdir(parents=True)
    (minicon.environment("data") / "conda-meta/history").touch()
    sources = "" if words.startswith("remove") else f"-c {channel} --override-channels"
    outcome = minicon(f"{words} -yn data {sources}")
    assert outcome.code == 1
    assert reported in outcome.err
