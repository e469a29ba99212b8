"""Staging: builds the next generation of an environment in a folder beside it."""

from __future__ import annotations

import contextlib
import json
import time
from typing import NamedTuple

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import Clobbered
from minicon.fs.folder import Folder
from minicon.lean_dataclasses import dataclass, field
from minicon.models.prefix_record import LinkType, PrefixRecord
from minicon.prefix.environment.history import dist_text, format_block
from minicon.prefix.environment.record_text import record_text
from minicon.prefix.generations.metadata import MARK
from minicon.prefix.link.carry_over import CarryOver, carry_plan
from minicon.prefix.link.link import LINK_TYPES, Linker
from minicon.prefix.link.wheel_record import (
    INSTALLATION_FILES,
    dist_info_folder,
    write_installation_files,
)
from minicon.prefix.plan.clobber import read_shadows, resolve_clobbers, shadow_path

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.fs.operations import PathText
    from minicon.models.package_files import PathsEntry
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.metadata import GenerationMetadata
    from minicon.prefix.link.staging_dir import StagingDirectory
    from minicon.prefix.plan.clobber import ClobberPlan
    from minicon.prefix.plan.file_layout import PackagePlan
    from minicon.prefix.plan.transaction import Transaction

    #: Compiles the Python files of the staged packages but for those that lost to another
    #: package (per name); returns the entries to add, per name.
    Compile = Callable[
        [Sequence[PackagePlan], StagingDirectory, Mapping[str, Mapping[str, str]]],
        Mapping[str, Sequence[PathsEntry]],
    ]

CREATED_AT = f"{CONDA_META}/created_at"


@dataclass(frozen=True, slots=True, kw_only=True)
class StageOptions:
    """What the user may choose about linking; names and meanings are conda's.

    Attributes:
        link_type: A value of :class:`LinkType`.
        allow_softlinks: Whether a symbolic link may stand in for an impossible hard link.
        path_conflict: ``clobber`` (tell), ``warn`` or ``prevent`` (refuse).
        version: Of minicon, for history.
        clock: Seconds since 1970.
    """

    link_type: int = LinkType.HARDLINK
    allow_softlinks: bool = False
    path_conflict: str = "clobber"
    version: str = "0"
    clock: Callable[[], float] = field(default=time.time)


@dataclass(frozen=True, slots=True, kw_only=True)
class StaleRecords:
    """What ``conda-meta`` holds that is not so.

    Attributes:
        records: Packages that pip replaced or removed by hand; they go.
        unreadable: Names of record files that cannot be read, and whose packages are linked anew.
    """

    records: tuple[PrefixRecord, ...] = ()
    unreadable: frozenset[str] = frozenset()


class _Linked(NamedTuple):
    """A package that was put into the tree, with the entries of what the plan does not tell."""

    plan: PackagePlan
    entries: list[PathsEntry]
    link_type: int


