"""Two trees change places entry by entry, where a folder cannot be renamed as a whole.

That is so at mount points, below folders of other users, and for what an image of a container
brought (overlayfs refuses to rename folders of lower layers)::

    journal: OUT, IN, names ─> for each entry:  place ──1──> OUT      IN ──2──> place

A rename is one step, so that a later command can tell from what is where how far it came: an
entry of the old tree that is in OUT has gone, one of the new tree that is no longer in IN has
come. Only a folder that must be moved in parts (a second layer of renames) needs to be written
down before: ``part`` names it, ``way`` says which of its two moves is under way.
"""

from __future__ import annotations

import contextlib
import os
import stat

from minicon.constants import CONDA_META, GENERATIONS_INSIDE
from minicon.fs.safe_path import folded
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import CANNOT_BE_RENAMED, STAYING
from minicon.prefix.generations.store_names import is_stage, is_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any

    from minicon.fs.folder import Folder

_IN, _OUT = "in", "out"
#: Mode of a folder that is not whole yet.
_FOR_NOW = 0o700


@dataclass(frozen=True, slots=True, kw_only=True)
class EntryExchange:
    """An exchange under way, as its journal says.

    Attributes:
        incoming: Name of the folder whose entries come.
        outgoing: Name of the folder that takes what is there now.
        final: What the outgoing folder is called in the end.
        old: Entries that go.
        new: Entries that come.
        part: The entry that is being moved in parts, or "".
        way: ``out`` or ``in``: which of its moves.
    """

    incoming: str
    outgoing: str
    final: str
    old: tuple[str, ...]
    new: tuple[str, ...]
    part: str = ""
    way: str = ""

    @classmethod
    def between(cls, place: Path, tree: Path, outgoing: Path) -> EntryExchange:
        """What has to move for a tree to take the place of another."""
        return cls(
            incoming=tree.name,
            outgoing=outgoing.name,
            final=tree.name,
            old=tuple(sorted(set(os.listdir(place)) - STAYING)),
            new=tuple(sorted(set(os.listdir(tree)) - STAYING)),
        )

    @classmethod
    def from_json(cls, data: object) -> EntryExchange:
        """Read what :meth:`to_json` made.

        Raises:
            ValueError: It is something else; the text says what.
        """
        if not isinstance(data, dict) or data.keys() != set(cls.__slots__):
            raise ValueError("its entries are not as minicon writes them")
        if not isinstance(data["old"], list) or not isinstance(data["new"], list):
            raise ValueError("its entries are no lists")  # noqa: TRY004 - one kind for all
        made = cls(**{**data, "old": tuple(data["old"]), "new": tuple(data["new"])})
        for name in (*made.old, *made.new):
            if not _is_entry(name):
                raise ValueError(f"it would move {str(name)!r:.80}, which is no entry of a prefix")
        if not made._is_sound():
            raise ValueError("its entries name trees or steps that minicon does not write")
        return made

    def _is_sound(self) -> bool:
        """Whether all but the entries is such as :meth:`between` and the moves make it."""
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
        """The folders that it moves entries between."""
        return self.incoming, self.outgoing

    def to_json(self) -> dict[str, Any]:
        """For the journal."""
        return {name: getattr(self, name) for name in self.__slots__}

    def reversed(self) -> EntryExchange:
        """The exchange that undoes this one, from wherever it is."""
        return replace(
            self,
            incoming=self.outgoing,
            outgoing=self.incoming,
            old=self.new,
            new=self.old,
            way={_IN: _OUT, _OUT: _IN}.get(self.way, ""),
        )


def _is_entry(name: object) -> bool:
    """Whether a name is one of those that :meth:`EntryExchange.between` finds in a folder."""
    if not isinstance(name, str) or name in ("", ".", "..", *STAYING) or "\0" in name:
        return False
    return os.path.basename(name) == name and folded(name) != GENERATIONS_INSIDE


def carry_on(
    exchange: EntryExchange,
    place: Folder,
    folder: Folder,
    write_down: Callable[[EntryExchange], object],
) -> None:
    """Move all that has not moved yet, from the beginning or from wherever it was cut.

    Args:
        exchange: What its journal says.
        place: The environment.
        folder: Where the two other folders are.
        write_down: Replaces the journal.

    Raises:
        OSError: The file system refused; what the journal says is still true.
    """
    if not folder.is_folder(exchange.outgoing):  # it has its final name already
        return
    # The folder of records last: an environment counts as the old one until all has come.
    names = sorted({*exchange.old, *exchange.new}, key=lambda name: (name == CONDA_META, name))
    with contextlib.ExitStack() as opened:
        outgoing = opened.enter_context(folder.child(exchange.outgoing))
        # Missing once all of it has come.
        is_whole = not folder.is_folder(exchange.incoming)
        incoming = None if is_whole else opened.enter_context(folder.child(exchange.incoming))
        for name in names:
            mover = _Mover(exchange, name, write_down)
            if name in exchange.old:
                mover.move(_OUT, place, outgoing)
            if name in exchange.new and incoming is not None:
                mover.move(_IN, incoming, place)
            exchange = mover.exchange


def settle(exchange: EntryExchange, folder: Folder) -> None:
    """All has moved: give the folder with the old tree its name. May be done again."""
    if not folder.is_folder(exchange.outgoing):
        return
    if folder.is_folder(exchange.incoming):
        folder.remove_directory(exchange.incoming)
    if exchange.outgoing != exchange.final:
        folder.rename(exchange.outgoing, folder, exchange.final)


class _Mover:
    """Moves one entry out and another one in."""

    def __init__(
        self, exchange: EntryExchange, name: str, write_down: Callable[[EntryExchange], object]
    ) -> None:
        self.exchange = exchange
        self._name = name
        self._write_down = write_down
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
                if not is_unmovable_folder(source, name, error):
                    raise
                self._go(way)
                move_parts(name, source, target)

    def _move_parts(self, way: str, source: Folder, target: Folder) -> None:
        if self._way == _IN and way == _OUT:
            return  # all of it is out
        if self._way != way:
            self._go(way)
        move_parts(self._name, source, target)

    def _go(self, way: str) -> None:
        self._way = way
        self.exchange = replace(self.exchange, part=self._name, way=way)
        self._write_down(self.exchange)


def move_parts(name: str, source: Folder, target: Folder) -> None:
    """Move a file, or a folder that may be there in part already; done again, it goes on."""
    if source.status(name) is None:
        return
    if target.status(name) is None:
        try:
            source.rename(name, target, name)
        except OSError as error:
            if not is_unmovable_folder(source, name, error):
                raise
            target.make_directory(name, _FOR_NOW)
        else:
            return
    with source.child(name) as source_folder, target.child(name) as target_folder:
        folders, names = source_folder.entries()
        for entry in sorted([*folders, *names]):
            move_parts(entry, source_folder, target_folder)
        if stat.S_IMODE(target_folder.own_status().st_mode) == _FOR_NOW:
            target.set_mode(name, stat.S_IMODE(source_folder.own_status().st_mode))
    source.remove_directory(name)


def is_unmovable_folder(folder: Folder, name: str, error: OSError) -> bool:
    """Whether a rename failed because of what kind of folder an entry is."""
    return error.errno in CANNOT_BE_RENAMED and folder.is_folder(name)
