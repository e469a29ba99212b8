"""A change of an environment: one process at a time, not interrupted halfway, undone on failure."""

from __future__ import annotations

import contextlib
import signal
import threading
from pathlib import Path

from minicon.errors import PrefixError, PrefixLocked
from minicon.fs import lock, operations
from minicon.fs.folder import Folder
from minicon.prefix.generations.store_entries import LOCK, TURN

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import FrameType

    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.store import GenerationStore

    #: Called with the previous tree and the one that replaced it.
    CarryLateWrites = Callable[[Folder, Folder], object]

_SIGNALS = (signal.SIGINT, signal.SIGTERM)


@contextlib.contextmanager
def locked(
    store: GenerationStore, timeout: float, reporter: Reporter | None = None
) -> Iterator[None]:
    """Hold the lock of one environment. Reading an environment needs no lock.

    Args:
        store: The environment's store; created if missing, and removed again if there is no
            environment in the end.
        timeout: Seconds to wait at most.
        reporter: Notified of the process that is waited for.

    Raises:
        PrefixLocked: Another process is changing the environment; names it.
        PrefixError: The store cannot be trusted.
    """

    def busy(holder: lock.LockHolder) -> PrefixLocked:
        message = f"{store.prefix} is being changed by {holder}"
        return PrefixLocked("prefix-locked", message, hint="wait for it to end, then try again")

    def waiting(holder: lock.LockHolder) -> None:
        if reporter:
            reporter.note(f"waiting for {holder}, which is changing {store.prefix}")

    file = store.folder / LOCK
    with operations.describing("lock", file):
        store.create()
    with lock.locked(file, made=store.root.made, timeout=timeout, on_wait=waiting, busy=busy):
        try:
            yield
        finally:
            with contextlib.suppress(OSError):
                store.remove_if_unused()


def in_turn(store: GenerationStore, timeout: float) -> contextlib.AbstractContextManager[None]:
    """Hold the turn of those processes whose plan for an environment turned out to be outdated.

    Else each of many that change it at once would outdate the plans of all others again and again.

    Args:
        store: The environment's store.
        timeout: Seconds to wait at most.

    Raises:
        FileError: ``locked``: others had their turns for so long.
    """
    return lock.locked(store.folder / TURN, made=store.root.made, timeout=timeout)


@contextlib.contextmanager
def uninterrupted() -> Iterator[None]:
    """Defer SIGINT and SIGTERM until the end of the block.

    For a few system calls that belong together. Only the main thread receives signals; in other
    threads nothing needs to be done.
    """
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    received: list[int] = []

    def remember(number: int, _frame: FrameType | None) -> None:
        received.append(number)

    previous = {number: signal.signal(number, remember) for number in _SIGNALS}
    try:
        yield
    finally:
        for number, handler in previous.items():
            signal.signal(number, handler)
        for received_number in received[:1]:
            signal.raise_signal(received_number)


class Change:
    """The switches of one change, each of which can be undone until the change is committed.

    Args:
        store: The environment's generations; its lock is held.

    Attributes:
        created: Whether there was no environment before.
        stages: Directories whose trees were switched in. The first one holds the previous tree.
    """

    def __init__(self, store: GenerationStore) -> None:
        self._store = store
        self.created = False
        self._pending: Path | None = None
        self.stages: list[Path] = []

    def switch_in(self, stage: Path, carry_late_writes: CarryLateWrites, *, undoable: bool) -> None:
        """Make a staged tree the environment; see :meth:`GenerationStore.switch_in`.

        Args:
            stage: The finished tree.
            carry_late_writes: Copies what programs wrote to the previous tree meanwhile.
            undoable: Whether steps that may fail follow.
        """
        self._pending = stage
        with uninterrupted():
            self._store.remove_orphaned_generations()
            created = self._store.switch_in(stage, undoable=undoable)
            self.created = self.created or created
            self.stages.append(stage)
            self._pending = None
        if not created and stage.exists():
            with self._store.opened(stage) as previous, Folder.open(self._store.prefix) as current:
                carry_late_writes(previous, current)

    def undo(self) -> None:
        """Restore the environment as it was before the change."""
        rest = [*self.stages[1:], *filter(None, [self._pending])]
        if not self.stages:
            for stage in rest:
                self._store.abort_switch(stage)
            return
        self._store.switch_back(None if self.created else self.stages[0])
        for stage in filter(Path.exists, rest):
            self._store.discard(stage)


@contextlib.contextmanager
def undo_on_failure(store: GenerationStore) -> Iterator[Change]:
    """Undo all switches of the block if it raises."""
    change = Change(store)
    try:
        yield change
    except BaseException:
        # A link script may have damaged the journal; then the first error is the one to raise.
        with uninterrupted(), contextlib.suppress(OSError, PrefixError):
            change.undo()
        raise


def warn_of_previous_directory(store: GenerationStore, reporter: Reporter | None) -> None:
    """Warn users whose shell's working directory is the previous version of the environment."""
    if reporter is not None and store.holds_working_directory:
        reporter.warn(
            f"your shell's working directory is the previous version of {store.prefix}; run cd ."
        )