class StageBuilder:
    """Builds one generation.

    Args:
        transaction: What to build.
        plans: The packages to link, each file's place decided, in link order.
        old: The environment as it is; None if there is nothing yet.
        outdated: What its records say that is not so.
        options: The user's choices.
        reporter: Is told of progress and of conflicts.
    """

    def __init__(
        self,
        transaction: Transaction,
        plans: Sequence[PackagePlan],
        *,
        old: Path | None,
        outdated: StaleRecords,
        options: StageOptions,
        reporter: Reporter,
    ) -> None:
        self._transaction = transaction
        self._plans = plans
        self._old = old
        self._outdated = outdated
        self._carrier: CarryOver | None = None
        self._options = options
        self._reporter = reporter

    def build(
        self, tree: StagingDirectory, mark: GenerationMetadata, compile_bytecode: Compile | None
    ) -> None:
        """Fill an empty tree.

        Raises:
            Clobbered: Packages claim one path, or one of the user's, and that is forbidden.
            PrefixError: The environment cannot hold a package.
            OSError: The file system refused.
        """
        shadows = read_shadows(self._old) if self._old else {}
        transaction = self._transaction
        clobbers = resolve_clobbers(self._plans, transaction.unchanged, transaction.order, shadows)
        self._tell_conflicts(clobbers)
        if self._old:
            self._carry(tree, clobbers, shadows)
        for linked in self._link(tree, clobbers, compile_bytecode):
            _write_record(tree, linked, transaction)
        self._update_requests(tree.folder(CONDA_META))
        self._write_metadata(tree, mark)

    def carry_late(self, old: Folder, new: Folder) -> None:
        """Once switched: carry what running programs wrote meanwhile to the former tree."""
        if self._carrier is not None:
            self._carrier.carry_late(old, new)

    def _carry(
        self, tree: StagingDirectory, clobbers: ClobberPlan, shadows: Mapping[str, frozenset[str]]
    ) -> None:
        assert self._old is not None
        transaction = self._transaction
        unlink = [*transaction.unlink, *self._outdated.records]
        gone = [record.record.dist_name for record in unlink]
        written = {
            target
            for plan in self._plans
            for target in plan.targets
            if target not in clobbers.redirects.get(plan.record.name, {})
        }
        hidden = {shadow_path(dist, path) for dist in gone for path in shadows.get(dist, ())}
        plan = carry_plan(
            prefix=self._old,
            unlink=unlink,
            unchanged=transaction.unchanged,
            written=written,
            moves=clobbers.moves,
            dropped={HISTORY, MARK, *hidden, *self._files_without_record()},
        )
        task = self._reporter.start("link", "unchanged files", None, "files")
        try:
            self._carrier = carrier = CarryOver(self._old, tree, plan, task)
            carrier.carry()
        finally:
            task.finish()
        self._tell_saved(carrier.saved)

    def _files_without_record(self) -> Iterator[str]:
        """Files that are known to be a package's though its record cannot be read."""
        for plan in self._plans:
            name = f"{plan.record.dist_name}.json"
            if name in self._outdated.unreadable:
                yield f"{CONDA_META}/{name}"
                yield from plan.targets
                folder = dist_info_folder(plan) if plan.record.source == "pypi" else None
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
        task = self._reporter.start("link", "packages", total, "files")
        try:
            linked = [
                _Linked(plan, linker.link(plan, task), LINK_TYPES[linker.method_for(plan)])
                for plan in self._plans
            ]
            linker.check_links()
        finally:
            task.finish()
        compiled = (
            compile_bytecode(self._plans, tree, clobbers.redirects) if compile_bytecode else {}
        )
        for plan, entries, _ in linked:
            entries += compiled.get(plan.record.name, ())
            if plan.record.source == "pypi":
                requested = bool(self._transaction.requested.get(plan.record.name))
                entries += write_installation_files(plan, entries, tree, requested=requested)
        return linked

    def _tell_conflicts(self, clobbers: ClobberPlan) -> None:
        if not clobbers.conflicts:
            return
        first = clobbers.conflicts[0]
        others = len(clobbers.conflicts) - 1
        text = (
            f"{first.path} belongs to {first.winner} and to {', '.join(first.losers)}"
            f"{f' ({others} more paths like it)' if others else ''}"
        )
        if self._options.path_conflict == "prevent":
            hint = "leave one of the packages out, or set path_conflict: clobber"
            raise Clobbered("path-conflict", text, hint=hint)
        tell = self._reporter.warn if self._options.path_conflict == "warn" else self._reporter.note
        tell(f"{text}; that of {first.winner} is used")

    def _tell_saved(self, saved: Sequence[tuple[str, str]]) -> None:
        if not saved:
            return
        path, kept = saved[0]
        others = f" and {len(saved) - 1} more" if len(saved) > 1 else ""
        if self._options.path_conflict == "prevent":
            message = f"{path}{others}: a package would take the place of your own file"
            raise Clobbered("path-conflict", message, hint="move it away and try again")
        self._reporter.warn(f"your own version of {path}{others} is kept as {kept}")

    def _update_requests(self, meta: Folder) -> None:
        """Packages that stay may be asked for now, and were a dependency before."""
        for record in self._transaction.unchanged:
            specs = self._transaction.requested.get(record.name)
            name = record.file_name
            if specs and specs != record.requested_specs and meta.status(name) is not None:
                data = json.loads(meta.read_file(name))
                data.update(requested_spec=specs[0], requested_specs=list(specs))
                meta.remove_file(name)
                meta.create_file(name, json.dumps(data).encode())

    def _write_metadata(self, tree: StagingDirectory, mark: GenerationMetadata) -> None:
        tree.create_file(MARK, mark.to_bytes())
        block = history_block(self._transaction, mark, self._options.version)
        text = read_history(self._old) if self._old else b""
        tree.create_file(HISTORY, text + block.encode())
        with contextlib.suppress(FileExistsError):
            tree.create_file(CREATED_AT, str(self._options.clock()).encode())


def read_history(environment: PathText) -> bytes:
    """The text that a new block is added to; a link in its place is refused (``ELOOP``)."""
    with Folder.open(environment) as folder:
        return folder.read_file(HISTORY) if folder.status(HISTORY) is not None else b""


def history_block(transaction: Transaction, mark: GenerationMetadata, version: str) -> str:
    """The block of ``conda-meta/history`` that a transaction adds."""
    return format_block(
        command=mark.command,
        version=version,
        added=[dist_text(record) for record in transaction.link],
        removed=[dist_text(record) for record in transaction.unlink],
        specs={"update": transaction.update_specs, "remove": transaction.remove_specs},
        now=mark.created,
        generation=mark.number,
    )


def _write_record(tree: StagingDirectory, linked: _Linked, transaction: Transaction) -> None:
    plan, entries, link_type = linked
    directory = plan.directory
    archive = directory.parent / plan.record.fn
    record = PrefixRecord(
        plan.record,
        files=[entry.path for entry in entries],
        paths=entries,
        requested_specs=transaction.requested.get(plan.record.name, ()),
        link={"source": str(directory), "type": link_type},
        extracted_package_dir=str(directory),
        package_tarball_full_path=str(archive) if archive.exists() else "",
    )
    files, paths = plan.record_texts()
    text = record_text(record, files=files, paths=paths)
    tree.create_file(f"{CONDA_META}/{record.file_name}", text)
