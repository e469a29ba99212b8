"""While link scripts run, no file of the environment is a file of anything else as well.

Environments share files with the package cache, with other environments and with their own
earlier generations, by hard links. A script that writes into such a file would write into all of
them. So each file with a second name is replaced by a copy for as long as scripts run; a copy
that they left as it was gives way to the original afterwards, so that nothing is kept twice::

    lib/a ══ cache        lib/a    (copy)            lib/a ══ cache     untouched
    lib/b ══ cache   ──>  lib/b    (copy)  scripts   lib/b              written to
                          aside: a, b ══ cache
"""

from __future__ import annotations

import contextlib
import os
import stat
import time
from typing import NamedTuple

from minicon.fs import operations
from minicon.fs.clone import LinkMethod, LinkProbe, place_file
from minicon.fs.remove import remove_tree
from minicon.prefix.link import NOT_LINKABLE
from minicon.prefix.place import STAYING
from minicon.prefix.staged_tree import OPEN_FOLDER

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.prefix.generations import GenerationStore

_COPIES = (LinkMethod.REFLINK, LinkMethod.COPY)


#: What tells a file that nobody touched: device, inode, and its change time (ns), which nobody
#: can set back.
_Identity = tuple[int, int, int]


class _Folder(NamedTuple):
    """A folder in which files were replaced by copies.

    Attributes:
        path: Where it was.
        status: What it was.
        aside: Where its originals wait.
        copies: The copies, by name; None for a file that is out of sight meanwhile.
    """

    path: str
    status: os.stat_result
    aside: str
    copies: dict[str, _Identity | None]


@contextlib.contextmanager
def own_files(store: GenerationStore) -> Iterator[None]:
    """Give an environment files of its own within the block.

    Costs a copy of each shared file; blocks are not copied where the file system has reflinks.
    A block that raises leaves the copies: its change is undone.

    Args:
        store: The environment's generations; a change of it that can be undone is under way.

    Raises:
        OSError: Disk full and the like.
    """
    aside = store.new_scratch()
    try:
        owner = _Owner(str(store.place), str(aside))
        owner.take()
        yield
        owner.give_back()
    finally:
        remove_tree(aside)


class _Owner:
    def __init__(self, root: str, aside: str) -> None:
        self._root = root
        self._aside = aside
        self._folders: list[_Folder] = []
        self._method: LinkMethod | None = None

    def take(self) -> None:
        """Replace shared files by copies; each name is one of the two at any moment."""
        waiting = [self._root]
        while waiting:
            path = waiting.pop()
            shared = []
            with os.scandir(path) as entries:
                for entry in entries:
                    if entry.is_dir(follow_symlinks=False):
                        if path != self._root or entry.name not in STAYING:
                            waiting.append(entry.path)
                    elif _is_shared(status := entry.stat(follow_symlinks=False)):
                        shared.append((entry.name, status))
            if shared:
                self._take_folder(path, shared)
        self._let_time_pass()

    def give_back(self) -> None:
        """Put the originals of untouched copies back in their places."""
        for folder in self._folders:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._give_folder_back(folder)

    def _take_folder(self, path: str, shared: list[tuple[str, os.stat_result]]) -> None:
        aside = f"{self._aside}/{len(self._folders)}"
        operations.make_directory_at(None, aside, 0o700)
        copies: dict[str, _Identity | None] = {}
        descriptor = os.open(path, OPEN_FOLDER)
        try:
            for name, status in shared:
                original = f"{aside}/{name}"
                with contextlib.suppress(FileNotFoundError):  # a program removed it meanwhile
                    if _hold(name, original, descriptor):
                        copies[name] = self._replace(name, descriptor, original, status)
                    else:
                        self._replace(name, descriptor, f"{path}/{name}", status)
            self._folders.append(_Folder(path, os.fstat(descriptor), aside, copies))
        finally:
            os.close(descriptor)

    def _replace(
        self, name: str, directory: int, original: str, status: os.stat_result
    ) -> _Identity | None:
        """Put a copy in the place of a file; one that cannot be read is taken out of sight."""
        copy = f"{self._aside}/copy"
        try:
            if stat.S_ISLNK(status.st_mode):
                operations.symbolic_link(os.readlink(original), copy)
            else:
                self._method = self._method or _best_method(original, self._aside)
                place_file(original, copy, self._method)
        except PermissionError:
            operations.remove_file(name, directory=directory)
            return None
        if status.st_uid and os.geteuid() == 0:
            operations.set_owner(copy, status.st_uid, status.st_gid)
        operations.rename(copy, name, target_directory=directory)
        return _identity_of(name, directory)

    def _let_time_pass(self) -> None:
        """Wait until the clock of the file system shows a change as one."""
        latest = max(
            (copy[-1] for folder in self._folders for copy in folder.copies.values() if copy),
            default=0,
        )
        while latest and operations.touch(self._aside) <= latest:
            time.sleep(0.001)

    def _give_folder_back(self, folder: _Folder) -> None:
        descriptor = os.open(folder.path, OPEN_FOLDER)
        try:
            if not os.path.samestat(os.fstat(descriptor), folder.status):
                return  # another folder has its name: what is in it was not here
            for name, copy in folder.copies.items():
                if _identity_of(name, descriptor) == copy:
                    original = f"{folder.aside}/{name}"
                    operations.rename(original, name, target_directory=descriptor)
        finally:
            os.close(descriptor)


def _best_method(file: str, folder: str) -> LinkMethod:
    return LinkProbe(_COPIES).best_method(file, folder)


def _hold(name: str, original: str, directory: int) -> bool:
    """Give a file a second name; False where it cannot have one, and so is not to come back."""
    try:
        operations.hard_link(name, original, source_directory=directory)
    except OSError as error:
        if error.errno not in NOT_LINKABLE:
            raise
        return False
    return True


def _identity_of(name: str, directory: int) -> _Identity | None:
    try:
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None
    return status.st_dev, status.st_ino, status.st_ctime_ns


def _is_shared(status: os.stat_result) -> bool:
    return status.st_nlink > 1 and (stat.S_ISREG(status.st_mode) or stat.S_ISLNK(status.st_mode))
