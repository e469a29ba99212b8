"""Write an image as an OCI layout (image-spec 1.1), which ``docker load`` reads, too."""

from __future__ import annotations

from minicon.travel.formats import chunks_of
from minicon.travel.images.image import INDEX, MANIFEST, json_data

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.archive.writers.archive_writer import ArchiveWriter
    from minicon.net.schemes.image_reference import ImageReference
    from minicon.travel.images.image import Image


def write_layout(writer: ArchiveWriter, image: Image, name: ImageReference | None) -> None:
    """Write the files of an OCI layout, and ``manifest.json`` for ``docker load``.

    Args:
        writer: The output.
        image: The image.
        name: For programs that load the image.

    Raises:
        HashMismatch: The base has another content than its digests say.
        OSError: Disk full and the like.
    """
    described = {
        **image.manifest.descriptor(MANIFEST),
        "platform": {"architecture": image.architecture, "os": "linux"},
    }
    if name is not None:
        described["annotations"] = {"org.opencontainers.image.ref.name": name.tag}
    index = {"schemaVersion": 2, "mediaType": INDEX, "manifests": [described]}
    docker = {
        "Config": f"blobs/sha256/{image.config.sha256}",
        "RepoTags": [str(name)] if name is not None else None,
        "Layers": [_path(layer["digest"]) for layer in image.described_layers],
    }
    blobs = {blob.sha256: blob for blob in (*image.blobs, image.manifest)}
    for sha256, blob in sorted(blobs.items()):
        chunks = chunks_of(blob.content)
        writer.add_file(f"blobs/sha256/{sha256}", chunks, blob.size, 0o644, 0)
    if image.base is not None:
        layers = {_path(layer["digest"]): layer for layer in image.base.layers}
        for path, layer in layers.items():
            if path.rpartition("/")[2] not in blobs:
                writer.add_file(path, image.base.blob(layer["digest"]), layer["size"], 0o644, 0)
    files: dict[str, Any] = {"index.json": index, "manifest.json": [docker]}
    files["oci-layout"] = {"imageLayoutVersion": "1.0.0"}
    for path, document in files.items():
        data = json_data(document)
        writer.add_file(path, (data,), len(data), 0o644, 0)


def _path(digest: str) -> str:
    return f"blobs/sha256/{digest.removeprefix('sha256:')}"
