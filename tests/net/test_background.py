"""Work in background threads, which end when no more is needed."""

from __future__ import annotations

import threading
import time

from minicon.net.parallel import Background


def test_idle_threads_end_at_once() -> None:
    background = Background(4)
    done: list[int] = []
    for number in range(8):
        background.submit(lambda number=number: done.append(number))
    deadline = time.monotonic() + 10
    while len(done) < 8:
        assert time.monotonic() < deadline
        time.sleep(0.001)
    time.sleep(0.02)  # all of them wait for more
    background.close()
    assert not any(thread.is_alive() for thread in background._threads)
    background.submit(lambda: done.append(8))  # it can be used again
    while len(done) < 9:
        assert time.monotonic() < deadline
        time.sleep(0.001)


def test_work_that_has_not_started_is_discarded_and_running_work_is_not_awaited() -> None:
    background = Background(1)
    release, begun, done = threading.Event(), threading.Event(), []

    def work() -> None:
        begun.set()
        release.wait(20)

    background.submit(work)
    assert begun.wait(20)
    background.submit(lambda: done.append(1))
    start = time.monotonic()
    background.close()
    assert time.monotonic() - start < 5
    release.set()
    ended = threading.Event()
    background.submit(ended.set)
    assert ended.wait(20)
    assert not done
