"""Copy a whole environment for another path.

Only files that contain the path are rewritten; all others are hard-linked (to move) or copied,
sharing blocks where the file system supports it (to clone).
"""

from __future__ import annotations

import os

from minicon.fs.clone import LinkMethod, link_or_copy_file
from minicon.fs.folder_tree import FolderTree
from minicon.prefix.link.link import link_names, link_or_copy
from minicon.prefix.link.relocated_files import list_folders, write_relocated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Mapping

    from minicon.fs.folder import Folder
    from minicon.models.reporter import Task
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.link.path_replacement import Relocation
    from minicon.prefix.link.relocated_files import ListedFolder


def copy_relocated(
    prefix: Prefix,
    target: Folder,
    relocation: Relocation,
    files: Mapping[str, bytes],
    task: Task,
) -> None:
    """Fill an empty directory with a copy of an environment for another path.

    Costs one system call per file (two for a clone), and reading and writing those that contain
    the path.

    Args:
        prefix: The tree to copy: an environment, or one of its generations.
        target: An empty directory.
        relocation: The change of path.
        files: Further files with a new content, by path.
        task: Advanced by one for every file.

    Raises:
        PrefixError: The new path is too long for a binary file, or other environments are inside
            this one.
        OSError: Disk full and the like.
    """
    folders = list_folders(prefix.path)
    owned = frozenset() if relocation.share else prefix.owned_files()
    with FolderTree(prefix.path, make=False) as old, FolderTree(target) as new:
        for folder in folders[1:]:
            new.make_folder(folder.path, folder.mode)
        written = write_relocated(prefix, folders, new, relocation, files)
        touched = {path.rpartition("/")[0] for path in written}
        for folder in folders:
            if folder.path in touched:
                folder = _without(folder, written)
            _copy(folder, old.folder(folder.path), new.folder(folder.path), relocation, owned)
            task.advance(len(folder.files) + len(folder.others))


def _without(folder: ListedFolder, written: Collection[str]) -> ListedFolder:
    start = folder.start
    return folder._replace(
        files=[name for name in folder.files if start + name not in written],
        others=[name for name in folder.others if start + name not in written],
    )


def _copy(
    folder: ListedFolder,
    old: Folder,
    new: Folder,
    relocation: Relocation,
    owned: Collection[str],
) -> None:
    if relocation.share:
        link_names(old, new, [*folder.files, *folder.others])
        return
    shared: list[str] = []
    if relocation.share_packages:
        start = folder.start
        shared = _linked(old, [name for name in folder.files if start + name in owned])
    link_names(old, new, shared)
    for name in {*folder.files}.difference(shared):
        source, into = f"{old.path}/{name}", new.descriptor
        link_or_copy_file(source, new.at(name), LinkMethod.REFLINK, directory=into)
    for name in folder.others:
        link_or_copy(old, name, new, name)


def _linked(folder: Folder, names: Iterable[str]) -> list[str]:
    """Those of some files that have further names, in the package cache or elsewhere."""
    directory = folder.descriptor
    if directory is None:
        return [name for name in names if os.lstat(folder.at(name)).st_nlink > 1]
    return [
        name
        for name in names
        if os.stat(name, dir_fd=directory, follow_symlinks=False).st_nlink > 1
    ]
