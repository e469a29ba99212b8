"""Go back: an earlier generation becomes the environment again by a switch, offline.

Packages, including distributions that pip installed, are exactly those of that generation. The
user's files are the present ones: files created since are kept, files deleted since stay deleted.
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
from minicon.prefix.environment.history import change_lines, format_block
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import check_prefix_location, unmovable_entries
from minicon.prefix.environment.site_packages import pip_installed_files
from minicon.prefix.generations.change import locked, uninterrupted, warn_of_previous_directory
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.recovery import recover_locked
from minicon.prefix.generations.store import GenerationStore
from minicon.prefix.generations.store_entries import GENERATION_FILE
from minicon.prefix.link.carry_over import SAVED_SUFFIX
from minicon.prefix.link.conda_meta import read_history
from minicon.prefix.link.link import link_or_copy
from minicon.prefix.link.staging_dir import StagingDirectory
from minicon.prefix.plan.clobber import SHADOWED

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Reporter
    from minicon.prefix.generations.metadata import GenerationMetadata
    from minicon.prefix.generations.store import Generation


def generations(prefix: str | os.PathLike[str]) -> tuple[Generation, ...]:
    """All generations of an environment, the current one included, by number."""
    return GenerationStore(prefix).generations()


def undo(prefix: str | os.PathLike[str], **arguments: object) -> Prefix:
    """Go back to the generation that the current one was made from: each time one step further.

    Takes the arguments of :func:`rollback`. Raises as :func:`number_before`.
    """
    return rollback(prefix, number_before(prefix), **arguments)  # type: ignore[arg-type]


def redo(prefix: str | os.PathLike[str], **arguments: object) -> Prefix:
    """Go forward again after :func:`undo`. Raises as :func:`number_after`."""
    return rollback(prefix, number_after(prefix), **arguments)  # type: ignore[arg-type]


def number_before(prefix: str | os.PathLike[str]) -> int:
    """Return the number of the generation that the current one was made from.

    Raises:
        PrefixError: ``nothing-to-undo``: there is none, or it was not kept.
    """
    store = GenerationStore(prefix)
    previous = read_generation_metadata(store.prefix).previous
    if previous is None or previous not in store.numbers():
        message = (
            f"{store.prefix} has no earlier revision"
            if previous is None
            else f"the revision of {store.prefix} before the current one was not kept"
        )
        raise PrefixError("nothing-to-undo", message, hint="minicon history lists the revisions")
    return previous


def number_after(prefix: str | os.PathLike[str]) -> int:
    """Return the number of the newest generation that was made from the current one.

    Raises:
        PrefixError: ``nothing-to-redo``: none is kept.
    """
    store = GenerationStore(prefix)
    current = read_generation_metadata(store.prefix).number
    following = [
        number
        for number in store.numbers()
        if read_generation_metadata(store.folder / str(number)).previous == current
    ]
    if not following:
        message = f"no change of {store.prefix} was undone since its last one"
        raise PrefixError("nothing-to-redo", message, hint="minicon history lists the revisions")
    return max(following)


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
    channel_name: Callable[[str], str] = str,
) -> Prefix:
    """Make a kept generation the environment. Costs two directory walks and a switch.

    Args:
        prefix: The environment.
        number: Of the generation; the current one is kept.
        command: The user's command line, for history.
        version: Of minicon, for history.
        durable: Whether to wait for the disk before the switch.
        lock_timeout: Seconds to wait for another process.
        reporter: Notified of the user's files that are renamed.
        clock: Returns seconds since 1970.
        channel_name: Gives conda's canonical name of a channel's base URL, for history.

    Raises:
        PrefixError: ``no-such-generation``.
        PrefixLocked: Another process is changing the environment.
        FileError: From the file system; the environment is unchanged.
    """
    store = GenerationStore(prefix)
    check_prefix_location(store.prefix)
    result = Prefix(prefix)
    with operations.describing("change", store.prefix), locked(store, lock_timeout, reporter):
        recover_locked(store)
        current = read_generation_metadata(store.prefix)
        if number == current.number:
            return result
        target = _kept_tree(store, number)
        before, after = Prefix(store.prefix), Prefix(target)
        with store.opened(target) as folder:
            saved = _carry_user_files(before, after, folder)
            if saved and reporter:
                reporter.warn(f"your own version of {saved[0]} is kept as {saved[0]}{SAVED_SUFFIX}")
            # Durable at once: a power cut before the switch must not damage the kept tree.
            block = {"command": command, "version": version, "now": clock(), "generation": number}
            text = _history(before, after, channel_name, block)
            folder.replace_file(HISTORY, text, durable=durable)
            metadata = _metadata(read_generation_metadata(target), number, current)
            folder.replace_file(GENERATION_FILE, metadata.to_bytes(), durable=durable)
        if durable:
            operations.sync_file_system(target)
        with uninterrupted():
            store.swap(target)
            with contextlib.suppress(OSError):  # recovery gives the previous tree its name
                store.keep(target)
        warn_of_previous_directory(store, reporter)
    return result


def _metadata(
    kept: GenerationMetadata, number: int, current: GenerationMetadata
) -> GenerationMetadata:
    """The metadata of a kept tree that becomes current; it is made from the same one as before."""
    return replace(kept, number=number, environment=current.environment)


def _kept_tree(store: GenerationStore, number: int) -> Path:
    if number not in store.numbers():
        kept = ", ".join(map(str, store.numbers())) or "none"
        message = f"revision {number} of {store.prefix} was not kept (kept: {kept})"
        raise PrefixError("no-such-generation", message, hint="minicon history lists them")
    return store.folder / str(number)


def _carry_user_files(before: Prefix, after: Prefix, target: Folder) -> list[str]:
    """Replace the user's files of a kept tree by the present ones; returns renamed ones.

    Can be interrupted and repeated: no file of a package is changed.
    """
    present, kept = _UserFiles(before), _UserFiles(after)
    saved = []
    with FolderTree(before.path, make=False) as current, StagingDirectory(target) as tree:
        for path in sorted(kept.paths - present.paths):
            folder, name = tree.parent_of(path)
            folder.remove_file(name)
        for path in sorted(present.paths):
            destination = path
            if path in kept.owned:
                destination = path + SAVED_SUFFIX
                saved.append(path)
            elif path in kept.paths and _is_same(current.status(path), tree.status(path)):
                continue
            link_or_copy(*current.parent_of(path), *tree.parent_of(destination))
        _update_folders(current, tree, present.folders, kept.folders)
    return saved


def _is_same(first: os.stat_result | None, second: os.stat_result | None) -> bool:
    return first is not None and second is not None and os.path.samestat(first, second)


def _update_folders(
    current: FolderTree, target: StagingDirectory, present: Collection[str], kept: Collection[str]
) -> None:
    """Create and remove the user's empty directories."""
    for folder in sorted(kept, reverse=True):
        if folder not in present and not any(target.folder(folder).entries()):
            target.remove_folder(folder)
    for folder in sorted(present):
        if folder not in kept and not any(current.folder(folder).entries()):
            target.folder(folder)


