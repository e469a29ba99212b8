"""Install a cached file into an environment: as a reflink, a hard link, or a copy.

A reflink shares disk blocks until one of the files is changed, so an edit in an environment never
changes the cache; it is preferred. A hard link is fastest. A copy always works.
"""

from __future__ import annotations

import contextlib
import enum
import errno
import os

from minicon.fs import operations
from minicon.fs.folder import Folder

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from os import PathLike

    PathText = str | PathLike[str]

#: Errors of hard links after which a copy can still work: other file system, not permitted, too
#: many links, not supported.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class LinkMethod(enum.Enum):
    """Ways to install a file from the cache into an environment, best first."""

    REFLINK = "reflink"
    HARD_LINK = "hard link"
    SYMBOLIC_LINK = "symbolic link"
    COPY = "copy"


#: Default methods. Symbolic links break when the cache is cleaned, so they must be configured.
DEFAULT_METHODS = (LinkMethod.REFLINK, LinkMethod.HARD_LINK, LinkMethod.COPY)


class LinkProbe:
    """Finds the best method once per pair of file systems. Use one instance per transaction.

    Args:
        methods: Allowed methods, best first; a copy is always possible.
    """

    def __init__(self, methods: Iterable[LinkMethod] = DEFAULT_METHODS) -> None:
        self._methods = tuple(methods)
        self._known: dict[tuple[int, int], LinkMethod] = {}

    def best_method(self, source: PathText, target_directory: PathText) -> LinkMethod:
        """The best method to install a file into a folder.

        For each new pair of file systems, creates and removes a file in the folder.

        Args:
            source: A regular file, for instance one of the package to install.
            target_directory: A writable folder.

        Raises:
            OSError: One of them does not exist, or the folder is not writable.
        """
        with Folder.open(target_directory) as target:
            pair = (os.stat(source).st_dev, target.own_status().st_dev)
            if pair not in self._known:
                self._known[pair] = self._probe(source, target)
            return self._known[pair]

    def _probe(self, source: PathText, target: Folder) -> LinkMethod:
        for method in self._methods:
            if method in (LinkMethod.COPY, LinkMethod.SYMBOLIC_LINK):
                return method
            name = f".link-probe-{os.urandom(6).hex()}"
            try:
                if _try(method, source, target.at(name), target.descriptor):
                    return method
            finally:
                with contextlib.suppress(FileNotFoundError):
                    target.remove_file(name)
        return LinkMethod.COPY


def link_or_copy_file(
    source: PathText, target: PathText, method: LinkMethod, *, directory: int | None = None
) -> LinkMethod:
    """Create a file by a method; content, permission bits and time are those of the source.

    If the method fails for this file (too many links, a mount point in between), it is copied.

    Args:
        source: A regular file.
        target: Path of the new file, or its name in ``directory``.
        method: Method to try first.
        directory: Descriptor of an open folder.

    Returns:
        The method that was used.

    Raises:
        FileExistsError: ``target`` exists.
        OSError: The file cannot be created.
    """
    if method is LinkMethod.SYMBOLIC_LINK:
        operations.symbolic_link(os.path.abspath(source), target, directory=directory)
        return method
    if method is not LinkMethod.COPY and _try(method, source, target, directory):
        return method
    operations.copy_file(source, target, directory=directory)
    return LinkMethod.COPY


def _try(method: LinkMethod, source: PathText, target: PathText, directory: int | None) -> bool:
    if method is LinkMethod.REFLINK:
        return operations.clone_file(source, target, directory=directory)
    try:
        operations.hard_link(source, target, target_directory=directory)
    except OSError as error:
        if error.errno in _NO_LINK:
            return False
        raise
    return True
