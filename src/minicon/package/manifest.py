"""Manifest: a package's files in the form that linking uses.

Nearly all files of a package are *plain*: regular files that are linked without changes. They are
stored in columns, one directory at a time, with the text that ``conda-meta`` records for them, so
that linking costs nothing per file but the link. The manifest is written when a package is
extracted; if it is missing, outdated or from another program, it is made from ``info/paths.json``.

::

    info/minicon-manifest     {"manifest": 1, "paths_json": [size, time], "others": […], …,
                               "folders": [[folder, names, sizes, digests], …]}    one line
                              "lib/a.py", "lib/b.py", …          as in the record's ``files``
                              {"_path": "lib/a.py", …}, …        as in its ``paths_data``
"""

from __future__ import annotations

import contextlib
import json
import os
from json.encoder import encode_basestring_ascii

from minicon.fs import operations
from minicon.models.package_files import EntryPoint, PackageFiles, PathsEntry, PathType
from minicon.package.record_texts import entry_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from io import FileIO
    from pathlib import Path

MANIFEST_FILE = "info/minicon-manifest"
_VERSION = 2
_UNKNOWN_DIGEST = "-" * 64
_UNKNOWN_SIZE = -1
#: Bytes of the records' text that are read at a time.
_PIECE = 1 << 20


class PlainFolder:
    """The plain files of one directory, in columns.

    Attributes:
        path: The directory, relative; empty for the package's root.
        names: File names.
        digests: Their SHA-256, concatenated, 64 hexadecimal digits each; dashes where the package
            lists none.
    """

    __slots__ = ("_sizes", "digests", "names", "path")

    def __init__(self, path: str, names: list[str], sizes: list[int] | str, digests: str) -> None:
        self.path = path
        self.names = names
        self._sizes = sizes
        self.digests = digests

    @classmethod
    def from_text(cls, path: str, names: str, sizes: str, digests: str) -> PlainFolder:
        """Read columns as :meth:`to_text` writes them. Raises ValueError, TypeError."""
        folder = cls(path, names.split("/"), sizes, digests)
        if not 64 * len(folder.names) == 64 * (sizes.count(" ") + 1) == len(digests):
            raise ValueError("columns of different lengths")
        return folder

    def to_text(self) -> list[str]:
        """Return each column as one text, which is parsed much faster than a list."""
        return [self.path, "/".join(self.names), " ".join(map(str, self.sizes)), self.digests]

    @property
    def sizes(self) -> list[int]:
        """Bytes of each file; -1 where the package lists none. Parsed on first use."""
        if isinstance(self._sizes, str):
            self._sizes = list(map(int, self._sizes.split(" ")))
        return self._sizes

    def only(self, numbers: Iterable[int]) -> PlainFolder:
        """Return some of the files, by their index in the columns."""
        chosen = list(numbers)
        return PlainFolder(
            self.path,
            [self.names[number] for number in chosen],
            [self.sizes[number] for number in chosen],
            "".join([self.digests[64 * number : 64 * number + 64] for number in chosen]),
        )

    def files_text(self) -> str:
        """Paths of the files as JSON strings, separated by commas."""
        return ", ".join(self._json_paths())

    def paths_text(self) -> str:
        """Their entries of ``paths_data`` as JSON objects, separated by commas."""
        return ", ".join(
            [
                f'{{"_path": {path}, "path_type": "hardlink", "sha256": "{digest}", '
                f'"size_in_bytes": {size}, "sha256_in_prefix": "{digest}"}}'
                if size != _UNKNOWN_SIZE and digest != _UNKNOWN_DIGEST
                else entry_text(_entry(json.loads(path), size, digest))
                for path, size, digest in zip(
                    self._json_paths(), self.sizes, self._each_digest(), strict=True
                )
            ]
        )

    def _json_paths(self) -> Iterator[str]:
        start = f"{self.path}/" if self.path else ""
        return map(encode_basestring_ascii, [start + name for name in self.names])

    def _each_digest(self) -> list[str]:
        digests = self.digests
        return [digests[start : start + 64] for start in range(0, len(digests), 64)]

    def entries(self, folder: str) -> Iterator[PathsEntry]:
        """Yield the files with their paths below ``folder`` of a package or an environment."""
        start = f"{folder}/" if folder else ""
        for name, size, digest in zip(self.names, self.sizes, self._each_digest(), strict=True):
            yield _entry(start + name, size, digest)


