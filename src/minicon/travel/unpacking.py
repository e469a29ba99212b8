"""Unpack an environment: extract it strictly, put its path into its files, switch it in.

::

    archive ─> members, checked ─> stage ─> placeholders replaced, records updated ─> SWITCH IN

The archive may be one of minicon or of conda-pack. Nothing of it is executed.
"""

from __future__ import annotations

import contextlib
import os
import stat
import subprocess
import sys

from minicon.archive.environment_archive import EnvironmentArchive
from minicon.archive.extraction import Extraction, ExtractionLimits
from minicon.archive.problems import of_environment
from minicon.archive.tree_writer import TreeWriter
from minicon.constants import CONDA_META, HISTORY
from minicon.errors import PackageError
from minicon.fs.folder import Folder
from minicon.fs.folder_tree import FolderTree
from minicon.fs.hashing import sha256_of
from minicon.fs.safe_path import path_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.package_files import PathsEntry, PathType
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.link.path_replacement import Relocation
from minicon.prefix.link.relocate import codesign_command, relocate
from minicon.prefix.link.relocated_files import (
    LARGEST_SCRIPT,
    WHEEL_RECORD,
    list_folders,
    write_relocated,
)
from minicon.prefix.link.rewritten_records import Rewritten, updated_record, updated_wheel_record
from minicon.prefix.moving import create_from_tree
from minicon.travel.conda_unpack import (
    UNPACK_SCRIPT,
    is_pack_script_of_minicon,
    read_placeholders,
)
from minicon.travel.destination import DESTINATION_FILE, read_destination

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from minicon.models.reporter import Reporter
    from minicon.prefix.moving import MoveOptions
    from minicon.travel.portable import Placeholder

#: Directory of rewritten files, while there are any.
_CHANGED = ".minicon-changed"
#: What conda-pack writes in place of the path of a program, and a path that no file has.
_BY_ENV = lazy_pattern(rb"#!/usr/bin/env ([A-Za-z0-9_.+-]+)(?=[ \r\n])")
_ANY_PREFIX = "/minicon-prefix"
#: What the script of conda-pack imports.
_PROGRESS_MODULE = "bin/conda_unpack_progress.py"
_NO_ENVIRONMENT_HINT = "pass an archive of 'minicon pack' or conda-pack"


def unpack_environment(archive: Path, new: Path, options: MoveOptions) -> None:
    """Create an environment from an archive.

    Raises:
        PackageError: The archive is damaged, or contains no environment.
        UnsafeArchive: It would write outside of the environment, or fill the disk.
        PrefixError: The path exists, or is too long for a file.
        FileError: From the file system; nothing is left.
    """
    reporter = options.reporter

    def fill(tree: Folder, stage: Path) -> None:
        _extract(opened, stage, reporter)
        _require_environment(stage, opened.name)
        _adapt(stage, str(new), opened.name, reporter)
        if tree.status(DESTINATION_FILE) is not None:
            tree.remove_file(DESTINATION_FILE)

    with of_environment(), EnvironmentArchive(archive) as opened:
        create_from_tree(new, fill, options)


def _extract(archive: EnvironmentArchive, stage: Path, reporter: Reporter) -> None:
    task = reporter.start("extract", archive.name, archive.size)
    try:
        with TreeWriter(stage) as writer:
            extraction = Extraction(archive.name, archive.size, writer, ExtractionLimits())
            extraction.write_members(archive.members(task.advance))
    finally:
        task.finish()


def _require_environment(stage: Path, archive: str) -> None:
    """Refuse an archive without ``conda-meta/history``, or with a link in its place."""
    meta, history = stage / CONDA_META, stage / HISTORY
    if meta.is_dir() and not meta.is_symlink() and history.is_file() and not history.is_symlink():
        return
    message = f"{archive} contains no environment: it has no {HISTORY}"
    raise PackageError("no-environment-inside", message, hint=_NO_ENVIRONMENT_HINT)


def _adapt(stage: Path, final: str, archive: str, reporter: Reporter) -> None:
    """Replace the placeholders that ``bin/conda-unpack`` lists, and remove that script.

    Without it, the environment was packed for one path, which is replaced if it is another one.
    """
    script = stage / UNPACK_SCRIPT
    prefix = Prefix(stage)
    subdir = prefix.subdir or ("win-64" if os.name == "nt" else "linux-64")
    relocation = Relocation(old="", new=final, subdir=subdir, share=False)
    if script.is_symlink() or not script.is_file():
        packed_for = read_destination(stage)
        if packed_for is None:
            reporter.warn(f"{archive} has no {UNPACK_SCRIPT}: its files may contain another path")
        elif packed_for != final:
            _relocate(prefix, replace(relocation, old=packed_for))
        return
    content = script.read_bytes()
    listed = read_placeholders(content, archive)
    with FolderTree(stage, make=False) as tree:
        changes = _replace_placeholders(tree, listed, relocation, archive)
        if not is_pack_script_of_minicon(content):
            changes |= _with_own_interpreters(prefix, tree, relocation)
        _update_records(prefix, tree, changes)
        for name in (UNPACK_SCRIPT, _PROGRESS_MODULE):
            if tree.status(name) is not None and name not in prefix.owned_files():
                tree.folder("bin").remove_file(name.rpartition("/")[2])


