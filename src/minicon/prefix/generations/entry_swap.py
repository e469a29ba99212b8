"""Swap two trees entry by entry, where a directory cannot be renamed as a whole.

That is so at mount points, in directories of other users, and for what a container image brought
(overlayfs refuses to rename directories of lower layers)::

    journal: OUT, IN, names ─> for each entry:  prefix ──1──> OUT      IN ──2──> prefix

A rename is one step, so recovery sees from where entries are how far the exchange came: an entry
of the old tree that is in OUT has been moved out, one of the new tree that is no longer in IN has
been moved in. Only a directory that must be moved in parts (a second layer of renames) needs to be
journaled first: ``part`` names it, ``way`` says which of its two moves is under way.
"""

from __future__ import annotations

import contextlib
import os
import stat

from minicon.constants import CONDA_META, GENERATIONS_INSIDE
from minicon.errors import PrefixError
from minicon.fs.safe_path import folded
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import (
    CANNOT_BE_RENAMED,
    UNMOVABLE_ENTRIES,
    unmovable_entries,
)
from minicon.prefix.generations.store_entries import is_stage, is_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from minicon.fs.folder import Folder

_IN, _OUT = "in", "out"
#: Mode of a directory that is incomplete.
_TEMPORARY_MODE = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryExchange:
    """An exchange under way, as the journal records it.

    Attributes:
        incoming: Name of the directory whose entries are moved in.
        outgoing: Name of the directory that the present entries are moved to.
        final: Name of the outgoing directory in the end.
        old: Entries to move out.
        new: Entries to move in.
        part: The entry that is being moved in parts, or "".
        way: Direction of its move, ``out`` or ``in``.
    """

    incoming: str
    outgoing: str
    final: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    part: str = ""
    way: str = ""

    @classmethod
    def between(cls, prefix: Path, tree: Path, outgoing: Path) -> EntryExchange:
        """Plan the exchange of an environment and a tree.

        Raises:
            PrefixError: ``path-of-root``: a package has a file where minicon's root has its own.
        """
        excluded = unmovable_entries(prefix)
        new = set(os.listdir(tree)) - UNMOVABLE_ENTRIES
        if taken := sorted(new & excluded):
            raise PrefixError(
                "path-of-root",
                f"{prefix / taken[0]} cannot be a part of base: minicon's root uses that path",
                hint="install the package into another environment",
            )
        return cls(
            incoming=tree.name,
            outgoing=outgoing.name,
            final=tree.name,
            old=tuple(sorted(set(os.listdir(prefix)) - excluded)),
            new=tuple(sorted(new)),
        )

    @classmethod
    def from_json(cls, data: object) -> EntryExchange:
        """Validate the result of :meth:`to_json`.

        Raises:
            ValueError: Anything else; the text is a sentence about "it".
        """
        if not isinstance(data, dict) or data.keys() != set(cls.__slots__):
            raise ValueError("its entries have unknown or missing keys")
        if not isinstance(data["old"], list) or not isinstance(data["new"], list):
            raise ValueError("its entries are not lists")  # noqa: TRY004 - one kind for all
        exchange = cls(**{**data, "old": tuple(data["old"]), "new": tuple(data["new"])})
        for name in (*exchange.old, *exchange.new):
            if not _is_entry(name):
                raise ValueError(
                    f"it would move {str(name)!r:.80}, which is not an entry of a prefix"
                )
        if not exchange._is_valid():
            raise ValueError("its entries name invalid trees or steps")
        return exchange

    def _is_valid(self) -> bool:
        """Whether all but the entries has values that minicon writes."""
        ends = (self.incoming, self.outgoing)
        return (
            all(map(is_tree, ends))
            and any(map(is_stage, ends))
            and self.incoming != self.outgoing
            and self.final in ends
            and (self.part == "" or self.part in self.old or self.part in self.new)
            and self.way in (("",) if self.part == "" else (_IN, _OUT))
        )

    @property
    def trees(self) -> tuple[str, str]:
        """The directories that it moves entries between."""
        return self.incoming, self.outgoing

    def to_json(self) -> dict[str, Any]:
        """Serialize for the journal."""
        return {name: getattr(self, name) for name in self.__slots__}

    def reversed(self) -> EntryExchange:
        """The exchange that undoes this one, however far it came."""
        return replace(
            self,
            incoming=self.outgoing,
            outgoing=self.incoming,
            old=self.new,
            new=self.old,
            way={_IN: _OUT, _OUT: _IN}.get(self.way, ""),
        )


