"""Generations: complete trees of one environment, kept beside it so that it can go back to them.

::

    envs/data/                               the current generation, number 5
    envs/.minicon-generations/data/
        lock                                 held while the environment is changed
        3/ 4/                                earlier generations (hard links: they cost names only)
        stage-1f2e…/                         the next one while it is being built
        trash-…/                             being removed
        journal                              only while a switch has more than one step

In an environment that cannot be renamed as a whole (``prefix_location.py``) all of that is in
``.minicon-states/`` inside it, and entries are swapped one by one (``entry_swap.py``).

Every generation records its own number in ``conda-meta/generation``, inside the tree, so that
number and tree are swapped in the same step: whatever moment a process is killed at, the trees
alone show which is which.
"""

from __future__ import annotations

import contextlib
import itertools
import os
from pathlib import Path

from minicon.constants import CONDA_META
from minicon.fs import operations
from minicon.fs.ownership import is_real_folder
from minicon.lean_dataclasses import dataclass, replace
from minicon.prefix.environment.prefix_location import (
    CANNOT_BE_RENAMED,
    is_empty,
    is_environment,
    store_problem,
    untrusted_store,
)
from minicon.prefix.generations.metadata import (
    BEING_REMOVED,
    LAST_NUMBER,
    GenerationMetadata,
    is_generation,
    is_generation_of,
    read_generation_metadata,
)
from minicon.prefix.generations.store_entries import (
    GENERATION_FILE,
    IGNORE_FILE,
    LOCK,
    is_number,
    new_trash_name,
)
from minicon.prefix.generations.store_folder import StoreFolder, remove_if_unused
from minicon.prefix.generations.switch import Switch

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.fs.folder import Folder
    from minicon.prefix.generations.tree_move import TreeMove


@dataclass(frozen=True, slots=True, kw_only=True)
class Generation:
    """One generation.

    Attributes:
        path: The tree.
        is_current: Whether it is the environment itself.
        created: Seconds since 1970.
        command: The command line that made it.
        packages: ``name-version-build`` of all packages, sorted.
    """

    number: int
    path: Path
    is_current: bool
    created: float
    command: str
    packages: tuple[str, ...]


