"""Errors: a clear message, the documented exit code, nothing left half made."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer, Stall
from tests.support.commands import Outcome, Workspace


def create(workspace: Workspace, channel: str, *specs: str) -> Outcome:
    return workspace.run("create", "-y", "-n", "a", "-c", channel, "--override-channels", *specs)


def assert_clear(outcome: Outcome, *words: str) -> None:
    assert outcome.code == 1, outcome
    assert "Traceback" not in outcome.err
    assert outcome.err.count("\n") <= 14
    for word in words:
        assert word in outcome.err, outcome.err


@pytest.mark.parametrize(
    ("specs", "words"),
    [
        (["nosuchthing"], ["nosuchthing"]),
        (["helo"], ["helo", "hello"]),
        (["hello=9"], ["hello", "2.0"]),
        (["shout", "hello=2"], ["shout", "hello"]),
        (["hello=>1"], ["hello=>1", "hello>=1"]),
        (["hello ==="], ["hello"]),
    ],
)
def test_impossible_requests(
    workspace: Workspace, channel: Path, specs: list[str], words: list[str]
) -> None:
    assert_clear(create(workspace, channel.as_uri(), *specs), *words)
    assert not workspace.environment("a").exists()


def test_error_as_json(workspace: Workspace, channel: Path) -> None:
    failed = workspace.run(
        "create", "-n", "a", "--json", "-c", channel.as_uri(), "--override-channels", "nosuchthing"
    )
    assert failed.code == 1
    assert failed.json["success"] is False
    assert failed.json["reference"]
    assert "nosuchthing" in failed.json["message"]


def test_missing_channel(workspace: Workspace, tmp_path: Path) -> None:
    assert_clear(create(workspace, (tmp_path / "nowhere").as_uri(), "hello"), "nowhere")
    with ChannelServer(tmp_path) as server:
        assert_clear(create(workspace, f"{server.url}/gone", "hello"), "/gone")
    secret = server.url.replace("http://", "http://user:s3cret@")
    failed = create(workspace, f"{secret}/gone", "hello")
    assert failed.code == 1
    assert "s3cret" not in failed.err + failed.out


def test_corrupt_package(workspace: Workspace, corrupt_channel: Path) -> None:
    workspace.environ["MINICON_PKGS_DIRS"] = str(workspace.root / "pkgs")
    assert_clear(create(workspace, corrupt_channel.as_uri(), "hello"), "greeting-1.5", "sha256")
    assert not workspace.environment("a").exists()
    assert workspace.left_behind() == []


def test_wrong_command_lines(workspace: Workspace) -> None:
    assert workspace.run("creat").code == 2
    assert "create" in workspace.run("creat").err
    assert workspace.run("create", "--nonsense").code == 2
    assert workspace.run("create", "-n", "a/b", "x").code == 2
    assert workspace.run("list", "-n", "nowhere").code == 1
    assert workspace.run("run", "-n", "nowhere", "true").code == 1
    assert workspace.run().code == 0


def test_a_directory_that_is_not_an_environment_keeps_its_files(
    workspace: Workspace, channel: Path
) -> None:
    folder = workspace.folder / "mine"
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work")
    command = ("create", "-p", str(folder), "-c", channel.as_uri(), "hello")
    refused = workspace.run(*command)
    assert (refused.code, len(list(folder.iterdir()))) == (2, 1)
    workspace.run(*command, "-y").ok()
    assert (folder / "conda-meta").is_dir()
    assert (folder / "thesis.txt").read_text() == "years of work"


@pytest.mark.skipif(sys.platform == "win32", reason="folders in use cannot be removed there")
@pytest.mark.parametrize(
    "command", ["list", "env list", "info", "create -y -n a x", "run true", "shell.posix hook"]
)
def test_a_working_directory_that_was_removed(workspace: Workspace, command: str) -> None:
    gone = workspace.folder / "gone"
    gone.mkdir()
    script = f'rmdir "$PWD"; exec {sys.executable} -m minicon {command}'
    done = subprocess.run(
        ["sh", "-c", script], cwd=gone, env=workspace.variables, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout) == (2, "")
    assert "Traceback" not in done.stderr
    assert "cannot be used" in done.stderr


def test_without_a_terminal_the_default_applies(workspace: Workspace, channel: Path) -> None:
    arguments = ("create", "-n", "a", "-c", channel.as_uri(), "--override-channels", "hello")
    assert workspace.run(*arguments, typed="n\n").code == 0
    assert not workspace.environment("a").exists()
    workspace.run(*arguments).ok()
    refused = workspace.run("remove", "-n", "a", "--all")
    assert refused.code == 2
    assert "--yes" in refused.err
    assert workspace.environment("a").exists()


def test_interrupted_while_fetching(workspace: Workspace, channel: Path) -> None:
    workspace.environ["MINICON_PKGS_DIRS"] = str(workspace.root / "pkgs")
    with ChannelServer(channel) as server:
        archive = next(channel.glob("linux-64/hello-2.0*")).name
        server.fault(f"/linux-64/{archive}", Stall(20))
        process = workspace.start(
            "create", "-y", "-n", "a", "-c", server.url, "--override-channels", "hello"
        )
        deadline = time.monotonic() + 20
        while not server.count(f"/linux-64/{archive}"):
            assert time.monotonic() < deadline
            time.sleep(0.02)
        process.send_signal(signal.SIGINT)
        _, errors = process.communicate(timeout=20)
    assert process.returncode == 130, errors
    assert "Traceback" not in errors
    assert not workspace.environment("a").exists()
    assert workspace.left_behind() == []
    create(workspace, channel.as_uri(), "hello").ok()


def test_offline_needs_what_is_cached(workspace: Workspace, channel: Path) -> None:
    with ChannelServer(channel) as server:
        workspace.environ["MINICON_PKGS_DIRS"] = str(workspace.root / "pkgs")
        arguments = ("-c", server.url, "--override-channels", "hello")
        assert workspace.run("create", "-y", "-n", "a", "--offline", *arguments).code == 1
        workspace.run("create", "-y", "-n", "a", *arguments).ok()
        requests = len(server.requests)
        workspace.run("create", "-y", "-n", "b", "--offline", *arguments).ok()
        assert len(server.requests) == requests
