"""One process at a time changes an environment; those that only read need no lock."""

from __future__ import annotations

import contextlib

from minicon.errors import PrefixLocked
from minicon.fs import lock, operations
from minicon.prefix.generations.store import LOCK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.store import GenerationStore


@contextlib.contextmanager
def locked(
    store: GenerationStore, timeout: float, reporter: Reporter | None = None
) -> Iterator[None]:
    """Hold the lock of one environment; if none is there in the end, nothing is left of it.

    Args:
        store: The environment's; made if missing.
        timeout: Seconds to wait at most.
        reporter: Is told whom minicon waits for.

    Raises:
        PrefixLocked: Another process changes the environment; names it.
    """

    def busy(holder: lock.LockHolder) -> PrefixLocked:
        message = f"{store.place} is being changed by {holder}"
        return PrefixLocked("prefix-locked", message, hint="wait for it to end, then try again")

    def waiting(holder: lock.LockHolder) -> None:
        if reporter:
            reporter.note(f"waiting for {holder}, which changes {store.place}")

    file = store.folder / LOCK
    with operations.describing("lock", file):
        store.open()
    with lock.locked(file, made=store.store.made, timeout=timeout, on_wait=waiting, busy=busy):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                store.close()
