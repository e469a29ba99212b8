"""Read the base of an image: an OCI layout, as a directory or a tar archive."""

from __future__ import annotations

import hashlib
import re
import tarfile
from contextlib import closing
from typing import Any

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
_HEX = re.compile(r"[0-9a-f]{64}")
_DESCRIPTOR = {"digest": str, "size": int, "mediaType": str}
_LAYERS = ("application/vnd.oci.image.layer.v1.tar", "application/vnd.docker.image.rootfs.diff.tar")


class BaseImage:
    """One image of a layout.

    Args:
        path: The directory or archive.
        architecture: Of the image, for instance ``amd64``.

    Attributes:
        layers: Descriptors of its layers.
        config: Its configuration.

    Raises:
        PackageError: ``unknown-format``: it is no OCI layout, or has no such image.
        HashMismatch: A blob has another content than its name says.
    """

    def __init__(self, path: Path, architecture: str) -> None:
        self._path = path
        self._members: dict[str, tuple[int, int]] | None = None
        try:
            manifest = self._manifest(read_json(self._read("index.json")), architecture)
            check_shape(manifest, {"config": _DESCRIPTOR, "layers": [_DESCRIPTOR]})
            self.config: dict[str, Any] = read_json(self._document(manifest["config"]))
            self.layers: list[dict[str, Any]] = [_layer(each) for each in manifest["layers"]]
        except (ValueError, KeyError, TypeError, AttributeError, tarfile.TarError) as error:
            hint = "make one with: skopeo copy docker://debian:stable-slim oci:base"
            message = f"{path} is no OCI layout with an image for linux/{architecture}"
            raise PackageError("unknown-format", message, hint=hint) from error

    def _manifest(self, index: Any, architecture: str) -> Any:
        """Return the manifest for an architecture; a layout with one image need not name it."""
        found = index["manifests"]
        for each in found:
            platform = each.get("platform") or {}
            if len(found) == 1 or platform.get("architecture") == architecture:
                document = read_json(self._document(each))
                is_index = "manifests" in document
                return self._manifest(document, architecture) if is_index else document
        raise ValueError(architecture)

    def _document(self, descriptor: Any) -> bytes:
        data = b"".join(self.blob(descriptor["digest"].removeprefix("sha256:")))
        if len(data) > _LARGEST_DOCUMENT:
            raise ValueError("too large")
        return data

    def _read(self, name: str) -> bytes:
        with describing("read", self._path), closing(self._open(name)) as file:
            return file.read(_LARGEST_DOCUMENT)

    def blob(self, sha256: str) -> Iterator[bytes]:
        """Yield a blob; its hash is compared after the last piece. Raises HashMismatch."""
        if not _HEX.fullmatch(sha256):
            raise ValueError(sha256)
        digest = hashlib.sha256()
        with describing("read", self._path), closing(self._open(f"blobs/sha256/{sha256}")) as file:
            while data := file.read(_CHUNK):
                digest.update(data)
                yield data
        if digest.hexdigest() != sha256:
            message = f"{self._path}: blob {sha256} has another sha256"
            raise HashMismatch("hash-mismatch", message, hint="copy the base image again")

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
        return _Part(self._path.open("rb"), *self._members[name])


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


def _layer(descriptor: Any) -> dict[str, Any]:
    if not descriptor["mediaType"].startswith(_LAYERS):
        raise ValueError(descriptor["mediaType"])
    kept: dict[str, Any] = {key: descriptor[key] for key in _DESCRIPTOR}
    return kept
