"""What packages bring never lies where minicon reads what it then acts upon."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine
from tests.support.packages import PackageBuilder, build_channel
from tests.support.prefixes import apply, extract, snapshot
from tests.support.wheels import WheelBuilder

from minicon.errors import Clobbered, PackageError
from minicon.fs.safe_path import has_reserved_path, is_reserved_path
from minicon.prefix.environment.prefix import Prefix

LONG_S, WIDE_DOT, UNSEEN, KELVIN = "\u017f", "\uff0e", "\u200c", "\u212a"
OWN = [
    ".minicon-states/journal",
    ".minicon-generations/x/journal",
    "conda-meta/generation",
    "conda-meta/history",
    "conda-meta/minicon/x",
    ".minicon-states",
    ".Minicon-STATES/1/x",
    "CONDA-META/generation",
    f".minicon-{LONG_S}tates/journal",
    f"{WIDE_DOT}minicon-states/journal",
    f".mini{UNSEEN}con-states/journal",
    ".mi\u0307nicon-states/journal",
    "Conda-Meta./generation",
    "MINICO~1/journal",
    "conda-~1/generation",
]


@pytest.fixture
def minicon(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> Iterator[CommandLine]:
    return CommandLine(tmp_path, monkeypatch, capsys)


def refused(minicon: CommandLine, *packages: PackageBuilder) -> str:
    """Create an environment with packages; what is said when that is refused."""
    victim = minicon.folder / "victim"
    victim.mkdir()
    (victim / "thesis.txt").write_text("years of work")
    channel = build_channel(minicon.folder / "channel", list(packages))
    env = minicon.folder / "env"
    names = [package.name for package in packages]
    outcome = minicon(
        *("create", "-y", "-p", str(env), "--override-channels"),
        *("-c", channel.as_uri(), "--platform", "linux-64", *names),
    )
    assert outcome.code == 1, outcome
    assert "this is a bug" not in outcome.err.lower()
    assert not env.exists()
    assert minicon("list", "-p", str(env)).code == 1
    assert (victim / "thesis.txt").read_text() == "years of work"
    return outcome.err


@pytest.mark.parametrize("path", OWN)
def test_no_package_brings_a_path_of_minicons_own(path: str) -> None:
    assert is_reserved_path(path)
    assert has_reserved_path(["lib/x", path])


def test_paths_that_only_look_similar_are_fine() -> None:
    paths = ["lib/conda-meta/x", ".minicon", "minicon-states/x", "conda/x", "conda-metadata/x"]
    paths += ["bin/.minicon-states", "share/\u00fcber", ".minicon-other/x", "x~1/y"]
    assert not any(map(is_reserved_path, paths))
    assert not has_reserved_path(paths)


@pytest.mark.parametrize("path", [OWN[0], OWN[8], OWN[2]])
def test_a_package_with_a_journal_is_refused_whole(minicon: CommandLine, path: str) -> None:
    journal = json.dumps({"outgoing": str(minicon.folder / "victim"), "incoming": "trash-1"})
    assert "minicon's own" in refused(minicon, PackageBuilder("evil").file(path, journal))


def test_a_package_with_a_link_named_like_a_store_is_refused(minicon: CommandLine) -> None:
    evil = PackageBuilder("evil").file("share/x/journal", "{}").link(".minicon-states", "share/x")
    assert "minicon's own" in refused(minicon, evil)


def test_an_old_package_without_paths_json_is_refused_too(minicon: CommandLine) -> None:
    evil = PackageBuilder("evil").legacy().file(".minicon-states/journal", "{}")
    assert "minicon's own" in refused(minicon, evil)


@pytest.mark.parametrize("folder", [".minicon-states", "Conda-Meta/x", 7])
def test_python_packages_cannot_write_own_paths(minicon: CommandLine, folder: object) -> None:
    python = PackageBuilder("python").version("3.11.1").index(python_site_packages_path=folder)
    pure = PackageBuilder("pure").noarch("python").file("site-packages/journal", "{}")
    said = refused(minicon, python.file("bin/python3.11", "#!/bin/sh\n"), pure)
    assert "site-packages" in said.replace("_", "-")


@pytest.mark.parametrize("path", [OWN[0], OWN[9], OWN[2]])
def test_a_wheel_with_a_journal_is_refused_whole(minicon: CommandLine, path: str) -> None:
    house = minicon.folder / "wheels"
    WheelBuilder("evil", "1.0").file("evil.py").data("data", path, "{}").build(house)
    minicon.monkeypatch.delenv("PIP_NO_INDEX")
    minicon.set(PIP_NO_INDEX="1", PIP_FIND_LINKS=str(house))
    env = minicon.folder / "env"
    outcome = minicon("create", "-y", "-p", env, "-c", "host", "-c", "pypi", "python", "pypi:evil")
    assert outcome.code == 1, outcome
    assert "would write" in outcome.err, outcome.err
    assert not env.exists()


@pytest.mark.parametrize("own", [".minicon-states", "conda-meta"])
def test_no_package_writes_own_paths_through_the_link_of_another(tmp_path: Path, own: str) -> None:
    way = extract(PackageBuilder("way").link("share", own), tmp_path / "pkgs")
    evil = extract(PackageBuilder("zevil").file("share/generation", "{}"), tmp_path / "pkgs")
    with pytest.raises(Clobbered, match="share must be a directory, but it is a link to"):
        apply(tmp_path / "env", way, evil)
    assert not (tmp_path / "env").exists()


@pytest.mark.parametrize("path", [*OWN[:2], "../x", "/etc/x", "lib/../../x", "", 7, "a\0b"])
def test_a_record_with_an_own_path_is_broken(tmp_path: Path, path: object) -> None:
    env = apply(tmp_path / "env", extract(PackageBuilder("p").file("x", "1"), tmp_path)).path
    record = next((env / "conda-meta").glob("p-*.json"))
    data = json.loads(record.read_text())
    record.write_text(json.dumps({**data, "files": ["x", path]}))
    assert Prefix(env).readable_records() == ()
    assert Prefix(env).broken_records() == (record,)


def test_target_paths_are_checked_besides_package_paths(tmp_path: Path) -> None:
    """A manifest that an earlier version or another hand made is not looked at once more."""
    before = snapshot(tmp_path / "env")
    for path in (".minicon-states/journal", "conda-meta/generation", f"conda-{KELVIN}/x"):
        package = extract(PackageBuilder("evil").file(path, "{}"), tmp_path / "pkgs")
        if is_reserved_path(path):
            with pytest.raises(PackageError, match="does not belong to it"):
                apply(tmp_path / "env", package)
    assert snapshot(tmp_path / "env") == before
