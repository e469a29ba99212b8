"""Copy a whole environment for another path.

Only files that contain the path are rewritten; all others are hard-linked (to move) or copied,
sharing blocks where the file system supports it (to clone).

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

from minicon.constants import CONDA_META
from minicon.errors import PrefixError
from minicon.fs.clone import LinkMethod, link_or_copy_file
from minicon.fs.folder_tree import FolderTree
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.models.package_files import PathType
from minicon.models.prefix_record import without_secrets_in
from minicon.models.reporter import SilentTask
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import is_environment, unmovable_entries
from minicon.prefix.link.link import link_or_copy
from minicon.prefix.link.path_replacement import Relocation, relocate_again, replace_path
from minicon.prefix.link.relocate import codesign_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.fs.folder import Folder
    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.reporter import Task

#: Larger files without a record are data, not scripts.
_LARGEST_SCRIPT = 1024 * 1024
_GENERATED = (PathType.UNIX_ENTRY_POINT, PathType.WINDOWS_ENTRY_POINT_SCRIPT)


def copy_relocated(
    source: Path, target: Folder, relocation: Relocation, task: Task | None = None
) -> None:
    """Fill an empty directory with a copy of an environment for another path.

    Costs one system call per file, and reading and writing those that contain the path.

    Args:
        source: The tree to copy: an environment, or one of its generations.
        target: An empty directory.
        relocation: The change of path.
        task: Advanced by one for every file.

    Raises:
        PrefixError: The new path is too long for a binary file, or other environments are inside
            this one.
        OSError: Disk full and the like.
    """
    prefix = Prefix(source)
    entries: dict[str, PathsEntry] = {}
    for record in prefix.readable_records():
        entries.update(prefix.entries_of(record))
    owned = prefix.owned_files()
    hashes: dict[str, str] = {}
    task = task or SilentTask()
    with FolderTree(source, make=False) as old, FolderTree(target) as new:
        files, others = _walk(source, new)
        for relative in files:
            task.advance(1)
            entry, is_owned = entries.get(relative), relative in owned
            data = None
            if _may_contain_path(relative, entry, owned=is_owned):
                data = _rewritten(f"{source}/{relative}", entry, relocation)
            if data is not None:
                status = os.stat(f"{source}/{relative}")
                hashes[relative] = _write(status, new, relative, data, entry, relocation)
                continue
            folder, name = old.parent_of(relative)
            target_folder = new.folder(relative.rpartition("/")[0])
            may_share = relocation.share_packages and is_owned
            if relocation.share or (may_share and _is_shared(folder, name)):
                link_or_copy(folder, name, target_folder, name)
            else:
                path, into = f"{folder.path}/{name}", target_folder.descriptor
                link_or_copy_file(path, target_folder.at(name), LinkMethod.REFLINK, directory=into)
        for relative in others:
            task.advance(1)
            folder, name = old.parent_of(relative)
            link_or_copy(folder, name, *new.parent_of(relative))
            _rewrite_link(*new.parent_of(relative), relocation)
        _rewrite_records(prefix, new, hashes)


def _is_shared(folder: Folder, name: str) -> bool:
    """Whether a file has further names, in the package cache or other environments."""
    status = folder.status(name)
    return status is not None and status.st_nlink > 1


def _write(
    status: os.stat_result,
    target: FolderTree,
    relative: str,
    data: bytes,
    entry: PathsEntry | None,
    relocation: Relocation,
) -> str:
    """Write a file with its previous mode and time; returns its hash."""
    folder, name = target.parent_of(relative)
    mode = stat.S_IMODE(status.st_mode)
    folder.create_file(name, data, mode, modified_ns=status.st_mtime_ns)
    path = f"{folder.path}/{name}"
    command = codesign_command(path, relocation.subdir, sys.platform)
    if command and entry is not None and entry.file_mode == "binary":
        subprocess.run(command, capture_output=True, check=False)
        return sha256_of_file(path)
    return sha256_of(data)


def _walk(source: Path, target: FolderTree) -> tuple[list[str], list[str]]:
    """Create all directories; returns the paths of files, and of all else: links and the like."""
    files: list[str] = []
    others: list[str] = []
    excluded = unmovable_entries(source)
    waiting = [""]
    for start in waiting:  # grows while it is walked
        with os.scandir(f"{source}/{start}") as entries:
            for entry in entries:
                if not start and entry.name in excluded:
                    continue
                if entry.is_file(follow_symlinks=False):
                    files.append(start + entry.name)
                elif not entry.is_dir(follow_symlinks=False):
                    others.append(start + entry.name)
                else:
                    _refuse_environment(source, start, entry)
                    mode = stat.S_IMODE(entry.stat().st_mode)
                    target.make_folder(start + entry.name, mode | 0o700)
                    waiting.append(f"{start}{entry.name}/")
    return files, others


def _refuse_environment(source: Path, start: str, entry: os.DirEntry[str]) -> None:
    if start and entry.name == CONDA_META and is_environment(source / start):
        raise PrefixError(
            "holds-environments",
            f"{source} cannot be moved or copied: it contains another environment,"
            f" {source / start}",
            hint="move the inner environment elsewhere (minicon rename)",
        )


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


def _may_contain_path(relative: str, entry: PathsEntry | None, *, owned: bool) -> bool:
    """Whether a file may contain the path, as some without a placeholder do that pip writes."""
    if entry is not None and (entry.prefix_placeholder or entry.path_type in _GENERATED):
        return True
    folder, _, name = relative.rpartition("/")
    if relative.startswith(f"{CONDA_META}/"):
        return name in ("state", "pinned") and not owned
    if folder in ("bin", "Scripts") or name == "pyvenv.cfg":
        return True
    installed = folder.endswith(("site-packages", ".dist-info"))
    return installed and name.endswith((".pth", ".egg-link", "direct_url.json"))


def _rewrite_link(folder: Folder, name: str, relocation: Relocation) -> None:
    """Replace an absolute link into the environment by one into the new one."""
    text = folder.link_text(name)
    old = relocation.old
    if text is not None and (text == old or text.startswith(f"{old}/")):
        folder.remove_file(name)
        folder.symbolic_link(relocation.new + text[len(old) :], name)


def _rewrite_records(prefix: Prefix, target: FolderTree, hashes: Mapping[str, str]) -> None:
    """Update hashes and sizes of rewritten files in their records."""
    for record in prefix.readable_records():
        if not any(path in hashes for path in record.files):
            continue
        changed = {**hashes, **_rewrite_wheel_record(record, target, hashes)}
        in_prefix = {entry.path: path for path, entry in prefix.entries_of(record).items()}
        folder, name = target.parent_of(f"{CONDA_META}/{record.file_name}")
        data = without_secrets_in(read_json(folder.read_file(name)))
        for entry in (data.get("paths_data") or {}).get("paths") or ():
            path = in_prefix.get(entry.get("_path"), "")
            if path not in changed:
                continue
            key = "sha256_in_prefix" if "sha256_in_prefix" in entry else "sha256"
            entry[key] = changed[path]
            if "prefix_placeholder" not in entry and "size_in_bytes" in entry:
                entry["size_in_bytes"] = _size(target, path)
        folder, name = target.parent_of(f"{CONDA_META}/{record.file_name}")
        folder.replace_file(name, json.dumps(data).encode(), durable=False)


def _rewrite_wheel_record(
    record: PrefixRecord, target: FolderTree, hashes: Mapping[str, str]
) -> dict[str, str]:
    """Update the hashes of rewritten files in a wheel's ``RECORD``, which pip checks.

    Returns:
        Path and hash of ``RECORD``, if it changed.
    """
    name = next((path for path in record.files if path.endswith(".dist-info/RECORD")), None)
    if name is None or target.status(name) is None:
        return {}
    site_packages = name.rpartition("/")[0].rpartition("/")[0]
    folder, own_name = target.parent_of(name)
    before = folder.read_file(own_name)
    lines = before.decode("utf-8", "surrogateescape").split("\n")
    for index, line in enumerate(lines):
        path, _, rest = line.partition(",")
        inside = os.path.normpath(f"{site_packages}/{path}").replace(os.sep, "/")
        if inside in hashes and rest.startswith("sha256="):
            digest = urlsafe_b64encode(bytes.fromhex(hashes[inside])).rstrip(b"=").decode()
            size = _size(target, inside) if rest.rpartition(",")[2] else ""
            lines[index] = f"{path},sha256={digest},{size}"
    data = "\n".join(lines).encode("utf-8", "surrogateescape")
    if data == before:
        return {}
    folder, own_name = target.parent_of(name)
    folder.replace_file(own_name, data, durable=False)
    return {name: sha256_of(data)}


def _size(tree: FolderTree, path: str) -> int:
    status = tree.status(path)
    return status.st_size if status else 0
