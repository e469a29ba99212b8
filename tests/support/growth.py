"""Measure how the time of a parser, or the number of steps of a function, grows with its input."""

from __future__ import annotations

import contextlib
import os
import sys
import time
from collections import Counter
from collections.abc import Callable
from typing import Any

#: Accepted factor for twice the input; a linear parser takes less, even with cold caches.
_DOUBLED = 3.2
#: The same for numbers of steps, which are exact; sorting takes a little more than twice as many.
_DOUBLED_STEPS = 2.2
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


def steps(call: Callable[[], object]) -> int:
    """Number of lines of Python that a call runs in this thread: the same in each run."""
    count = 0

    def trace(frame: object, event: str, argument: object) -> Any:
        nonlocal count
        count += event == "line"
        return trace

    before = sys.gettrace()
    sys.settrace(trace)
    try:
        call()
    finally:
        sys.settrace(before)
    return count


def assert_linear_steps(
    read: Callable[[Any], object], make: Callable[[int], Any], size: int
) -> None:
    """Assert that a function runs at most about four times as many lines for four times the size.

    Args:
        read: The function.
        make: Returns its argument of a size.
        size: Of the smaller of the two.
    """
    smallest, small, large = make(2), make(size), make(4 * size)
    read(make(3))  # what is imported and compiled once; the others find nothing in any cache
    fixed, few, many = (steps(lambda each=each: read(each)) for each in (smallest, small, large))
    limit = max((few - fixed) * _DOUBLED_STEPS**2, 4 * size)  # one line each is linear
    assert many - fixed <= limit, f"{fixed}, {few}, {many} steps"


def system_calls(call: Callable[[], object]) -> Counter[str]:
    """Calls of functions of ``os`` that a call makes in this thread, by name."""
    found: Counter[str] = Counter()

    def count(_frame: object, event: str, function: Any) -> None:
        if event == "c_call" and function.__module__ == os.name:
            found[function.__name__] += 1

    before = sys.getprofile()
    sys.setprofile(count)
    try:
        call()
    finally:
        sys.setprofile(before)
    return found
