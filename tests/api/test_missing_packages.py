"""Missing packages: which platform or channel has them, found at little cost."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder
from tests.support.command_line import CommandLine, small_channel
from tests.support.solver_cases import SolverCase
from tests.support.wheel_world import WheelWorld

from minicon.api.plan.missing_packages import taken_from_pypi, version_on_pypi
from minicon.errors import PackageNotFound
from minicon.solver.explain.explanation import ConflictError


@pytest.fixture
def command(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> CommandLine:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    command.set(CONDA_SUBDIR="linux-64")
    return command


def write_channel(folder: Path, *, shards: bool = False) -> ChannelBuilder:
    """winlib is for Windows and macOS, tool for Linux."""
    builder = ChannelBuilder(folder)
    builder.add("tool-1.0-0")
    for subdir in ("win-64", "osx-arm64"):
        builder.add("winlib-1.0-0", subdir=subdir)
    builder.add("wintool-1.0-0", subdir="win-64")
    builder.add("broken-1.0-0", depends=["winlib"])
    builder.write(shards=shards)
    return builder


def dry(command: CommandLine, channel: str, *specs: str):
    return command("create", "-n", "x", "--dry-run", "--override-channels", "-c", channel, *specs)


def test_other_platforms_of_a_local_channel(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    outcome = dry(command, channel.url, "tool", "winlib")
    assert outcome.code == 1
    assert "winlib is in none of the channels" in outcome.err
    assert (
        f"hint: {channel.url} has winlib for osx-arm64 and win-64, not for linux-64" in outcome.err
    )
    outcome = dry(command, channel.url, "wintool")
    assert "chan has wintool for win-64, not for linux-64" in outcome.err


def test_search_says_it_too(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    outcome = command("search", "--override-channels", "-c", channel.url, "winlib")
    assert "chan has winlib for osx-arm64 and win-64" in outcome.err


def test_a_whole_index_is_not_fetched_for_it(command: CommandLine, tmp_path: Path) -> None:
    write_channel(tmp_path / "chan")
    with ChannelServer(tmp_path) as server:
        url = f"{server.url}/chan"
        outcome = dry(command, url, "winlib")
        assert "check the spelling" in outcome.err
        assert not server.count("*win-64*")
        # Once the index of another platform is cached, it is searched.
        command.set(CONDA_SUBDIR="win-64")
        assert dry(command, url, "winlib").code == 0
        command.set(CONDA_SUBDIR="linux-64")
        server.forget()
        assert "has winlib for win-64, not for linux-64" in dry(command, url, "winlib").err
        assert not server.count("*win-64*")
        offline = command(
            "create",
            "-n",
            "x",
            "--dry-run",
            "--offline",
            "--override-channels",
            "-c",
            url,
            "winlib",
        )
        assert "has winlib for win-64, not for linux-64" in offline.err


def test_short_lists_are_fetched(command: CommandLine, tmp_path: Path) -> None:
    write_channel(tmp_path / "chan", shards=True)
    with ChannelServer(tmp_path) as server:
        outcome = dry(command, f"{server.url}/chan", "winlib")
        assert "has winlib for osx-arm64 and win-64, not for linux-64" in outcome.err
        assert server.count("*win-64/repodata_shards*") == 1
        assert not server.count("*win-64/shards/*")
        server.forget()
        offline = command(
            "create", "-n", "x", "--dry-run", "--offline", "--override-channels",
            "-c", f"{server.url}/chan", "winlib",
        )  # fmt: skip
        assert "winlib" in offline.err
        assert not server.count()


def test_a_configured_channel_that_was_left_out(command: CommandLine, tmp_path: Path) -> None:
    named = ChannelBuilder(tmp_path / "named").add_all("tool-1.0-0")
    named.write()
    configured = ChannelBuilder(tmp_path / "configured").add_all("lib-1.0-0")
    configured.write()
    command.set(CONDA_CHANNELS=configured.url)
    outcome = dry(command, named.url, "lib")
    assert f"{configured.url} has it: add -c {configured.url}" in outcome.err


def test_a_package_that_no_channel_has(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    assert "did you mean tool?" in dry(command, channel.url, "toool").err
    assert "check the spelling" in dry(command, channel.url, "nothinglikethis").err


def test_a_spec_may_name_a_source_by_the_end_of_its_address(
    command: CommandLine, tmp_path: Path
) -> None:
    channel = write_channel(tmp_path / "mirror" / "forge")
    for spec in (
        "forge::tool",
        "mirror/forge::tool",
        "forge/linux-64::tool",
        "tool[channel=forge]",
    ):
        outcome = dry(command, channel.url, spec)
        assert outcome.code == 0, outcome.err


def test_a_dependency_that_only_another_platform_has(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    outcome = dry(command, channel.url, "broken")
    assert "broken needs winlib, which no channel has" in outcome.err
    assert "chan has winlib for osx-arm64 and win-64, not for linux-64" in outcome.err


def test_all_missing_packages_are_named_at_once(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    outcome = dry(command, channel.url, "toool", "tool", "winlib", "nothinglikethis")
    assert "toool, winlib and nothinglikethis are in none of the channels" in outcome.err
    assert "hint: for each name:\n  toool: did you mean tool?\n" in outcome.err
    assert "has winlib for osx-arm64 and win-64, not for linux-64" in outcome.err
    outcome = dry(command, channel.url, "nothinglikethis", "norlikethis")
    assert "nothinglikethis and norlikethis are in none" in outcome.err
    document = json.loads(dry(command, channel.url, "winlib", "norlikethis", "--json").out)
    assert document["packages"] == ["winlib", "norlikethis"]
    assert "hint: check the spelling" in outcome.err


def test_hints_are_found_for_the_first_of_many_names(command: CommandLine, tmp_path: Path) -> None:
    channel = write_channel(tmp_path / "chan")
    outcome = dry(command, channel.url, *(f"toool{number}" for number in range(20)), "winlib")
    assert "toool18, toool19 and winlib are in none of the channels" in outcome.err
    assert outcome.err.count("did you mean") <= 5
    assert "osx-arm64" not in outcome.err
    outcome = dry(command, channel.url, *(f"{number}tool" for number in range(9)))
    assert outcome.err.count("did you mean tool?") == 5


def test_offline_names_that_are_listed_and_not_cached(command: CommandLine, tmp_path: Path) -> None:
    write_channel(tmp_path / "chan", shards=True)
    with ChannelServer(tmp_path) as server:
        url = f"{server.url}/chan"
        assert dry(command, url, "tool").code == 0
        outcome = command(
            "create",
            "-n",
            "x",
            "--dry-run",
            "--override-channels",
            "-c",
            url,
            "--offline",
            "broken",
        )
        assert "broken, but its records are not cached" in outcome.err
        assert "did you mean" not in outcome.err
        found = command("search", "--override-channels", "-c", url, "--offline", "broken")
        assert "its records are not cached" in found.err
        assert "hint: run once without --offline" in found.err


def test_channels_of_the_environment_that_were_not_searched(
    command: CommandLine, tmp_path: Path
) -> None:
    own = small_channel(tmp_path / "own")
    other = write_channel(tmp_path / "chan")
    command("create", "-yn", "data", "--override-channels", "-c", own, "greeting").ok()
    where = ("-n", "data", "--override-channels", "-c", other.url)
    missing = command("install", *where, "--dry-run", "lone")
    assert f"own has it: add -c {own.as_uri()}" in missing.err
    refused = command("why-not", *where, "broken")
    assert f"not in {own.as_uri()}, where packages of this environment come from" in refused.out


def test_names_that_fall_through_to_pypi_are_said() -> None:
    """A misspelt name is another project there."""
    case = SolverCase()
    case.package("numpy", "2.0")
    indices = [tuple(case.indices.values())]
    assert list(taken_from_pypi(["xyzzy", "numpi"], indices)) == [
        "numpi is in no channel: taken from PyPI; did you mean numpy?",
        "xyzzy is in no channel: taken from PyPI",
    ]
    assert list(taken_from_pypi(["aaaaa", "bbbbb", "ccccc"], indices)) == [
        "aaaaa, bbbbb and ccccc are in no channel: taken from PyPI"
    ]


def test_why_names_that_channels_may_have_are_taken_from_pypi() -> None:
    """A channel that cannot be reached has them or not; names of its cache are offered."""
    case = SolverCase()
    for name in ("numpy", "pytorch", "torchx", "raretool"):
        case.package(name, "2.0")
    indices = [tuple(case.indices.values())]
    because = "taken from PyPI, because conda-forge cannot be reached"
    assert list(taken_from_pypi(["raretol", "numpy", "torch"], indices, ["conda-forge"])) == [
        f"raretol: {because}; did you mean raretool?",
        f"numpy and torch: {because}",
    ]
    assert list(taken_from_pypi(["pandsa", "torch"], [], ["conda-forge"])) == [
        f"pandsa: {because}; did you mean pandas?",
        f"torch: {because}",
    ]


def test_names_of_modules_are_not_looked_up() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    wheels.wheel("sklearn", "0.0")
    wheels.wheel("scikit-learn", "1.5")
    with pytest.raises(PackageNotFound, match="scikit-learn") as refused:
        case.solve("sklearn", wheels=wheels, wheels_for_missing_names=True)
    assert refused.value.hint is not None
    assert "write scikit-learn; or pypi:sklearn" in refused.value.hint
    case.package("scikit-learn", "1.4")
    with pytest.raises(PackageNotFound) as refused:
        case.solve("sklearn")
    assert refused.value.hint == "channels have it as scikit-learn"


def test_a_version_that_only_pypi_has_is_offered() -> None:
    """A name that channels have is taken from them, in whichever version."""
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    case.package("rich", "15.0")
    for version in ("13.9", "14.3", "14.4rc1", "15.0"):
        wheels.wheel("rich", version)
    options = {"wheels": wheels, "wheels_for_missing_names": True}

    def offered(*specs: str, **changed: Any) -> str | None:
        request = case.request(*specs, **options | changed)
        with pytest.raises(ConflictError) as refused:
            case.solve(*specs, **options | changed)
        return version_on_pypi(refused.value, request)

    assert offered("rich <15") == "PyPI has rich 14.3: write 'pypi:rich==14.3'"
    assert offered("rich 13.*", "python") == "PyPI has rich 13.9: write 'pypi:rich==13.9'"
    assert offered("rich 16.*") is None
    assert offered("python 2.*") is None
    assert offered("rich <15", wheels_for_missing_names=False) is None


def test_similar_names_are_offered_for_names_that_pypi_lacks_too() -> None:
    case, wheels = SolverCase(), WheelWorld()
    case.package("python", "3.12.1")
    case.package("numpy", "2.0")
    with pytest.raises(PackageNotFound, match="not on the package index") as refused:
        case.solve("numpyy", wheels=wheels, wheels_for_missing_names=True)
    assert refused.value.hint == "did you mean numpy?"
    with pytest.raises(PackageNotFound) as refused:
        case.solve("numpyy", "xyzzy", wheels=wheels, wheels_for_missing_names=True)
    assert refused.value.hint == "for each name:\n  numpyy: did you mean numpy?"
