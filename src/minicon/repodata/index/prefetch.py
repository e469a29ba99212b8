"""Let an iterator run ahead in a thread of its own: for stages that work without the GIL."""

from __future__ import annotations

import queue
import threading
from typing import Generic, TypeVar

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

Item = TypeVar("Item")
#: How soon a thread notices that nobody reads any more, in seconds.
_GRACE = 0.1
_END = object()


def prefetch_items(items: Iterable[Item], depth: int = 2) -> Iterator[Item]:
    """The same items, at most DEPTH of them made before they are asked for.

    What the iterator raises is raised here, in its turn. When this generator is closed, the
    thread ends after the item that it is at.
    """
    stage = _Stage(items, depth)
    thread = threading.Thread(target=stage.run, name="minicon-read-ahead", daemon=True)
    thread.start()
    try:
        yield from stage.items()
    finally:
        stage.abandoned.set()
        thread.join()


class _Stage(Generic[Item]):
    def __init__(self, source: Iterable[Item], depth: int) -> None:
        self._source = source
        self._ready: queue.Queue[Item | object] = queue.Queue(depth)
        self._error: BaseException | None = None
        self.abandoned = threading.Event()

    def items(self) -> Iterator[Item]:
        while (item := self._ready.get()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        try:
            for item in self._source:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            self._error = error
        self._put(_END)

    def _put(self, item: Item | object) -> bool:
        """Hand over an item; False if nobody reads any more."""
        while not self.abandoned.is_set():
            try:
                self._ready.put(item, timeout=_GRACE)
            except queue.Full:
                continue
            return True
        return False
