"""Plans show the link scripts of packages before confirmation; no others run."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer, Fault, Status
from tests.support.command_line import CommandLine
from tests.support.packages import PackageBuilder, build_channel

PLAIN = PackageBuilder("scripted").file("share/plain", "plain")
SCRIPTED = PLAIN.script("post-link", 'touch "$PREFIX/it-ran"\n')
SHOWN = {"action": "post-link", "package": "scripted-1.0-0", "path": "bin/.scripted-post-link.sh"}


@dataclass
class World:
    """A channel that is served, and a command line whose questions are answered."""

    minicon: CommandLine
    server: ChannelServer
    monkeypatch: pytest.MonkeyPatch

    def run(self, *words: str, typed: str = ""):
        self.server.forget()
        self.monkeypatch.setattr("sys.stdin", io.StringIO(typed))
        return self.minicon(*words)

    def create(self, *words: str, typed: str = ""):
        return self.run("create", "-n", "a", "scripted", *words, typed=typed)

    @property
    def downloads(self) -> int:
        """The number of requests for a whole package."""
        requests = self.server.matching("*/scripted-*")
        return len([request for request in requests if "Range" not in request.headers])

    @property
    def it_ran(self) -> bool:
        return (self.minicon.environment("a") / "it-ran").exists()


@pytest.fixture
def world(minicon: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    channel = build_channel(tmp_path / "channel", [SCRIPTED])
    with ChannelServer(channel) as server:
        minicon.set(MINICON_CHANNELS=server.url)
        yield World(minicon, server, monkeypatch)


class OtherInParts(Fault):
    """Serve another archive than the listed one to requests for a part of it."""

    def __init__(self, data: bytes) -> None:
        self.data = data

    def apply(self, handler) -> None:
        if "Range" in handler.headers:
            handler.respond_file(change=lambda _: self.data)
        else:
            handler.serve_file()


def test_scripts_are_shown_before_confirmation(world: World) -> None:
    declined = world.create(typed="n\n")
    assert "Aborted; nothing was changed." in declined.err
    assert "post-link  of  scripted-1.0-0" in declined.out
    assert world.downloads == 0
    done = world.create(typed="y\n").ok()
    assert "post-link  of  scripted-1.0-0" in done.out
    assert "will run: post-link" not in done.err  # it was said
    assert world.it_ran


def test_a_dry_run_shows_scripts(world: World) -> None:
    assert "post-link  of  scripted-1.0-0" in world.create("--dry-run").ok().out
    assert world.create("--dry-run", "--json").ok().json["link_scripts"] == [SHOWN]
    assert world.downloads == 0


@pytest.mark.parametrize(
    "words",
    [("-y",), ("-y", "--json"), ("--dry-run", "-q"), ("--dry-run", "--no-link-scripts")],
)
def test_packages_are_not_inspected_if_no_plan_is_shown(
    world: World, words: tuple[str, ...]
) -> None:
    world.create(*words).ok()
    assert not [r for r in world.server.matching("*/scripted-*") if "Range" in r.headers]
    assert world.it_ran is ("-y" in words)


def test_a_script_that_was_not_shown_is_refused(world: World) -> None:
    world.server.fault("*/scripted-*", OtherInParts(PLAIN.archive_bytes()))
    done = world.create(typed="y\nn\n")
    assert "Aborted; nothing was changed." in done.err
    first, second = done.out.split("environment: ")[1:]
    assert "will run" not in first
    assert "post-link  of  scripted-1.0-0" in second
    assert "which was not in the plan: planning again" in done.err
    assert not world.minicon.environment("a").exists()
    world.create(typed="y\n").ok()
    assert world.it_ran


def test_a_shown_script_that_is_missing_is_refused(world: World, tmp_path: Path) -> None:
    build_channel(tmp_path / "channel", [PLAIN])
    world.server.fault("*/scripted-*", OtherInParts(SCRIPTED.archive_bytes()))
    done = world.create(typed="y\ny\n").ok()
    assert "was in the plan, is not in the package: planning again" in done.err
    assert not world.it_ran


def write_plan(world: World, tmp_path: Path, *words: str) -> Path:
    planned = world.run("plan", "create", "-n", "a", "scripted", *words).ok()
    path = tmp_path / "plan.json"
    path.write_text(planned.out)
    return path


def test_a_saved_plan_lists_scripts(world: World, tmp_path: Path) -> None:
    path = write_plan(world, tmp_path)
    assert json.loads(path.read_text())["link_scripts"] == [SHOWN]
    assert world.downloads == 0
    assert world.run("apply", str(path), "--dry-run", "--json").ok().json["link_scripts"] == [SHOWN]
    world.run("apply", str(path)).ok()
    assert world.it_ran


def test_a_saved_plan_runs_only_listed_scripts(world: World, tmp_path: Path) -> None:
    world.server.fault("*/scripted-*", OtherInParts(PLAIN.archive_bytes()), times=1)
    path = write_plan(world, tmp_path)
    assert json.loads(path.read_text())["link_scripts"] == []
    refused = world.run("apply", str(path), "--json")
    assert (refused.code, refused.json["reference"]) == (1, "scripts-not-as-shown")
    assert not world.minicon.environment("a").exists()
    world.run("apply", str(path), "--no-link-scripts").ok()
    assert not world.it_ran


def test_a_plan_without_scripts_runs_none(world: World, tmp_path: Path) -> None:
    path = write_plan(world, tmp_path, "--no-link-scripts")
    assert world.run("apply", str(path)).code == 1
    assert not world.it_ran


def test_a_plan_names_packages_whose_scripts_are_unknown(world: World, tmp_path: Path) -> None:
    world.server.fault("*/scripted-*", Status(404), times=2)
    dry = world.create("--dry-run", "--json").ok()
    assert dry.json["link_scripts_unknown"] == ["scripted-1.0-0"]
    planned = world.run("plan", "create", "-n", "a", "scripted").ok()
    assert "the link scripts of scripted are unknown" in planned.err
    assert planned.json["link_scripts_unknown"] == ["scripted-1.0-0"]
    path = tmp_path / "plan.json"
    path.write_text(planned.out)
    assert world.run("apply", str(path)).code == 1
    assert not world.minicon.environment("a").exists()


def test_scripts_in_a_second_directory_are_shown(world: World, tmp_path: Path) -> None:
    """What noarch python packages keep in python-scripts/ is linked into bin/, and runs there."""
    python = PackageBuilder("python").version("3.11.7").file("bin/python3.11", "")
    builder = PackageBuilder("scripted").noarch("python").depends("python")
    path = "python-scripts/.scripted-post-link.sh"
    builder = builder.file(path, 'touch "$PREFIX/it-ran"\n')
    build_channel(tmp_path / "channel", [builder, python])
    shown = "post-link  of  scripted-1.0-0"
    assert shown in world.create("--dry-run").ok().out
    world.create("-y").ok()
    assert world.it_ran
    assert shown in world.run("create", "-n", "b", "scripted", "--dry-run").ok().out
