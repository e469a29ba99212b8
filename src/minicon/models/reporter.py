"""Reporter: the protocol by which library code reports progress and warnings without printing."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Protocol
else:
    Protocol = object  # typing is not imported on the way to a plan


class Task(Protocol):
    """A running task, for instance one download."""

    def advance(self, amount: int) -> None:
        """Report that ``amount`` more units (bytes or files) are done."""

    def work_on(self, label: str) -> None:
        """Report what the task works on from now on."""

    def finish(self) -> None:
        """Report the end of the task, successful or not. May be called more than once."""


class Reporter(Protocol):
    """Receiver of progress, notes, warnings and messages. Must be thread-safe."""

    def expect(self, kind: str, tasks: int, total: int, unit: str = "B") -> Task:
        """Announce tasks of a kind, so that what they have done can be compared with the whole.

        Args:
            kind: As for :meth:`start`.
            tasks: Their number.
            total: The units of all of them.
            unit: As for :meth:`start`.

        Returns:
            The announcement, to be finished with the last of the tasks.
        """

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:
        """Report the start of a task.

        Args:
            kind: ``download``, ``extract``, ``link``, ``compile``, ``look``, ``solve``,
                ``pip``, ``index``, ``pack``, ``upload`` or ``remove``.
            label: What the task works on, for instance ``numpy-1.26.4``.
            total: Number of units, or None if unknown.
            unit: ``B`` for bytes; else the plural of what is counted, such as ``files``.
        """

    def note(self, text: str) -> None:
        """Report a sentence that may interest users."""

    def warn(self, text: str) -> None:
        """Report a sentence that users should read."""

    def message(self, package: str, text: str) -> None:
        """Report what a link script of a package wrote for the user (CEP 34)."""


class SilentTask:
    """A task that reports nothing."""

    def advance(self, amount: int) -> None:
        """Ignore."""

    def work_on(self, label: str) -> None:
        """Ignore."""

    def finish(self) -> None:
        """Ignore."""


class SilentReporter:
    """A reporter that ignores everything: the default of library calls."""

    def expect(self, kind: str, tasks: int, total: int, unit: str = "B") -> Task:  # noqa: ARG002
        """Ignore."""
        return SilentTask()

    def start(self, kind: str, label: str, total: int | None, unit: str = "B") -> Task:  # noqa: ARG002
        """Ignore."""
        return SilentTask()

    def note(self, text: str) -> None:
        """Ignore."""

    def warn(self, text: str) -> None:
        """Ignore."""

    def message(self, package: str, text: str) -> None:
        """Ignore."""
