"""Generations: whole states of one environment, kept beside it, each a switch away.

::

    envs/data/                               the current generation, number 5
    envs/.minicon-generations/data/
        lock                                 held while the environment changes
        3/ 4/                                earlier generations (hard links: they cost names only)
        stage-1f2e…/                         the next one while it is being built
        trash-…/                             on its way out
        journal                              only while a switch has more than one step

In an environment that cannot be renamed as a whole (``place.py``) all of that lies in
``.minicon-states/`` inside it, and entries change places one by one (``entrywise.py``).

Every generation carries its own number in ``conda-meta/generation``, inside the tree, so that
number and tree change places in the same step: whatever moment a process is killed at, what is
what can be read from the trees alone.
"""

from __future__ import annotations

import contextlib
import json
import os
from pathlib import Path

from minicon.constants import CONDA_META, GENERATIONS, GENERATIONS_INSIDE, HISTORY
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.place import CANNOT_BE_RENAMED, generations_folder, is_empty
from minicon.prefix.switching import STAGE, Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.reporter import Reporter

STORE_FOLDER = GENERATIONS
MARK = f"{CONDA_META}/generation"
LOCK = "lock"
IGNORE = ".gitignore"
_LASTING = (LOCK, IGNORE)
_TRASH = "trash-"
#: Number of a tree that is being removed where it is.
_GONE = -1


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
    """The folder beside an environment (or inside it) that holds its other generations.

    Args:
        prefix: The environment's path; a link is resolved, since what is switched is the folder.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        place = os.path.realpath(prefix)
        self.place = Path(place)
        self.folder = Path(generations_folder(place))
        self._switch = Switch(self.place, self.folder, by_entries=self.is_inside)

    @property
    def is_inside(self) -> bool:
        """Whether the environment cannot be renamed, so that its entries are."""
        return self.folder.name == GENERATIONS_INSIDE

    def open(self) -> None:
        """Make the folder if it is missing, invisible to git."""
        if self.folder.is_dir():
            return
        operations.make_directory(self.folder)
        ignore = (self.folder if self.is_inside else self.folder.parent) / IGNORE
        if not ignore.exists():
            with contextlib.suppress(FileExistsError):
                operations.create_file(ignore, b"*\n")

    def close(self) -> None:
        """Take the folder away again where no environment came to be; its lock is held."""
        if self.is_inside or self.place.exists() or not self.folder.is_dir():
            return
        if all(name.startswith(LOCK) for name in os.listdir(self.folder)):
            trash = self.folder.parent / f".{_TRASH}{os.urandom(8).hex()}"
            operations.rename(self.folder, trash)
            remove_tree(trash)
            remove_if_unused(self.folder.parent)

    def new_stage(self) -> Path:
        """Make an empty folder in which to build the next generation."""
        return self._switch.new_stage()

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
            undoable: Whether more steps follow that may fail, another switch among them: until
                :meth:`commit`, a later command that finds this process dead undoes all of them.

        Returns:
            Whether there was nothing before.
        """
        creating = is_empty(self.place)
        if undoable:
            before = self._switch.journal()
            self._switch.write_down(
                stages=[*before.get("stages", ()), stage.name],
                original=before.get("original", None if creating else stage.name),
            )
        if not creating:
            self.swap(stage)
        elif self.is_inside:
            for number in self.numbers():  # of an environment that was removed here
                self.discard(self.folder / str(number))
            self._switch.swap_entries(stage)
        else:
            if os.name == "nt" and self.place.exists():
                operations.remove_directory(self.place)
            operations.rename(stage, self.place)
        return creating

    def switch_back(self, original: Path | None) -> None:
        """Undo what :meth:`switch_in` did, and throw the new tree away.

        Args:
            original: The folder that holds what was there before; None if nothing was.
        """
        self._switch.finish()
        if original is None:
            remove_tree(self.vacate())
        elif original.exists():
            self.swap(original)
            self.discard(original)
        self.commit()

    def abandon(self, stage: Path) -> None:
        """Throw away a tree whose switch failed."""
        self._switch.finish()
        self.commit()
        if stage.exists() and read_mark(stage).stage == stage.name:
            self.discard(stage)

    def commit(self) -> None:
        """From here on the switch stands."""
        self._switch.commit()

    def swap(self, tree: Path) -> None:
        """Let a tree of this folder and the environment change places."""
        self._switch.swap(tree)

    def retire(self, tree: Path) -> None:
        """Keep a tree that was current under its number."""
        if is_empty(tree):
            operations.remove_directory(tree)
            return
        mark = read_mark(tree)
        if (self.folder / str(mark.number)).exists():
            # Somebody copied or restored the environment: two trees with one number.
            mark = replace(mark, number=self.next_number())
            operations.replace_file(tree / MARK, mark.to_bytes())
        operations.rename(tree, self.folder / str(mark.number))

    def discard(self, tree: Path) -> None:
        """Remove a tree; half of it is never seen under its name."""
        trash = self.folder / f"{_TRASH}{os.urandom(8).hex()}"
        try:
            operations.rename(tree, trash)
        except OSError as error:
            if error.errno not in CANNOT_BE_RENAMED:
                raise
            self._discard_in_place(tree)
        else:
            remove_tree(trash)

    def _discard_in_place(self, tree: Path) -> None:
        """Mark a folder as gone, so that nobody takes what is left of it for a generation."""
        if (tree / CONDA_META).is_dir():
            operations.replace_file(tree / MARK, Mark(number=_GONE).to_bytes())
            for name in set(os.listdir(tree)) - {CONDA_META}:
                remove_tree(tree / name)
        remove_tree(tree)

    def vacate(self) -> Path:
        """Take the environment away: all at once, or by entries where it cannot be renamed.

        Returns:
            Where it is now, to be removed.
        """
        trash = self.folder / f"{_TRASH}{os.urandom(8).hex()}"
        if not self.is_inside:
            try:
                operations.rename(self.place, trash)
            except OSError as error:
                if error.errno not in CANNOT_BE_RENAMED:
                    raise
            else:
                return trash
        stage = self.new_stage()
        self._switch.swap_entries(stage)
        operations.rename(stage, trash)
        if not self.is_inside:
            operations.remove_directory(self.place)
        return trash

    def prune(self, keep: int) -> None:
        """Remove the oldest generations beyond KEEP; the one before the current stays last."""
        previous = read_mark(self.place).previous
        by_age = sorted(self.numbers(), key=lambda number: (number == previous, number))
        for number in by_age[: max(len(by_age) - keep, 0)]:
            self.discard(self.folder / str(number))

    @property
    def holds_working_directory(self) -> bool:
        """Whether this process (and so the shell it came from) is in a tree that is former now."""
        try:
            return Path.cwd().is_relative_to(self.folder)
        except OSError:
            return False

    @property
    def needs_recovery(self) -> bool:
        """Whether something was cut: costs one listing."""
        try:
            names = os.listdir(self.folder)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return any(not name.startswith(_LASTING) and not self._is_in_order(name) for name in names)

    def _is_in_order(self, name: str) -> bool:
        return name.isdigit() and read_mark(self.folder / name).number == int(name)

    def recover(self) -> bool:
        """Finish or undo what a killed process left. The lock must be held.

        Returns:
            Whether there was anything to do.
        """
        if not self.needs_recovery:
            return False
        self._switch.finish()
        journal = self._switch.journal()
        if read_mark(self.place).stage in journal.get("stages", ()):
            original = journal.get("original")
            self.switch_back(self.folder / str(original) if original else None)
        self.commit()
        current = read_mark(self.place)
        for name in sorted(os.listdir(self.folder)):
            self._tidy(name, current)
        return True

    def _tidy(self, name: str, current: Mark) -> None:
        tree = self.folder / name
        if name in _LASTING or self._is_in_order(name):
            return
        if name.startswith((_TRASH, ".")) or is_empty(tree) or read_mark(tree).number == _GONE:
            remove_tree(tree)
        elif name == current.stage or name.isdigit():
            self.retire(tree)
        elif name.startswith(STAGE):
            self.discard(tree)


def remove_if_unused(stores: Path) -> None:
    """Leave no trace in a folder that holds no environment any more."""
    names = os.listdir(stores) if stores.is_dir() else [""]
    if set(names) <= {IGNORE}:
        with contextlib.suppress(OSError):  # somebody else begins right now
            remove_tree(stores / IGNORE)
            operations.remove_directory(stores)


def tell_of_former_tree(store: GenerationStore, reporter: Reporter | None) -> None:
    """Warn users whose shell stays where the environment was."""
    if reporter is not None and store.holds_working_directory:
        reporter.warn(f"your shell is in {store.place} as it was: type cd . to see the new")


def _packages(tree: Path) -> tuple[str, ...]:
    try:
        names = os.listdir(tree / CONDA_META)
    except OSError:
        return ()
    return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))
