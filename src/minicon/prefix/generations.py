"""Generations: whole states of one environment, kept beside it, each a switch away.

::

    envs/data/                               the current generation, number 5
    envs/.minicon-generations/data/
        lock                                 held while the environment changes
        3/ 4/                                earlier generations (hard links: they cost names only)
        stage-1f2e…/                         the next one while it is being built
        trash-…/                             on its way out
        journal                              only while a switch has more than one step

Every generation carries its own number in ``conda-meta/generation``, inside the tree, so that
number and tree change places in the same step: whatever moment a process is killed at, what is
what can be read from the trees alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from minicon.constants import CONDA_META, GENERATIONS, HISTORY
from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.lean_dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

STORE_FOLDER = GENERATIONS
MARK = f"{CONDA_META}/generation"
JOURNAL = "journal"
LOCK = "lock"
_STAGE, _TRASH = "stage-", "trash-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Mark:
    """What a tree says of itself (``conda-meta/generation``).

    Attributes:
        number: Of this generation; the first is 1, and 0 is what another tool made.
        stage: Name of the folder it was built in, which no other tree ever had.
        previous: Number that was current before this one became so; None at the beginning.
        created: Seconds since 1970.
        command: The command that made it, credentials redacted.
    """

    number: int
    stage: str = ""
    previous: int | None = None
    created: float = 0.0
    command: str = ""

    def to_bytes(self) -> bytes:
        """The text of the file: one JSON object with a version."""
        data = {"version": 1, **{name: getattr(self, name) for name in self.__slots__}}
        return (json.dumps(data) + "\n").encode()


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One kept state.

    Attributes:
        path: The whole tree.
        is_current: Whether it is the environment itself.
        packages: ``name-version-build`` of everything in it, sorted.
    """

    number: int
    path: Path
    is_current: bool
    created: float
    command: str
    packages: tuple[str, ...]


def read_mark(tree: Path) -> Mark:
    """What a tree says of itself; number 0 where it says nothing."""
    try:
        data = json.loads((tree / MARK).read_bytes())
        return Mark(
            number=int(data["number"]),
            stage=str(data.get("stage", "")),
            previous=data.get("previous"),
            created=float(data.get("created", 0)),
            command=str(data.get("command", "")),
        )
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return Mark(number=0)