def _with_own_interpreters(
    prefix: Prefix, tree: FolderTree, relocation: Relocation
) -> dict[str, Rewritten]:
    """Let commands start with programs of the environment again.

    conda-pack replaces their paths in first lines by ``/usr/bin/env``, which finds those of another
    environment unless this one is active. Lines that packages have without a path are left.
    """
    entries: dict[str, PathsEntry] = {}
    for record in prefix.readable_records():
        entries.update(prefix.entries_of(record))
    found: dict[str, Rewritten] = {}
    folder = tree.folder("bin")
    for name in folder.entries()[1]:
        path = f"bin/{name}"
        status = folder.status(name)
        if status is None or not stat.S_ISREG(status.st_mode) or status.st_size > LARGEST_SCRIPT:
            continue
        data = folder.read_file(name)
        entry = entries.get(path) or PathsEntry(path, prefix_placeholder=_ANY_PREFIX)
        if entry.path_type == PathType.UNIX_ENTRY_POINT:
            entry = PathsEntry(path, prefix_placeholder=_ANY_PREFIX)
        program = _BY_ENV.match(data)
        if program and entry.prefix_placeholder and folder.status(os.fsdecode(program[1])):
            start = b"#!%s/bin/%s" % (os.fsencode(entry.prefix_placeholder), program[1])
            data = start + data[program.end() :]
            data = relocate(data, entry, relocation.new, relocation.subdir)
            mode, modified_ns = stat.S_IMODE(status.st_mode), status.st_mtime_ns
            folder.replace_file(name, data, mode, durable=False, modified_ns=modified_ns)
        if data.startswith(b"#!"):
            found[path] = Rewritten(sha256_of(data), len(data))
    return found


def _relocate(prefix: Prefix, relocation: Relocation) -> None:
    """Replace the path that an environment was packed for in its files."""
    folders = list_folders(prefix.path)
    with Folder.open(prefix.path) as root:
        root.make_directory(_CHANGED)
        with root.folder(_CHANGED) as changed, FolderTree(changed) as target:
            owned = prefix.owned_files()
            written = write_relocated(prefix, folders, target, relocation, {}, owned=owned)
            with FolderTree(root, make=False) as tree:
                for path in written:
                    source, name = target.parent_of(path)
                    source.rename(name, *tree.parent_of(path))
        root.remove_tree(_CHANGED)


def _update_records(prefix: Prefix, tree: FolderTree, changes: dict[str, Rewritten]) -> None:
    """Put the final hashes into the records of packages and wheels."""
    for record in prefix.readable_records():
        if changes.keys().isdisjoint(record.files):
            continue
        for path in record.files:
            if path.endswith(WHEEL_RECORD) and tree.status(path) is not None:
                folder, name = tree.parent_of(path)
                before = folder.read_file(name)
                data = updated_wheel_record(before, path, changes)
                folder.replace_file(name, data, durable=False)
                if data != before:
                    changes[path] = Rewritten(sha256_of(data), len(data))
        folder, name = tree.parent_of(f"{CONDA_META}/{record.file_name}")
        pieces = updated_record(folder.read_file(name), prefix.path_mapping(record), changes)
        folder.replace_file(name, pieces, durable=False)


def _replace_placeholders(
    tree: FolderTree, listed: Iterable[Placeholder], relocation: Relocation, archive: str
) -> dict[str, Rewritten]:
    changes: dict[str, Rewritten] = {}
    for each in listed:
        path = each.path.replace("\\", "/") if relocation.subdir.startswith("win-") else each.path
        problem = path_problem(path)
        if problem is not None:
            message = f"{archive}: {UNPACK_SCRIPT} lists a path that {problem}"
            raise PackageError("damaged-archive", message, hint="pack the environment again")
        with contextlib.suppress(FileNotFoundError):  # left out of the archive
            found = _replace_placeholder(tree, path, each, relocation)
            if found is not None:
                changes[path] = found
    return changes


def _replace_placeholder(
    tree: FolderTree, path: str, each: Placeholder, relocation: Relocation
) -> Rewritten | None:
    folder, name = tree.parent_of(path)
    status = folder.status(name)
    if status is None or not stat.S_ISREG(status.st_mode):
        return None
    data = folder.read_file(name, status.st_size)
    entry = PathsEntry(path, prefix_placeholder=each.placeholder, file_mode=each.mode)
    new = relocate(data, entry, relocation.new, relocation.subdir)
    if new != data:
        mode, modified_ns = stat.S_IMODE(status.st_mode), status.st_mtime_ns
        folder.replace_file(name, new, mode, durable=False, modified_ns=modified_ns)
        command = codesign_command(f"{folder.path}/{name}", relocation.subdir, sys.platform)
        if command and each.mode == "binary":
            subprocess.run(command, capture_output=True, check=False)
            new = folder.read_file(name, len(new) * 2)
    return Rewritten(sha256_of(new), len(new))
