"""Write the files of an environment that contain its path for another path; most do not.

The records show which files contain the path: those with a placeholder, and generated commands.
Files without a record are searched for it where pip puts scripts and path files. See
:mod:`minicon.prefix.link.path_replacement` for how a file is rewritten.
"""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path
from typing import NamedTuple

from minicon.constants import CONDA_META, STATE
from minicon.errors import PrefixError
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.models.prefix_record import without_secrets_in
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix_location import is_environment, unmovable_entries
from minicon.prefix.link.path_replacement import Relocation, relocate_again, replace_path
from minicon.prefix.link.relocate import codesign_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.fs.folder_tree import FolderTree
    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix

#: Larger files without a record are data, not scripts.
_LARGEST_SCRIPT = 1024 * 1024
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
) -> set[str]:
    """Write all files that differ at another path, records included, into an empty tree.

    Costs reading and writing those files.

    Args:
        prefix: The environment, or one of its generations.
        folders: All of its directories.
        target: Where to write.
        relocation: The change of path.
        files: Further files with a new content, by path.

    Returns:
        The paths that were written.

    Raises:
        PrefixError: The new path is too long for a binary file.
        OSError: Disk full and the like.
    """
    rewriter = _Rewriter(prefix, target, relocation)
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

    def __init__(self, prefix: Prefix, target: FolderTree, relocation: Relocation) -> None:
        self._prefix = prefix
        self._target = target
        self._relocation = relocation
        self._entries: dict[str, dict[str, PathsEntry]] = {}
        for record in prefix.readable_records():
            for path, entry in prefix.entries_of(record, record.paths_with_prefix).items():
                parent, _, name = path.rpartition("/")
                self._entries.setdefault(parent, {})[name] = entry
        self.files: dict[str, tuple[str, int]] = {}
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
        names = dict.fromkeys(_without_entry(folder.path, folder.files))
        if entries:
            names |= dict.fromkeys(name for name in folder.files if name in entries)
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
            subprocess.run(command, capture_output=True, check=False)
            digest = sha256_of_file(written)
        self.files[path] = digest, os.stat(written).st_size

    def write_records(self) -> None:
        """Update hashes and sizes of rewritten files in their records."""
        for record in self._prefix.readable_records():
            if self.files.keys().isdisjoint(record.files):
                continue
            changed = {**self.files, **self._write_wheel_record(record)}
            in_prefix = {e.path: path for path, e in self._prefix.entries_of(record).items()}
            path = f"{CONDA_META}/{record.file_name}"
            data = without_secrets_in(read_json((self._prefix.path / path).read_bytes()))
            for entry in (data.get("paths_data") or {}).get("paths") or ():
                found = changed.get(in_prefix.get(entry.get("_path"), ""))
                if found is not None:
                    key = "sha256_in_prefix" if "sha256_in_prefix" in entry else "sha256"
                    entry[key] = found[0]
                    if "prefix_placeholder" not in entry and "size_in_bytes" in entry:
                        entry["size_in_bytes"] = found[1]
            self.write(path, json.dumps(data).encode())

    def _write_wheel_record(self, record: PrefixRecord) -> Mapping[str, tuple[str, int]]:
        """Update the hashes of rewritten files in a wheel's ``RECORD``, which pip checks.

        Returns:
            Its path, hash and size, if it changed.
        """
        name = next((path for path in record.files if path.endswith(".dist-info/RECORD")), "")
        source = self._prefix.path / name
        if not name or not source.is_file():
            return {}
        before = source.read_bytes()
        site_packages = name.rpartition("/")[0].rpartition("/")[0]
        lines = before.decode("utf-8", "surrogateescape").split("\n")
        lines = [_with_hash(line, site_packages, self.files) for line in lines]
        data = "\n".join(lines).encode("utf-8", "surrogateescape")
        if data == before:
            return {}
        self.write(name, data)
        return {name: (sha256_of(data), len(data))}

    def write(self, path: str, data: bytes) -> None:
        """Write a file whose hash is not recorded."""
        folder, name = self._target.parent_of(path)
        folder.create_file(name, data)
        self.written.add(path)


def _with_hash(line: str, site_packages: str, files: Mapping[str, tuple[str, int]]) -> str:
    """A line of ``RECORD`` with the new hash, and size if it had one, of a rewritten file."""
    path, _, rest = line.partition(",")
    inside = os.path.normpath(f"{site_packages}/{path}").replace(os.sep, "/")
    if inside not in files or not rest.startswith("sha256="):
        return line
    digest = urlsafe_b64encode(bytes.fromhex(files[inside][0])).rstrip(b"=").decode()
    size = files[inside][1] if rest.rpartition(",")[2] else ""
    return f"{path},sha256={digest},{size}"


def _rewritten(path: str, entry: PathsEntry | None, relocation: Relocation) -> bytes | None:
    """The new content of a file, if it contains the path; else None."""
    if entry is not None and entry.prefix_placeholder:
        new = relocate_again(data := Path(path).read_bytes(), entry, relocation)
        return None if new == data else new
    if os.stat(path).st_size > _LARGEST_SCRIPT:
        return None
    data = Path(path).read_bytes()
    if b"\0" in data or relocation.old.encode() not in data:
        return None
    new = replace_path(data, relocation)
    return None if new == data else new


def _without_entry(folder: str, files: list[str]) -> list[str]:
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
