"""Executor: carries out a transaction so that the environment is old or new, never half.

::

    lock ─ recover ─ check ─ stage: carry, link, compile, record ─ sync ─ SWITCH ─ after ─ commit
           └────────────── nothing here touches the environment ────────┘ │ one step   │
                                                                          └── undone ──┘
"""

from __future__ import annotations

import contextlib
import os
from pathlib import Path

from minicon.errors import PrefixError, PrefixLocked
from minicon.fs import operations
from minicon.fs.disk import require_space
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import check_place
from minicon.prefix.environment.prefix_lock import locked
from minicon.prefix.environment.site_packages import superseded_records
from minicon.prefix.generations.interrupts import uninterrupted
from minicon.prefix.generations.metadata import GenerationMetadata, read_generation_metadata
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.switch_undo import undoing, warn_of_previous_directory
from minicon.prefix.generations.untrusted_state import damaged_state, foreign_store
from minicon.prefix.generations.working_copy import make_working_copy
from minicon.prefix.link.stage_builder import StageBuilder, StageOptions, StaleRecords
from minicon.prefix.link.staging_dir import StagingDirectory
from minicon.prefix.plan.file_layout import plan_package
from minicon.prefix.plan.noarch_python import PythonLayout
from minicon.prefix.plan.space_check import copied_size
from minicon.prefix.plan.transaction import PIP_BUILD
from minicon.prefix.scripts.script_phases import ScriptPhases

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from minicon.fs.folder import Folder
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.prefix.generations.switch_undo import Change
    from minicon.prefix.link.stage_builder import Compile
    from minicon.prefix.plan.file_layout import PackagePlan
    from minicon.prefix.plan.transaction import Transaction
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner

    #: Called with the staged tree, open, and the environment's final path.
    BeforeSwitch = Callable[[Folder, Path], None]
    #: Called with the environment's path once it is in place.
    AfterSwitch = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Changes environments. Holds the user's choices and nothing else.

    Attributes:
        options: About linking.
        compile_bytecode: Makes ``.pyc`` files of Python packages; None leaves that to first use.
        keep_generations: How many earlier states to keep beside an environment.
        durable: Whether to wait until the disk has everything, before the switch. Without,
            a power cut (not a crash of minicon) may lose files.
        lock_timeout: Seconds to wait for another process that changes the same environment.
        link_scripts: Runs the packages' own scripts; None leaves them out.
    """

    options: StageOptions = field(default_factory=StageOptions)
    compile_bytecode: Compile | None = None
    keep_generations: int = 3
    durable: bool = True
    lock_timeout: float = 30.0
    link_scripts: LinkScriptRunner | None = None

    def execute(
        self,
        transaction: Transaction,
        packages: Mapping[RepodataRecord, CachedPackage],
        *,
        command: str = "",
        reporter: Reporter | None = None,
        before_switch: Sequence[BeforeSwitch] = (),
        after_switch: Sequence[AfterSwitch] = (),
    ) -> Prefix:
        """Carry a transaction out. Afterwards the environment is the new one, or unchanged.

        Args:
            transaction: What to do.
            packages: The extracted package of every record in ``transaction.link``.
            command: The user's command line, for history; credentials are redacted.
            reporter: Is told of progress.
            before_switch: Called on the finished tree, before anybody sees it.
            after_switch: Called on the environment in place. If one fails, the environment is
                switched back (or a new one removed) and the error raised.

        Raises:
            PrefixLocked: Another process changes this environment.
            Clobbered: A path has two owners, and that is forbidden.
            PrefixError: The environment changed since the transaction was made, cannot be
                written to, or cannot hold a package.
            FileError: Disk full, no permission. The environment is unchanged.
        """
        store = GenerationStore(transaction.prefix)
        reporter = reporter or SilentReporter()
        check_place(store.place)
        with (
            operations.describing("change", transaction.prefix),
            locked(store, self.lock_timeout, reporter),
        ):
            store.recover()
            outdated = _check_state(transaction)
            plans = plan_packages(transaction, packages)
            self._require_space(store, plans)
            scripts = ScriptPhases(self.link_scripts, transaction, plans, store)
            with undoing(store) as change:
                if scripts.before:
                    change.switch_in(*make_working_copy(store, durable=self.durable), undoable=True)
                    scripts.run_before(transaction.prefix)
                stager = StageBuilder(
                    transaction,
                    plans,
                    old=store.place if store.place.exists() else None,
                    outdated=outdated,
                    options=self.options,
                    reporter=reporter,
                )
                mark = self._mark(store, command, is_first=change.created)
                stage = self._build(store, stager, mark, before_switch, transaction.prefix)
                steps = [*scripts.steps_after(stage), *after_switch]
                change.switch_in(stage, stager.carry_late, undoable=bool(steps))
                self._commit(store, steps, transaction.prefix)
            self._finish(store, change, reporter)
            scripts.tell_messages()
        return Prefix(transaction.prefix)

    def _require_space(self, store: GenerationStore, plans: Sequence[PackagePlan]) -> None:
        softly = self.options.allow_softlinks
        needed = copied_size(plans, store.folder, self.options.link_type, allow_softlinks=softly)
        require_space(store.folder, needed, f"the packages of {store.place}")

    def _mark(self, store: GenerationStore, command: str, *, is_first: bool) -> GenerationMetadata:
        there = store.place.exists() and not is_first
        return GenerationMetadata(
            number=store.next_number(),
            previous=read_generation_metadata(store.place).number if there else None,
            created=self.options.clock(),
            command=command,
        )

    def _build(
        self,
        store: GenerationStore,
        stager: StageBuilder,
        mark: GenerationMetadata,
        steps: Sequence[BeforeSwitch],
        final: Path,
    ) -> Path:
        stage = store.new_stage()
        try:
            mark = replace(mark, stage=stage.name)
            with store.opened(stage) as root, StagingDirectory(root) as tree:
                stager.build(tree, mark, self.compile_bytecode)
                for step in steps:
                    step(root, final)
            if self.durable:
                operations.sync_file_system(stage)
        except BaseException:
            with contextlib.suppress(OSError):
                store.discard(stage)
            raise
        return stage

    def _commit(self, store: GenerationStore, steps: Sequence[AfterSwitch], final: Path) -> None:
        for step in steps:
            step(final)
        if self.durable and steps:  # what scripts and pip wrote
            operations.sync_file_system(store.place)
        elif self.durable:
            operations.sync_directory(store.place.parent)
        store.commit()
        if self.durable and steps:
            operations.sync_directory(store.folder)

    def _finish(self, store: GenerationStore, change: Change, reporter: Reporter) -> None:
        """The change is done. What fails here is finished by the next command."""
        with uninterrupted(), contextlib.suppress(OSError):
            former, *copies = change.stages
            for copy in filter(Path.exists, copies):
                store.discard(copy)
            if former.exists():
                store.retire(former)
            store.prune(self.keep_generations)
        warn_of_previous_directory(store, reporter)


def plan_packages(
    transaction: Transaction, packages: Mapping[RepodataRecord, CachedPackage]
) -> list[PackagePlan]:
    """Decide the place of every file of a transaction; nothing is written.

    Raises:
        PackageError: A package wants to write where it must not.
        PrefixError: The prefix is too long for a package, or python is missing.
    """
    layout = _python_layout(transaction)
    prefix = str(transaction.prefix)
    return [plan_package(record, packages[record], layout, prefix) for record in transaction.link]


def _python_layout(transaction: Transaction) -> PythonLayout | None:
    records = [*transaction.link, *(record.record for record in transaction.unchanged)]
    python = next((record for record in records if record.name == "python"), None)
    return PythonLayout.from_record(python, transaction.platform) if python else None


def _check_state(transaction: Transaction) -> StaleRecords:
    """Refuse a transaction that was made for another state of the environment.

    Returns:
        Records that say what is not so, and that go with this transaction.
    """
    known = (*transaction.unlink, *transaction.unchanged)
    prefix = Prefix(transaction.prefix)
    found = {path.name for path in prefix.record_paths()}
    by_hand = {record.name for record in known if _is_by_hand(record, found)}
    expected = {record.file_name for record in known if not _is_by_hand(record, found)}
    if found == expected:
        return StaleRecords()
    stale = superseded_records(prefix, by_hand)
    linked = {f"{record.dist_name}.json" for record in transaction.link}
    unreadable = {path.name for path in prefix.broken_records()} & linked
    found -= {record.file_name for record in stale} | unreadable
    if found != expected:
        names = ", ".join(sorted(found ^ expected)[:3])
        raise PrefixError(
            "environment-changed",
            f"{transaction.prefix} changed while minicon was planning ({names})",
            hint="run the command again",
        )
    staying = {record.name for record in transaction.unchanged}
    # A conda package over which pip put another version still owns its other files.
    gone = [r for r in stale if r.record.source == "pypi" or r.name not in staying]
    return StaleRecords(records=tuple(gone), unreadable=frozenset(unreadable))


def _is_by_hand(record: PrefixRecord, found: Collection[str]) -> bool:
    """Whether pip installed it and nobody recorded it; wheels of minicon have a URL."""
    package = record.record
    return package.build == PIP_BUILD and not package.url and record.file_name not in found


def recover(prefix: str | os.PathLike[str], *, lock_timeout: float = 0.0) -> bool:
    """Finish or undo what a killed process left of a change. Costs one listing if nothing did.

    Every command calls it before it reads the environment. Where another process is changing
    the environment right now, or this user may not, nothing is done: what can be read is whole.
    Nor is anything done where what is there is not what minicon writes; see
    :mod:`minicon.prefix.generations.untrusted_state`.

    Args:
        prefix: The environment.
        lock_timeout: Seconds to wait for another process.

    Returns:
        Whether something was done.
    """
    store = GenerationStore(prefix)
    if not store.needs_recovery or not os.access(store.folder, os.W_OK):
        return False
    if foreign_store(store.place) or damaged_state(store.place):
        return False
    with (
        operations.describing("repair", store.place),
        contextlib.suppress(PrefixLocked),
        locked(store, lock_timeout),
    ):
        return store.recover()
    return False
