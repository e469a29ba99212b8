"""Relocated copies: a whole environment once more, for another path.

Only files that carry the path are written anew; all others become further names of the same
files (for a move) or copies that share their blocks where the file system can (for a clone).

Which files carry the path is known from the records: those with a placeholder, generated
commands and bytecode's neighbours. What no record owns is looked into where pip puts scripts and
path files. For a file with a placeholder the original is restored first; if its hash is the one
that the package had, the new file is exactly what linking anew would give.
"""

from __future__ import annotations

import json
import os
import posixpath
import stat
import subprocess
import sys
from base64 import urlsafe_b64encode
from pathlib import Path

from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PrefixError
from minicon.fs.clone import LinkMethod, link_or_copy_file
from minicon.fs.folder_tree import FolderTree
from minicon.fs.hashing import sha256_of, sha256_of_file
from minicon.models.package_files import PathType
from minicon.models.prefix_record import without_secrets_in
from minicon.models.reporter import SilentTask
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import STAYING
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

#: Larger files that no record knows of are data, not scripts.
_LARGEST_SCRIPT = 1024 * 1024
_GENERATED = (PathType.UNIX_ENTRY_POINT, PathType.WINDOWS_ENTRY_POINT_SCRIPT)


def copy_relocated(
    source: Path, target: Folder, relocation: Relocation, task: Task | None = None
) -> None:
    """Fill an empty folder with an environment as it has to be at another path.

    Costs one system call per file, and reading and writing those that carry the path.

    Args:
        source: The tree to copy: an environment, or one of its generations.
        target: Empty; nobody sees it yet.
        relocation: What changes.
        task: Told of every file.

    Raises:
        PrefixError: The new path is too long for a binary file, or other environments lie inside
            this one.
        OSError: The disk is full, and the like.
    """
    prefix = Prefix(source)
    entries = {entry.path: entry for r in prefix.readable_records() for entry in r.paths}
    owned = prefix.owned_files()
    hashes: dict[str, str] = {}
    task = task or SilentTask()
    with FolderTree(source, make=False) as old, FolderTree(target) as new:
        paths = _walk(source, new)
        for relative in paths:
            task.advance(1)
            entry = entries.get(relative)
            data = _changed(source, relative, entry, owned=relative in owned, relocation=relocation)
            if data is None:
                of_package = relocation.share_packages and relative in owned
                shared = relocation.share or (of_package and _is_shared(source / relative))
                _carry(*old.place(relative), new.folder(posixpath.dirname(relative)), share=shared)
            else:
                status = (source / relative).stat()
                hashes[relative] = _write(status, new, relative, data, entry, relocation)
        for relative in paths:
            _rewrite_link(*new.place(relative), relocation)
        _rewrite_records(prefix, new, hashes)


def _is_shared(path: Path) -> bool:
    """Whether a file has further names: the package cache's, or other environments'."""
    return path.lstat().st_nlink > 1


def _write(
    status: os.stat_result,
    target: FolderTree,
    relative: str,
    data: bytes,
    entry: PathsEntry | None,
    relocation: Relocation,
) -> str:
    """Write a file anew, with the mode and time it had; returns its hash."""
    folder, name = target.place(relative)
    mode = stat.S_IMODE(status.st_mode)
    folder.create_file(name, data, mode, modified_ns=status.st_mtime_ns)
    path = f"{folder.path}/{name}"
    command = codesign_command(path, relocation.subdir, sys.platform)
    if command and entry is not None and entry.file_mode == "binary":
        subprocess.run(command, capture_output=True, check=False)
        return sha256_of_file(path)
    return sha256_of(data)


def _walk(source: Path, target: FolderTree) -> list[str]:
    """Make all folders; the paths of all files, links to folders included."""
    found: list[str] = []
    for folder, folders, names in os.walk(source):
        relative = os.path.relpath(folder, source).replace(os.sep, "/")
        start = "" if relative == "." else f"{relative}/"
        if not start:
            folders[:] = [name for name in folders if name not in STAYING]
        if start and CONDA_META in folders and Path(folder, HISTORY).exists():
            raise PrefixError(
                "holds-environments",
                f"{source} holds another environment, {folder}: it cannot be moved as a whole",
                hint="move the inner environment elsewhere (minicon rename)",
            )
        for name in list(folders):
            path = Path(folder, name)
            if path.is_symlink():
                folders.remove(name)
                found.append(start + name)
            else:
                mode = stat.S_IMODE(path.stat().st_mode)
                target.make_folder(start + name, mode | 0o700)
        found += [start + name for name in names]
    return found


