"""SharedResults: results of a slow function, computed once and shared by several threads."""

from __future__ import annotations

import contextlib
import threading
from concurrent.futures import Future
from typing import Generic, TypeVar

from minicon.errors import MiniconError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class SharedResults(Generic[Key, Value]):
    """A thread-safe cache of a function's results, errors included.

    The first caller does the work in its own thread and others wait for it, so that a result that
    is merely queued for prefetching never delays the thread that needs it now.
    """

    def __init__(self, function: Callable[[Key], Value]) -> None:
        self._function = function
        self._lock = threading.Lock()
        self._results: dict[Key, Future[Value]] = {}

    def prepare(self, key: Key) -> None:
        """Compute the result for a key; an error is raised when the result is used."""
        with contextlib.suppress(MiniconError):
            self.get(key)

    def get(self, key: Key) -> Value:
        """Return the result for a key. Raises what the function raised."""
        with self._lock:
            known = self._results.get(key)
            result = known or self._results.setdefault(key, Future())
        if known is None:
            try:
                result.set_result(self._function(key))
            except BaseException as error:  # noqa: BLE001 - raised in every thread that needs it
                result.set_exception(error)
        return result.result()