def _is_entry(name: object) -> bool:
    """Whether a name can be an entry that :meth:`EntryExchange.between` finds."""
    if not isinstance(name, str) or name in ("", ".", "..", *UNMOVABLE_ENTRIES) or "\0" in name:
        return False
    return os.path.basename(name) == name and folded(name) != GENERATIONS_INSIDE


def move_entries(
    exchange: EntryExchange,
    prefix: Folder,
    folder: Folder,
    record: Callable[[EntryExchange], object],
) -> None:
    """Move all entries that have not been moved yet; resumes an interrupted exchange.

    Args:
        exchange: As the journal has it.
        prefix: The environment.
        folder: The store, with the two other directories.
        record: Replaces the exchange in the journal.

    Raises:
        OSError: From the file system; the journal is still true.
    """
    if not folder.is_folder(exchange.outgoing):  # renamed already: nothing is left to move
        return
    # The records last: the environment counts as the old one until everything is moved in.
    names = sorted({*exchange.old, *exchange.new}, key=lambda name: (name == CONDA_META, name))
    with contextlib.ExitStack() as opened:
        outgoing = opened.enter_context(folder.child(exchange.outgoing))
        # Missing once all of it is moved in.
        is_complete = not folder.is_folder(exchange.incoming)
        incoming = None if is_complete else opened.enter_context(folder.child(exchange.incoming))
        for name in names:
            mover = _Mover(exchange, name, record)
            if name in exchange.old:
                mover.move(_OUT, prefix, outgoing)
            if name in exchange.new and incoming is not None:
                mover.move(_IN, incoming, prefix)
            exchange = mover.exchange


def finish_exchange(exchange: EntryExchange, folder: Folder) -> None:
    """Give the directory with the old tree its final name, once all is moved. Idempotent."""
    if not folder.is_folder(exchange.outgoing):
        return
    if folder.is_folder(exchange.incoming):
        folder.remove_directory(exchange.incoming)
    if exchange.outgoing != exchange.final:
        folder.rename(exchange.outgoing, folder, exchange.final)


class _Mover:
    """Moves one entry out, and the new one of that name in."""

    def __init__(
        self, exchange: EntryExchange, name: str, record: Callable[[EntryExchange], object]
    ) -> None:
        self.exchange = exchange
        self._name = name
        self._record = record
        self._way = exchange.way if exchange.part == name else ""

    def move(self, way: str, source: Folder, target: Folder) -> None:
        name = self._name
        if self._way:
            self._move_parts(way, source, target)
        elif source.status(name) is None or (way == _OUT and target.status(name) is not None):
            return  # done before
        else:
            try:
                source.rename(name, target, name)
            except OSError as error:
                if not _is_unmovable_folder(source, name, error):
                    raise
                self._begin_parts(way)
                move_parts(name, source, target)

    def _move_parts(self, way: str, source: Folder, target: Folder) -> None:
        if self._way == _IN and way == _OUT:
            return  # moved out completely
        if self._way != way:
            self._begin_parts(way)
        move_parts(self._name, source, target)

    def _begin_parts(self, way: str) -> None:
        self._way = way
        self.exchange = replace(self.exchange, part=self._name, way=way)
        self._record(self.exchange)


def move_parts(name: str, source: Folder, target: Folder) -> None:
    """Move a file, or a directory of which parts may have been moved already. Resumable."""
    if source.status(name) is None:
        return
    if target.status(name) is None:
        try:
            source.rename(name, target, name)
        except OSError as error:
            if not _is_unmovable_folder(source, name, error):
                raise
            target.make_directory(name, _TEMPORARY_MODE)
        else:
            return
    with source.child(name) as source_folder, target.child(name) as target_folder:
        folders, names = source_folder.entries()
        for entry in sorted([*folders, *names]):
            move_parts(entry, source_folder, target_folder)
        if stat.S_IMODE(target_folder.own_status().st_mode) == _TEMPORARY_MODE:
            target.set_mode(name, stat.S_IMODE(source_folder.own_status().st_mode))
    source.remove_directory(name)


def _is_unmovable_folder(folder: Folder, name: str, error: OSError) -> bool:
    """Whether a rename failed because an entry is a directory that cannot be renamed."""
    return error.errno in CANNOT_BE_RENAMED and folder.is_folder(name)
