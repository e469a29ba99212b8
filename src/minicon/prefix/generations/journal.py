"""Journal: what is written down of a switch that takes more than one step, and read back.

A later command acts upon what it reads here: it moves and removes trees. So every name must be
one that minicon writes, and every tree a folder of the store; else nothing of it is believed.
"""

from __future__ import annotations

import json

from minicon.errors import PrefixError
from minicon.fs.plain_file import STATE_LIMIT
from minicon.lean_dataclasses import dataclass
from minicon.prefix.generations.metadata import json_object
from minicon.prefix.generations.store_names import is_stage, is_tree

TYPE_CHECKING = False
if TYPE_CHECKING:
    import os
    from typing import Any

    from minicon.fs.folder import Folder
    from minicon.prefix.generations.entry_swap import EntryExchange

JOURNAL = "journal"


@dataclass(frozen=True, slots=True, kw_only=True)
class Journal:
    """What is under way; all is empty if nothing is.

    Attributes:
        stages: Trees that were switched in and may be switched back.
        original: Of these the one whose folder holds what was there before; None if nothing was.
        outgoing: Tree that the environment is being renamed to, or "".
        incoming: Tree that takes its place, or "".
        entries: An exchange entry by entry, or None.
    """

    stages: tuple[str, ...] = ()
    original: str | None = None
    outgoing: str = ""
    incoming: str = ""
    entries: EntryExchange | None = None

    def to_bytes(self) -> bytes:
        """The content of the file; b"" if nothing is under way."""
        data: dict[str, Any] = {}
        if self.stages:
            data |= {"stages": self.stages, "original": self.original}
        if self.outgoing:
            data |= {"outgoing": self.outgoing, "incoming": self.incoming}
        if self.entries is not None:
            data["entries"] = self.entries.to_json()
        return json.dumps(data).encode() if data else b""

    @classmethod
    def from_bytes(cls, text: bytes) -> Journal:
        """Read what :meth:`to_bytes` made.

        Raises:
            ValueError: It is something else; the text says what.
        """
        data = json_object(text)
        entries = data.pop("entries", None)
        if not data.keys() <= set(cls.__slots__):
            raise ValueError("it has other members than minicon writes")
        if entries is not None:
            from minicon.prefix.generations.entry_swap import EntryExchange

            entries = EntryExchange.from_json(entries)
        stages = data.get("stages", [])
        if not isinstance(stages, list):
            raise ValueError("its stages are no list")  # noqa: TRY004 - one kind for all
        journal = cls(**{**data, "stages": tuple(stages)}, entries=entries)
        problem = _problem(journal)
        if problem is not None:
            raise ValueError(f"its {problem} is none that minicon writes")
        return journal

    @property
    def trees(self) -> tuple[str, ...]:
        """Names of all trees it speaks of."""
        names = [*self.stages, self.outgoing, self.incoming]
        if self.entries is not None:
            names += self.entries.trees
        return tuple(filter(None, names))


def _problem(journal: Journal) -> str | None:
    """Which attribute of a journal no command of minicon could have written."""
    stages, original = journal.stages, journal.original
    outgoing, incoming = journal.outgoing, journal.incoming
    is_right = {
        "stages": all(map(is_stage, stages)),
        "original": original is None or original in stages,
        "outgoing": outgoing == incoming == "" or is_stage(outgoing),
        "incoming": outgoing == incoming == "" or (is_tree(incoming) and incoming != outgoing),
    }
    return next((name for name, right in is_right.items() if not right), None)


def read_journal(folder: Folder) -> Journal:
    """The journal of a store; empty if no switch is under way.

    Raises:
        PrefixError: It is not one that minicon wrote, whole or in part. Nothing of it counts.
    """
    path = f"{folder.path}/{JOURNAL}"
    try:
        journal = Journal.from_bytes(folder.read_file(JOURNAL, STATE_LIMIT))
        _require_folders(folder, journal.trees)
    except FileNotFoundError:
        return Journal()
    except OSError as error:
        raise _damaged(path, error.strerror or str(error)) from error
    except ValueError as error:
        raise _damaged(path, str(error)) from error
    return journal


def write_journal(folder: Folder, journal: Journal) -> None:
    """Replace it; durable when this returns. An empty one is removed."""
    text = journal.to_bytes()
    if text:
        folder.replace_file(JOURNAL, text)
    elif folder.status(JOURNAL) is not None:
        folder.remove_file(JOURNAL)


def _require_folders(folder: Folder, names: tuple[str, ...]) -> None:
    for name in names:
        if folder.status(name) is not None and not folder.is_folder(name):
            raise ValueError(f"{name} is not a folder")


def _damaged(path: str | os.PathLike[str], problem: str) -> PrefixError:
    return PrefixError(
        "damaged-state",
        f"{path} is left alone, since minicon did not write it like that: {problem}",
        hint=f"if you know what is unfinished there, finish it by hand; then remove {path}",
    )
