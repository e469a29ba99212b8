"""LockSelection: a lock file, and what of it a request wants."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.environment_files.lockfile import Lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSelection:
    """A lock, and what of it is wanted.

    Attributes:
        lock: The lock.
        groups: Its groups beyond ``main`` that are wanted.
        python: What the user asked of python, where the lock has none of its own (PEP 751).
    """

    lock: Lockfile
    groups: tuple[str, ...] = ()
    python: str | None = None
