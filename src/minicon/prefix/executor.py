"""Apply a transaction so that the environment is the old or the new one, never half of each.

::

    lock ─ recover ─ check ─ stage: carry, link, compile, record ─ sync ─ SWITCH ─ after ─ commit
           └────────────── nothing here touches the environment ────────┘ │ one step   │
                                                                          └── undone ──┘
"""

from __future__ import annotations

import contextlib
from pathlib import Path

from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.disk import require_space
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import check_prefix_location
from minicon.prefix.environment.site_packages import superseded_records
from minicon.prefix.generations.change import (
    locked,
    undo_on_failure,
    uninterrupted,
    warn_of_previous_directory,
)
from minicon.prefix.generations.metadata import GenerationMetadata, read_generation_metadata
from minicon.prefix.generations.recovery import recover_locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import new_environment_mark
from minicon.prefix.link.stage_builder import StageBuilder, StageOptions, StaleRecords
from minicon.prefix.link.staging_dir import StagingDirectory
from minicon.prefix.plan.file_layout import copied_size, plan_packages
from minicon.prefix.scripts.script_phases import ScriptPhases
from minicon.prefix.scripts.working_copy import make_working_copy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping, Sequence

    from minicon.fs.folder import Folder
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.prefix.generations.change import Change
    from minicon.prefix.link.stage_builder import Compile
    from minicon.prefix.plan.package_plan import PackagePlan
    from minicon.prefix.plan.transaction import Transaction
    from minicon.prefix.scripts.link_scripts import LinkScriptRunner

    #: Called with the staged tree, open, and the environment's final path.
    BeforeSwitch = Callable[[Folder, Path], None]
    #: Called with the environment's path after the switch.
    AfterSwitch = Callable[[Path], None]


@dataclass(frozen=True, slots=True, kw_only=True)
class Executor:
    """Changes environments; holds only the user's choices.

    Attributes:
        options: About linking.
        compile_bytecode: Makes ``.pyc`` files of Python packages; None leaves that to first use.
        keep_generations: How many earlier revisions of an environment to keep.
        durable: Whether to wait before the switch until the disk has everything. Without that,
            a power cut (but no crash of minicon) may lose files.
        lock_timeout: Seconds to wait for another process that changes the same environment.
        link_scripts: Runs the packages' link scripts; None skips them.
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
        """Apply a transaction. If anything is raised, the environment is unchanged.

        Args:
            transaction: What changes.
            packages: The extracted package of every record in ``transaction.link``.
            command: The user's command line, for history; credentials are redacted.
            reporter: Notified of progress.
            before_switch: Called on the finished tree before the switch.
            after_switch: Called on the environment after the switch. If one fails, the
                environment is switched back (or a new one removed) and the error raised.

        Raises:
            PrefixLocked: Another process is changing this environment.
            Clobbered: A path has two owners, and that is forbidden.
            PrefixError: The environment changed since the transaction was made, is not
                writable, or cannot hold a package.
            FileError: Disk full, no permission.
        """
        store = GenerationStore(transaction.prefix)
        reporter = reporter or SilentReporter()
        check_prefix_location(store.prefix)
        with (
            operations.describing("change", transaction.prefix),
            locked(store, self.lock_timeout, reporter),
        ):
            recover_locked(store)
            stale = _find_stale_records(transaction)
            plans = plan_packages(transaction, packages)
            self._require_space(store, plans)
            scripts = ScriptPhases(self.link_scripts, transaction, plans, store)
            with undo_on_failure(store) as change:
                if scripts.before:
                    change.switch_in(*make_working_copy(store, durable=self.durable), undoable=True)
                    scripts.run_before(transaction.prefix)
                builder = StageBuilder(
                    transaction,
                    plans,
                    old=store.prefix if store.prefix.exists() else None,
                    stale=stale,
                    options=self.options,
                    reporter=reporter,
                )
                metadata = self._metadata(store, command, is_first=change.created)
                stage = self._build(store, builder, metadata, before_switch, transaction.prefix)
                steps = [*scripts.steps_after(stage), *after_switch]
                change.switch_in(stage, builder.carry_late_writes, undoable=bool(steps))
                self._commit(store, steps, transaction.prefix)
            self._finish(store, change, reporter)
            scripts.report_messages()
        return Prefix(transaction.prefix)

    def _require_space(self, store: GenerationStore, plans: Sequence[PackagePlan]) -> None:
        softly = self.options.allow_softlinks
        needed = copied_size(plans, store.folder, self.options.link_type, allow_softlinks=softly)
        require_space(store.folder, needed, f"the packages of {store.prefix}")

    def _metadata(
        self, store: GenerationStore, command: str, *, is_first: bool
    ) -> GenerationMetadata:
        existed = store.prefix.exists() and not is_first
        before = read_generation_metadata(store.prefix)
        return GenerationMetadata(
            number=store.next_number(),
            previous=before.number if existed else None,
            created=self.options.clock(),
            command=command,
            environment=before.environment or new_environment_mark(),
        )

    def _build(
        self,
        store: GenerationStore,
        builder: StageBuilder,
        metadata: GenerationMetadata,
        steps: Sequence[BeforeSwitch],
        final: Path,
    ) -> Path:
        stage = store.new_stage()
        try:
            metadata = replace(metadata, stage=stage.name)
            with store.opened(stage) as root, StagingDirectory(root) as tree:
                builder.build(tree, metadata, self.compile_bytecode)
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
            operations.sync_file_system(store.prefix)
        elif self.durable:
            operations.sync_directory(store.prefix.parent)
        store.commit()
        if self.durable and steps:
            operations.sync_directory(store.folder)

    def _finish(self, store: GenerationStore, change: Change, reporter: Reporter) -> None:
        """Keep the previous tree and remove the rest; if that fails, recovery will do it."""
        with uninterrupted(), contextlib.suppress(OSError):
            previous, *copies = change.stages
            for copy in filter(Path.exists, copies):
                store.discard(copy)
            if previous.exists():
                store.keep(previous)
            store.prune(self.keep_generations)
        warn_of_previous_directory(store, reporter)


def _find_stale_records(transaction: Transaction) -> StaleRecords:
    """Refuse a transaction that was made for another state of the environment.

    Returns:
        Records that are no longer true, and that this transaction removes.
    """
    known = (*transaction.unlink, *transaction.unchanged)
    prefix = Prefix(transaction.prefix)
    found = {path.name for path in prefix.record_paths()}
    from_pip = {record.name for record in known if _is_unrecorded(record, found)}
    expected = {record.file_name for record in known if not _is_unrecorded(record, found)}
    if found == expected:
        return StaleRecords()
    stale = superseded_records(prefix, from_pip)
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
    # A conda package that pip replaced by another version still owns its other files.
    removed = [r for r in stale if r.record.source == "pypi" or r.name not in staying]
    removed += [r for r in prefix.duplicate_records() if r not in removed]
    return StaleRecords(records=tuple(removed), unreadable=frozenset(unreadable))


def _is_unrecorded(record: PrefixRecord, found: Collection[str]) -> bool:
    """Whether pip installed a package, so that ``conda-meta`` has no record of it."""
    return record.record.is_installed_by_pip and record.file_name not in found
