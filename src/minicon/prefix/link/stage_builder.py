"""Build the next generation of an environment in a staging directory."""

from __future__ import annotations

import time
from typing import NamedTuple

from minicon.constants import CONDA_META, HISTORY
from minicon.counted import counted
from minicon.errors import Clobbered
from minicon.lean_dataclasses import dataclass, field
from minicon.models.prefix_record import LinkType, PrefixRecord
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.store_entries import GENERATION_FILE
from minicon.prefix.link.carry_over import CarryOver, carry_plan
from minicon.prefix.link.conda_meta import (
    read_history,
    update_requested_specs,
    write_generation_files,
    write_prefix_record,
)
from minicon.prefix.link.link import LINK_TYPES, Linker
from minicon.prefix.link.wheel_record import (
    INSTALLATION_FILES,
    dist_info_folder,
    write_installation_files,
)
from minicon.prefix.plan.clobber import read_shadows, resolve_clobbers, shadow_path
from minicon.prefix.plan.mixed_sources import refuse_mixed

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.fs.folder import Folder
    from minicon.models.package_files import PathsEntry
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.metadata import GenerationMetadata
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.clobber import ClobberPlan
    from minicon.prefix.plan.package_plan import PackagePlan
    from minicon.prefix.plan.transaction import Transaction

    #: Compiles the Python files of the staged packages, except files that lost to another package
    #: (per name); returns the entries to add, per name.
    Compile = Callable[
        [Sequence[PackagePlan], StagingDirectory, Mapping[str, Mapping[str, str]]],
        Mapping[str, Sequence[PathsEntry]],
    ]


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """The user's choices about linking; names and meanings are conda's.

    Attributes:
        link_type: A value of :class:`LinkType`.
        allow_softlinks: Whether symbolic links replace impossible hard links.
        path_conflict: ``clobber`` (report), ``warn`` or ``prevent`` (refuse).
        version: Of minicon, for history.
        clock: Returns seconds since 1970.
        channel_name: Gives conda's canonical name of a channel's base URL, for history.
        channel_url: Gives the base URL of a channel's name, for records.
    """

    link_type: int = LinkType.HARDLINK
    allow_softlinks: bool = False
    path_conflict: str = "clobber"
    version: str = "0"
    clock: Callable[[], float] = field(default=time.time)
    channel_name: Callable[[str], str] = field(default=str)
    channel_url: Callable[[str], str] = field(default=str)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRecords:
    """Records in ``conda-meta`` that are no longer true.

    Attributes:
        records: Packages that pip replaced or removed; their records are removed.
        unreadable: File names of unreadable records whose packages are linked again.
    """

    records: tuple[PrefixRecord, ...] = ()
    unreadable: frozenset[str] = frozenset()


class _Linked(NamedTuple):
    """A linked package, with the entries of files that are not plain files of the plan."""

    plan: PackagePlan
    entries: list[PathsEntry]
    link_type: int


