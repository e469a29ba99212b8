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
import errno
import os
import stat
import time
from typing import NamedTuple

from minicon.fs import operations
from minicon.fs.clone import LinkMethod, LinkProbe, link_or_copy_file
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.prefix.environment.prefix_location import STAYING
from minicon.prefix.link.link import NOT_LINKABLE

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.prefix.generations.store import GenerationStore

_COPIES = (LinkMethod.REFLINK, LinkMethod.COPY)


#: What tells a file that nobody touched: device, inode, and its change time (ns), which nobody
#: can set back.
_Identity = tuple[int, int, int]


class _Folder(NamedTuple):
    """A folder in which files were replaced by copies.

    Attributes:
        path: Where it was, relative to the environment.
        status: What it was.
        aside: Name of the folder where its originals wait.
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
    scratch = store.new_scratch()
    try:
        with store.opened(scratch) as aside, Folder.open(store.place) as root:
            owner = _Owner(root, aside)
            owner.take()
            yield
            owner.give_back()
    finally:
        store.store.remove_tree(scratch.name)


class _Owner:
    def __init__(self, root: Folder, aside: Folder) -> None:
        self._root = root
        self._aside = aside
        self._folders: list[_Folder] = []
        self._method: LinkMethod | None = None

    def take(self) -> None:
        """Replace shared files by copies; each name is one of the two at any moment."""
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
                            if path or entry.name not in STAYING:
                                waiting.append(start + entry.name)
                        elif _is_shared(status := entry.stat(follow_symlinks=False)):
                            shared.append((entry.name, status))
                if shared:
                    self._take_folder(path, folder, shared)
        self._let_time_pass()

    def give_back(self) -> None:
        """Put the originals of untouched copies back in their places."""
        for taken in self._folders:
            with contextlib.suppress(FileNotFoundError, NotADirectoryError, PermissionError):
                self._give_folder_back(taken)

    def _take_folder(
        self, path: str, folder: Folder, shared: list[tuple[str, os.stat_result]]
    ) -> None:
        number = str(len(self._folders))
        self._aside.make_directory(number, 0o700)
        copies: dict[str, _Identity | None] = {}
        with self._aside.child(number) as aside:
            for name, status in shared:
                with contextlib.suppress(FileNotFoundError):  # a program removed it meanwhile
                    if _hold(name, folder, aside):
                        copies[name] = self._replace(name, folder, aside, status)
                    else:
                        self._replace(name, folder, folder, status)
            self._folders.append(_Folder(path, folder.own_status(), number, copies))

    def _replace(
        self, name: str, folder: Folder, original: Folder, status: os.stat_result
    ) -> _Identity | None:
        """Put a copy in the place of a file; one that cannot be read is taken out of sight."""
        copy = self._aside.at("copy")
        source = f"{original.path}/{name}"
        try:
            text = original.link_text(name) if stat.S_ISLNK(status.st_mode) else None
            if text is not None:
                self._aside.symbolic_link(text, "copy")
            else:
                self._method = self._method or LinkProbe(_COPIES).best_method(source, self._aside)
                link_or_copy_file(source, copy, self._method, directory=self._aside.descriptor)
        except PermissionError:
            folder.remove_file(name)
            return None
        if status.st_uid and os.geteuid() == 0:
            owner = (status.st_uid, status.st_gid)
            operations.set_owner(copy, *owner, directory=self._aside.descriptor)
        self._aside.rename("copy", folder, name)
        return _identity_of(name, folder)

    def _let_time_pass(self) -> None:
        """Wait until the clock of the file system shows a change as one."""
        latest = max(
            (copy[-1] for folder in self._folders for copy in folder.copies.values() if copy),
            default=0,
        )
        while latest and self._aside.touch() <= latest:
            time.sleep(0.001)

    def _give_folder_back(self, taken: _Folder) -> None:
        with self._folder_again(taken) as folder, self._aside.child(taken.aside) as aside:
            if not os.path.samestat(folder.own_status(), taken.status):
                return  # another folder has its name: what is in it was not here
            for name, copy in taken.copies.items():
                if _identity_of(name, folder) == copy:
                    aside.rename(name, folder, name)

    def _folder_again(self, taken: _Folder) -> Folder:
        """Open a folder where it was. Raises FileNotFoundError where a link has its place."""
        try:
            return self._root.folder(taken.path)
        except OSError as error:
            if error.errno != errno.ELOOP:
                raise
            raise FileNotFoundError(taken.path) from error


def _hold(name: str, folder: Folder, aside: Folder) -> bool:
    """Give a file a second name; False where it cannot have one, and so is not to come back."""
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
