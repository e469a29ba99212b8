"""The input and output of the solver as immutable values: SolveRequest and Solution."""

from __future__ import annotations

from collections.abc import Mapping
from enum import Enum

from minicon.lean_dataclasses import dataclass, field
from minicon.models.timestamps import AgeLimits

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from packaging.requirements import Requirement

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.indexes.table_cache import TableCache
    from minicon.models.indexes.wheel_index import WheelIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord, VirtualPackage


class ChannelPriority(Enum):
    """The meaning of the order of channels (conda's ``channel_priority``)."""

    STRICT = "strict"
    """A package comes only from the first channel that has its name."""
    FLEXIBLE = "flexible"
    """Earlier channels are preferred, later ones used if needed."""
    DISABLED = "disabled"
    """Version and build are compared first; the order of channels only breaks ties."""


class UpdatePolicy(Enum):
    """Treatment of installed packages that the request does not name (conda's update modifiers)."""

    UPDATE_SPECS = "update_specs"
    """The default: named packages are updated, others change only as needed."""
    FREEZE_INSTALLED = "freeze_installed"
    """Installed packages do not change at all."""
    UPDATE_DEPS = "update_deps"
    """The dependencies of the named packages are updated too."""
    UPDATE_ALL = "update_all"
    """Everything is updated."""
    SATISFIED_SKIP_SOLVE = "specs_satisfied_skip_solve"
    """Nothing changes if installed packages meet all specs; else as UPDATE_SPECS."""


class Strategy(Enum):
    """Preference among the allowed versions of requested packages."""

    HIGHEST = "highest"
    LOWEST = "lowest"
    """The lowest allowed versions of requested packages: to test lower bounds."""


@dataclass(frozen=True, slots=True, kw_only=True)
class SolveRequest:
    """Everything that determines a solution.

    Attributes:
        specs: Requested packages, in the user's order.
        channels: Channels in order of priority, each as the indices of its subdirs.
        requirements: Requested Python projects (PEP 508), in the user's order. If a channel has
            the project too, its build is preferred where it is compatible.
        wheels: The package index for Python projects; None if PyPI is no source.
        prefer_conda: Whether dependencies of wheels come from channels where these have them.
        wheels_for_missing_names: Whether a conda spec whose name no channel has may be met by
            PyPI (the built-in source ``pypi`` is among the sources).
        installed: The installed packages.
        history: Specs of earlier requests that still apply, one per name.
        held: Python projects (normalized names) that only what is installed can provide: it came
            from a directory, a file or a repository.
        history_requirements: The same for PyPI requirements; the packages installed for them
            stay unchanged if possible.
        pins: Constraints that apply only if the named package is installed.
        constraints: Like pins, for this request only.
        removals: Packages to remove, with all that depend on them.
        virtual_packages: Virtual packages of the target machine.
        platform: Target subdir, for instance ``linux-64``.
        channel_priority: The meaning of the order of channels.
        update_policy: Treatment of installed packages that are not named.
        strategy: Preference among the allowed versions.
        exclude_newer: Ignore records with a later timestamp (ms since 1970).
        exclude_newer_channel: Other limits for some channels; None for no limit.
        exclude_newer_package: Other limits for some package names; None for no limit.
        no_deps: Install the named packages without their dependencies.
        only_deps: Install the dependencies of the named packages without these.
        keep_unneeded: Keep dependencies that nothing needs after a removal.
        force_reinstall: Reinstall named packages even if they are installed.
        add_pip: Make python depend on pip, as conda's ``add_pip_as_python_dependency``.
        max_seconds: Processor time after which a search ends undecided.
        tables: Stores compiled tables between processes; it does not change solutions.
    """

    specs: tuple[MatchSpec, ...]
    channels: tuple[tuple[RecordIndex, ...], ...]
    requirements: tuple[Requirement, ...] = ()
    wheels: WheelIndex | None = None
    prefer_conda: bool = True
    wheels_for_missing_names: bool = False
    installed: tuple[PrefixRecord, ...] = ()
    history: tuple[MatchSpec, ...] = ()
    history_requirements: tuple[Requirement, ...] = ()
    held: frozenset[str] = frozenset()
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
    max_seconds: float = 30.0
    tables: TableCache | None = field(default=None, compare=False)

    @property
    def age_limits(self) -> AgeLimits:
        """``exclude_newer`` with its exceptions."""
        return AgeLimits(self.exclude_newer, self.exclude_newer_channel, self.exclude_newer_package)


class LazyReasons(Mapping[str, str]):
    """Sentences by package name, found when one of them is first read.

    Attributes:
        known: What was found; None before.
    """

    def __init__(self, known: dict[str, str] | None = None) -> None:
        self.known = known

    def find(self) -> dict[str, str]:
        """Return all of them; called once."""
        raise NotImplementedError

    def _all(self) -> dict[str, str]:
        if self.known is None:
            self.known = self.find()
        return self.known

    def __getitem__(self, name: str) -> str:
        return self._all()[name]

    def __iter__(self) -> Iterator[str]:
        return iter(self._all())

    def __len__(self) -> int:
        return len(self._all())

    def __repr__(self) -> str:
        return repr(self._all())


@dataclass(frozen=True, slots=True)
class Reason:
    """Why a package is in a solution.

    Attributes:
        parent: The package that depends on it; None if the user requested it.
        spec: The spec or requirement as its author wrote it.
    """

    parent: str | None
    spec: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Solution:
    """A compatible set of packages.

    Attributes:
        records: In link order: dependencies first.
        reasons: Per package name, the requests and packages that need it.
        requested: Per package name, the specs of the user that it meets.
        pip_requirements: Requirements without a compatible wheel, to be built by pip.
        hold_backs: Per package name, a sentence why it is not the newest or is downgraded.
        notes: Sentences for the user about chosen packages.
    """

    records: tuple[RepodataRecord, ...]
    reasons: Mapping[str, tuple[Reason, ...]] = field(default_factory=dict)
    requested: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    pip_requirements: tuple[PipRequirement, ...] = ()
    hold_backs: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[str, ...] = ()
