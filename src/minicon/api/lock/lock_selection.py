"""LockSelection: a lock and the groups of it that a request installs."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.environment_files.lockfile import Lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSelection:
    """A lock, and the groups that are installed.

    Attributes:
        lock: The lock.
        groups: Groups to install in addition to ``main``.
        python: The requested python if the lock contains none (PEP 751).
    """

    lock: Lockfile
    groups: tuple[str, ...] = ()
    python: str | None = None