class GenerationStore:
    """The folder beside an environment that holds its other generations.

    Args:
        prefix: The environment's path; a link is resolved, since what is switched is the folder.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.place = Path(os.path.realpath(prefix))
        self.folder = self.place.parent / STORE_FOLDER / self.place.name

    def open(self) -> None:
        """Make the folder if it is missing, invisible to git."""
        if self.folder.is_dir():
            return
        operations.make_directory(self.folder)
        ignore = self.folder.parent / ".gitignore"
        if not ignore.exists():
            with contextlib.suppress(FileExistsError):
                operations.create_file(ignore, b"*\n")

    def new_stage(self) -> Path:
        """Make an empty folder in which to build the next generation."""
        stage = self.folder / f"{_STAGE}{os.urandom(8).hex()}"
        operations.make_directory_at(None, str(stage), 0o755)
        return stage

    def numbers(self) -> list[int]:
        """Numbers of the kept generations, ascending; the current one is not among them."""
        names = os.listdir(self.folder) if self.folder.is_dir() else ()
        return sorted(int(name) for name in names if name.isdigit())

    def next_number(self) -> int:
        """A number higher than any in use."""
        return max([read_mark(self.place).number, *self.numbers()]) + 1

    def generations(self) -> tuple[Generation, ...]:
        """All of them, the current one included, by number."""
        trees = [(number, self.folder / str(number)) for number in self.numbers()]
        current = read_mark(self.place).number
        if (self.place / HISTORY).is_file():
            trees.append((current, self.place))
        return tuple(
            Generation(
                number=number,
                path=tree,
                is_current=tree == self.place,
                created=read_mark(tree).created,
                command=read_mark(tree).command,
                packages=_packages(tree),
            )
            for number, tree in sorted(trees)
        )

    def switch_in(self, stage: Path, *, undoable: bool) -> bool:
        """Make a staged tree the environment, in one step where the system can.

        Args:
            stage: The finished tree. Afterwards its folder holds the old one, if there was one.
            undoable: Whether more steps follow that may fail: until :meth:`commit`, a later
                command that finds this process dead switches back.

        Returns:
            Whether there was nothing before.
        """
        creating = not _has_entries(self.place)
        if undoable:
            self._write_journal({"stage": stage.name, "creating": creating})
        if creating:
            if os.name == "nt" and self.place.exists():
                operations.remove_directory(self.place)
            operations.rename(stage, self.place)
        else:
            self.swap(stage)
        return creating

    def switch_back(self, stage: Path, *, creating: bool) -> None:
        """Undo :meth:`switch_in`, and throw the new tree away."""
        self._finish_swap(self._read_journal())
        if creating:
            self.discard(self.place)
        elif stage.exists():
            self.swap(stage)
            self.discard(stage)
        self.commit()

    def abandon(self, stage: Path) -> None:
        """Throw away a tree whose switch failed."""
        self._finish_swap(self._read_journal())
        self.commit()
        if stage.exists() and read_mark(stage).stage == stage.name:
            self.discard(stage)

    def commit(self) -> None:
        """From here on the switch stands."""
        journal = self.folder / JOURNAL
        if journal.exists():
            operations.remove_file(journal)

    def retire(self, tree: Path) -> int:
        """Keep a tree that was current under its number; returns that."""
        mark = read_mark(tree)
        if (self.folder / str(mark.number)).exists():
            # Somebody copied or restored the environment: two trees with one number.
            mark = replace(mark, number=self.next_number())
            operations.replace_file(tree / MARK, mark.to_bytes())
        operations.rename(tree, self.folder / str(mark.number))
        return mark.number

    def discard(self, tree: Path) -> None:
        """Remove a tree; half of it is never seen under its name."""
        trash = self.folder / f"{_TRASH}{os.urandom(8).hex()}"
        operations.rename(tree, trash)
        remove_tree(trash)

    def prune(self, keep: int) -> None:
        """Remove the oldest generations beyond KEEP; the one before the current stays last."""
        previous = read_mark(self.place).previous
        by_age = sorted(self.numbers(), key=lambda number: (number == previous, number))
        for number in by_age[: max(len(by_age) - keep, 0)]:
            self.discard(self.folder / str(number))

    @property
    def needs_recovery(self) -> bool:
        """Whether something was cut: costs one listing."""
        try:
            names = os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return any(not name.startswith(LOCK) and not self._is_in_order(name) for name in names)

    def _is_in_order(self, name: str) -> bool:
        return name.isdigit() and read_mark(self.folder / name).number == int(name)

    def recover(self) -> bool:
        """Finish or undo what a killed process left. The lock must be held.

        Returns:
            Whether there was anything to do.
        """
        if not self.needs_recovery:
            return False
        journal = self._read_journal()
        self._finish_swap(journal)
        if journal.get("creating") is not None:
            stage = self.folder / str(journal["stage"])
            if read_mark(self.place).stage == stage.name:
                self.switch_back(stage, creating=bool(journal["creating"]))
        self.commit()
        current = read_mark(self.place)
        for name in sorted(os.listdir(self.folder)):
            self._tidy(name, current)
        return True

    def _tidy(self, name: str, current: Mark) -> None:
        tree = self.folder / name
        if name == current.stage or (name.isdigit() and not self._is_in_order(name)):
            self.retire(tree)
        elif name.startswith(_STAGE):
            self.discard(tree)
        elif name.startswith((_TRASH, ".")):
            remove_tree(tree)

    def swap(self, tree: Path) -> None:
        """Let a tree of this folder and the environment change places."""
        if operations.exchange(tree, self.place):
            return
        # No exchange on this file system: two renames, told in advance, so that a later
        # command can finish them.
        outgoing = self.folder / f"{_STAGE}{os.urandom(8).hex()}"
        self._write_journal(
            {**self._read_journal(), "outgoing": outgoing.name, "incoming": tree.name}
        )
        operations.rename(self.place, outgoing)
        try:
            operations.rename(tree, self.place)
        except OSError:
            operations.rename(outgoing, self.place)
            raise
        with contextlib.suppress(OSError):
            # Switched: what is left to do has been written down, and can be done later.
            operations.rename(outgoing, tree)
            if "stage" not in self._read_journal():
                self.commit()

    def _finish_swap(self, journal: dict[str, Any]) -> None:
        if "outgoing" not in journal:
            return
        outgoing = self.folder / str(journal["outgoing"])
        incoming = self.folder / str(journal["incoming"])
        if outgoing.exists():
            target = incoming if self.place.exists() else self.place
            operations.rename(outgoing, target)

    def _write_journal(self, data: dict[str, Any]) -> None:
        operations.replace_file(self.folder / JOURNAL, json.dumps(data).encode())

    def _read_journal(self) -> dict[str, Any]:
        try:
            data = json.loads((self.folder / JOURNAL).read_bytes())
        except (OSError, ValueError):
            return {}
        return data if isinstance(data, dict) else {}


def check_place(place: Path) -> None:
    """Refuse early what a switch could not do late.

    Raises:
        PrefixError: The environment is a mount point, or its parent cannot be written to.
    """
    if os.path.ismount(place):
        message = f"{place} is a mount point: it cannot be switched to another generation"
        raise PrefixError("mount-point", message, hint=f"use a folder below it, {place}/env")
    parent = place.parent
    while not parent.exists():
        parent = parent.parent
    if not os.access(parent, os.W_OK | os.X_OK):
        message = f"{place} cannot be changed: {parent} is not writable"
        hint = "minicon builds the next state beside the environment; check who owns that folder"
        raise PrefixError("parent-not-writable", message, hint=hint)
    if place.exists() and not place.is_dir():
        raise PrefixError("not-a-folder", f"{place} is a file", hint="choose another path")


def _packages(tree: Path) -> tuple[str, ...]:
    try:
        names = os.listdir(tree / CONDA_META)
    except OSError:
        return ()
    return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))


def _has_entries(folder: Path) -> bool:
    try:
        with os.scandir(folder) as entries:
            return any(True for _ in entries)
    except FileNotFoundError:
        return False
