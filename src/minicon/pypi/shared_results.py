"""SharedResults: slow answers that several threads ask for, each worked out once."""

from __future__ import annotations

import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class SharedResults(Generic[Key, Value]):
    """A thread-safe memory of a function, errors included.

    Whoever asks first does the work in its own thread; the others wait for it. So an answer that
    is only queued to be fetched ahead never delays the thread that needs it now.
    """

    def __init__(self, work: Callable[[Key], Value]) -> None:
        """Remember the answers of WORK."""
        self._work = work
        self._lock = threading.Lock()
        self._futures: dict[Key, Future[Value]] = {}

    def get(self, key: Key) -> Value:
        """The answer for a key. Raises what the work raised."""
        with self._lock:
            future = self._futures.get(key)
            first = future is None
            if future is None:
                future = self._futures[key] = Future()
        if first:
            try:
                future.set_result(self._work(key))
            except BaseException as error:  # noqa: BLE001 - handed to all who ask
                future.set_exception(error)
        return future.result()