class GenerationStore:
    """The other generations of an environment, in a directory beside it or inside it.

    Args:
        prefix: The environment's path; links are resolved.

    Attributes:
        prefix: The path without links.
        folder: The store's directory.
        root: Opens it.
    """

    def __init__(self, prefix: str | os.PathLike[str]) -> None:
        self.prefix = Path(os.path.realpath(prefix))
        self.root = StoreFolder(self.prefix)
        self.folder = self.root.path
        self._switch = Switch(self.root)

    @property
    def is_inside(self) -> bool:
        """Whether the environment cannot be renamed, so that its entries are swapped one by one."""
        return self.root.is_inside

    def create(self) -> None:
        """Create the directory if it is missing, invisible to git, writable only by this user.

        Raises:
            PrefixError: ``foreign-store``: it exists and cannot be trusted.
        """
        problem = untrusted_store(self.prefix)
        if problem is not None:
            raise problem
        with contextlib.suppress(FileNotFoundError):
            self.root.opened().close()
            return
        self.root.made().close()
        opened = self.root.opened if self.is_inside else self.root.opened_parent
        with opened() as folder, contextlib.suppress(FileExistsError):
            folder.create_file(IGNORE_FILE, b"*\n")

    def remove_if_unused(self) -> None:
        """Remove the directory if no environment was created; its lock is held."""
        if self.is_inside or self.prefix.exists() or not self.folder.is_dir():
            return
        if all(name.startswith(LOCK) for name in os.listdir(self.folder)):
            with self.root.opened_parent() as stores:
                trash = f".{new_trash_name()}"
                stores.rename(self.folder.name, stores, trash)
                stores.remove_tree(trash)
            remove_if_unused(self.folder.parent)

    def opened(self, tree: Path) -> Folder:
        """Open a tree of the store, without following links. Raises OSError."""
        return self.root.opened(tree.name)

    def new_stage(self) -> Path:
        """Create an empty directory in which to build the next generation."""
        return self._switch.new_stage()

    def new_scratch(self) -> Path:
        """Create an empty directory for temporary files; recovery removes it."""
        name = new_trash_name()
        with self.root.opened() as folder:
            folder.make_directory(name, 0o700)
        return self.folder / name

    def numbers(self) -> list[int]:
        """Numbers of the environment's kept generations, ascending, without the current one."""
        return sorted(
            int(name) for name in self._kept() if is_generation_of(self.prefix, self.folder / name)
        )

    def _kept(self) -> list[str]:
        return [name for name in self.entries() if is_generation(self.folder / name)]

    def entries(self) -> list[str]:
        """Names of everything in the store, sorted; empty if it cannot be trusted."""
        if store_problem(str(self.prefix)) is not None:
            return []
        try:
            return sorted(os.listdir(self.folder))
        except (FileNotFoundError, NotADirectoryError):
            return []

    def next_number(self) -> int:
        """A number higher than any in use or, after the last number, an unused one."""
        used = {int(name) for name in self.entries() if is_number(name)}
        used.add(read_generation_metadata(self.prefix).number)
        number = max(used) + 1
        return number if number <= LAST_NUMBER else min(set(range(1, len(used) + 2)) - used)

    def generations(self) -> tuple[Generation, ...]:
        """All generations including the current one, by number."""
        trees = [(number, self.folder / str(number)) for number in self.numbers()]
        current = read_generation_metadata(self.prefix).number
        if is_environment(self.prefix):
            trees.append((current, self.prefix))
        return tuple(
            Generation(
                number=number,
                path=tree,
                is_current=tree == self.prefix,
                created=read_generation_metadata(tree).created,
                command=read_generation_metadata(tree).command,
                packages=_packages(tree),
            )
            for number, tree in sorted(trees)
        )

    def remove_orphaned_generations(self) -> None:
        """Remove generations of an environment that was at this path and was removed otherwise.

        They do not belong to the environment that is created, or changed, now.
        """
        own = () if is_empty(self.prefix) else map(str, self.numbers())
        for name in sorted({*self._kept()}.difference(own)):
            self.discard(self.folder / name)

    def switch_in(self, stage: Path, *, undoable: bool) -> bool:
        """Make a staged tree the environment, in one step where the system supports it.

        Args:
            stage: The finished tree. Afterwards its directory holds the previous one, if any.
            undoable: Whether steps follow that may fail, further switches included: until
                :meth:`commit`, recovery undoes all of them if this process dies.

        Returns:
            Whether there was no environment before.
        """
        creating = is_empty(self.prefix)
        if undoable:
            before = self._switch.journal()
            first = None if creating else stage.name
            self._switch.update_journal(
                stages=(*before.stages, stage.name),
                original=before.original if before.stages else first,
            )
        if not creating:
            self.swap(stage)
        elif self.is_inside:
            self._switch.swap_entries(stage)
        else:
            if os.name == "nt" and self.prefix.exists():
                operations.remove_directory(self.prefix)
            self.root.move_in(stage.name)
        return creating

    def switch_back(self, original: Path | None) -> None:
        """Undo :meth:`switch_in`, and remove the new tree.

        Args:
            original: The directory that holds the previous tree; None if there was none.
        """
        self._switch.finish()
        if original is None:
            self.root.remove_tree(self.move_environment_to_trash().name)
        elif original.exists():
            self.swap(original)
            self.discard(original)
        self.commit()

    def abort_switch(self, stage: Path) -> None:
        """Remove a tree whose switch failed."""
        self._switch.finish()
        self.commit()
        if stage.exists() and read_generation_metadata(stage).stage == stage.name:
            self.discard(stage)

    def commit(self) -> None:
        """Make the switch final: recovery does not undo it."""
        self._switch.commit()

    def move_in(self, move: TreeMove, *, durable: bool) -> None:
        """Make the environment of another path that of this one; see :meth:`Switch.move_in`."""
        self._switch.move_in(move, durable=durable)

    @property
    def is_moving(self) -> bool:
        """Whether a move to this path was interrupted, which recovery finishes."""
        return self._switch.journal().move is not None

    def swap(self, tree: Path) -> None:
        """Swap a tree of the store and the environment."""
        self._switch.swap(tree)

    def keep(self, tree: Path) -> None:
        """Keep a previously current tree under its number."""
        if is_empty(tree):
            with self.root.opened() as folder:
                folder.remove_directory(tree.name)
            return
        if not is_real_folder(tree / CONDA_META):  # a directory that became an environment
            self.discard(tree)  # the environment has all its files
            return
        before = metadata = read_generation_metadata(tree)
        if (self.folder / str(metadata.number)).exists():
            # The environment was copied or restored: two trees have the same number.
            metadata = replace(metadata, number=self.next_number())
        if not metadata.environment and is_real_folder(tree / CONDA_META):  # of another tool
            mark = read_generation_metadata(self.prefix).environment
            metadata = replace(metadata, environment=mark)
        if metadata != before:
            with self.opened(tree) as folder:
                folder.replace_file(GENERATION_FILE, metadata.to_bytes())
        self.root.rename(tree.name, str(metadata.number))

    def discard(self, tree: Path) -> None:
        """Remove a tree: renamed first, so that it is never seen incomplete under its name."""
        trash = new_trash_name()
        try:
            self.root.rename(tree.name, trash)
        except OSError as error:
            if error.errno not in CANNOT_BE_RENAMED:
                raise
            self._discard_unmovable(tree)
        else:
            self.root.remove_tree(trash)

    def _discard_unmovable(self, tree: Path) -> None:
        """Mark a tree as being removed, so that it is not taken for a generation, and empty it."""
        with self.opened(tree) as folder:
            if folder.is_folder(CONDA_META):
                metadata = GenerationMetadata(number=BEING_REMOVED)
                folder.replace_file(GENERATION_FILE, metadata.to_bytes())
                _remove_entries(folder, but=CONDA_META)
                with folder.child(CONDA_META) as meta:
                    _remove_entries(meta, but=os.path.basename(GENERATION_FILE))
        self.root.remove_tree(tree.name)

    def move_environment_to_trash(self) -> Path:
        """Move the environment into the store, entry by entry if it cannot be renamed.

        Returns:
            Its path there, to be removed.
        """
        trash = new_trash_name()
        if not self.is_inside:
            try:
                self.root.move_out(trash)
            except OSError as error:
                if error.errno not in CANNOT_BE_RENAMED:
                    raise
            else:
                return self.folder / trash
        stage = self.new_stage()
        self._switch.swap_entries(stage)
        self.root.rename(stage.name, trash)
        if not self.is_inside:
            operations.remove_directory(self.prefix)
        return self.folder / trash

    def prune(self, keep: int) -> None:
        """Remove the oldest generations but ``keep``; the previous one is removed last."""
        for tree in self.surplus(keep):
            self.discard(tree)

    def surplus(self, keep: int) -> list[Path]:
        """Return the generations that :meth:`prune` would remove."""
        previous = read_generation_metadata(self.prefix).previous
        by_age = sorted(self.numbers(), key=lambda number: (number == previous, number))
        return [self.folder / str(number) for number in by_age[: max(len(by_age) - keep, 0)]]

    @property
    def holds_working_directory(self) -> bool:
        """Whether the working directory, which the shell shares, is in a previous generation."""
        try:
            return Path.cwd().is_relative_to(self.folder)
        except OSError:
            return False

    def finish_switch(self) -> None:
        """Finish or undo a switch that a killed process began. The lock must be held.

        Raises:
            PrefixError: ``damaged-state``: the journal is damaged; nothing is done.
        """
        self._switch.finish()
        journal = self._switch.journal()
        if read_generation_metadata(self.prefix).stage in journal.stages:
            self.switch_back(self.folder / journal.original if journal.original else None)
        self.commit()


def _remove_entries(folder: Folder, *, but: str) -> None:
    """Remove all entries of a directory but one."""
    for name in itertools.chain(*folder.entries()):
        if name != but:
            folder.remove_tree(name)


def _packages(tree: Path) -> tuple[str, ...]:
    try:
        names = os.listdir(tree / CONDA_META)
    except OSError:
        return ()
    return tuple(sorted(n.removesuffix(".json") for n in names if n.endswith(".json")))
