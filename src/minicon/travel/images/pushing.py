"""Push an image to a registry; only blobs that it does not have are sent."""

from __future__ import annotations

import io
from functools import partial

from minicon.fs import operations
from minicon.travel.images.image import MANIFEST

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path
    from typing import Any, BinaryIO

    from minicon.models.reporter import Reporter
    from minicon.net.schemes.oci_images import ImageRepository
    from minicon.travel.images.image import Image


def push_image(
    image: Image,
    repository: ImageRepository,
    folder: Path,
    reporter: Reporter,
    base: ImageRepository | None = None,
) -> int:
    """Push an image.

    Args:
        image: The image.
        repository: Where to push it, with its tag.
        folder: A directory for layers of the base.
        reporter: Receives progress.
        base: The repository of the image's base, if it is from a registry.

    Returns:
        The number of blobs that were sent.

    Raises:
        ChannelError: The registry cannot be reached, or refuses the image.
        HashMismatch: The base has another content than its digests say.
        OSError: Disk full and the like.
    """
    sources: dict[str, tuple[int, Callable[[], BinaryIO]]] = {}
    for layer in image.base.layers if image.base else ():
        sources[layer["digest"]] = (layer["size"], partial(_base_layer, image, layer, folder))
    for blob in image.blobs:
        sources[f"sha256:{blob.sha256}"] = (blob.size, partial(_opened, blob.content))
    repository.allow_push(base)
    total = sum(size for size, _ in sources.values())
    task = reporter.start("upload", repository.url.partition("://")[2], total)
    sent = 0
    try:
        for digest, (size, content) in sources.items():
            sent += repository.push_blob(digest, content, base=base)
            task.advance(size)
        repository.push_manifest(_content(image), MANIFEST)
    finally:
        task.finish()
    return sent


def _content(image: Image) -> bytes:
    assert isinstance(image.manifest.content, bytes)
    return image.manifest.content


def _opened(content: bytes | Path) -> BinaryIO:
    return io.BytesIO(content) if isinstance(content, bytes) else content.open("rb")


def _base_layer(image: Image, layer: dict[str, Any], folder: Path) -> BinaryIO:
    """Return a layer of the base, verified before any of it is sent."""
    path: Path = folder / layer["digest"].partition(":")[2]
    if not path.exists():
        assert image.base is not None
        temporary = path.with_name(f"{path.name}.part")
        temporary.unlink(missing_ok=True)
        operations.create_file_from(image.base.blob(layer["digest"]), temporary)
        operations.rename(temporary, path)
    return path.open("rb")
