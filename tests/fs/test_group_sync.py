"""Threads share a sync only if it began after they wrote."""

from __future__ import annotations

import threading
import time

from minicon.fs import operations
from minicon.fs.disk import GroupSync


def test_threads_that_come_while_one_is_running_share_the_next(tmp_path, monkeypatch):
    calls, running, go = [], threading.Event(), threading.Event()

    def slow(path):
        calls.append(path)
        running.set()
        assert go.wait(10)

    monkeypatch.setattr(operations, "sync_file_system", slow)
    group = GroupSync(tmp_path)
    first = threading.Thread(target=group.sync)
    first.start()
    assert running.wait(10)
    late = [threading.Thread(target=group.sync) for _ in range(5)]
    for thread in late:
        thread.start()
    time.sleep(0.3)  # they have nothing to do but to queue up
    go.set()
    for thread in [first, *late]:
        thread.join(10)
    assert len(calls) == 2
    group.sync()
    assert len(calls) == 3


def test_hashing_matches_the_standard_library(tmp_path):
    import hashlib

    from minicon.fs.hashing import hash_file, sha256_of, sha256_of_file

    data = bytes(range(256)) * 5000
    (tmp_path / "f").write_bytes(data)
    digest = hash_file(tmp_path / "f", md5=True)
    assert digest.size == len(data)
    assert digest.md5 == hashlib.md5(data).hexdigest()
    assert digest.sha256 == sha256_of(data) == hashlib.sha256(data).hexdigest()
    assert sha256_of_file(tmp_path / "f") == digest.sha256
