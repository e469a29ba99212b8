"""Prefetching makes items earlier, and changes nothing else."""

from __future__ import annotations

import threading

import pytest

from minicon.repodata.index.convert import prefetch_items


def test_items_and_errors_keep_their_order() -> None:
    def source():
        yield from range(5)
        raise ValueError("after five")

    seen = []
    with pytest.raises(ValueError, match="after five"):
        seen.extend(iter_into(seen, source()))
    assert seen == list(range(5))
    assert list(prefetch_items([], 2)) == []


def iter_into(seen, source):
    for item in prefetch_items(source, 2):
        seen.append(item)
    return []


def test_no_more_than_depth_is_made_ahead_and_closing_ends_the_thread() -> None:
    made, makers = [], []
    full = threading.Semaphore(0)

    def source():
        makers.append(threading.current_thread())
        for number in range(1000):
            made.append(number)
            full.release()
            yield number

    items = prefetch_items(source(), 3)
    for taken in range(1, 20):
        assert next(items) == taken - 1
        # Three items are queued, and one waits until there is space.
        for _ in range(5 if taken == 1 else 1):
            assert full.acquire(timeout=60)
        assert len(made) == taken + 4
    items.close()
    assert len(made) == 19 + 4
    assert not makers[0].is_alive()