class Manifest:
    """A package's list of files, ready for linking.

    Attributes:
        folders: Plain files by directory.
        others: Links, directories, and files that are rewritten or must not be linked.
        entry_points: Commands to generate.
        noarch: Kind of noarch package, or None.
    """

    __slots__ = ("_stored", "entry_points", "folders", "noarch", "others")

    def __init__(
        self,
        folders: tuple[PlainFolder, ...],
        others: tuple[PathsEntry, ...],
        *,
        entry_points: tuple[EntryPoint, ...],
        noarch: str | None,
        stored: _StoredTexts | None = None,
    ) -> None:
        self.folders = folders
        self.others = others
        self.entry_points = entry_points
        self.noarch = noarch
        self._stored = stored

    @classmethod
    def of(cls, files: PackageFiles) -> Manifest:
        """Make it from a package's list of files. Costs about 2 µs per file."""
        names: dict[str, list[PathsEntry]] = {}
        others = []
        for entry in files.paths:
            if is_plain(entry):
                names.setdefault(entry.path.rpartition("/")[0], []).append(entry)
            else:
                others.append(entry)
        return cls(
            tuple(_folder(path, entries) for path, entries in names.items()),
            tuple(others),
            entry_points=files.entry_points,
            noarch=files.noarch,
        )

    def files_text(self) -> bytes:
        """Paths of the plain files as JSON strings, separated by commas; read each time."""
        found = self._stored.read_files() if self._stored else None
        if found is not None:
            return found
        return ", ".join([folder.files_text() for folder in self.folders]).encode()

    def paths_text(self) -> Iterator[bytes]:
        """Their entries of ``paths_data`` as JSON objects, separated by commas, in pieces."""
        found = self._stored.read_paths() if self._stored else None
        if found is not None:
            yield from found
            return
        for number, folder in enumerate(self.folders):
            yield (", " * bool(number) + folder.paths_text()).encode()

    def has(self, path: str) -> bool:
        """Whether the package has a file, link or directory at a path."""
        folder, _, name = path.rpartition("/")
        return any(entry.path == path for entry in self.others) or any(
            plain.path == folder and name in plain.names for plain in self.folders
        )

    def has_its_sizes(self, directory: Path) -> bool:
        """Whether every regular file of an extracted package exists and has the listed size.

        Costs about 2 µs per file.
        """
        lstat = os.lstat
        try:
            for folder in self.folders:
                start = f"{directory}/{folder.path}/"
                for name, size in zip(folder.names, folder.sizes, strict=True):
                    if lstat(start + name).st_size != size and size != _UNKNOWN_SIZE:
                        return False
            return all(
                lstat(directory / entry.path).st_size == entry.size_in_bytes
                for entry in self.others
                if entry.path_type == PathType.HARDLINK and entry.size_in_bytes is not None
            )
        except OSError:
            return False

    def to_pieces(self, paths_json: os.stat_result) -> Iterator[bytes]:
        """Yield the content of :data:`MANIFEST_FILE` for this ``info/paths.json``."""
        files, paths = self.files_text(), list(self.paths_text())
        head = {
            "manifest": _VERSION,
            "paths_json": _identity(paths_json),
            "lengths": [len(files), sum(map(len, paths))],
            "noarch": self.noarch,
            "entry_points": [[p.command, p.module, p.function] for p in self.entry_points],
            "others": [entry.to_json() for entry in self.others],
            "folders": [folder.to_text() for folder in self.folders],
        }
        yield b"%s\n%s\n" % (json.dumps(head).encode(), files)
        yield from paths


