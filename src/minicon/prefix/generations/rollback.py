"""Going back: an earlier generation becomes the environment again by a switch, offline.

Packages, pip's own distributions among them, are exactly those of that generation. The user's
files are those of today: what was made since is carried along, what was deleted stays deleted.
"""

from __future__ import annotations

import contextlib
import os
import time

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PrefixError
from minicon.fs import operations
from minicon.fs.folder_tree import FolderTree
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.history import dist_text, format_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import STAYING, check_place
from minicon.prefix.environment.prefix_lock import locked
from minicon.prefix.environment.site_packages import hand_installed_files
from minicon.prefix.generations.interrupts import uninterrupted
from minicon.prefix.generations.metadata import MARK, read_generation_metadata
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.switch_undo import warn_of_previous_directory
from minicon.prefix.link.carry_over import SAVED_SUFFIX
from minicon.prefix.link.link import link_or_copy
from minicon.prefix.link.stage_builder import read_history
from minicon.prefix.link.staging_dir import StagingDirectory
from minicon.prefix.plan.clobber import SHADOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.store import Generation


def generations(prefix: str | os.PathLike[str]) -> tuple[Generation, ...]:
    """All kept states of an environment, the current one included, by number."""
    return GenerationStore(prefix).generations()


def undo(prefix: str | os.PathLike[str], **arguments: object) -> Prefix:
    """Go back to the state before the last change; a second time, forward again.

    Takes the arguments of :func:`rollback`.

    Raises:
        PrefixError: That state was not kept.
    """
    store = GenerationStore(prefix)
    previous = read_generation_metadata(store.place).previous
    if previous is None or previous not in store.numbers():
        message = f"the state of {store.place} before its last change was not kept"
        raise PrefixError("nothing-to-undo", message, hint="minicon history shows what was")
    return rollback(prefix, previous, **arguments)  # type: ignore[arg-type]


def rollback(
    prefix: str | os.PathLike[str],
    number: int,
    *,
    command: str = "",
    version: str = "0",
    durable: bool = True,
    lock_timeout: float = 30.0,
    reporter: Reporter | None = None,
    clock: Callable[[], float] = time.time,
) -> Prefix:
    """Make a kept generation the environment. Costs two walks over the names, and a switch.

    Args:
        prefix: The environment.
        number: Of the generation; the one that is current now is kept in its turn.
        command: The user's command line, for history.
        version: Of minicon, for history.
        durable: Whether to wait for the disk before the switch.
        lock_timeout: Seconds to wait for another process.
        reporter: Is told of files that had to make room.
        clock: Seconds since 1970.

    Raises:
        PrefixError: There is no such generation.
        PrefixLocked: Another process changes the environment.
        FileError: The file system refused; the environment is unchanged.
    """
    store = GenerationStore(prefix)
    check_place(store.place)
    result = Prefix(prefix)
    with operations.describing("change", store.place), locked(store, lock_timeout, reporter):
        store.recover()
        current = read_generation_metadata(store.place)
        if number == current.number:
            return result
        target = store.folder / str(number)
        if number not in store.numbers():
            kept = ", ".join(map(str, store.numbers())) or "none"
            message = f"generation {number} of {store.place} was not kept (kept: {kept})"
            raise PrefixError("no-such-generation", message, hint="minicon history lists them")
        before, after = Prefix(store.place), Prefix(target)
        with store.opened(target) as folder:
            saved = _carry_user_files(before, after, folder)
            if saved and reporter:
                reporter.warn(f"your own version of {saved[0]} is kept as {saved[0]}{SAVED_SUFFIX}")
            # Durable at once: a power cut before the switch must not spoil the tree that is kept.
            text = _history(before, after, number, command=command, version=version, now=clock())
            folder.replace_file(HISTORY, text, durable=durable)
            mark = replace(read_generation_metadata(target), number=number, previous=current.number)
            folder.replace_file(MARK, mark.to_bytes(), durable=durable)
        if durable:
            operations.sync_file_system(target)
        with uninterrupted():
            store.swap(target)
            with contextlib.suppress(OSError):  # the next command gives the old one its name
                store.retire(target)
        warn_of_previous_directory(store, reporter)
    return result


def _carry_user_files(before: Prefix, after: Prefix, target: Folder) -> list[str]:
    """Make the user's files of a kept tree those of today; returns those that made room.

    It may be cut anywhere and done again: nothing that belongs to the generation is changed.
    """
    ours, theirs = _UserFiles(before), _UserFiles(after)
    mine, stale = ours.paths, theirs.paths
    saved = []
    with FolderTree(before.path, make=False) as current, StagingDirectory(target) as tree:
        for path in sorted(stale - mine):
            folder, name = tree.place(path)
            folder.remove_file(name)
        for path in sorted(mine):
            place = path
            if path in theirs.owned:
                place = path + SAVED_SUFFIX
                saved.append(path)
            elif path in stale and _is_same(current.status(path), tree.status(path)):
                continue
            link_or_copy(*current.place(path), *tree.place(place))
        _make_folders(current, tree, ours.folders, theirs.folders)
    return saved


def _is_same(first: os.stat_result | None, second: os.stat_result | None) -> bool:
    return first is not None and second is not None and os.path.samestat(first, second)


def _make_folders(
    current: FolderTree, target: StagingDirectory, mine: Collection[str], theirs: Collection[str]
) -> None:
    """Empty folders are the user's too."""
    for folder in sorted(theirs, reverse=True):
        if folder not in mine and not any(target.folder(folder).entries()):
            target.remove_folder(folder)
    for folder in sorted(mine):
        if folder not in theirs and not any(current.folder(folder).entries()):
            target.folder(folder)


class _UserFiles:
    """The files of a tree that belong to no package.

    Attributes:
        owned: Paths of packages, those that pip installed by hand included.
        paths: Paths of the user's files.
        folders: All folders that were looked into.
    """

    def __init__(self, prefix: Prefix) -> None:
        self.owned = prefix.owned_files() | hand_installed_files(prefix)
        self.paths: set[str] = set()
        self.folders: set[str] = set()
        layout = prefix.python_layout
        # Whatever else lies in site-packages came with some installation, not with a user.
        skipped = {layout.site_packages if layout else "", SHADOWED, *STAYING}
        waiting = [""]
        while waiting:
            self._look_into(str(prefix.path), waiting.pop(), waiting, skipped)

    def _look_into(
        self, root: str, folder: str, waiting: list[str], skipped: Collection[str]
    ) -> None:
        start = f"{folder}/" if folder else ""
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = start + entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path not in skipped:
                        waiting.append(path)
                        self.folders.add(path)
                elif path not in self.owned and _is_users(path):
                    self.paths.add(path)


def _is_users(path: str) -> bool:
    if path.startswith(f"{CONDA_META}/"):
        return not path.endswith(".json") and path not in (HISTORY, MARK)
    return not path.endswith(".pyc")


def _history(
    before: Prefix, after: Prefix, number: int, *, command: str, version: str, now: float
) -> bytes:
    """The history goes on: a block says what going back changed."""
    old = {dist_text(record) for record in before.readable_records()}
    new = {dist_text(record) for record in after.readable_records()}
    wanted = after.requested_specs()
    block = format_block(
        command=command,
        version=version,
        added=new - old,
        removed=old - new,
        specs={
            "update": list(wanted.values()),
            "remove": sorted(set(before.requested_specs()) - set(wanted)),
        },
        now=now,
        generation=number,
    )
    return read_history(before.path) + block.encode()
