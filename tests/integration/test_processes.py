"""Eight processes at once, on one package cache and on one environment."""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer, Stall
from tests.support.commands import Outcome, Workspace
from tests.support.packages import PackageBuilder, build_channel

PROCESSES = 8
PATIENCE = 60

#: Runs until the file ``go`` appears beside MINICON_ROOT.
WAIT = 'until [ -e "$ROOT_PREFIX/../go" ]; do sleep 0.02; done\n'


@pytest.fixture
def server(tmp_path: Path) -> Iterator[ChannelServer]:
    packages = [
        PackageBuilder(name).depends(*needs).file(f"share/{name}", name * 1000)
        for name, needs in (("a", []), ("b", ["a"]), ("c", ["b"]), ("d", []), ("e", ["d"]))
    ]
    packages.append(PackageBuilder("slow").script("post-link", WAIT))
    with ChannelServer(build_channel(tmp_path / "channel", packages)) as running:
        running.latency = 0.01
        yield running


@pytest.fixture
def shop(tmp_path: Path) -> Workspace:
    """A workspace with a package cache of its own."""
    return Workspace(tmp_path / "work")


def finish(processes: list[subprocess.Popen[str]]) -> list[Outcome]:
    """Wait for all of them, within a bounded time."""
    deadline = time.monotonic() + PATIENCE
    outcomes = []
    for process in processes:
        out, err = process.communicate(timeout=max(0.1, deadline - time.monotonic()))
        outcomes.append(Outcome(process.returncode, out, err))
    return outcomes


