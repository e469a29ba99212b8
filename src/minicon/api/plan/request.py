"""ChangeRequest and Plan: the change that a user wants of one environment, and what it will do."""

from __future__ import annotations

from minicon.api.plan.requested_packages import RequestedPackages
from minicon.constants import CONDA_EXTENSION
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix_location import is_environment
from minicon.solver.request import UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import Literal

    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.environment_files.lockfile import Lockfile
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.prefix.plan.transaction import Transaction
    from minicon.pypi.requirements.requirements import IndexOptions
    from minicon.solver.request import Solution

    Action = Literal["create", "install", "update", "remove"]


@dataclass(frozen=True, slots=True, kw_only=True)
class LockSelection:
    """A lock, and the part of it that is requested.

    Attributes:
        lock: The lock.
        groups: Its groups to install beyond ``main``.
        python: The python that the user wants, where the lock has none of its own (PEP 751).
    """

    lock: Lockfile
    groups: tuple[str, ...] = ()
    python: MatchSpec | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class ChangeRequest:
    """One change of one environment, parsed.

    Attributes:
        prefix: Absolute path of the environment.
        packages: What to install, update or remove.
        constraints: Limits that apply only to packages that are installed anyway.
        explicit: Exactly these packages, without solving (CEP 23).
        clone_of: Exactly the packages of that environment.
        lock: Exactly the packages of a lock file, without solving.
        channels: Named on the command line or in a file, first has priority.
        override_channels: Leave configured channels out.
        prune: Remove what the request does not need.
        keep_unneeded: Let a removal keep dependencies that nothing needs any more.
        keep_satisfied: With ``prune``, keep the version of installed packages that fit.
        variables: To set on activation; None unsets one.
        capture: A file to write all that the solver saw to, so that it can be replayed.
    """

    action: Action
    prefix: Path
    packages: RequestedPackages = RequestedPackages()
    constraints: tuple[MatchSpec, ...] = ()
    explicit: tuple[ExplicitEntry, ...] = ()
    clone_of: Path | None = None
    lock: LockSelection | None = None
    channels: tuple[str, ...] = ()
    override_channels: bool = False
    update_policy: UpdatePolicy = UpdatePolicy.UPDATE_SPECS
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

    @property
    def is_exact(self) -> bool:
        """Whether every package is named by its file, so that nothing is chosen."""
        return bool(self.explicit) or self.lock is not None or self.clone_of is not None


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """All that a change will do, decided. The environment has not been touched yet.

    Attributes:
        fetch: Records whose packages are not in the package cache.
        local: Those of them that are read on this machine, not downloaded.
        by_pip: What pip has to build and install once the new environment is in its directory.
        adopted: Requested packages that the user installed with pip, and that get a record.
        index_options: Options of the requirement files that were read.
        notes: Sentences for the user about what was chosen.
        source_notes: Sentences about sources that cannot be reached, the same for days.
        shown_scripts: Package and action of each link script that the user saw before agreeing:
            no others will run. None if the plan was not shown.
        keep: Keeps the solution for the next time, once the plan was shown; None if it must not be.
    """

    request: ChangeRequest
    transaction: Transaction
    solution: Solution
    fetch: tuple[RepodataRecord, ...]
    local: frozenset[RepodataRecord] = frozenset()
    by_pip: tuple[PipRequirement, ...] = ()
    adopted: tuple[RepodataRecord, ...] = ()
    index_options: IndexOptions | None = None
    notes: tuple[str, ...] = ()
    source_notes: tuple[str, ...] = ()
    shown_scripts: frozenset[tuple[str, str]] | None = None
    keep: Callable[[Solution], None] | None = None

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
        """Whether there is nothing to do. Creating an environment without packages is a change."""
        ended = self.request.action == "remove" and self.transaction.remove_specs
        others = self.request.variables or self.by_pip or self.adopted or ended
        return self.transaction.is_empty and not (others or self.makes_environment)

    @property
    def makes_environment(self) -> bool:
        """Whether the plan creates the environment."""
        return self.request.action == "create" and not is_environment(self.prefix)

    @property
    def replaces_environment(self) -> bool:
        """Whether the plan creates an environment where one with packages exists."""
        installed = self.transaction.unlink or self.transaction.unchanged
        return self.request.action == "create" and bool(installed)

    @property
    def downloads(self) -> tuple[RepodataRecord, ...]:
        """Records of ``fetch`` that are downloaded: not those that are read on this machine."""
        return tuple([record for record in self.fetch if record not in self.local])

    @property
    def download_size(self) -> int:
        """Bytes to download, as far as sizes are known."""
        return sum(record.size or 0 for record in self.downloads)

    @property
    def unpacked_size(self) -> float:
        """Estimated bytes on disk of what is fetched: indexes list the sizes of archives only."""
        return sum((record.size or 0) * _unpacked_factor(record) for record in self.fetch)


def _unpacked_factor(record: RepodataRecord) -> float:
    """Return how much larger a package is than its archive, on the average of measured ones."""
    if record.source == "interpreter":
        return 1.0
    return 4.5 if record.fn.endswith(CONDA_EXTENSION) else 3.0
