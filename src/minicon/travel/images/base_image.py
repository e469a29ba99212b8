"""Read the base of an image: an OCI layout, as a directory or a tar archive, or from a registry."""

from __future__ import annotations

import hashlib
import re
import tarfile
from contextlib import closing
from typing import Any, Protocol

from minicon.errors import HashMismatch, PackageError
from minicon.fs.operations import describing
from minicon.models.strict_json import check_shape, read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path
    from typing import BinaryIO

_CHUNK = 1 << 20
_LARGEST_DOCUMENT = 1 << 22
_AGAIN = "copy the base image again"
_DIGEST = re.compile(r"sha256:[0-9a-f]{64}")
_DESCRIPTOR = {"digest": str, "size": int, "mediaType": str}
_CONFIG: dict[str, Any] = {
    "config": ({"Env": ([str], None)}, None),
    "rootfs": {"diff_ids": [str]},
    "history": ([{}], None),
}
_DOCKER = "application/vnd.docker.image.rootfs.diff.tar"
_LAYER = "application/vnd.oci.image.layer.v1.tar"
#: The media types of layers that can be used, and those that they have in the new image.
_LAYERS = {
    **{_LAYER + end: _LAYER + end for end in ("", "+gzip", "+zstd")},
    _DOCKER: _LAYER,
    f"{_DOCKER}.gzip": f"{_LAYER}+gzip",
}


class ImageSource(Protocol):
    """Where an image is read from."""

    def manifest(self, digest: str = "") -> bytes:
        """Return a manifest or an index, by default the one that leads to all others."""

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yield a blob, unverified."""


class Layout:
    """An OCI layout.

    Args:
        path: The directory or archive.

    Raises:
        FileError: A file of it cannot be read.
    """

    def __init__(self, path: Path) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] | None = None

    def manifest(self, digest: str = "") -> bytes:
        """See :class:`ImageSource`."""
        if digest:
            return b"".join(self.blob(digest))
        with describing("read", self._path), closing(self._open("index.json")) as file:
            return file.read(_LARGEST_DOCUMENT)

    def blob(self, digest: str) -> Iterator[bytes]:
        """See :class:`ImageSource`."""
        name = f"blobs/sha256/{digest.removeprefix('sha256:')}"
        with describing("read", self._path), closing(self._open(name)) as file:
            while data := file.read(_CHUNK):
                yield data

    def _open(self, name: str) -> BinaryIO | _Part:
        if self._path.is_dir():
            return (self._path / name).open("rb")
        if self._members is None:
            with tarfile.open(self._path, "r:") as archive:
                self._members = {
                    member.name.removeprefix("./"): (member.offset_data, member.size)
                    for member in archive
                    if member.isfile()
                }
        if name not in self._members:
            raise PackageError("damaged-archive", f"{self._path} has no {name}", hint=_AGAIN)
        return _Part(self._path.open("rb"), *self._members[name])


class BaseImage:
    """One image of a source.

    Args:
        source: Its source.
        name: The source as users know it.
        architecture: Of the image, for instance ``amd64``.

    Attributes:
        layers: Descriptors of its layers.
        config: Its configuration.

    Raises:
        PackageError: ``unknown-format``: the source has no such image.
        HashMismatch: A blob has another content than its name says.
    """

    def __init__(self, source: ImageSource, name: str, architecture: str) -> None:
        self._source = source
        self._name = name
        try:
            manifest = self._manifest(read_json(source.manifest()), architecture)
            check_shape(manifest, {"config": _DESCRIPTOR, "layers": [_DESCRIPTOR]})
            config = self._limited(self.blob(manifest["config"]["digest"]))
            self.config: dict[str, Any] = read_json(config)
            check_shape(self.config, _CONFIG)
            self.layers: list[dict[str, Any]] = [_layer(each) for each in manifest["layers"]]
        except (ValueError, KeyError, TypeError, AttributeError, tarfile.TarError) as error:
            hint = "pass an OCI layout (skopeo copy … oci:base), or oci://REGISTRY/NAME:TAG"
            message = f"{name} is no OCI layout with an image for linux/{architecture}"
            raise PackageError("unknown-format", message, hint=hint) from error

    def _manifest(self, document: Any, architecture: str) -> Any:
        """Return the manifest for an architecture; an index with one image need not name it."""
        if "manifests" not in document:
            return document
        found = document["manifests"]
        for each in found:
            platform = each.get("platform") or {}
            if len(found) == 1 or platform.get("architecture") == architecture:
                data = self._source.manifest(_checked(each["digest"]))
                chunks = self._verified(each["digest"], iter((data,)))
                return self._manifest(read_json(self._limited(chunks)), architecture)
        raise ValueError(architecture)

    def _limited(self, chunks: Iterator[bytes]) -> bytes:
        found = b""
        for chunk in chunks:
            found += chunk
            if len(found) > _LARGEST_DOCUMENT:
                raise ValueError("too large")
        return found

    def blob(self, digest: str) -> Iterator[bytes]:
        """Yield a blob; its hash is compared after the last piece. Raises HashMismatch."""
        yield from self._verified(digest, self._source.blob(_checked(digest)))

    def _verified(self, digest: str, chunks: Iterator[bytes]) -> Iterator[bytes]:
        found = hashlib.sha256()
        for data in chunks:
            found.update(data)
            yield data
        if f"sha256:{found.hexdigest()}" != digest:
            message = f"{self._name}: blob {digest} has another sha256"
            raise HashMismatch("hash-mismatch", message, hint=_AGAIN)


class _Part:
    """A part of an open file, as a file."""

    def __init__(self, file: BinaryIO, offset: int, size: int) -> None:
        self._file, self._left = file, size
        file.seek(offset)

    def read(self, count: int) -> bytes:
        """Read at most ``count`` bytes."""
        data = self._file.read(min(count, self._left))
        self._left -= len(data)
        return data

    def close(self) -> None:
        """Close the file."""
        self._file.close()


def _checked(digest: str) -> str:
    if not _DIGEST.fullmatch(digest):
        raise ValueError(digest)
    return digest


def _layer(descriptor: Any) -> dict[str, Any]:
    kept: dict[str, Any] = {key: descriptor[key] for key in _DESCRIPTOR}
    return {**kept, "mediaType": _LAYERS[descriptor["mediaType"]]}
