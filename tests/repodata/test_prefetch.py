"""Prefetching makes items earlier, and changes nothing else."""

from __future__ import annotations

import threading
import time

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
    made = []

    def source():
        for number in range(1000):
            made.append(number)
            yield number

    before = threading.active_count()
    items = prefetch_items(source(), 3)
    assert next(items) == 0
    time.sleep(0.05)
    assert len(made) <= 6
    items.close()
    assert threading.active_count() == before
