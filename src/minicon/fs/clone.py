"""Putting a cached file into an environment: as a reflink, a hard link, or a copy.

A reflink shares disk blocks until somebody writes, so an edit in one environment never reaches
the cache: it is preferred. A hard link costs least and needs care. A copy always works.
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

#: What a hard link may fail with where a copy still works: other file system, not permitted,
#: too many links, not supported.
_NO_LINK = {errno.EXDEV, errno.EPERM, errno.EMLINK, errno.ENOTSUP, errno.EOPNOTSUPP, errno.ENOSYS}


class LinkMethod(enum.Enum):
    """How a file gets from the cache into an environment, best first."""

    REFLINK = "reflink"
    HARD_LINK = "hard link"
    SYMBOLIC_LINK = "symbolic link"
    COPY = "copy"


#: Tried by default. Symbolic links break when the cache is cleaned, so users must ask for them.
DEFAULT_METHODS = (LinkMethod.REFLINK, LinkMethod.HARD_LINK, LinkMethod.COPY)


class LinkProbe:
    """Finds the best method, once per pair of file systems. Keep one per transaction.

    Args:
        methods: Those that may be used, best first; a copy is always possible.
    """

    def __init__(self, methods: Iterable[LinkMethod] = DEFAULT_METHODS) -> None:
        self._methods = tuple(methods)
        self._known: dict[tuple[int, int], LinkMethod] = {}

    def best_method(self, source: PathText, target_directory: PathText) -> LinkMethod:
        """The best method from where SOURCE lies to a folder.

        Makes and removes one file in the folder, the first time for a pair of file systems.

        Args:
            source: A regular file, for instance one of the package to be linked.
            target_directory: A folder that can be written.

        Raises:
            OSError: Either cannot be reached, or the folder cannot be written.
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


def place_file(
    source: PathText, target: PathText, method: LinkMethod, *, directory: int | None = None
) -> LinkMethod:
    """Make TARGET, which must not exist, the same as the regular file SOURCE.

    With DIRECTORY, TARGET is a name in that open folder.

    Where the method fails for this one file (too many links to it, a mount point in between),
    it is copied. Content, permission bits and modification time are those of SOURCE.

    Returns:
        The method that was used in the end.

    Raises:
        FileExistsError: TARGET exists.
        OSError: The file system refused.
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
