"""A change under way: every switch of it can be undone until it is committed."""

from __future__ import annotations

import contextlib
from pathlib import Path

from minicon.errors import PrefixError
from minicon.fs.folder import Folder
from minicon.prefix.generations.interrupts import uninterrupted

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.store import GenerationStore

    #: Called with the former tree and the one that took its place.
    CarryLate = Callable[[Folder, Folder], object]


class Change:
    """The switches of one change.

    Args:
        store: The environment's generations; its lock is held.

    Attributes:
        created: Whether nothing was there before.
        stages: Folders whose trees were switched in. The first one holds what was there before.
    """

    def __init__(self, store: GenerationStore) -> None:
        self._store = store
        self.created = False
        self._pending: Path | None = None
        self.stages: list[Path] = []

    def switch_in(self, stage: Path, carry_late: CarryLate, *, undoable: bool) -> None:
        """As :meth:`GenerationStore.switch_in`, and carry what was written meanwhile."""
        self._pending = stage
        with uninterrupted():
            self._store.forget_former()
            created = self._store.switch_in(stage, undoable=undoable)
            self.created = self.created or created
            self.stages.append(stage)
            self._pending = None
        if not created and stage.exists():
            with self._store.opened(stage) as former, Folder.open(self._store.place) as present:
                carry_late(former, present)

    def undo(self) -> None:
        """Put back what was there before."""
        rest = [*self.stages[1:], *filter(None, [self._pending])]
        if not self.stages:
            for stage in rest:
                self._store.abandon(stage)
            return
        self._store.switch_back(None if self.created else self.stages[0])
        for stage in filter(Path.exists, rest):
            self._store.discard(stage)


@contextlib.contextmanager
def undoing(store: GenerationStore) -> Iterator[Change]:
    """Whatever is raised within the block, the environment is as it was before it."""
    change = Change(store)
    try:
        yield change
    except BaseException:
        # A journal that a link script spoilt cannot be undone by: what failed first is told.
        with uninterrupted(), contextlib.suppress(OSError, PrefixError):
            change.undo()
        raise


def warn_of_previous_directory(store: GenerationStore, reporter: Reporter | None) -> None:
    """Warn users whose shell's working directory is the previous version of the environment."""
    if reporter is not None and store.holds_working_directory:
        reporter.warn(
            f"your shell's working directory is the previous version of {store.place}; run cd ."
        )
