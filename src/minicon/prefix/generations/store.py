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
import itertools
import os
from pathlib import Path

from minicon.constants import CONDA_META, GENERATIONS, HISTORY
from minicon.fs import operations
from minicon.fs.ownership import is_real_folder
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import CANNOT_BE_RENAMED, is_empty, store_problem
from minicon.prefix.generations.metadata import (
    GONE,
    MARK,
    GenerationMetadata,
    is_generation,
    is_hollow,
    read_generation_metadata,
)
from minicon.prefix.generations.store_folder import IGNORE, StoreFolder, remove_if_unused
from minicon.prefix.generations.store_names import (
    LAST_NUMBER,
    is_number,
    is_stage,
    is_trash,
    is_tree,
    new_trash_name,
)
from minicon.prefix.generations.switch import Switch
from minicon.prefix.generations.untrusted_state import (
    damaged_state,
    foreign_store,
    forged_generation,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.errors import PrefixError
    from minicon.fs.folder import Folder

STORE_FOLDER = GENERATIONS
LOCK = "lock"
_LASTING = (LOCK, IGNORE)


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


class GenerationStore:
    """The folder beside an environment (or inside it) that holds its other generations.

    Args:
        prefix: The environment's path; a link is resolved, since what is switched is the folder.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        place = os.path.realpath(prefix)
        self.place = Path(place)
        self.store = StoreFolder(self.place)
        self.folder = self.store.path
        self._switch = Switch(self.store)

    @property
    def is_inside(self) -> bool:
        """Whether the environment cannot be renamed, so that its entries are."""
        return self.store.is_inside

    @property
    def problem(self) -> PrefixError | None:
        """Why something that the store or the environment's mark says is not believed, or None."""
        place = self.place
        return foreign_store(place) or damaged_state(place) or forged_generation(place)

    def open(self) -> None:
        """Make the folder if it is missing, invisible to git, and nobody else's to write.

        Raises:
            PrefixError: What is there cannot be believed.
        """
        problem = foreign_store(self.place)
        if problem is not None:
            raise problem
        with contextlib.suppress(FileNotFoundError):
            self.store.opened().close()
            return
        self.store.made().close()
        opened = self.store.opened if self.is_inside else self.store.opened_parent
        with opened() as folder, contextlib.suppress(FileExistsError):
            folder.create_file(IGNORE, b"*\n")

    def close(self) -> None:
        """Take the folder away again where no environment came to be; its lock is held."""
        if self.is_inside or self.place.exists() or not self.folder.is_dir():
            return
        if all(name.startswith(LOCK) for name in os.listdir(self.folder)):
            with self.store.opened_parent() as stores:
                trash = f".{new_trash_name()}"
                stores.rename(self.folder.name, stores, trash)
                stores.remove_tree(trash)
            remove_if_unused(self.folder.parent)

    def opened(self, tree: Path) -> Folder:
        """A tree of the folder, held open; no link leads anywhere else. Raises OSError."""
        return self.store.opened(tree.name)

    def new_stage(self) -> Path:
        """Make an empty folder in which to build the next generation."""
        return self._switch.new_stage()

    def new_scratch(self) -> Path:
        """Make an empty folder for files that no command after this one needs."""
        name = new_trash_name()
        with self.store.opened() as folder:
            folder.make_directory(name, 0o700)
        return self.folder / name

    def numbers(self) -> list[int]:
        """Numbers of the kept generations, ascending; the current one is not among them."""
        return sorted(int(name) for name in self._names() if is_generation(self.folder / name))

    def _names(self) -> list[str]:
        """What lies in the folder; nothing if it cannot be believed."""
        if store_problem(str(self.place)) is not None:
            return []
        try:
            return sorted(os.listdir(self.folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def next_number(self) -> int:
        """A number higher than any in use; where there is none, one that is not in use."""
        used = {int(name) for name in self._names() if is_number(name)}
        used.add(read_generation_metadata(self.place).number)
        number = max(used) + 1
        return number if number <= LAST_NUMBER else min(set(range(1, len(used) + 2)) - used)

    def generations(self) -> tuple[Generation, ...]:
        """All of them, the current one included, by number."""
        trees = [(number, self.folder / str(number)) for number in self.numbers()]
        current = read_generation_metadata(self.place).number
        if (self.place / HISTORY).is_file():
            trees.append((current, self.place))
        return tuple(
            Generation(
                number=number,
                path=tree,
                is_current=tree == self.place,
                created=read_generation_metadata(tree).created,
                command=read_generation_metadata(tree).command,
                packages=_packages(tree),
            )
            for number, tree in sorted(trees)
        )

    def forget_former(self) -> None:
        """Where no environment is: remove the generations of one that was removed by hand.

        They are not states of the environment that is made now, whoever put them there.
        """
        if is_empty(self.place):
            for number in self.numbers():
                self.discard(self.folder / str(number))

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
            first = None if creating else stage.name
            self._switch.write_down(
                stages=(*before.stages, stage.name),
                original=before.original if before.stages else first,
            )
        if not creating:
            self.swap(stage)
        elif self.is_inside:
            self._switch.swap_entries(stage)
        else:
            if os.name == "nt" and self.place.exists():
                operations.remove_directory(self.place)
            self.store.move_in(stage.name)
        return creating

    def switch_back(self, original: Path | None) -> None:
        """Undo what :meth:`switch_in` did, and throw the new tree away.

        Args:
            original: The folder that holds what was there before; None if nothing was.
        """
        self._switch.finish()
        if original is None:
            self.store.remove_tree(self.vacate().name)
        elif original.exists():
            self.swap(original)
            self.discard(original)
        self.commit()

    def abandon(self, stage: Path) -> None:
        """Throw away a tree whose switch failed."""
        self._switch.finish()
        self.commit()
        if stage.exists() and read_generation_metadata(stage).stage == stage.name:
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
            with self.store.opened() as folder:
                folder.remove_directory(tree.name)
            return
        mark = read_generation_metadata(tree)
        if (self.folder / str(mark.number)).exists():
            # Somebody copied or restored the environment: two trees with one number.
            mark = replace(mark, number=self.next_number())
            with self.opened(tree) as folder:
                folder.replace_file(MARK, mark.to_bytes())
        self.store.rename(tree.name, str(mark.number))

    def discard(self, tree: Path) -> None:
        """Remove a tree; half of it is never seen under its name."""
        trash = new_trash_name()
        try:
            self.store.rename(tree.name, trash)
        except OSError as error:
            if error.errno not in CANNOT_BE_RENAMED:
                raise
            self._discard_in_place(tree)
        else:
            self.store.remove_tree(trash)

    def _discard_in_place(self, tree: Path) -> None:
        """Mark a folder as gone, so that nobody takes what is left of it for a generation."""
        with self.opened(tree) as folder:
            if folder.is_folder(CONDA_META):
                folder.replace_file(MARK, GenerationMetadata(number=GONE).to_bytes())
                _empty(folder, but=CONDA_META)
                with folder.child(CONDA_META) as meta:
                    _empty(meta, but=os.path.basename(MARK))
        self.store.remove_tree(tree.name)

    def vacate(self) -> Path:
        """Take the environment away: all at once, or by entries where it cannot be renamed.

        Returns:
            Where it is now, to be removed.
        """
        trash = new_trash_name()
        if not self.is_inside:
            try:
                self.store.move_out(trash)
            except OSError as error:
                if error.errno not in CANNOT_BE_RENAMED:
                    raise
            else:
                return self.folder / trash
        stage = self.new_stage()
        self._switch.swap_entries(stage)
        self.store.rename(stage.name, trash)
        if not self.is_inside:
            operations.remove_directory(self.place)
        return self.folder / trash

    def prune(self, keep: int) -> None:
        """Remove the oldest generations beyond KEEP; the one before the current stays last."""
        previous = read_generation_metadata(self.place).previous
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
        return any(
            not name.startswith(_LASTING) and not is_generation(self.folder / name)
            for name in self._names()
        )

    def recover(self) -> bool:
        """Finish or undo what a killed process left. The lock must be held.

        Returns:
            Whether there was anything to do.

        Raises:
            PrefixError: What is there is not what minicon writes; it is left alone.
        """
        if not self.needs_recovery:
            return False
        problem = damaged_state(self.place)
        if problem is not None:
            raise problem
        self._switch.finish()
        journal = self._switch.journal()
        if read_generation_metadata(self.place).stage in journal.stages:
            self.switch_back(self.folder / journal.original if journal.original else None)
        self.commit()
        current = read_generation_metadata(self.place)
        for name in self._names():
            self._tidy(name, current)
        return True

    def _tidy(self, name: str, current: GenerationMetadata) -> None:
        """Finish with one entry of the folder; what no command of minicon made stays."""
        tree = self.folder / name
        if name in _LASTING or is_generation(tree):
            return
        if is_trash(name):
            self.store.remove_tree(name)
            return
        if not is_tree(name) or not is_real_folder(tree):
            return
        number = read_generation_metadata(tree).number
        if is_hollow(tree) or number == GONE:
            self.store.remove_tree(name)
        elif name == current.stage or (is_number(name) and number > 0):
            self.retire(tree)
        elif is_stage(name):
            self.discard(tree)


def _empty(folder: Folder, *, but: str) -> None:
    """Remove all that a folder holds but one entry."""
    for name in itertools.chain(*folder.entries()):
        if name != but:
            folder.remove_tree(name)


def _packages(tree: Path) -> tuple[str, ...]:
    try:
        names = os.listdir(tree / CONDA_META)
    except OSError:
        return ()
    return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))
