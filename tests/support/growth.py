"""How the time that a reader takes grows with its input."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable
from typing import Any

#: What a linear reader may take for twice the input, clocks and caches allowed for.
_DOUBLED = 3.2
#: Below this many seconds nothing can be told; and no reader may take more for what it is given.
_NOTHING = 0.01


def seconds(read: Callable[[Any], object], text: object) -> float:
    """The least processor time of three runs; what the reader raises is its verdict, no failure."""
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
    """Assert that READ takes at most about four times as long for four times the input.

    Args:
        read: Takes what MAKE made.
        make: The worst input, of about so many characters.
        size: Of the smaller of the two inputs.
    """
    large = seconds(read, make(4 * size))
    if large < _NOTHING * _DOUBLED**2:
        return
    small = seconds(read, make(size))
    if large > max(small, _NOTHING) * _DOUBLED**2:
        small, large = seconds(read, make(size)), seconds(read, make(4 * size))  # a busy machine
    assert large <= max(small, _NOTHING) * _DOUBLED**2, f"{small:.3f} s became {large:.3f} s"
