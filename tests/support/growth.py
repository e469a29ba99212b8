"""Measure how the time of a parser grows with its input."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

#: Accepted factor for twice the input; a linear parser takes less, even with cold caches.
_DOUBLED = 3.2
#: Seconds: less cannot be compared, and more is too slow for these inputs.
_NOTHING = 0.01


def seconds(read: Callable[[Any], object], text: object) -> float:
    """The least processor time of three runs; errors that it raises are ignored."""
    best = float("inf")
    for _ in range(3):
        start = time.process_time()
        with contextlib.suppress(Exception):
            read(text)
        best = min(best, time.process_time() - start)
        if best < 10 * _NOTHING:
            break
    return best


def assert_linear(read: Callable[[Any], object], make: Callable[[int], Any], size: int) -> None:
    """Assert that a parser takes at most about four times as long for four times the input.

    Args:
        read: The parser.
        make: Returns the worst input with about so many characters.
        size: Of the smaller of the two inputs.
    """
    large = seconds(read, make(4 * size))
    if large < _NOTHING * _DOUBLED**2:
        return
    small = seconds(read, make(size))
    if large > max(small, _NOTHING) * _DOUBLED**2:
        small, large = seconds(read, make(size)), seconds(read, make(4 * size))  # a busy machine
    assert large <= max(small, _NOTHING) * _DOUBLED**2, f"{small:.3f} s became {large:.3f} s"
