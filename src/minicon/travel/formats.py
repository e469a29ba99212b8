"""The formats of packed environments, by the end of the file's name, and their writers."""

from __future__ import annotations

import contextlib
import os
import shutil
import subprocess

from minicon.archive.tree_writer import TreeWriter
from minicon.archive.writers.archive_writer import TarWriter, ZipWriter
from minicon.archive.writers.compressors import LEVELS
from minicon.closing import Closing
from minicon.errors import FileError, UsageError
from minicon.fs import operations
from minicon.fs.unfinished import new_file, new_folder, writing
from minicon.models.near_names import near_names

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from minicon.archive.writers.archive_writer import ArchiveWriter

#: Each format with the ends of names that mean it; the first one is conda-pack's name, too.
FORMATS = {
    "tar.zst": (".tar.zst", ".tzst"),
    "tar.gz": (".tar.gz", ".tgz"),
    "tar.bz2": (".tar.bz2", ".tbz2"),
    "tar": (".tar",),
    "zip": (".zip",),
    "squashfs": (".squashfs", ".sqsh", ".sfs"),
    "no-archive": (),
}
_SQUASHFS_LEVEL = 15
_CHUNK = 1 << 20


def format_of(path: Path, requested: str | None) -> str:
    """Return the format of an output: the requested one, or that of its name.

    A name without a suffix is a directory.

    Raises:
        UsageError: ``unknown-format``.
    """
    if requested is not None:
        return requested
    for name, ends in FORMATS.items():
        if path.name.lower().endswith(ends):
            return name
    if not path.suffix:
        return "no-archive"
    near = near_names("".join(path.suffixes[-2:]), [e for ends in FORMATS.values() for e in ends])
    known = ", ".join(ends[0] for ends in FORMATS.values() if ends)
    raise UsageError(
        "unknown-format",
        f"{path.name} has a suffix of no known format",
        hint=f"did you mean {near[0]}?" if near else f"use one of {known}, or --format",
    )


def check_level(name: str, level: int | None) -> None:
    """Raise UsageError (``wrong-arguments``) unless a format has a level of compression."""
    if level is None:
        return
    levels = LEVELS.get(name.removeprefix("tar."))
    if levels is None or level not in levels:
        what = f"{levels[0]} to {levels[-1]}" if levels else "no levels"
        message = f"level {level} is not possible: {name} has {what}"
        raise UsageError("wrong-arguments", message, hint="leave out --compress-level")


@contextlib.contextmanager
def open_writer(
    path: Path, name: str, *, level: int | None = None, epoch: int | None = None
) -> Iterator[ArchiveWriter]:
    """Open the output. It appears under its name once it is complete, else nothing is left.

    Args:
        path: The output, which is replaced.
        name: A key of :data:`FORMATS`.
        level: Level of compression, see :func:`check_level`.
        epoch: Time of a SquashFS image, in seconds since 1970.

    Raises:
        UsageError: A program or library for this format is missing.
        FileError: The file system failed.
    """
    if name in ("squashfs", "no-archive"):
        program = _mksquashfs() if name == "squashfs" else ""
        with writing(path), new_folder(path) as temporary:
            tree = temporary / path.name
            operations.make_directory(tree)
            with FolderWriter(tree) as folder:
                yield folder
            if program:
                _make_image(program, tree, temporary / "image", epoch)
                tree = temporary / "image"
            operations.rename(tree, path)
        return
    with writing(path), new_file(path) as file:
        writer: TarWriter | ZipWriter
        if name == "zip":
            writer = ZipWriter(file)
        else:
            compression = name.partition(".")[2] or None
            writer = TarWriter(file.write, compression=compression, level=level)
        with writer:
            yield writer
            writer.finish()


class FolderWriter(Closing):
    """Writes into a directory, as :class:`ArchiveWriter` does into an archive."""

    def __init__(self, path: Path) -> None:
        self._tree = TreeWriter(path)

    def add_file(
        self, path: str, chunks: Iterable[bytes], size: int, mode: int, modified: int
    ) -> None:
        """See :meth:`ArchiveWriter.add_file`."""
        del size
        self._tree.write(path, chunks, mode=mode, modified_ns=modified * 1_000_000_000)

    def add_folder(self, path: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_folder`."""
        del modified
        self._tree.make_folder(path)

    def add_symbolic_link(self, path: str, target: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_symbolic_link`."""
        del modified
        self._tree.symbolic_link(path, target)

    def add_hard_link(self, path: str, target: str, mode: int, modified: int) -> bool:
        """See :meth:`ArchiveWriter.add_hard_link`."""
        del mode, modified
        self._tree.hard_link(path, target)
        return True

    def finish(self) -> None:
        """See :meth:`ArchiveWriter.finish`."""

    def close(self) -> None:
        """Close all directories."""
        self._tree.close()


def _mksquashfs() -> str:
    program = shutil.which("mksquashfs")
    if program is None:
        raise UsageError(
            "missing-program",
            "mksquashfs is not installed",
            hint="install squashfs-tools, or choose another format such as .tar.zst",
        )
    return program


def _make_image(program: str, folder: Path, path: Path, epoch: int | None) -> None:
    """Write a SquashFS image of a directory, owned by root, without times of this run."""
    time = str(epoch or 0)
    options = (
        f"-all-root -noappend -quiet -no-progress -root-mode 0755 -mkfs-time {time} -comp zstd"
    )
    options += f" -Xcompression-level {_SQUASHFS_LEVEL}"
    command = (program, str(folder), str(path), *options.split())
    for parent, folders, names in os.walk(folder):
        links = [f"{parent}/{name}" for name in (*folders, *names)]
        for each in (parent, *filter(os.path.islink, links)):
            os.utime(each, (epoch or 0, epoch or 0), follow_symlinks=False)
    environment = {k: v for k, v in os.environ.items() if k != "SOURCE_DATE_EPOCH"}
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False)
    if done.returncode:
        lines = done.stderr.strip().splitlines() or ["no reason given"]
        message = f"mksquashfs cannot write {path}: {lines[-1]}"
        raise FileError("file-system", message, hint="check the free space of the disk")


def chunks_of(content: bytes | Path) -> Iterator[bytes]:
    """Yield bytes, or those of a file, a mebibyte at a time."""
    if isinstance(content, bytes):
        yield content
        return
    with content.open("rb") as file:
        while data := file.read(_CHUNK):
            yield data
