"""An environment as a container image in the OCI layout, without a daemon.

::

    packages, large ones alone ─> layers ─┐
    files of no package, history ─> layer ├─> config ─> manifest ─> index.json
    base image ───────────────────────────┘

An update of one package changes its layer and the last one. Digests depend on the content only.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from typing import NamedTuple

from minicon.archive.writers.archive_writer import TarWriter
from minicon.archive.writers.compressors import open_compressor
from minicon.closing import Closing
from minicon.errors import UsageError
from minicon.lean_dataclasses import dataclass
from minicon.models.reporter import SilentTask
from minicon.shell.environment_facts import read_facts
from minicon.travel.formats import chunks_of
from minicon.travel.packing import Packing, PackOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any, BinaryIO

    from minicon.archive.writers.archive_writer import ArchiveWriter
    from minicon.prefix.environment.prefix import Prefix
    from minicon.travel.base_image import BaseImage
    from minicon.travel.contents import Item, Selection

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
#: Packages with a layer of their own, the largest; the others share layers by their names.
_OWN_LAYERS, _SHARED_LAYERS = 40, 16
_LEVEL = 6
ARCHITECTURES = {
    "linux-64": "amd64",
    "linux-aarch64": "arm64",
    "linux-ppc64le": "ppc64le",
    "linux-s390x": "s390x",
    "linux-riscv64": "riscv64",
    "linux-32": "386",
}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
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


class _Layer(NamedTuple):
    blob: Blob
    diff_id: str
    title: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """How an image is made.

    Attributes:
        destination: Path of the environment in the image.
        tag: Name and tag, for programs that load the image; or empty.
        selection: Which files are packed.
        epoch: Latest time of files in seconds since 1970, or None.
        base: The image below; None is an empty one.
    """

    destination: str
    selection: Selection
    tag: str = ""
    epoch: int | None = None
    base: BaseImage | None = None


def write_image(
    prefix: Prefix, writer: ArchiveWriter, options: ImageOptions, folder: Path
) -> tuple[str, int]:
    """Write the image of an environment as an OCI layout, which ``docker load`` reads, too.

    Args:
        prefix: The environment; projects outside of it must have been refused.
        writer: The output.
        options: How the image is made.
        folder: A directory for layers until they are written.

    Returns:
        The digest of the manifest, and the number of layers.

    Raises:
        UsageError: ``not-a-linux-environment``.
        PrefixError: A link leads outside, or the destination is too long for a file.
        OSError: Disk full and the like.
    """
    architecture = ARCHITECTURES.get(prefix.subdir or "linux-64")
    if architecture is None:
        message = f"{prefix.path} is for {prefix.subdir}, and images are for Linux"
        raise UsageError("not-a-linux-environment", message, hint="pack it instead (minicon pack)")
    layers = list(_layers(prefix, options, folder))
    config = _json_blob(_config(prefix, options, layers, architecture))
    base = options.base
    described = [*(base.layers if base else ()), *(each.blob.descriptor(LAYER) for each in layers)]
    manifest = _json_blob(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": described,
        }
    )
    blobs = {each.sha256: each for each in (config, manifest, *(layer.blob for layer in layers))}
    _write_layout(writer, options, manifest, config, described, blobs, architecture)
    return f"sha256:{manifest.sha256}", len(described)


def _layers(prefix: Prefix, options: ImageOptions, folder: Path) -> Iterator[_Layer]:
    pack = PackOptions(
        destination=options.destination, selection=options.selection, epoch=options.epoch
    )
    with _LayerWriter(folder, options.destination) as writer:
        packing = Packing(prefix, writer, pack, SilentTask())
        for title, items in _parts(prefix, packing.items):
            writer.begin()
            packing.write(items)
            if not title:
                packing.finish()
                entry_point = _ENTRY_POINT.format(prefix=options.destination)
                packing.add_bytes(ENTRY_POINT, entry_point.encode(), 0o755)
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

    def end(self, title: str) -> _Layer:
        """Finish the layer."""
        self._tar.finish()
        self._tar.close()
        self._compressor.close()
        assert self._file is not None
        self._file.close()
        blob = Blob(self._path, self._digest.hexdigest(), self._path.stat().st_size)
        return _Layer(blob, f"sha256:{self._diff.hexdigest()}", title)

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


def _config(
    prefix: Prefix, options: ImageOptions, layers: Iterable[_Layer], architecture: str
) -> dict[str, Any]:
    base = options.base.config if options.base else {}
    created = _time(options.epoch or int(os.stat(prefix.path / "conda-meta/history").st_mtime))
    own: Mapping[str, Any] = base.get("config") or {}
    inherited = dict(text.partition("=")[::2] for text in own.get("Env") or ())
    variables = {
        **inherited,
        "PATH": f"{options.destination}/bin:{inherited.get('PATH', _PATH)}",
        **_variables(prefix, options.destination),
    }
    added = [{"created": created, "created_by": f"minicon: {layer.title}"} for layer in layers]
    roots = (base.get("rootfs") or {}).get("diff_ids") or []
    return {
        "created": created,
        "architecture": architecture,
        "os": "linux",
        "config": {
            **own,
            "Env": [f"{name}={value}" for name, value in variables.items()],
            "Entrypoint": [f"{options.destination}/{ENTRY_POINT}"],
            "Cmd": ["sh"],
        },
        "rootfs": {"type": "layers", "diff_ids": [*roots, *(layer.diff_id for layer in layers)]},
        "history": [*(base.get("history") or []), *added],
    }


def _variables(prefix: Prefix, destination: str) -> dict[str, str]:
    old = str(prefix.path)
    facts = read_facts(old)
    return {name: value.replace(old, destination) for name, value in facts.variables.items()}


def _write_layout(
    writer: ArchiveWriter,
    options: ImageOptions,
    manifest: Blob,
    config: Blob,
    layers: list[dict[str, Any]],
    blobs: Mapping[str, Blob],
    architecture: str,
) -> None:
    """Write the files of an OCI layout, and ``manifest.json`` for ``docker load``."""
    described = {
        **manifest.descriptor(MANIFEST),
        "platform": {"architecture": architecture, "os": "linux"},
    }
    if options.tag:
        name = options.tag.rpartition(":")[2] if ":" in options.tag else "latest"
        described["annotations"] = {"org.opencontainers.image.ref.name": name}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}
    docker = {
        "Config": f"blobs/sha256/{config.sha256}",
        "RepoTags": [options.tag] if options.tag else None,
        "Layers": [f"blobs/sha256/{layer['digest'].partition(':')[2]}" for layer in layers],
    }
    for sha256, blob in sorted(blobs.items()):
        writer.add_file(f"blobs/sha256/{sha256}", chunks_of(blob.content), blob.size, 0o644, 0)
    if options.base is not None:
        for layer in options.base.layers:
            sha256 = layer["digest"].partition(":")[2]
            if sha256 not in blobs:
                chunks = options.base.blob(sha256)
                writer.add_file(f"blobs/sha256/{sha256}", chunks, layer["size"], 0o644, 0)
    files: dict[str, Any] = {"index.json": index, "manifest.json": [docker]}
    files["oci-layout"] = {"imageLayoutVersion": "1.0.0"}
    for name, document in files.items():
        data = _json(document)
        writer.add_file(name, (data,), len(data), 0o644, 0)


def _json(document: Any) -> bytes:
    return json.dumps(document, separators=(",", ":")).encode()


def _json_blob(document: Any) -> Blob:
    data = _json(document)
    return Blob(data, hashlib.sha256(data).hexdigest(), len(data))


def _time(seconds: int) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