class StageBuilder:
    """Builds one generation.

    Args:
        transaction: What changes.
        plans: The packages to link, in link order.
        old: The present environment; None if there is none.
        stale: Records of it that are no longer true.
        options: The user's choices.
        reporter: Notified of progress and conflicts.
    """

    def __init__(
        self,
        transaction: Transaction,
        plans: Sequence[PackagePlan],
        *,
        old: Path | None,
        stale: StaleRecords,
        options: StageOptions,
        reporter: Reporter,
    ) -> None:
        self._transaction = transaction
        self._plans = plans
        self._old = old
        self._stale = stale
        self._carrier: CarryOver | None = None
        self._options = options
        self._reporter = reporter

    def build(
        self, tree: StagingDirectory, metadata: GenerationMetadata, compile_bytecode: Compile | None
    ) -> None:
        """Fill an empty staging directory.

        Raises:
            Clobbered: A conda package and a wheel have one path; or several packages have one, or
                a package has a path of the user's, and that is forbidden.
            PrefixError: The environment cannot hold a package.
            OSError: From the file system.
        """
        shadows = read_shadows(self._old) if self._old else {}
        transaction = self._transaction
        clobbers = resolve_clobbers(
            self._plans,
            transaction.unchanged,
            transaction.order,
            shadows,
            prefix=Prefix(self._old) if self._old else None,
        )
        refuse_mixed(clobbers.conflicts, self._plans, transaction.unchanged, self._old)
        self._report_conflicts(clobbers)
        if self._old:
            self._carry_over(tree, clobbers, shadows)
        for linked in self._link(tree, clobbers, compile_bytecode):
            write_prefix_record(
                tree,
                linked.plan,
                linked.entries,
                link_type=linked.link_type,
                requested_specs=transaction.requested.get(linked.plan.record.name, ()),
                channel_url=self._options.channel_url,
            )
        update_requested_specs(tree.folder(CONDA_META), transaction)
        write_generation_files(
            tree,
            metadata,
            transaction,
            history=read_history(self._old) if self._old else b"",
            version=self._options.version,
            now=self._options.clock(),
            channel_name=self._options.channel_name,
        )

    def carry_late_writes(self, previous: Folder, current: Folder) -> None:
        """After the switch: carry over what programs wrote to the previous tree meanwhile."""
        if self._carrier is not None:
            self._carrier.carry_late_writes(previous, current)

    def _carry_over(
        self, tree: StagingDirectory, clobbers: ClobberPlan, shadows: Mapping[str, frozenset[str]]
    ) -> None:
        assert self._old is not None
        transaction = self._transaction
        unlink = [*transaction.unlink, *self._stale.records]
        removed = [record.record.dist_name for record in unlink]
        written = {
            target
            for plan in self._plans
            for target in {*plan.targets} - plan.empty_folders
            if target not in clobbers.redirects.get(plan.record.name, {})
        }
        hidden = {shadow_path(dist, path) for dist in removed for path in shadows.get(dist, ())}
        plan = carry_plan(
            prefix=self._old,
            unlink=unlink,
            unchanged=transaction.unchanged,
            written=written,
            moves=clobbers.moves,
            dropped={HISTORY, GENERATION_FILE, *hidden, *self._files_without_record()},
        )
        task = self._reporter.start("link", "unchanged files", None, "files")
        try:
            self._carrier = carrier = CarryOver(self._old, tree, plan, task)
            carrier.carry()
        finally:
            task.finish()
        self._report_saved(carrier.saved)

    def _files_without_record(self) -> Iterator[str]:
        """Files of packages whose record cannot be read."""
        for plan in self._plans:
            name = f"{plan.record.dist_name}.json"
            if name in self._stale.unreadable:
                yield f"{CONDA_META}/{name}"
                yield from plan.targets
                folder = dist_info_folder(plan) if plan.record.is_wheel else None
                if folder is not None:
                    yield from (f"{folder}/{name}" for name in INSTALLATION_FILES)

    def _link(
        self, tree: StagingDirectory, clobbers: ClobberPlan, compile_bytecode: Compile | None
    ) -> list[_Linked]:
        linker = Linker(
            tree,
            prefix=str(self._transaction.prefix),
            subdir=self._transaction.platform,
            link_type=self._options.link_type,
            allow_softlinks=self._options.allow_softlinks,
            redirects=clobbers.redirects,
        )
        linker.link_folder_links(self._plans)
        total = sum(plan.file_count for plan in self._plans)
        task = self._reporter.start("link", "", total, "files")
        try:
            linked = []
            for plan in self._plans:
                task.work_on(plan.record.label)
                entries = linker.link(plan, task)
                linked.append(_Linked(plan, entries, LINK_TYPES[linker.method_for(plan)]))
            linker.make_empty_folders(self._plans)
            linker.check_links()
        finally:
            task.finish()
        compiled = (
            compile_bytecode(self._plans, tree, clobbers.redirects) if compile_bytecode else {}
        )
        for plan, entries, _ in linked:
            entries += compiled.get(plan.record.name, ())
            if plan.record.is_wheel:
                requested = bool(self._transaction.requested.get(plan.record.name))
                entries += write_installation_files(plan, entries, tree, requested=requested)
        return linked

    def _report_conflicts(self, clobbers: ClobberPlan) -> None:
        if not clobbers.conflicts:
            return
        first = clobbers.conflicts[0]
        others = len(clobbers.conflicts) - 1
        losers = ", ".join(first.losers)
        text = f"{first.path} belongs to {first.winner} and to {losers}"
        if first.winning_path is not None:  # a file and a directory
            text = f"{first.path} of {losers} and {first.winning_path} of {first.winner}"
            text += " exclude each other"
        text += f" ({counted(others, 'more path')} like it)" if others else ""
        if self._options.path_conflict == "prevent":
            hint = "remove one of the packages from the request, or set path_conflict: clobber"
            raise Clobbered("path-conflict", text, hint=hint)
        warns = self._options.path_conflict == "warn"
        report = self._reporter.warn if warns else self._reporter.note
        report(f"{text}; the file of {first.winner} is used")

    def _report_saved(self, saved: Sequence[tuple[str, str]]) -> None:
        if not saved:
            return
        path, kept = saved[0]
        others = f" and {len(saved) - 1} more" if len(saved) > 1 else ""
        if self._options.path_conflict == "prevent":
            message = f"{path}{others}: a package would replace your own file"
            raise Clobbered("path-conflict", message, hint="move it away and try again")
        self._reporter.warn(f"your own version of {path}{others} is kept as {kept}")
