"""Journal: the record of a switch that takes more than one step, for recovery after a crash.

Recovery moves and removes trees as the journal says. So every name in it must be one that minicon
writes, and every tree a directory of the store; otherwise nothing of it is acted upon.
"""

from __future__ import annotations

import json

from minicon.errors import PrefixError
from minicon.fs.plain_file import STATE_LIMIT
from minicon.lean_dataclasses import dataclass
from minicon.prefix.generations.metadata import json_object
from minicon.prefix.generations.store_entries import is_stage, is_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from minicon.fs.folder import Folder
    from minicon.prefix.generations.entry_swap import EntryExchange
    from minicon.prefix.generations.tree_move import TreeMove

_JOURNAL = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """A switch under way; all attributes are empty if there is none.

    Attributes:
        stages: Trees that were switched in and may be switched back.
        original: The one of them whose directory holds the previous tree; None if there was none.
        outgoing: Tree that the environment is being renamed to, or "".
        incoming: Tree that replaces it, or "".
        entries: An exchange entry by entry, or None.
        move: A move from another path, or None.
    """

    stages: tuple[str, ...] = ()
    original: str | None = None
    outgoing: str = ""
    incoming: str = ""
    entries: EntryExchange | None = None
    move: TreeMove | None = None

    def to_bytes(self) -> bytes:
        """Serialize to JSON; ``b""`` if no switch is under way."""
        data: dict[str, Any] = {}
        if self.stages:
            data |= {"stages": self.stages, "original": self.original}
        if self.outgoing:
            data |= {"outgoing": self.outgoing, "incoming": self.incoming}
        if self.entries is not None:
            data["entries"] = self.entries.to_json()
        if self.move is not None:
            data["move"] = self.move.to_json()
        return json.dumps(data).encode() if data else b""

    @classmethod
    def from_bytes(cls, text: bytes) -> Journal:
        """Parse and validate the result of :meth:`to_bytes`.

        Raises:
            ValueError: Anything else; the text is a sentence about "it".
        """
        data = json_object(text)
        entries, move = data.pop("entries", None), data.pop("move", None)
        if not data.keys() <= set(cls.__slots__):
            raise ValueError("it has unknown keys")
        if entries is not None:
            from minicon.prefix.generations.entry_swap import EntryExchange

            entries = EntryExchange.from_json(entries)
        if move is not None:
            from minicon.prefix.generations.tree_move import TreeMove

            move = TreeMove.from_json(move)
        stages = data.get("stages", [])
        if not isinstance(stages, list):
            raise ValueError("its stages are not a list")  # noqa: TRY004 - one kind for all
        journal = cls(**{**data, "stages": tuple(stages)}, entries=entries, move=move)
        invalid = _invalid_attribute(journal)
        if invalid is not None:
            raise ValueError(f"it has an invalid value of {invalid!r}")
        return journal

    @property
    def trees(self) -> tuple[str, ...]:
        """Names of all trees that it mentions."""
        names = [*self.stages, self.outgoing, self.incoming]
        if self.entries is not None:
            names += self.entries.trees
        if self.move is not None:
            names += self.move.stages
        return tuple(filter(None, names))


def _invalid_attribute(journal: Journal) -> str | None:
    stages, original = journal.stages, journal.original
    outgoing, incoming = journal.outgoing, journal.incoming
    is_valid = {
        "stages": all(map(is_stage, stages)),
        "original": original is None or original in stages,
        "outgoing": outgoing == incoming == "" or is_stage(outgoing),
        "incoming": outgoing == incoming == "" or (is_tree(incoming) and incoming != outgoing),
    }
    return next((name for name, valid in is_valid.items() if not valid), None)


def read_journal(folder: Folder) -> Journal:
    """Read the journal of a store; empty if no switch is under way.

    Raises:
        PrefixError: ``damaged-state``: it is not entirely as minicon writes it.
    """
    path = f"{folder.path}/{_JOURNAL}"
    try:
        journal = Journal.from_bytes(folder.read_file(_JOURNAL, STATE_LIMIT))
        _require_folders(folder, journal.trees)
    except FileNotFoundError:
        return Journal()
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return journal


def write_journal(folder: Folder, journal: Journal) -> None:
    """Replace the journal of a store durably; an empty one is removed."""
    text = journal.to_bytes()
    if text:
        folder.replace_file(_JOURNAL, text)
    elif folder.status(_JOURNAL) is not None:
        folder.remove_file(_JOURNAL)


def _require_folders(folder: Folder, names: tuple[str, ...]) -> None:
    for name in names:
        if folder.status(name) is not None and not folder.is_folder(name):
            raise ValueError(f"{name} is not a directory")


def _damaged(path: str | os.PathLike[str], problem: str) -> PrefixError:
    return PrefixError(
        "damaged-state",
        f"{path} is damaged and was left unchanged: {problem}",
        hint=f"finish by hand what it describes, if anything; then remove {path}",
    )
