"""Folder: an open directory, and file operations below it that no symbolic link can redirect.

A path is resolved again at every call, and anyone who can write to one of its directories can
insert a link between two calls. A descriptor always refers to the same directory. So the path of
an environment is resolved once, at the border, and below it every component is opened by name
without following links::

    with Folder.open(prefix) as folder:                 # the border: links are followed
        folder.replace_file("conda-meta/state", data)   # below it: no links are followed

On systems without directory descriptors (Windows), the same methods use paths and check them for
links first.
"""

from __future__ import annotations

import contextlib
import errno
import os
import stat

from minicon.closing import Closing
from minicon.fs import operations
from minicon.fs.plain_file import open_plain_file, read_plain_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minicon.fs.operations import PathText

#: Whether the system supports operations relative to directory descriptors.
_HAS_DESCRIPTORS = {os.open, os.mkdir, os.link, os.symlink, os.rename} <= os.supports_dir_fd
_NO_FOLLOW = getattr(os, "O_NOFOLLOW", 0)
_OPEN = os.O_RDONLY | getattr(os, "O_DIRECTORY", 0) | getattr(os, "O_CLOEXEC", 0)
#: For a directory that can be traversed but not listed.
_PASS = getattr(os, "O_PATH", 0)
#: Largest file that is read at once, in bytes; records of very large packages are far smaller.
_READ_LIMIT = 1 << 30
#: An invalid descriptor; None would mean that names are paths.
_CLOSED = -1
_NO_NAMES = frozenset({"", ".", ".."})


