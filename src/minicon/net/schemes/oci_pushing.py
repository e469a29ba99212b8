"""Push files of a channel to a registry: a blob, and a manifest with the artifact's layers.

The answer is that of a web server that evaluates conditions (RFC 9110 §13.1). Registries have none:
between the check and the upload another client may push the same tag, which is noticed afterwards.
"""

from __future__ import annotations

import json
from io import BytesIO
from urllib.parse import urlsplit

from minicon.errors import ChannelError
from minicon.fs.hashing import hash_file, sha256_of
from minicon.lean_dataclasses import replace
from minicon.net.client.headers import Headers
from minicon.net.schemes.oci_artifact import MD5, TITLE, Artifact, layers_of, usual_media_type
from minicon.net.schemes.oci_session import empty_response
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any, Protocol

    from minicon.net.client.fetcher import Response
    from minicon.net.schemes.oci_images import ImageRepository

    class Registries(Protocol):
        """What :class:`.oci_fetcher.OciFetcher` does."""

        def manifest(self, url: str, artifact: Artifact) -> Any:
            """Return the present manifest of an artifact; None if there is none."""

        def images(self, url: str) -> ImageRepository:
            """Return what reads and pushes the blobs and manifests of a repository."""


_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
_NO_CONFIG = b"{}"
_CONFIG = {
    "mediaType": "application/vnd.unknown.config.v1+json",
    "digest": f"sha256:{sha256_of(_NO_CONFIG)}",
    "size": len(_NO_CONFIG),
}


def push(registries: Registries, url: str, path: Path, headers: Mapping[str, str]) -> Response:
    """Upload a file of a channel; see :meth:`minicon.net.client.fetcher.Uploader.put`.

    Returns:
        201 if the artifact has the file now, with its ETag; 412 if a condition is not met.

    Raises:
        ChannelError: ``invalid-url``: no registry can contain such a file; or the registry refuses.
        OSError: The file cannot be read.
    """
    artifact = Artifact.of(url)
    if artifact is None:
        message = f"{redact(url)} cannot be the name of a file in a registry"
        hint = "use letters, digits, '.', '_', '-' and '+' in names, versions and builds"
        raise ChannelError("invalid-url", message, hint=hint)
    if artifact.layer is not None:  # a shard, which is tagged by its hash
        artifact = replace(artifact, tag=artifact.layer.digest.partition(":")[2], layer=None)
    layer = _layer_of(artifact, path)
    before = registries.manifest(url, artifact)
    if not _may_replace(_digest_in(before, artifact), Headers(headers)):
        return empty_response(url, 412)
    address = urlsplit(url)
    target = registries.images(f"oci://{address.netloc}/{artifact.repository}:{artifact.tag}")
    target.allow_push()
    target.push_blob(str(_CONFIG["digest"]), lambda: BytesIO(_NO_CONFIG))
    target.push_blob(layer["digest"], lambda: path.open("rb"))
    others = [each for each in layers_of(before) if not artifact.is_own(each)]
    manifest = {
        "schemaVersion": 2,
        "mediaType": _MANIFEST,
        "config": _CONFIG,
        "layers": [*others, layer],
    }
    target.push_manifest(json.dumps(manifest, sort_keys=True).encode(), _MANIFEST)
    if _digest_in(registries.manifest(url, artifact), artifact) != layer["digest"]:
        return empty_response(url, 412)  # another client has pushed the tag meanwhile
    return empty_response(url, 201, {"etag": f'"{layer["digest"]}"'})


def _layer_of(artifact: Artifact, path: Path) -> dict[str, Any]:
    digest = hash_file(path, md5=True)
    return {
        "mediaType": artifact.media_type or usual_media_type(artifact.file_name),
        "digest": f"sha256:{digest.sha256}",
        "size": digest.size,
        "annotations": {TITLE: artifact.file_name, MD5: digest.md5},
    }


def _digest_in(manifest: Any, artifact: Artifact) -> str:
    layer = artifact.layer_in(manifest)
    return layer.digest if layer else ""


def _may_replace(present: str, conditions: Mapping[str, str]) -> bool:
    if conditions.get("if-none-match") == "*" and present:
        return False
    return conditions.get("if-match", f'"{present}"') == f'"{present}"'
