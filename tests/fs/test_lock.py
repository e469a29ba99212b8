"""A lock excludes processes and threads, names its holder, and never waits without an end."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import socket
import sys
import threading
import time

import pytest

from minicon.errors import FileError, PrefixLocked
from minicon.fs import lock
from minicon.fs.lock import locked, read_holder

fork = multiprocessing.get_context("fork")


@pytest.fixture(params=["flock", "exclusive file"])
def protocol(request, monkeypatch):
    """Both ways to lock: the kernel's, and the one for file systems without locks."""
    if request.param == "exclusive file":

        def refuse(descriptor, shared):
            raise OSError(errno.ENOLCK, "No locks available")

        monkeypatch.setattr(lock, "_lock_descriptor", refuse)
    return request.param


def hold(path, ready, release):
    with locked(path):
        ready.set()
        release.wait(20)


def holder_process(path):
    ready, release = fork.Event(), fork.Event()
    child = fork.Process(target=hold, args=(path, ready, release))
    child.start()
    assert ready.wait(10)
    return child, release


def test_a_second_process_learns_the_holder(tmp_path, protocol):
    child, release = holder_process(tmp_path / "l")
    waits = []
    start = time.monotonic()
    with (
        pytest.raises(FileError, match=f"is locked by process {child.pid}"),
        locked(tmp_path / "l", timeout=0.1, on_wait=waits.append),
    ):
        pass
    assert 0.1 <= time.monotonic() - start < 5
    assert [holder.pid for holder in waits] == [child.pid]
    release.set()
    child.join()
    with locked(tmp_path / "l", timeout=0):
        pass


def test_waiting_ends_when_the_holder_ends(tmp_path, protocol):
    child, release = holder_process(tmp_path / "l")
    threading.Timer(0.1, release.set).start()
    with locked(tmp_path / "l", timeout=10):
        assert read_holder(tmp_path / "l").pid == os.getpid()
    child.join()


def test_a_killed_holder_holds_nothing(tmp_path, protocol):
    child, _ = holder_process(tmp_path / "l")
    child.kill()
    child.join()
    with locked(tmp_path / "l", timeout=5):
        pass


def test_threads_exclude_each_other(tmp_path, protocol):
    inside, worst = [], []

    def work():
        with locked(tmp_path / "l", timeout=20):
            inside.append(1)
            worst.append(len(inside))
            time.sleep(0.002)
            inside.pop()

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert worst == [1] * 8


def test_an_exception_releases_it(tmp_path, protocol):
    with pytest.raises(KeyError), locked(tmp_path / "l"):
        raise KeyError
    with locked(tmp_path / "l", timeout=0):
        pass


def test_shared_locks_go_together_but_not_with_others(tmp_path):
    path = tmp_path / "l"
    with (
        locked(path, shared=True),
        locked(path, shared=True, timeout=0),
        pytest.raises(FileError),
        locked(path, timeout=0),
    ):
        pass
    with locked(path), pytest.raises(FileError), locked(path, shared=True, timeout=0):
        pass


def test_callers_name_their_own_error(tmp_path):
    def busy(holder):
        return PrefixLocked("prefix-locked", f"the environment is being changed by {holder}")

    with (
        locked(tmp_path / "l"),
        pytest.raises(PrefixLocked, match=str(os.getpid())),
        locked(tmp_path / "l", timeout=0, busy=busy),
    ):
        pass


def test_a_lock_of_another_machine_is_respected_without_kernel_locks(tmp_path, monkeypatch):
    def refuse(descriptor, shared):
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(lock, "_lock_descriptor", refuse)
    elsewhere = {"pid": 2**22 + 1, "host": "elsewhere", "command": "minicon create"}
    (tmp_path / "l.held").write_text(json.dumps(elsewhere))
    with (
        pytest.raises(FileError, match=r"on elsewhere \(minicon create\)"),
        locked(tmp_path / "l", timeout=0),
    ):
        pass
    (tmp_path / "l.held").write_text(json.dumps({**elsewhere, "host": socket.gethostname()}))
    with locked(tmp_path / "l", timeout=5):
        pass


def test_a_lock_file_that_is_removed_meanwhile_is_no_lock(tmp_path):
    with locked(tmp_path / "l"):
        (tmp_path / "l").unlink()
        with locked(tmp_path / "l", timeout=0):
            assert (tmp_path / "l").exists()


def test_a_link_is_not_followed(tmp_path):
    (tmp_path / "victim").write_text("mine")
    (tmp_path / "l").symlink_to("victim")
    with pytest.raises(FileError), locked(tmp_path / "l", timeout=0):
        pass
    assert (tmp_path / "victim").read_text() == "mine"


def test_holder_text_that_is_no_json_is_no_error(tmp_path):
    (tmp_path / "l").write_bytes(b"\xff{")
    assert str(read_holder(tmp_path / "l")) == "another process"
    with locked(tmp_path / "l"):
        holder = read_holder(tmp_path / "l")
    assert holder.host == socket.gethostname()
    assert os.path.basename(sys.argv[0]) in holder.command


@pytest.mark.parametrize(
    "text",
    [
        *('{"pid": 1e400, "host": "", "command": ""}', '{"pid": -1, "host": "", "command": ""}'),
        *('{"pid": true, "host": "", "command": ""}', '{"pid": "1", "host": "", "command": ""}'),
        f'{{"pid": {10**30}, "host": "", "command": ""}}',
        *('{"pid": 1, "host": 7, "command": ""}', '{"pid": 1, "host": "", "command": 7}'),
        *("[" * 100_000, "null", ""),
    ],
)
def test_a_text_that_no_holder_writes_names_nobody(tmp_path, text):
    (tmp_path / "lock").write_text(text)
    assert str(read_holder(tmp_path / "lock")) == "another process"


def test_nobody_waits_for_a_pipe_to_say_who_holds_a_lock(tmp_path):
    os.mkfifo(tmp_path / "lock")
    assert str(read_holder(tmp_path / "lock")) == "another process"
