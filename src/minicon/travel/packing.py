"""Pack an environment: its files, portable, into an archive or a directory."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from minicon.archive.members import file_mode
from minicon.constants import CONDA_META, HISTORY
from minicon.errors import FileError
from minicon.fs.hashing import FileDigest
from minicon.lean_dataclasses import dataclass
from minicon.models.reporter import SilentTask
from minicon.shell.environment_facts import read_facts
from minicon.travel.conda_unpack import (
    UNPACK_SCRIPT,
    activation_scripts,
    is_pack_script,
    python_unpack_script,
    shell_unpack_script,
)
from minicon.travel.contents import Item, Selection, read_contents
from minicon.travel.destination import DESTINATION_FILE, destination_data
from minicon.travel.obstacles import refuse_links_outside
from minicon.travel.portable import Placeholder, PortableContent, is_wheel_record

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minicon.archive.writers.archive_writer import ArchiveWriter
    from minicon.models.reporter import Task
    from minicon.prefix.environment.prefix import Prefix

_CHUNK = 1 << 20
_KINDS = (".so", ".py")


@dataclass(frozen=True, slots=True, kw_only=True)
class PackOptions:
    """How an environment is packed.

    Attributes:
        destination: The later path of the environment; None if it is not known.
        selection: Which files are packed.
        epoch: Latest time of files in seconds since 1970 (``SOURCE_DATE_EPOCH``), or None.
        scripts: Whether scripts for activation are added.
    """

    destination: str | None = None
    selection: Selection = Selection()
    epoch: int | None = None
    scripts: bool = True


@dataclass(frozen=True, slots=True, kw_only=True)
class Packed:
    """What was packed.

    Attributes:
        files: Number of files and links.
        stuck: Changed binary files that keep the old path.
        is_changed: Whether a file had not the content that its package lists.
    """

    files: int
    stuck: tuple[str, ...]
    is_changed: bool


def pack_environment(
    prefix: Prefix, writer: ArchiveWriter, options: PackOptions, task: Task | None = None
) -> Packed:
    """Write the files of an environment for another machine.

    The same environment gives the same bytes: owners and modes are normalized, generated files have
    the time of the last change of the environment, and paths are sorted: libraries, Python modules
    with their bytecode, and other files each together, since what is alike compresses better.

    Args:
        prefix: The environment; projects outside of it must have been refused.
        writer: The output.
        options: What is packed, and for which path.
        task: Advanced by one for every file.

    Raises:
        PrefixError: A link leads outside, or the destination is too long for a file.
        OSError: Disk full and the like.
    """
    packing = Packing(prefix, writer, options, task or SilentTask())
    packing.write(sorted(packing.items, key=_by_kind))
    packing.finish()
    return Packed(files=packing.files, stuck=packing.stuck, is_changed=packing.is_changed)


def _by_kind(item: Item) -> tuple[str, str]:
    """Sort by the kind of file, then by path; bytecode comes after its source."""
    path = item.path
    folder, cached, name = path.rpartition("__pycache__/")
    if cached:
        return ".py", f"{folder}{name.partition('.')[0]}.py~{name}"
    suffix = os.path.splitext(path)[1]
    return (suffix if suffix in _KINDS else ""), path


class Packing:
    """The packing of one environment, in one or several parts.

    Attributes:
        items: What is packed, sorted by path.
        writer: The output of the current part.

    Raises:
        PrefixError: A link leads outside.
        OSError: A directory cannot be read.
    """

    def __init__(
        self, prefix: Prefix, writer: ArchiveWriter, options: PackOptions, task: Task
    ) -> None:
        self._prefix = prefix
        self.writer = writer
        self._options = options
        self._task = task
        self._content = PortableContent(prefix, options.destination)
        self._changed_at = int(os.stat(f"{prefix.path}/{HISTORY}").st_mtime)
        self._first_names: dict[tuple[int, int], str] = {}
        self._names: set[str] = set()

        contents = read_contents(prefix.path, options.selection)
        refuse_links_outside(prefix, contents, self._content)
        self.items = contents.items
        self._left_out = contents.left_out
        self._records = {
            f"{CONDA_META}/{record.file_name}": record for record in prefix.readable_records()
        }

    @property
    def files(self) -> int:
        """Number of files and links so far."""
        return len(self._names)

    @property
    def stuck(self) -> tuple[str, ...]:
        """Changed binary files that keep the old path."""
        return tuple(self._content.stuck)

    @property
    def is_changed(self) -> bool:
        """Whether a file so far had not the content that its package lists."""
        return self._content.is_changed

    def write(self, items: Iterable[Item]) -> None:
        """Write items to the current part; those of one package must be in one part."""
        last: list[Item] = []
        for item in items:
            if is_wheel_record(item.path) or item.path in self._records:
                last.append(item)  # contains hashes of other files
            elif not self._is_pack_script(item.path):
                self._add(item)
        for item in sorted(last, key=lambda item: item.path in self._records):
            if item.path in self._records:
                pieces = self._content.record(self._records[item.path], self._left_out)
            else:
                pieces = [self._content.wheel_record(item.path)]
            self.add_bytes(item.path, *pieces, modified=item.modified)

    def finish(self) -> None:
        """Write what depends on all other files."""
        if self._options.destination:
            self.add_bytes(DESTINATION_FILE, destination_data(self._options.destination))
        if self._options.scripts:
            self._add_scripts()

    def _add(self, item: Item) -> None:
        self._task.advance(1)
        path, modified = item.path, self._time(item.modified)
        if stat.S_ISDIR(item.mode):
            self.writer.add_folder(path, modified)
            return
        if stat.S_ISLNK(item.mode):
            text = self._content.link(path, os.readlink(f"{self._prefix.path}/{path}"))
            self.writer.add_symbolic_link(path, text or ".", modified)
        elif not stat.S_ISREG(item.mode):
            return  # a socket or pipe of a running program
        else:
            self._add_file(item, modified)
        self._names.add(path)

    def _add_file(self, item: Item, modified: int) -> None:
        data = self._content.rewritten(item.path, item.size)
        mode = file_mode(stat.S_IMODE(item.mode))
        if data is not None:
            self.writer.add_file(item.path, (data,), len(data), mode, modified)
        elif not self._is_linked(item, mode, modified):
            chunks = _chunks(f"{self._prefix.path}/{item.path}", item.size)
            chunks = self._checked(item.path, chunks)
            self.writer.add_file(item.path, chunks, item.size, mode, modified)

    def _checked(self, path: str, chunks: Iterable[bytes]) -> Iterable[bytes]:
        """Pass the content of a file on, and compare it with what its package lists."""
        if self._content.listed_sha256(path) is None:
            yield from chunks
            return
        digest = FileDigest()
        for chunk in chunks:
            digest.update(chunk)
            yield chunk
        self._content.check(path, digest.sha256)

    def _is_linked(self, item: Item, mode: int, modified: int) -> bool:
        """Add a file as a hard link if one with the same content was added before."""
        if item.inode is None:
            return False
        first = self._first_names.setdefault(item.inode, item.path)
        if first == item.path or not self.writer.add_hard_link(item.path, first, mode, modified):
            return False
        self._content.check(item.path, self._content.listed_sha256(first))
        return True

    def add_bytes(
        self, path: str, *data: bytes, mode: int = 0o644, modified: int | None = None
    ) -> None:
        """Write a generated file, by default with the time of the environment's last change."""
        self._task.advance(1)
        size = sum(map(len, data))
        self.writer.add_file(path, data, size, mode, self._time(modified or self._changed_at))
        self._names.add(path)

    def _time(self, seconds: int) -> int:
        epoch = self._options.epoch
        return seconds if epoch is None else min(seconds, epoch)

    def _is_pack_script(self, path: str) -> bool:
        """Whether a file was written by an earlier packing, and will be written again."""
        if not path.startswith(("bin/activate", "bin/deactivate", UNPACK_SCRIPT)):
            return False
        file = Path(f"{self._prefix.path}/{path}")
        return file.is_file() and is_pack_script(file.read_bytes())

    def _add_scripts(self) -> None:
        """Add the scripts for activation; and for the path, unless it is known already."""
        old, destination = str(self._prefix.path), self._options.destination
        placeholders = list(self._content.placeholders)
        for path, data in activation_scripts(read_facts(old).variables, old, destination).items():
            if path not in self._names:  # a conda in the environment has its own
                self.add_bytes(path, data)
                if not destination and path == "bin/activate":
                    placeholders.append(Placeholder.of_text(path))
        if destination or UNPACK_SCRIPT in self._names:
            return
        if self._prefix.python_layout is not None:
            script = python_unpack_script(placeholders, self._content.subdir)
        else:
            script = shell_unpack_script(placeholders, self._content.packed)
        self.add_bytes(UNPACK_SCRIPT, script, mode=0o755)


def _chunks(path: str, size: int) -> Iterable[bytes]:
    """Return exactly ``size`` bytes of a file. Raises FileError if it changes meanwhile."""
    if size > _CHUNK:
        return _large_file(path, size)
    with open(path, "rb", buffering=0) as file:
        data = file.read(size)
    if len(data) != size:
        raise _truncated(path)
    return (data,)


def _large_file(path: str, size: int) -> Iterator[bytes]:
    with open(path, "rb", buffering=0) as file:
        left = size
        while left:
            data = file.read(min(left, _CHUNK))
            if not data:
                raise _truncated(path)
            left -= len(data)
            yield data


def _truncated(path: str) -> FileError:
    hint = "stop the programs that use the environment, then try again"
    return FileError("file-changed", f"{path} was truncated while it was read", hint=hint)
