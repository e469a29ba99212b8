"""Reporter: how library code tells of progress without printing."""

from __future__ import annotations

from typing import Protocol


class Task(Protocol):
    """One running piece of work, for instance one download."""

    def advance(self, amount: int) -> None:
        """AMOUNT more units (bytes or files) are done."""

    def finish(self) -> None:
        """It is over, whether it succeeded or not. May be called more than once."""


class Reporter(Protocol):
    """Receives progress and notes. Implementations must be safe to call from threads."""

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:
        """A piece of work begins.

        Args:
            kind: ``download``, ``extract``, ``link``, ``look``, ``solve`` or ``index``.
            label: What it works on, for instance ``numpy-1.26.4``.
            total: Units in all, or None when unknown.
            unit: ``B`` for bytes, ``files`` for files, ``packages``.
        """

    def note(self, text: str) -> None:
        """A sentence that users may want to know of."""

    def warn(self, text: str) -> None:
        """A sentence that users should know of."""


class SilentTask:
    """A task nobody watches."""

    def advance(self, amount: int) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


class SilentReporter:
    """Says nothing: the default of library calls."""

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:  # noqa: ARG002
        """Ignore."""
        return SilentTask()

    def note(self, text: str) -> None:
        """Ignore."""

    def warn(self, text: str) -> None:
        """Ignore."""
