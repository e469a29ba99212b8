"""The switch: the environment and a tree of its store are swapped, in as few steps as possible.

===================================  ==========================================================
``renameat2(RENAME_EXCHANGE)``       one step, no journal
two renames                          where that is not supported; journaled
one or two renames for each entry    where the directory cannot be renamed (``entry_swap.py``)
===================================  ==========================================================
"""

from __future__ import annotations

import contextlib
import os

from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix_location import CANNOT_BE_RENAMED
from minicon.prefix.generations.journal import Journal, read_journal, write_journal
from minicon.prefix.generations.store_entries import new_stage_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.prefix.generations.entry_swap import EntryExchange
    from minicon.prefix.generations.store_folder import StoreFolder
    from minicon.prefix.generations.tree_move import TreeMove


class Switch:
    """Swaps trees of a store with the environment.

    Args:
        store: Holds the trees and the journal. If it is inside the environment, that cannot be
            renamed, and entries are swapped one by one.
    """

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._prefix = store.prefix
        self._folder = store.path

    def new_stage(self) -> Path:
        """Create an empty directory in the store."""
        name = new_stage_name()
        with self._store.opened() as folder:
            folder.make_directory(name)
        return self._folder / name

    def swap(self, tree: Path) -> None:
        """Swap a tree and the environment.

        Raises:
            OSError: From the file system; both are where they were.
        """
        if not self._store.is_inside:
            try:
                if not self._store.exchange(tree.name):
                    self._swap_by_renames(tree)
            except OSError as error:
                if error.errno not in CANNOT_BE_RENAMED:
                    raise
            else:
                return
        self.swap_entries(tree)

    def swap_entries(self, tree: Path) -> None:
        """Swap entry by entry; if one cannot be moved, all are moved back."""
        from minicon.prefix.generations.entry_swap import EntryExchange

        exchange = EntryExchange.between(self._prefix, tree, self.new_stage())
        self._record_exchange(exchange)
        try:
            self._move_entries(exchange)
        except OSError:
            back = (self.journal().entries or exchange).reversed()
            self._record_exchange(back)
            self._finish_entries(back)
            raise
        with contextlib.suppress(OSError):  # switched: the journal has what is left to do
            self._finish_entries(exchange)

    def move_in(self, move: TreeMove, *, durable: bool) -> None:
        """Rename an environment to this path, and replace its files that contain the path.

        Raises:
            OSError: From the file system; the environment is where it was, or recovery finishes.
        """
        from minicon.prefix.generations.tree_move import finish_move

        self.update_journal(move=move)
        try:
            source, target = os.path.split(move.source), self._prefix
            with Folder.open(source[0]) as before, Folder.open(target.parent) as parent:
                before.rename(source[1], parent, target.name)
        except OSError:
            self.update_journal(move=None)
            raise
        finish_move(move, self._store, durable=durable)
        self.update_journal(move=None)

    def finish(self) -> None:
        """Finish a switch that a killed process began.

        Raises:
            PrefixError: The journal is damaged; nothing is done.
        """
        journal = self.journal()
        if journal.entries is not None:
            self._finish_entries(journal.entries)
        if journal.move is not None:
            from minicon.prefix.generations.tree_move import finish_move

            finish_move(journal.move, self._store)
            self.update_journal(move=None)
        if journal.outgoing:
            if not (self._folder / journal.outgoing).exists():
                pass
            elif self._prefix.exists():
                self._store.rename(journal.outgoing, journal.incoming)
            else:
                self._store.move_in(journal.outgoing)
            self.update_journal(outgoing="", incoming="")

    def journal(self) -> Journal:
        """Read the journal; see :func:`read_journal`."""
        with self._store.opened() as folder:
            return read_journal(folder)

    def update_journal(self, **attributes: Any) -> None:
        """Replace attributes of the journal durably."""
        journal = replace(self.journal(), **attributes)
        with self._store.opened() as folder:
            write_journal(folder, journal)

    def commit(self) -> None:
        """Remove the journal: the switch will not be undone."""
        with self._store.opened() as folder:
            write_journal(folder, Journal())

    def _swap_by_renames(self, tree: Path) -> None:
        outgoing = new_stage_name()
        self.update_journal(outgoing=outgoing, incoming=tree.name)
        try:
            self._store.move_out(outgoing)
            try:
                self._store.move_in(tree.name)
            except OSError:
                self._store.move_in(outgoing)
                raise
        except OSError:
            if self._prefix.exists():
                self.update_journal(outgoing="", incoming="")
            raise
        with contextlib.suppress(OSError):  # switched: the journal has what is left to do
            self._store.rename(outgoing, tree.name)
            self.update_journal(outgoing="", incoming="")

    def _finish_entries(self, exchange: EntryExchange) -> None:
        from minicon.prefix.generations.entry_swap import finish_exchange

        self._move_entries(exchange)
        # All renames must have reached the disk before the journal that describes them is gone.
        operations.sync_file_system(self._folder)
        with self._store.opened() as folder:
            finish_exchange(exchange, folder)
        self.update_journal(entries=None)

    def _move_entries(self, exchange: EntryExchange) -> None:
        from minicon.prefix.generations.entry_swap import move_entries

        with Folder.open(self._prefix) as prefix, self._store.opened() as folder:
            move_entries(exchange, prefix, folder, self._record_exchange)

    def _record_exchange(self, exchange: EntryExchange) -> None:
        if exchange.part:  # the disk must have what the journal calls done
            operations.sync_file_system(self._folder)
        self.update_journal(entries=exchange)
