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
from minicon.lean_dataclasses import replace
from minicon.prefix.journal import Journal, read_journal, write_journal
from minicon.prefix.place import CANNOT_BE_RENAMED
from minicon.prefix.store_names import new_stage_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.prefix.entrywise import EntryExchange


class Switch:
    """Lets trees of one folder change places with an environment.

    Args:
        place: The environment.
        folder: Where the trees are, and the journal; on the same file system.
        by_entries: Whether it is known that the environment cannot be renamed.
    """

    def __init__(self, place: Path, folder: Path, *, by_entries: bool) -> None:
        self._place = place
        self._folder = folder
        self._by_entries = by_entries

    def new_stage(self) -> Path:
        """Make an empty folder."""
        stage = self._folder / new_stage_name()
        operations.make_directory_at(None, str(stage), 0o755)
        return stage

    def swap(self, tree: Path) -> None:
        """Let a tree and the environment change places.

        Raises:
            OSError: The file system refused; each is where it was.
        """
        if not self._by_entries:
            try:
                if not operations.exchange(tree, self._place):
                    self._swap_by_renames(tree)
            except OSError as error:
                if error.errno not in CANNOT_BE_RENAMED:
                    raise
            else:
                return
        self.swap_entries(tree)

    def swap_entries(self, tree: Path) -> None:
        """The same, entry by entry; if one cannot be moved, all go back to where they were."""
        from minicon.prefix.entrywise import EntryExchange, carry_on

        exchange = EntryExchange.between(self._place, tree, self.new_stage())
        self._write_exchange(exchange)
        try:
            carry_on(exchange, self._place, self._folder, self._write_exchange)
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
            outgoing = self._folder / journal.outgoing
            if outgoing.exists():
                incoming = self._folder / journal.incoming
                operations.rename(outgoing, incoming if self._place.exists() else self._place)
            self.write_down(outgoing="", incoming="")

    def journal(self) -> Journal:
        """What is written down. Raises as :func:`read_journal`."""
        return read_journal(self._folder)

    def write_down(self, **facts: Any) -> None:
        """Change the journal; durable when this returns."""
        write_journal(self._folder, replace(self.journal(), **facts))

    def commit(self) -> None:
        """From here on the switch stands."""
        write_journal(self._folder, Journal())

    def _swap_by_renames(self, tree: Path) -> None:
        outgoing = self._folder / new_stage_name()
        self.write_down(outgoing=outgoing.name, incoming=tree.name)
        try:
            operations.rename(self._place, outgoing)
            try:
                operations.rename(tree, self._place)
            except OSError:
                operations.rename(outgoing, self._place)
                raise
        except OSError:
            if self._place.exists():
                self.write_down(outgoing="", incoming="")
            raise
        with contextlib.suppress(OSError):  # switched: what is left to do is written down
            operations.rename(outgoing, tree)
            self.write_down(outgoing="", incoming="")

    def _finish_entries(self, exchange: EntryExchange) -> None:
        from minicon.prefix.entrywise import carry_on, settle

        carry_on(exchange, self._place, self._folder, self._write_exchange)
        # All names must have reached the disk before what tells where they were is gone.
        operations.sync_file_system(self._folder)
        settle(exchange, self._folder)
        self.write_down(entries=None)

    def _write_exchange(self, exchange: EntryExchange) -> None:
        if exchange.part:  # what the journal calls done must be so on the disk
            operations.sync_file_system(self._folder)
        self.write_down(entries=exchange)
