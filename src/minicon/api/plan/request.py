"""ChangeRequest and Plan: what a user asks of one environment, and what will be done."""

from __future__ import annotations

from minicon.constants import CONDA_EXTENSION
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Literal

    from minicon.api.lock.lock_selection import LockSelection
    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.records import RepodataRecord
    from minicon.prefix.plan.transaction import Transaction
    from minicon.pypi.requirements.requirements import IndexOptions, PipRequirement
    from minicon.solver.request import Solution

    Action = Literal["create", "install", "update", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """One change of one environment, as a user words it.

    Attributes:
        prefix: Absolute path of the environment.
        specs: MatchSpec texts; ``pypi:REQUIREMENT`` asks PyPI by name.
        constraints: MatchSpec texts that hold for packages if they are there at all.
        pip_lines: Lines of ``pip:`` sections, each with the folder it is relative to.
        explicit: Exactly these packages, without solving (CEP 23).
        clone_of: Exactly the packages of that environment.
        channels: Named on the command line or in a file, first has priority.
        override_channels: Leave configured channels out.
        lock: Exactly the packages of a lock file, without solving.
        prune: The environment becomes exactly what is asked for.
        keep_unneeded: A removal leaves what nothing needs any more.
        keep_satisfied: With ``prune``, what is installed and fits keeps its version.
        variables: To be set on activation; None takes one out.
        capture: A file to write all that the solver saw to, so that it can be replayed.
    """

    action: Action
    prefix: Path
    specs: tuple[str, ...] = ()
    constraints: tuple[str, ...] = ()
    pip_lines: tuple[tuple[str, Path], ...] = ()
    explicit: tuple[ExplicitEntry, ...] = ()
    clone_of: Path | None = None
    lock: LockSelection | None = None
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    update_policy: str = "update_specs"
    lowest: bool = False
    no_deps: bool = False
    only_deps: bool = False
    keep_unneeded: bool = False
    force_reinstall: bool = False
    use_pins: bool = True
    prune: bool = False
    keep_satisfied: bool = False
    override_frozen: bool = False
    variables: Mapping[str, str | None] = field(default_factory=dict)
    capture: Path | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that will happen, decided. Nothing has touched the environment yet.

    Attributes:
        fetch: Records whose packages are not in the package cache.
        by_pip: What pip has to build and install, once the environment is in its place.
        index_options: Of the requirement files that were read.
        channels: Names of the sources that were asked.
        notes: Sentences for the user, such as skipped sources.
        shown_scripts: Package and action of each link script that somebody was shown before saying
            yes: no others will run. None: nobody was.
    """

    request: ChangeRequest
    transaction: Transaction
    solution: Solution
    fetch: tuple[RepodataRecord, ...]
    by_pip: tuple[PipRequirement, ...] = ()
    index_options: IndexOptions | None = None
    channels: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
    shown_scripts: frozenset[tuple[str, str]] | None = None

    @property
    def install(self) -> tuple[RepodataRecord, ...]:
        """Records that will be linked, in link order."""
        return self.transaction.link

    @property
    def prefix(self) -> Path:
        """The environment that the plan is for."""
        return self.request.prefix

    @property
    def is_empty(self) -> bool:
        """Whether there is nothing to do; an environment without packages has to be made too."""
        something = self.request.variables or self.by_pip or self.makes_environment
        return self.transaction.is_empty and not something

    @property
    def makes_environment(self) -> bool:
        """Whether the environment is not there yet, and shall be."""
        return self.request.action == "create" and not is_environment(self.prefix)

    @property
    def download_size(self) -> int:
        """Bytes to download, as far as sizes are known."""
        return sum(record.size or 0 for record in self.fetch)

    @property
    def unpacked_size(self) -> float:
        """Bytes that what is fetched takes on disk, estimated: indexes tell sizes of archives."""
        return sum((record.size or 0) * _unpacked_factor(record) for record in self.fetch)


def _unpacked_factor(record: RepodataRecord) -> float:
    """How much larger packages are than their archives, of those that were looked at."""
    if record.source == "interpreter":
        return 1.0
    return 4.5 if record.fn.endswith(CONDA_EXTENSION) else 3.0
