"""What link scripts work in: a copy of the environment, whose files nothing else shares.

Scripts that run before packages change run in a copy of the environment, which is switched in
while the original waits aside. Environments share files with the package cache, with other
environments and with their own earlier generations, by hard links; a script that writes into such
a file would write into all of them. So each file with a second name is replaced by a copy while
scripts run; afterwards the original replaces a copy that they did not change::

    lib/a ══ cache        lib/a    (copy)            lib/a ══ cache     unchanged
    lib/b ══ cache   ──>  lib/b    (copy)  scripts   lib/b              written to
                          aside: a, b ══ cache
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat
import time
from typing import NamedTuple

from minicon.constants import CONDA_META
from minicon.fs import operations
from minicon.fs.clone import LinkMethod, LinkProbe, link_or_copy_file
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.lean_dataclasses import replace
from minicon.models.reporter import SilentTask
from minicon.prefix.environment.prefix_location import UNMOVABLE_ENTRIES
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.generations.store_entries import GENERATION_FILE
from minicon.prefix.link.carry_over import CarryOver, CarryPlan
from minicon.prefix.link.link import NOT_LINKABLE
from minicon.prefix.link.staging_dir import StagingDirectory

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minicon.prefix.generations.change import CarryLateWrites
    from minicon.prefix.generations.store import GenerationStore

_COPY_METHODS = (LinkMethod.REFLINK, LinkMethod.COPY)

#: Identifies an unchanged file: device, inode, and change time (ns), which cannot be set back.
_Identity = tuple[int, int, int]


def make_working_copy(store: GenerationStore, *, durable: bool) -> tuple[Path, CarryLateWrites]:
    """Copy an environment by hard links, to be switched in.

    Args:
        store: The environment's generations; its lock is held.
        durable: Whether to wait until the disk has the copy. Otherwise a power cut while it is
            in use could leave an incomplete environment that looks complete.

    Returns:
        Its directory, and a function that copies what programs write to the original meanwhile.

    Raises:
        PrefixError: Other environments are inside this one.
        OSError: Disk full and the like.
    """
    stage = store.new_stage()
    try:
        with store.opened(stage) as root, StagingDirectory(root) as tree:
            carrier = CarryOver(store.prefix, tree, CarryPlan(), SilentTask())
            if store.prefix.exists():
                carrier.carry()
            tree.folder(CONDA_META)
            metadata = replace(read_generation_metadata(store.prefix), stage=stage.name)
            root.replace_file(GENERATION_FILE, metadata.to_bytes(), durable=False)
        if durable:
            operations.sync_file_system(stage)
    except BaseException:
        with contextlib.suppress(OSError):
            store.discard(stage)
        raise
    return stage, carrier.carry_late_writes


class _UnsharedFolder(NamedTuple):
    """A directory in which files were replaced by copies.

    Attributes:
        path: Where it was, relative to the environment.
        status: Identifies it.
        aside: Name of the directory that holds its originals.
        copies: The copies by name; None for a file that is hidden meanwhile.
    """

    path: str
    status: os.stat_result
    aside: str
    copies: dict[str, _Identity | None]


@contextlib.contextmanager
def unshared_files(store: GenerationStore) -> Iterator[None]:
    """Replace each file of an environment that is shared by a copy within the block.

    Costs a copy of each shared file; blocks are not copied where the file system has reflinks.
    If the block raises, the copies stay: its change is undone.

    Args:
        store: The environment's generations; a change of it that can be undone is under way.

    Raises:
        OSError: Disk full and the like.
    """
    scratch = store.new_scratch()
    try:
        with store.opened(scratch) as aside, Folder.open(store.prefix) as root:
            unsharing = _Unsharing(root, aside)
            unsharing.replace_by_copies()
            yield
            unsharing.restore_originals()
    finally:
        store.root.remove_tree(scratch.name)


class _Unsharing:
    """Replaces shared files of a tree by copies, and back.

    Args:
        root: The environment.
        aside: An empty directory for the originals.
    """

    def __init__(self, root: Folder, aside: Folder) -> None:
        self._root = root
        self._aside = aside
        self._folders: list[_UnsharedFolder] = []
        self._method: LinkMethod | None = None

    def replace_by_copies(self) -> None:
        """Replace shared files by copies; no name is missing at any moment."""
        with FolderTree(self._root, make=False) as tree:
            waiting = [""]
            while waiting:
                path = waiting.pop()
                start = f"{path}/" if path else ""
                folder = tree.folder(path)
                shared = []
                with folder.scan() as entries:
                    for entry in entries:
                        if entry.is_dir(follow_symlinks=False):
                            if path or entry.name not in UNMOVABLE_ENTRIES:
                                waiting.append(start + entry.name)
                        elif _is_shared(status := entry.stat(follow_symlinks=False)):
                            shared.append((entry.name, status))
                if shared:
                    self._unshare_folder(path, folder, shared)
        self._wait_for_clock()

    def restore_originals(self) -> None:
        """Replace unchanged copies by their originals."""
        for unshared in self._folders:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._restore_folder(unshared)

    def _unshare_folder(
        self, path: str, folder: Folder, shared: list[tuple[str, os.stat_result]]
    ) -> None:
        number = str(len(self._folders))
        self._aside.make_directory(number, 0o700)
        copies: dict[str, _Identity | None] = {}
        with self._aside.child(number) as aside:
            for name, status in shared:
                with contextlib.suppress(FileNotFoundError):  # a program removed it meanwhile
                    if _keep_original(name, folder, aside):
                        copies[name] = self._replace(name, folder, aside, status)
                    else:
                        self._replace(name, folder, folder, status)
            self._folders.append(_UnsharedFolder(path, folder.own_status(), number, copies))

    def _replace(
        self, name: str, folder: Folder, original: Folder, status: os.stat_result
    ) -> _Identity | None:
        """Replace a file by a copy; one that cannot be read is hidden."""
        copy = self._aside.at("copy")
        source = f"{original.path}/{name}"
        try:
            text = original.link_text(name) if stat.S_ISLNK(status.st_mode) else None
            if text is not None:
                self._aside.symbolic_link(text, "copy")
            else:
                if self._method is None:
                    self._method = LinkProbe(_COPY_METHODS).best_method(source, self._aside)
                link_or_copy_file(source, copy, self._method, directory=self._aside.descriptor)
        except PermissionError:
            folder.remove_file(name)
            return None
        if status.st_uid and os.geteuid() == 0:
            owner = (status.st_uid, status.st_gid)
            operations.set_owner(copy, *owner, directory=self._aside.descriptor)
        self._aside.rename("copy", folder, name)
        return _identity_of(name, folder)

    def _wait_for_clock(self) -> None:
        """Wait until a later change would have a later time than the copies."""
        latest = max(
            (copy[-1] for folder in self._folders for copy in folder.copies.values() if copy),
            default=0,
        )
        while latest and self._aside.touch() <= latest:
            time.sleep(0.001)

    def _restore_folder(self, unshared: _UnsharedFolder) -> None:
        with self._reopened(unshared) as folder, self._aside.child(unshared.aside) as aside:
            if not os.path.samestat(folder.own_status(), unshared.status):
                return  # another directory has its name
            for name, copy in unshared.copies.items():
                if _identity_of(name, folder) == copy:
                    aside.rename(name, folder, name)

    def _reopened(self, unshared: _UnsharedFolder) -> Folder:
        """Open a directory again. Raises FileNotFoundError if a link has its name."""
        try:
            return self._root.folder(unshared.path)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise FileNotFoundError(unshared.path) from error


def _keep_original(name: str, folder: Folder, aside: Folder) -> bool:
    """Hard-link a file into another directory; False where that is impossible."""
    try:
        folder.hard_link(name, aside, name)
    except OSError as error:
        if error.errno not in NOT_LINKABLE:
            raise
        return False
    return True


def _identity_of(name: str, folder: Folder) -> _Identity | None:
    status = folder.status(name)
    return None if status is None else (status.st_dev, status.st_ino, status.st_ctime_ns)


def _is_shared(status: os.stat_result) -> bool:
    return status.st_nlink > 1 and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode))
