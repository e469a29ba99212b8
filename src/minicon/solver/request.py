"""SolveRequest: everything that decides a solution, as one immutable value."""

from __future__ import annotations

from enum import Enum

from minicon.lean_dataclasses import dataclass, field
from minicon.models.age_limits import AgeLimits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from packaging.requirements import Requirement

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.record_index import RecordIndex
    from minicon.models.records import RepodataRecord
    from minicon.models.table_cache import TableCache
    from minicon.models.virtual_package import VirtualPackage
    from minicon.models.wheel_index import WheelIndex


class ChannelPriority(Enum):
    """What the order of channels means (conda's ``channel_priority``)."""

    STRICT = "strict"
    """A name is taken only from the first channel that has it."""
    FLEXIBLE = "flexible"
    """Earlier channels are preferred, later ones used if needed."""
    DISABLED = "disabled"
    """Version and build decide; the order of channels only breaks ties."""


class UpdatePolicy(Enum):
    """What happens to installed packages that nobody named (conda's update modifiers)."""

    UPDATE_SPECS = "update_specs"
    """The default: named packages move, others only as needed."""
    FREEZE_INSTALLED = "freeze_installed"
    """Installed packages do not change at all."""
    UPDATE_DEPS = "update_deps"
    """The dependencies of the named packages move too."""
    UPDATE_ALL = "update_all"
    """Everything moves to its newest."""
    SATISFIED_SKIP_SOLVE = "specs_satisfied_skip_solve"
    """Nothing happens if what is installed is what the specs mean; else as UPDATE_SPECS."""


class Strategy(Enum):
    """Which end of the allowed versions is preferred."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    """Lowest versions of what was asked for: to test lower bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """One question to a solver.

    Attributes:
        specs: Packages that must be there, in the user's order.
        channels: Channels in order of priority; each is its subdirs' indices.
        requirements: PyPI requirements that must be met (PEP 508), in the user's order. Names
            that a channel also has are satisfied by its build where one fits.
        wheels: Where Python projects come from; None forbids PyPI altogether.
        wheels_for_missing_names: Whether a conda spec whose name no channel has may be met by
            PyPI (the built-in source ``pypi`` is among the sources).
        installed: What the environment holds now.
        history: Specs asked for earlier that still hold, by name.
        history_requirements: The same for PyPI requirements. What was installed for them stays
            as it is where it can.
        pins: Optional limits: they hold for a package if it is there at all.
        constraints: Like pins, from this request only.
        removals: Packages that must go (a ``remove`` request), with what depends on them.
        virtual_packages: Facts of the target machine.
        platform: Target subdir, for instance ``linux-64``.
        exclude_newer: Records built later than this (ms since 1970) do not exist; for some
            channels and package names there are other limits, or none.
        keep_unneeded: Whether a removal leaves what nothing needs any more.
        add_pip: Whether python brings pip along, as conda's ``add_pip_as_python_dependency``.
        max_rounds: Bound on the steps of the resolution across sources.
        tables: Keeps compiled tables between processes; it changes no answer.
    """

    specs: tuple[MatchSpec, ...]
    channels: tuple[tuple[RecordIndex, ...], ...]
    requirements: tuple[Requirement, ...] = ()
    wheels: WheelIndex | None = None
    wheels_for_missing_names: bool = False
    installed: tuple[PrefixRecord, ...] = ()
    history: tuple[MatchSpec, ...] = ()
    history_requirements: tuple[Requirement, ...] = ()
    pins: tuple[MatchSpec, ...] = ()
    constraints: tuple[MatchSpec, ...] = ()
    removals: tuple[MatchSpec, ...] = ()
    virtual_packages: tuple[VirtualPackage, ...] = ()
    platform: str = "linux-64"
    channel_priority: ChannelPriority = ChannelPriority.STRICT
    update_policy: UpdatePolicy = UpdatePolicy.UPDATE_SPECS
    strategy: Strategy = Strategy.HIGHEST
    exclude_newer: int | None = None
    exclude_newer_channel: Mapping[str, int | None] = field(default_factory=dict)
    exclude_newer_package: Mapping[str, int | None] = field(default_factory=dict)
    no_deps: bool = False
    only_deps: bool = False
    keep_unneeded: bool = False
    force_reinstall: bool = False
    add_pip: bool = False
    max_rounds: int = 100_000
    tables: TableCache | None = field(default=None, compare=False)

    @property
    def age_limits(self) -> AgeLimits:
        """What ``exclude_newer`` and its exceptions say."""
        return AgeLimits(self.exclude_newer, self.exclude_newer_channel, self.exclude_newer_package)


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a package is in a solution.

    Attributes:
        parent: The package that needs it, or None if the user asked.
        spec: The spec or requirement as its author wrote it.
    """

    parent: str | None
    spec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A set of packages that belong together.

    Attributes:
        records: In link order: what a package depends on comes before it.
        reasons: Per package name, who needs it.
        requested: Per package name, the specs of the user that it answers.
        pip_requirements: What no wheel exists for and pip must build in the environment.
        hold_backs: Per package name, one sentence why not the newest, or why a downgrade.
    """

    records: tuple[RepodataRecord, ...]
    reasons: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    requested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pip_requirements: tuple[str, ...] = ()
    hold_backs: Mapping[str, str] = field(default_factory=dict)