@contextlib.contextmanager
def started(shop: Workspace, *arguments: str, until: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a command and wait until a path exists."""
    deadline = time.monotonic() + PATIENCE
    with shop.start(*arguments) as process:
        try:
            while not until.exists():
                assert process.poll() is None
                assert time.monotonic() < deadline
                time.sleep(0.02)
            yield process
        finally:
            if process.poll() is None:
                process.kill()


def test_each_package_is_downloaded_once_per_cache(shop: Workspace, server: ChannelServer) -> None:
    source = ("-c", server.url, "--override-channels")
    wanted = [("c",), ("e",), ("b", "e"), ("c", "d")] * 2
    running = [
        shop.start("create", "-y", "-n", f"env{number}", *source, *names)
        for number, names in enumerate(wanted)
    ]
    assert len(running) == PROCESSES
    for outcome in finish(running):
        outcome.ok()
    fetched = [request.path for request in server.matching("*.conda") if request.method == "GET"]
    assert sorted(fetched) == sorted(set(fetched))
    assert len(fetched) == 5
    for number, names in enumerate(wanted):
        for name in names:
            assert (shop.environment(f"env{number}") / "share" / name).read_text() == name * 1000
    assert shop.left_behind() == []
    assert list((shop.root / "pkgs" / ".work").iterdir()) == []


def test_mixed_commands_on_one_environment_end_well(shop: Workspace, server: ChannelServer) -> None:
    source = ("-c", server.url, "--override-channels")
    shop.run("create", "-y", "-n", "env", *source, "a", "d").ok()
    commands = [
        ("install", "-y", "-n", "env", *source, "c"),
        ("install", "-y", "-n", "env", *source, "e"),
        ("remove", "-y", "-n", "env", *source, "d"),
        ("update", "-y", "-n", "env", *source, "--all"),
        ("list", "-n", "env", "--json"),
        ("run", "-n", "env", "true"),
        ("history", "-n", "env"),
        ("list", "-n", "env"),
    ]
    assert len(commands) == PROCESSES
    for outcome in finish([shop.start(*command) for command in commands]):
        outcome.ok()
    names = {p["name"] for p in shop.run("list", "-n", "env", "--json").ok().json}
    assert {"a", "b", "c"} <= names <= {"a", "b", "c", "d", "e"}
    assert names & {"d", "e"} in (set(), {"d", "e"})
    shop.run("verify", "-n", "env").ok()
    assert shop.left_behind() == []


def test_many_installs_into_one_environment_all_succeed_in_turn(
    shop: Workspace, tmp_path: Path
) -> None:
    names = [f"p{number}" for number in range(12)]
    channel = build_channel(tmp_path / "many", [PackageBuilder(name).file(name) for name in names])
    source = ("-c", str(channel), "--override-channels")
    shop.run("create", "-y", "-n", "env", *source, names[0]).ok()
    running = [shop.start("install", "-y", "-n", "env", *source, name) for name in names[1:]]
    for outcome in finish(running):
        outcome.ok()
        assert outcome.err.count("planning again") < 4
    installed = shop.run("list", "-n", "env", "--json").ok().json
    assert [package["name"] for package in installed] == sorted(names)
    assert shop.left_behind() == []


def test_the_holder_of_a_lock_is_named(
    shop: Workspace, server: ChannelServer, tmp_path: Path
) -> None:
    source = ("-c", server.url, "--override-channels")
    shop.run("create", "-y", "-n", "env", *source, "d").ok()
    shop.run("create", "-y", "-n", "spare", *source, "c").ok()
    shop.run("remove", "-y", "-n", "spare", "--all").ok()
    impatient = Workspace(shop.folder, {"MINICON_LOCK_TIMEOUT": "0.2"})
    script = shop.environment("env") / "bin" / ".slow-post-link.sh"
    install = ("install", "-y", "-n", "env", *source, "slow")
    with started(shop, *install, until=script) as holder:
        refused = impatient.run("install", "-y", "-n", "env", *source, "e")
        assert refused.code == 1
        assert f"is being changed by process {holder.pid} (" in refused.err
        assert "Traceback" not in refused.err
        cleaning = impatient.run("clean", "--packages", "-y")
        assert cleaning.code == 1
        assert f"is in use by process {holder.pid} (" in cleaning.err
        kept = {path.name[0] for path in (shop.root / "pkgs").glob("?-1.0-*")}
        assert kept == {"a", "b", "c", "d", "e"}
        (shop.root.parent / "go").touch()
        finish([holder])[0].ok()
    shop.run("clean", "--packages", "-y").ok()
    assert {path.name[0] for path in (shop.root / "pkgs").glob("*-1.0-*")} == {"d", "s"}


@pytest.mark.skipif(
    not Path("/proc/self/task").is_dir() or os.cpu_count() == 1,
    reason="processes unpack on Linux with several processors",
)
def test_packages_are_unpacked_in_processes_that_end_with_the_command(tmp_path, shop) -> None:
    packages = [
        PackageBuilder(name).file(f"share/{name}", os.urandom(3 << 20)).file(f"lib/{name}", name)
        for name in ("one", "two")
    ]
    folder = build_channel(tmp_path / "large", [*packages, PackageBuilder("late")])
    cache = shop.root / "pkgs"
    shop.environ["MINICON_PKGS_DIRS"] = str(cache)
    shop.environ["MINICON_DURABILITY"] = "fast"
    create = ("create", "-y", "-n", "a", "--override-channels", "one", "two", "late", "-c")
    with ChannelServer(folder) as server:
        server.fault("/linux-64/late-1.0-0.conda", Stall(20))
        with started(shop, *create, server.url, until=cache / "urls.txt") as process:
            deadline = time.monotonic() + PATIENCE
            while (cache / "urls.txt").read_text().count("\n") < 2:  # two are complete
                assert time.monotonic() < deadline
                time.sleep(0.02)
            children = Path(f"/proc/{process.pid}/task/{process.pid}/children").read_text().split()
            assert len(children) == min(3, len(os.sched_getaffinity(0)))
            process.send_signal(signal.SIGINT)
            _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert not any(Path(f"/proc/{child}").exists() for child in children)
    assert not [path for path in (cache / ".work").iterdir() if "late" not in path.name]
    assert not shop.environment("a").exists()
    shop.run(*create, folder.as_uri()).ok()
    for package in ("one", "two"):
        assert (shop.environment("a") / "share" / package).stat().st_size == 3 << 20
    assert shop.run("verify", "-n", "a").ok()