def _carry(source: Folder, name: str, target: Folder, *, share: bool) -> None:
    status = source.status(name)
    if share or status is None or not stat.S_ISREG(status.st_mode):
        link_or_copy(source, name, target, name)
    else:
        path = f"{source.path}/{name}"
        link_or_copy_file(path, target.at(name), LinkMethod.REFLINK, directory=target.descriptor)


def _changed(
    source: Path,
    relative: str,
    entry: PathsEntry | None,
    *,
    owned: bool,
    relocation: Relocation,
) -> bytes | None:
    """The new content of a file that carries the path; None for all others."""
    path = source / relative
    if path.is_symlink() or not path.is_file():
        return None
    if entry is not None and entry.prefix_placeholder:
        data = path.read_bytes()
        new = relocate_again(data, entry, relocation)
        return None if new == data else new
    generated = entry is not None and entry.path_type in _GENERATED
    if not (generated or _may_carry_path(relative, owned=owned)):
        return None
    if path.stat().st_size > _LARGEST_SCRIPT:
        return None
    data = path.read_bytes()
    if b"\0" in data or relocation.old.encode() not in data:
        return None
    new = replace_path(data, relocation)
    return None if new == data else new


def _may_carry_path(relative: str, *, owned: bool) -> bool:
    """Whether a file without a placeholder may hold the path: what pip and wheels write."""
    folder, _, name = relative.rpartition("/")
    if relative.startswith(f"{CONDA_META}/"):
        return name in ("state", "pinned") and not owned
    if folder in ("bin", "Scripts") or name == "pyvenv.cfg":
        return True
    installed = folder.endswith(("site-packages", ".dist-info"))
    return installed and name.endswith((".pth", ".egg-link", "direct_url.json"))


def _rewrite_link(folder: Folder, name: str, relocation: Relocation) -> None:
    """An absolute link into the environment leads into the new one."""
    text = folder.link_text(name)
    old = relocation.old
    if text is not None and (text == old or text.startswith(f"{old}/")):
        folder.remove_file(name)
        folder.symbolic_link(relocation.new + text[len(old) :], name)


def _rewrite_records(prefix: Prefix, target: FolderTree, hashes: Mapping[str, str]) -> None:
    """Write hashes and sizes of the rewritten files into their records."""
    for record in prefix.readable_records():
        if not any(path in hashes for path in record.files):
            continue
        changed = {**hashes, **_rewrite_wheel_record(record, target, hashes)}
        folder, name = target.place(f"{CONDA_META}/{record.file_name}")
        data = without_secrets_in(read_json(folder.read_file(name)))
        for entry in (data.get("paths_data") or {}).get("paths") or ():
            path = entry.get("_path")
            if path not in changed:
                continue
            key = "sha256_in_prefix" if "sha256_in_prefix" in entry else "sha256"
            entry[key] = changed[path]
            if "prefix_placeholder" not in entry and "size_in_bytes" in entry:
                entry["size_in_bytes"] = _size(target, path)
        folder, name = target.place(f"{CONDA_META}/{record.file_name}")
        folder.replace_file(name, json.dumps(data).encode(), durable=False)


def _rewrite_wheel_record(
    record: PrefixRecord, target: FolderTree, hashes: Mapping[str, str]
) -> dict[str, str]:
    """RECORD of a wheel lists the hashes of its commands too, since pip checks them.

    Returns:
        Path and hash of RECORD, if there is one to change.
    """
    name = next((path for path in record.files if path.endswith(".dist-info/RECORD")), None)
    if name is None or target.status(name) is None:
        return {}
    site_packages = name.rpartition("/")[0].rpartition("/")[0]
    folder, own_name = target.place(name)
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
    folder, own_name = target.place(name)
    folder.replace_file(own_name, data, durable=False)
    return {name: sha256_of(data)}


def _size(tree: FolderTree, path: str) -> int:
    status = tree.status(path)
    return status.st_size if status else 0