class Folder(Closing):
    """An open directory. A context manager, and a path-like object.

    Methods take relative paths with forward slashes, of which no component can be a link. All
    methods raise OSError; with ``ELOOP`` and the link's path if a component is a link.

    Attributes:
        path: Path when it was opened, for messages and for reading.
        descriptor: Directory descriptor; None if the system does not support it.
    """

    __slots__ = ("descriptor", "path")

    def __init__(self, path: str, descriptor: int | None) -> None:
        self.path = path
        self.descriptor = descriptor

    @classmethod
    def open(cls, path: PathText) -> Folder:
        """Open a directory by its path, following links, or duplicate an open folder."""
        text = os.fspath(path)
        if not _HAS_DESCRIPTORS:
            return cls(text, None)
        if isinstance(path, Folder) and path.descriptor is not None:
            return cls(text, os.dup(path.descriptor))
        try:
            return cls(text, os.open(text, _OPEN))
        except PermissionError:
            return cls(text, _pass(text, _OPEN, None))

    def close(self) -> None:
        """Close the descriptor. May be called more than once."""
        if self.descriptor not in (None, _CLOSED):
            os.close(self.descriptor)
            self.descriptor = _CLOSED

    def __fspath__(self) -> str:
        return self.path

    def at(self, name: str) -> str:
        """The path to pass for an entry, together with :attr:`descriptor`."""
        return name if self.descriptor is not None else os.path.join(self.path, name)

    def child(self, name: str) -> Folder:
        """Open a subdirectory. Raises OSError, also if it is a link or file."""
        path = f"{self.path}/{name}"
        if name in _NO_NAMES:
            raise OSError(errno.EINVAL, f"{path} is not below {self.path}")
        if self.descriptor is None:
            self._refuse_link(name, path)
            os.scandir(path).close()  # raises the same errors as opening
            return Folder(path, None)
        try:
            return Folder(path, os.open(name, _OPEN | _NO_FOLLOW, dir_fd=self.descriptor))
        except PermissionError:
            return Folder(path, _pass(name, _OPEN | _NO_FOLLOW, self.descriptor))
        except OSError as error:
            if error.errno in (errno.ELOOP, errno.ENOTDIR):
                self._refuse_link(name, path)
            raise

    def folder(self, relative: str, *, make: bool = False) -> Folder:
        """Open a directory below this one; with ``make``, create missing ones."""
        folder = Folder.open(self)
        for name in relative.split("/") if relative else ():
            with folder:
                if make:
                    folder._make(name)
                folder = folder.child(name)
        return folder

    def own_status(self) -> os.stat_result:
        """``os.stat`` of the folder itself."""
        return os.stat(self.at("."), dir_fd=self.descriptor)

    def status(self, relative: str) -> os.stat_result | None:
        """``os.lstat`` of an entry; None if it does not exist."""
        try:
            with self._parent(relative) as (folder, name):
                return os.stat(folder.at(name), dir_fd=folder.descriptor, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return None

    def is_folder(self, relative: str) -> bool:
        """Whether an entry is a directory, not a link to one."""
        status = self.status(relative)
        return status is not None and stat.S_ISDIR(status.st_mode)

    def scan(self) -> contextlib.AbstractContextManager[Iterator[os.DirEntry[str]]]:
        """As :func:`os.scandir`; the paths of the entries are not usable."""
        return os.scandir(self.path if self.descriptor is None else self.descriptor)

    def entries(self) -> tuple[list[str], list[str]]:
        """Names of its directories, and of all other entries: files and links."""
        folders: list[str] = []
        names: list[str] = []
        with self.scan() as entries:
            for entry in entries:
                (folders if entry.is_dir(follow_symlinks=False) else names).append(entry.name)
        return folders, names

    def read_file(self, relative: str, limit: int = _READ_LIMIT) -> bytes:
        """As :func:`minicon.fs.plain_file.read_plain_file`; ``ELOOP`` for a link."""
        with self._parent(relative) as (folder, name), folder._naming_links(name):
            return read_plain_file(folder.at(name), limit, directory=folder.descriptor)

    def open_plain(self, name: str) -> int:
        """As :func:`minicon.fs.plain_file.open_plain_file`; ``ELOOP`` for a link."""
        with self._naming_links(name):
            return open_plain_file(self.at(name), directory=self.descriptor)

    def link_text(self, name: str) -> str | None:
        """The target of a symbolic link; None for another kind of file."""
        try:
            return os.readlink(self.at(name), dir_fd=self.descriptor)
        except OSError as error:
            if error.errno != errno.EINVAL:
                raise
            return None

    def create_file(
        self, relative: str, data: bytes, mode: int = 0o644, *, modified_ns: int | None = None
    ) -> None:
        """As :func:`operations.create_file`."""
        with self._parent(relative) as (folder, name):
            operations.create_file(
                folder.at(name), data, mode, directory=folder.descriptor, modified_ns=modified_ns
            )

    def create_file_from(self, name: str, chunks: Iterable[bytes]) -> None:
        """As :func:`operations.create_file_from`."""
        operations.create_file_from(chunks, self.at(name), directory=self.descriptor)

    def replace_file(
        self,
        relative: str,
        data: bytes | Iterable[bytes],
        mode: int = 0o644,
        *,
        durable: bool = True,
        modified_ns: int | None = None,
    ) -> None:
        """As :func:`operations.replace_file`; a link of that name is replaced."""
        with self._parent(relative) as (folder, name):
            operations.replace_file(
                folder.at(name),
                data,
                mode,
                directory=folder.descriptor,
                durable=durable,
                modified_ns=modified_ns,
            )

    def append_file(self, relative: str, data: bytes) -> None:
        """As :func:`operations.append_file`."""
        with self._parent(relative) as (folder, name), folder._naming_links(name):
            operations.append_file(folder.at(name), data, directory=folder.descriptor)

    def symbolic_link(self, text: str, name: str) -> None:
        """As :func:`operations.symbolic_link`."""
        operations.symbolic_link(text, self.at(name), directory=self.descriptor)

    def hard_link(self, name: str, target: Folder, target_name: str) -> None:
        """As :func:`operations.hard_link`, from this folder into the same or another one."""
        operations.hard_link(
            self.at(name),
            target.at(target_name),
            source_directory=self.descriptor,
            target_directory=target.descriptor,
        )

    def make_directory(self, name: str, mode: int = 0o755) -> None:
        """Create a subdirectory. Raises FileExistsError."""
        operations.make_directory_at(self.descriptor, self.at(name), mode)

    def rename(self, name: str, target: Folder, target_name: str) -> None:
        """As :func:`operations.rename`, from this folder into the same or another one."""
        operations.rename(
            self.at(name),
            target.at(target_name),
            source_directory=self.descriptor,
            target_directory=target.descriptor,
        )

    def exchange(self, name: str, other: Folder, other_name: str) -> bool:
        """As :func:`operations.exchange`, for an entry of this folder and one of another."""
        return operations.exchange(
            self.at(name),
            other.at(other_name),
            first_directory=self.descriptor,
            second_directory=other.descriptor,
        )

    def set_mode(self, name: str, mode: int) -> None:
        """As :func:`operations.set_mode`."""
        operations.set_mode(self.at(name), mode, directory=self.descriptor)

    def touch(self) -> int:
        """As :func:`operations.touch`, for the folder itself."""
        return operations.touch(self.at("."), directory=self.descriptor)

    def remove_file(self, relative: str) -> None:
        """As :func:`operations.remove_file`."""
        with self._parent(relative) as (folder, name):
            operations.remove_file(folder.at(name), directory=folder.descriptor)

    def remove_directory(self, relative: str) -> None:
        """As :func:`operations.remove_directory`."""
        with self._parent(relative) as (folder, name):
            operations.remove_directory(folder.at(name), directory=folder.descriptor)

    def remove_tree(self, name: str) -> None:
        """As :func:`minicon.fs.remove.remove_tree`."""
        from minicon.fs.remove import remove_tree

        remove_tree(self.at(name), directory=self.descriptor)

    @contextlib.contextmanager
    def _parent(self, relative: str) -> Iterator[tuple[Folder, str]]:
        """Open the parent directory of an entry; yield it and the entry's name."""
        parent, _, name = relative.rpartition("/")
        if name in _NO_NAMES:
            raise OSError(errno.EINVAL, f"{self.path}/{relative} is not below {self.path}")
        if not parent:
            yield self, name
            return
        with self.folder(parent) as folder:
            yield folder, name

    @contextlib.contextmanager
    def _naming_links(self, name: str) -> Iterator[None]:
        """Name the link in the error if the file is one."""
        try:
            yield
        except OSError as error:
            if error.errno == errno.ELOOP:
                self._refuse_link(name, f"{self.path}/{name}")
            raise

    def _make(self, name: str) -> None:
        if name not in _NO_NAMES and self.status(name) is None:
            with contextlib.suppress(FileExistsError):
                self.make_directory(name)

    def _refuse_link(self, name: str, path: str) -> None:
        status = self.status(name)
        if status is not None and stat.S_ISLNK(status.st_mode):
            raise OSError(errno.ELOOP, f"{path} is a symbolic link", path)


def _pass(path: str, flags: int, directory: int | None) -> int:
    """Open a directory that cannot be listed. Raises OSError if it cannot be traversed either."""
    if not _PASS:
        raise PermissionError(errno.EACCES, os.strerror(errno.EACCES), path)
    return os.open(path, flags | _PASS, dir_fd=directory)