class _StoredTexts:
    """The texts in a manifest file, which are read when a record is written.

    Args:
        path: The file.
        status: Of the file; its texts are not read from one that replaced it.
        start: Where they begin.
        sizes: Of the text of ``files``, and of that of ``paths_data``.
    """

    __slots__ = ("_path", "_sizes", "_start", "_status")

    def __init__(
        self, path: str, status: os.stat_result, start: int, sizes: tuple[int, int]
    ) -> None:
        self._path = path
        self._status = status.st_ino, status.st_size, status.st_mtime_ns
        self._start = start
        self._sizes = sizes

    def read_files(self) -> bytes | None:
        """Read the first text; None if the file was replaced or removed."""
        reader = self._open()
        if reader is None:
            return None
        with reader:
            return reader.read(self._sizes[0])

    def read_paths(self) -> Iterator[bytes] | None:
        """Read the second text in pieces; None if the file was replaced or removed."""
        reader = self._open()
        return None if reader is None else self._pieces(reader)

    def _pieces(self, reader: FileIO) -> Iterator[bytes]:
        with reader:
            reader.seek(self._sizes[0] + 1, os.SEEK_CUR)
            left = self._sizes[1]
            while left and (piece := reader.read(min(left, _PIECE))):
                left -= len(piece)
                yield piece

    def _open(self) -> FileIO | None:
        try:
            reader = open(self._path, "rb", buffering=0)  # noqa: SIM115 - closed by callers
        except OSError:
            return None
        status = os.fstat(reader.fileno())
        if (status.st_ino, status.st_size, status.st_mtime_ns) != self._status:
            reader.close()
            return None
        reader.seek(self._start)
        return reader


def make_manifest(directory: Path, files: PackageFiles | None = None) -> Manifest:
    """Make the manifest of an extracted package, and write it beside its ``paths.json``.

    Args:
        directory: The package. Nothing is written for old packages without ``paths.json``.
        files: Its list of files, if it was read before.

    Raises:
        PackageError: Its list of files is invalid.
        OSError: The file system failed.
    """
    if files is None:
        from minicon.package.info_files import read_package_files

        files = read_package_files(directory)
    manifest = Manifest.of(files)
    with contextlib.suppress(FileNotFoundError):
        paths_json = os.stat(directory / "info" / "paths.json")
        data = manifest.to_pieces(paths_json)
        # The archive may contain one, if it was packed from the directory of a cache.
        operations.replace_file(directory / MANIFEST_FILE, data, durable=False)
    return manifest


def read_manifest(directory: str | os.PathLike[str]) -> Manifest | None:
    """Read the manifest of an extracted package; None if it is missing, outdated or invalid.

    Costs about 0.1 µs per file.
    """
    folder = os.fspath(directory)
    path = f"{folder}/{MANIFEST_FILE}"
    try:
        with open(path, "rb") as reader:
            status = os.fstat(reader.fileno())
            head = reader.readline()
        return _parse(head, path, status, os.stat(f"{folder}/info/paths.json"))
    except (OSError, ValueError, TypeError, KeyError, AttributeError, RecursionError):
        return None


def _identity(paths_json: os.stat_result) -> list[int]:
    """Return what identifies the list of files that a manifest was made from."""
    return [paths_json.st_size, paths_json.st_mtime_ns]


def _parse(
    line: bytes, path: str, status: os.stat_result, paths_json: os.stat_result
) -> Manifest | None:
    head = json.loads(line)
    files_size, paths_size = head["lengths"]
    is_ours = head["manifest"] == _VERSION and head["paths_json"] == _identity(paths_json)
    if not is_ours or status.st_size != len(line) + files_size + 1 + paths_size:
        return None
    return Manifest(
        tuple(PlainFolder.from_text(*row) for row in head["folders"]),
        tuple(map(PathsEntry.from_json, head["others"])),
        entry_points=tuple(EntryPoint(*point) for point in head["entry_points"]),
        noarch=head["noarch"],
        stored=_StoredTexts(path, status, len(line), (files_size, paths_size)),
    )


def is_plain(entry: PathsEntry) -> bool:
    """Whether a file is linked without changes and described by path, size and hash alone."""
    return (
        entry.prefix_placeholder is None
        and entry.path_type == PathType.HARDLINK
        and not entry.no_link
        and entry.file_mode is None
        and entry.sha256_in_prefix is None
    )


def _entry(path: str, size: int, digest: str) -> PathsEntry:
    return PathsEntry(
        path,
        sha256=None if digest == _UNKNOWN_DIGEST else digest,
        size_in_bytes=None if size == _UNKNOWN_SIZE else size,
    )


def _folder(path: str, entries: list[PathsEntry]) -> PlainFolder:
    start = len(path) + 1 if path else 0
    return PlainFolder(
        path,
        [entry.path[start:] for entry in entries],
        [_UNKNOWN_SIZE if e.size_in_bytes is None else e.size_in_bytes for e in entries],
        "".join([entry.sha256 or _UNKNOWN_DIGEST for entry in entries]),
    )
