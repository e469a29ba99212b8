"""Write the files of an environment that contain its path for another path; most do not.

The records show which files contain the path: those with a placeholder, and generated commands.
Files without a record are searched for it where pip puts scripts and path files. See
:mod:`minicon.prefix.link.path_replacement` for how a file is rewritten.
"""

from __future__ import annotations

import os
import stat
import sys
from pathlib import Path
from typing import NamedTuple

from minicon.constants import CONDA_META, STATE
from minicon.errors import PrefixError
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.prefix.environment.prefix_location import is_environment, unmovable_entries
from minicon.prefix.link.path_replacement import Relocation, relocate_again, replace_path
from minicon.prefix.link.relocate import codesign_command
from minicon.prefix.link.rewritten_records import (
    Rewritten,
    updated_record,
    updated_wheel_record,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.fs.folder_tree import FolderTree
    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix

#: Larger files without a record are data, not scripts.
LARGEST_SCRIPT = 1024 * 1024
#: How the path of a wheel's list of files ends.
WHEEL_RECORD = ".dist-info/RECORD"
_PATH_FILES = (".pth", ".egg-link", "direct_url.json")


class ListedFolder(NamedTuple):
    """One directory of an environment.

    Attributes:
        path: Relative to the environment; empty for the environment itself.
        mode: Its permissions.
        files: Names of regular files.
        others: Names of links and the like.
    """

    path: str
    mode: int
    files: list[str]
    others: list[str]

    @property
    def start(self) -> str:
        """What the paths of its entries begin with."""
        return f"{self.path}/" if self.path else ""


def list_folders(source: Path) -> list[ListedFolder]:
    """List the directories of an environment, parents first. Costs about 1 µs per file.

    Raises:
        PrefixError: ``holds-environments``.
    """
    excluded = unmovable_entries(source)
    folders = [ListedFolder("", 0o755, [], [])]
    for folder in folders:  # grows while it is walked
        with os.scandir(f"{source}/{folder.path}") as entries:
            for entry in entries:
                if not folder.path and entry.name in excluded:
                    continue
                if entry.is_file(follow_symlinks=False):
                    folder.files.append(entry.name)
                elif not entry.is_dir(follow_symlinks=False):
                    folder.others.append(entry.name)
                else:
                    _refuse_environment(source, folder, entry.name)
                    mode = stat.S_IMODE(entry.stat().st_mode) | 0o700
                    folders.append(ListedFolder(folder.start + entry.name, mode, [], []))
    return folders


def _refuse_environment(source: Path, folder: ListedFolder, name: str) -> None:
    if folder.path and name == CONDA_META and is_environment(source / folder.path):
        raise PrefixError(
            "holds-environments",
            f"{source} cannot be moved or copied: it contains another environment,"
            f" {source / folder.path}",
            hint="move the inner environment elsewhere (minicon rename)",
        )


def write_relocated(
    prefix: Prefix,
    folders: Iterable[ListedFolder],
    target: FolderTree,
    relocation: Relocation,
    files: Mapping[str, bytes],
    *,
    owned: frozenset[str] | None = None,
) -> set[str]:
    """Write all files that differ at another path, records included, into an empty tree.

    Costs reading and writing those files.

    Args:
        prefix: The environment, or one of its generations.
        folders: All of its directories.
        target: Where to write.
        relocation: The change of path.
        files: Further files with a new content, by path.
        owned: Paths of packages: then every other file is searched for the path, such as results
            of link scripts. None keeps the files of the user as they are.

    Returns:
        The paths that were written.

    Raises:
        PrefixError: The new path is too long for a binary file.
        OSError: Disk full and the like.
    """
    rewriter = _Rewriter(prefix, target, relocation, owned)
    for folder in folders:
        rewriter.write_links(folder)
        rewriter.write_files(folder)
    rewriter.write_records()
    for path, data in files.items():
        rewriter.write(path, data)
    return rewriter.written | rewriter.files.keys()


class _Rewriter:
    """Writes the changed files of one environment.

    Attributes:
        files: Hash and size of regular files by path.
        written: Paths of the others: links and records.
    """

    def __init__(
        self,
        prefix: Prefix,
        target: FolderTree,
        relocation: Relocation,
        owned: frozenset[str] | None,
    ) -> None:
        self._owned = owned
        self._prefix = prefix
        self._target = target
        self._relocation = relocation
        self._entries: dict[str, dict[str, PathsEntry]] = {}
        for record in prefix.readable_records():
            for path, entry in prefix.entries_of(record, record.paths_with_prefix).items():
                parent, _, name = path.rpartition("/")
                self._entries.setdefault(parent, {})[name] = entry
        self.files: dict[str, Rewritten] = {}
        self.written: set[str] = set()

    def write_links(self, folder: ListedFolder) -> None:
        """Replace absolute links into the environment by links into the new one."""
        old = self._relocation.old
        for name in folder.others:
            path = f"{self._prefix.path}/{folder.start}{name}"
            text = os.readlink(path) if os.path.islink(path) else ""
            if text == old or text.startswith(f"{old}/"):
                into = self._target.folder(folder.path)
                into.symbolic_link(self._relocation.new + text[len(old) :], name)
                self.written.add(folder.start + name)

    def write_files(self, folder: ListedFolder) -> None:
        """Rewrite the files of a directory that contain the path."""
        entries = self._entries.get(folder.path, {})
        names = dict.fromkeys(names_without_entry(folder.path, folder.files))
        if entries:
            names |= dict.fromkeys(name for name in folder.files if name in entries)
        if self._owned is not None and not folder.start.startswith(f"{CONDA_META}/"):
            others = (name for name in folder.files if folder.start + name not in self._owned)
            names |= dict.fromkeys(others)
        for name in names:
            self._write_file(folder.start + name, entries.get(name))

    def _write_file(self, path: str, entry: PathsEntry | None) -> None:
        source = f"{self._prefix.path}/{path}"
        data = _rewritten(source, entry, self._relocation)
        if data is None:
            return
        status = os.stat(source)
        # Activation files are outdated by a newer state, whose variables they contain.
        modified_ns = None if path == STATE else status.st_mtime_ns
        folder, name = self._target.parent_of(path)
        folder.create_file(name, data, stat.S_IMODE(status.st_mode), modified_ns=modified_ns)
        digest, written = sha256_of(data), f"{folder.path}/{name}"
        command = codesign_command(written, self._relocation.subdir, sys.platform)
        if command and entry is not None and entry.file_mode == "binary":
            import subprocess

            subprocess.run(command, capture_output=True, check=False)
            digest = sha256_of_file(written)
        self.files[path] = Rewritten(digest, os.stat(written).st_size)

    def write_records(self) -> None:
        """Update hashes and sizes of rewritten files in their records."""
        for record in self._prefix.readable_records():
            if self.files.keys().isdisjoint(record.files):
                continue
            self._write_wheel_record(record)
            path = f"{CONDA_META}/{record.file_name}"
            before = (self._prefix.path / path).read_bytes()
            pieces = updated_record(before, self._prefix.path_mapping(record), self.files)
            folder, name = self._target.parent_of(path)
            folder.create_file_from(name, pieces)
            self.written.add(path)

    def _write_wheel_record(self, record: PrefixRecord) -> None:
        """Update the hashes of rewritten files in a wheel's ``RECORD``, and add its own."""
        name = next((path for path in record.files if path.endswith(WHEEL_RECORD)), "")
        source = self._prefix.path / name
        if not name or not source.is_file():
            return
        before = source.read_bytes()
        data = updated_wheel_record(before, name, self.files)
        if data != before:
            self.write(name, data)
            self.files[name] = Rewritten(sha256_of(data), len(data))

    def write(self, path: str, data: bytes) -> None:
        """Write a file whose hash is not recorded."""
        folder, name = self._target.parent_of(path)
        folder.create_file(name, data)
        self.written.add(path)


def _rewritten(path: str, entry: PathsEntry | None, relocation: Relocation) -> bytes | None:
    """The new content of a file, if it contains the path; else None."""
    if entry is not None and entry.prefix_placeholder:
        new = relocate_again(data := Path(path).read_bytes(), entry, relocation)
        return None if new == data else new
    if os.stat(path).st_size > LARGEST_SCRIPT:
        return None
    data = Path(path).read_bytes()
    if b"\0" in data or relocation.old.encode() not in data:
        return None
    new = replace_path(data, relocation)
    return None if new == data else new


def names_without_entry(folder: str, files: list[str]) -> list[str]:
    """Files that may contain the path without a record of it, as some do that pip writes."""
    if folder in ("bin", "Scripts"):
        return files
    if folder == CONDA_META:
        return [name for name in ("state", "pinned") if name in files]
    if folder.startswith(f"{CONDA_META}/"):
        return []
    found = ["pyvenv.cfg"] if "pyvenv.cfg" in files else []
    if folder.endswith(("site-packages", ".dist-info")):
        found += [name for name in files if name.endswith(_PATH_FILES)]
    return found