class _UserFiles:
    """The files of a tree that belong to no package.

    Attributes:
        owned: Paths of packages, including distributions that pip installed.
        paths: Paths of the user's files.
        folders: All directories that were scanned.
    """

    def __init__(self, prefix: Prefix) -> None:
        self.owned = prefix.owned_files() | pip_installed_files(prefix)
        self.paths: set[str] = set()
        self.folders: set[str] = set()
        layout = prefix.python_layout
        # Everything else in site-packages was installed, not written by the user.
        skipped = {layout.site_packages if layout else "", SHADOWED}
        skipped |= unmovable_entries(prefix.path)
        waiting = [""]
        while waiting:
            self._scan(str(prefix.path), waiting.pop(), waiting, skipped)

    def _scan(self, root: str, folder: str, waiting: list[str], skipped: Collection[str]) -> None:
        start = f"{folder}/" if folder else ""
        with os.scandir(f"{root}/{folder}") as entries:
            for entry in entries:
                path = start + entry.name
                if path in skipped:
                    continue
                if entry.is_dir(follow_symlinks=False):
                    waiting.append(path)
                    self.folders.add(path)
                elif path not in self.owned and _is_users(path):
                    self.paths.add(path)


def _is_users(path: str) -> bool:
    if path.startswith(f"{CONDA_META}/"):
        return not path.endswith(".json") and path not in (HISTORY, GENERATION_FILE)
    return not path.endswith(".pyc")


def _history(
    before: Prefix,
    after: Prefix,
    channel_name: Callable[[str], str],
    block: Mapping[str, Any],
) -> bytes:
    """The present history with a block that records what going back changed."""
    wanted = after.requested_specs()
    text = format_block(
        lines=change_lines(before.revisions(), after.readable_records(), channel_name),
        specs={
            "update": list(wanted.values()),
            "remove": sorted(set(before.requested_specs()) - set(wanted)),
        },
        **block,
    )
    return read_history(before.path) + text.encode()
