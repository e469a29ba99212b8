"""The switch: an environment and a tree beside it change places, in as few steps as there can be.

===================================  =========================================================
``renameat2(RENAME_EXCHANGE)``       one step, nothing to write down
two renames                          where that is missing; told in a journal before
one or two renames for each entry    where the folder cannot be renamed (``entrywise.py``)
===================================  =========================================================
"""

from __future__ import annotations

import contextlib

from minicon.fs import operations
from minicon.fs.folder import Folder
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix_location import CANNOT_BE_RENAMED
from minicon.prefix.generations.journal import Journal, read_journal, write_journal
from minicon.prefix.generations.store_names import new_stage_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.prefix.generations.entry_swap import EntryExchange
    from minicon.prefix.generations.store_folder import StoreFolder


class Switch:
    """Lets trees of one folder change places with an environment.

    Args:
        store: The environment's store: where the trees are, and the journal. Entries change places
            one by one where it lies inside the environment, which cannot be renamed then.
    """

    def __init__(self, store: StoreFolder) -> None:
        self._store = store
        self._place = store.place
        self._folder = store.path

    def new_stage(self) -> Path:
        """Make an empty folder."""
        name = new_stage_name()
        with self._store.opened() as folder:
            folder.make_directory(name)
        return self._folder / name

    def swap(self, tree: Path) -> None:
        """Let a tree and the environment change places.

        Raises:
            OSError: The file system refused; each is where it was.
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
        """The same, entry by entry; if one cannot be moved, all go back to where they were."""
        from minicon.prefix.generations.entry_swap import EntryExchange

        exchange = EntryExchange.between(self._place, tree, self.new_stage())
        self._write_exchange(exchange)
        try:
            self._carry_on(exchange)
        except OSError:
            back = (self.journal().entries or exchange).reversed()
            self._write_exchange(back)
            self._finish_entries(back)
            raise
        with contextlib.suppress(OSError):  # switched: what is left to do is written down
            self._finish_entries(exchange)

    def finish(self) -> None:
        """Finish what a killed process began.

        Raises:
            PrefixError: The journal is not one that minicon wrote; nothing is done.
        """
        journal = self.journal()
        if journal.entries is not None:
            self._finish_entries(journal.entries)
        if journal.outgoing:
            if not (self._folder / journal.outgoing).exists():
                pass
            elif self._place.exists():
                self._store.rename(journal.outgoing, journal.incoming)
            else:
                self._store.move_in(journal.outgoing)
            self.write_down(outgoing="", incoming="")

    def journal(self) -> Journal:
        """What is written down. Raises as :func:`read_journal`."""
        with self._store.opened() as folder:
            return read_journal(folder)

    def write_down(self, **facts: Any) -> None:
        """Change the journal; durable when this returns."""
        journal = replace(self.journal(), **facts)
        with self._store.opened() as folder:
            write_journal(folder, journal)

    def commit(self) -> None:
        """From here on the switch stands."""
        with self._store.opened() as folder:
            write_journal(folder, Journal())

    def _swap_by_renames(self, tree: Path) -> None:
        outgoing = new_stage_name()
        self.write_down(outgoing=outgoing, incoming=tree.name)
        try:
            self._store.move_out(outgoing)
            try:
                self._store.move_in(tree.name)
            except OSError:
                self._store.move_in(outgoing)
                raise
        except OSError:
            if self._place.exists():
                self.write_down(outgoing="", incoming="")
            raise
        with contextlib.suppress(OSError):  # switched: what is left to do is written down
            self._store.rename(outgoing, tree.name)
            self.write_down(outgoing="", incoming="")

    def _finish_entries(self, exchange: EntryExchange) -> None:
        from minicon.prefix.generations.entry_swap import settle

        self._carry_on(exchange)
        # All names must have reached the disk before what tells where they were is gone.
        operations.sync_file_system(self._folder)
        with self._store.opened() as folder:
            settle(exchange, folder)
        self.write_down(entries=None)

    def _carry_on(self, exchange: EntryExchange) -> None:
        from minicon.prefix.generations.entry_swap import carry_on

        with Folder.open(self._place) as place, self._store.opened() as folder:
            carry_on(exchange, place, folder, self._write_exchange)

    def _write_exchange(self, exchange: EntryExchange) -> None:
        if exchange.part:  # what the journal calls done must be so on the disk
            operations.sync_file_system(self._folder)
        self.write_down(entries=exchange)
