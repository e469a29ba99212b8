"""SharedResults: slow answers that several threads ask for, each worked out once."""

from __future__ import annotations

import threading
from typing import Generic, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Hashable

Key = TypeVar("Key", bound="Hashable")
Value = TypeVar("Value")


class _Answer(Generic[Value]):
    """An answer, from when it is asked for to when it is there."""

    __slots__ = ("error", "is_there", "value")

    def __init__(self) -> None:
        self.is_there = threading.Event()
        self.value: Value | None = None
        self.error: BaseException | None = None


class SharedResults(Generic[Key, Value]):
    """A thread-safe memory of a function, errors included.

    Whoever asks first does the work in its own thread; the others wait for it. So an answer that
    is only queued to be fetched ahead never delays the thread that needs it now.
    """

    def __init__(self, work: Callable[[Key], Value]) -> None:
        """Remember the answers of WORK."""
        self._work = work
        self._lock = threading.Lock()
        self._answers: dict[Key, _Answer[Value]] = {}

    def get(self, key: Key) -> Value:
        """The answer for a key. Raises what the work raised."""
        with self._lock:
            answer = self._answers.get(key)
            first = answer is None
            if answer is None:
                answer = self._answers[key] = _Answer()
        if first:
            try:
                answer.value = self._work(key)
            except BaseException as error:  # noqa: BLE001 - handed to all who ask
                answer.error = error
            answer.is_there.set()
        answer.is_there.wait()
        if answer.error is not None:
            raise answer.error
        return answer.value  # type: ignore[return-value]
