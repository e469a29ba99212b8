"""The layers of an image: one for each large package, some for small ones, one for the rest."""

from __future__ import annotations

import hashlib
import zlib
from typing import NamedTuple

from minicon.archive.writers.archive_writer import TarWriter
from minicon.archive.writers.compressors import open_compressor
from minicon.closing import Closing
from minicon.travel.packing import Packing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path
    from typing import Any, BinaryIO

    from minicon.models.reporter import Task
    from minicon.prefix.environment.prefix import Prefix
    from minicon.travel.contents import Item
    from minicon.travel.packing import PackOptions

#: Packages with a layer of their own, the largest; the others share layers by their names.
_OWN_LAYERS, _SHARED_LAYERS = 40, 16
_LEVEL = 6
ENTRY_POINT = "bin/minicon-entrypoint"
_ENTRY_POINT = '#!/bin/sh\n. "{prefix}/bin/activate"\nexec "$@"\n'


class Blob(NamedTuple):
    """A blob of an image: its content or the file with it, its hash and size."""

    content: bytes | Path
    sha256: str
    size: int

    def descriptor(self, media_type: str) -> dict[str, Any]:
        """Return its descriptor."""
        return {"mediaType": media_type, "digest": f"sha256:{self.sha256}", "size": self.size}


class Layer(NamedTuple):
    """A layer: its blob, the digest of its content before compression, and what is in it."""

    blob: Blob
    diff_id: str
    title: str


def write_layers(
    prefix: Prefix, destination: str, options: PackOptions, folder: Path, task: Task
) -> Iterator[Layer]:
    """Write the layers of an environment into a directory.

    Args:
        prefix: The environment.
        destination: Its path in the image.
        options: What is packed, for this path.
        folder: The directory.
        task: Advanced by one for every file.

    Raises:
        PrefixError: A link leads outside, or the destination is too long for a file.
        OSError: Disk full and the like.
    """
    with _LayerWriter(folder, destination) as writer:
        packing = Packing(prefix, writer, options, task)
        for title, items in _parts(prefix, packing.items):
            writer.begin()
            packing.write(items)
            if not title:
                packing.finish()
                entry_point = _ENTRY_POINT.format(prefix=destination)
                packing.add_bytes(ENTRY_POINT, entry_point.encode(), mode=0o755)
            yield writer.end(title or "environment")


def _parts(prefix: Prefix, items: Iterable[Item]) -> Iterator[tuple[str, list[Item]]]:
    """Split items by the package that owns them; those of no package come last, untitled."""
    owners: dict[str, str] = {}
    for record in prefix.readable_records():
        owners.update(dict.fromkeys((*record.files, f"conda-meta/{record.file_name}"), record.name))
    sizes: dict[str, int] = {}
    for item in items:
        name = owners.get(item.path, "")
        sizes[name] = sizes.get(name, 0) + item.size
    largest = sorted(sizes.keys() - {""}, key=lambda name: (-sizes[name], name))[:_OWN_LAYERS]
    parts: dict[str, list[Item]] = {name: [] for name in sorted(largest)}
    for item in items:
        name = owners.get(item.path, "")
        if name and name not in parts:
            name = f"packages {zlib.crc32(name.encode()) % _SHARED_LAYERS}"
        parts.setdefault(name, []).append(item)
    last = parts.pop("", [])
    yield from sorted((title, found) for title, found in parts.items() if found)
    yield "", last


class _LayerWriter(Closing):
    """Writes layers one after the other, below the path of the environment."""

    def __init__(self, folder: Path, destination: str) -> None:
        self._folder = folder
        self._start = destination.strip("/") + "/"
        self._names: set[str] = set()
        self._number = 0
        self._file: BinaryIO | None = None

    def begin(self) -> None:
        """Begin a layer."""
        self._number += 1
        self._path = self._folder / f"layer-{self._number}"
        self._file = self._path.open("wb")
        self._names = set()
        self._digest, self._diff = hashlib.sha256(), hashlib.sha256()
        self._compressor = open_compressor("gz", self._store, _LEVEL)
        self._tar = TarWriter(self._compress)

    def _compress(self, data: bytes) -> None:
        self._diff.update(data)
        self._compressor.write(data)

    def _store(self, data: bytes) -> None:
        assert self._file is not None
        self._digest.update(data)
        self._file.write(data)

    def end(self, title: str) -> Layer:
        """Finish the layer."""
        self._tar.finish()
        self._tar.close()
        self._compressor.close()
        assert self._file is not None
        self._file.close()
        blob = Blob(self._path, self._digest.hexdigest(), self._path.stat().st_size)
        return Layer(blob, f"sha256:{self._diff.hexdigest()}", title)

    def add_file(
        self, path: str, chunks: Iterable[bytes], size: int, mode: int, modified: int
    ) -> None:
        """See :class:`ArchiveWriter`."""
        self._names.add(path)
        self._tar.add_file(self._start + path, chunks, size, mode, modified)

    def add_folder(self, path: str, modified: int) -> None:
        """See :class:`ArchiveWriter`."""
        self._tar.add_folder(self._start + path, modified)

    def add_symbolic_link(self, path: str, target: str, modified: int) -> None:
        """See :class:`ArchiveWriter`."""
        self._tar.add_symbolic_link(self._start + path, target, modified)

    def add_hard_link(self, path: str, target: str, mode: int, modified: int) -> bool:
        """See :class:`ArchiveWriter`; files of other layers cannot be linked."""
        if target not in self._names:
            return False
        return self._tar.add_hard_link(self._start + path, self._start + target, mode, modified)

    def finish(self) -> None:
        """See :class:`ArchiveWriter`."""

    def close(self) -> None:
        """See :class:`ArchiveWriter`."""
        if self._file is not None and not self._file.closed:
            self._tar.close()
            self._file.close()
