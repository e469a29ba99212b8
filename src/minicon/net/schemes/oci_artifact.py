"""Artifact: the repository, tag and layer of a conda channel's file in an OCI registry.

======================================  =======================================================
``oci://host/chan/SUBDIR/…``            ``/v2/chan/SUBDIR/…`` of the registry
======================================  =======================================================
``numpy-2.0-py311_0.conda``             ``numpy``, tag ``2.0-py311_0``
``_x-1!2.0+a-0.tar.bz2``                ``zzz_x``, tag ``1__e__2.0__p__a-0``
``repodata.json``, ``….zst``            ``repodata.json``, tag ``latest``, by media type
``repodata_shards.msgpack.zst``         the same, by title
``DIGEST.msgpack.zst`` (a shard)        ``repodata.json/shards``, the blob of that digest
anything else                           its name, tag ``latest``, by title or the only layer
======================================  =======================================================

conda-oci-mirror writes this layout and rattler reads it (proposed CEP: conda/ceps#115).
"""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from minicon.constants import REPODATA, SHARDS_INDEX
from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any

_PACKAGES = {
    ".conda": "application/vnd.conda.package.v2",
    ".tar.bz2": "application/vnd.conda.package.v1",
}
_REPODATA = "application/vnd.conda.repodata.v1+json"
_INDEXES = {
    REPODATA: _REPODATA,
    f"{REPODATA}.zst": f"{_REPODATA}+zst",
    f"{REPODATA}.bz2": f"{_REPODATA}+bz2",
    f"{REPODATA}.gz": f"{_REPODATA}+gzip",
    SHARDS_INDEX: "",
}
_SHARD = lazy_pattern(r"([0-9a-f]{64})\.msgpack\.zst")
#: Characters that tags must not contain (distribution-spec), and their replacements.
_IN_TAGS = {"+": "__p__", "!": "__e__", "=": "__eq__"}
TAG = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}")
_PART = r"[a-z0-9]+(?:(?:\.|__?|-+)[a-z0-9]+)*"
#: Names of repositories (distribution-spec, "Pulling manifests").
REPOSITORY = lazy_pattern(rf"{_PART}(?:/{_PART})*")
_DIGEST = lazy_pattern(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LOOPBACK = lazy_pattern(r"127(?:\.[0-9]{1,3}){3}")
_MD5_TEXT = lazy_pattern(r"[0-9a-f]{32}")
#: Annotations of layers: the file's name, and its MD5, as conda-oci-mirror writes it.
TITLE, MD5 = "org.opencontainers.image.title", "org.conda.md5"


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of an artifact.

    Attributes:
        digest: ``sha256:…`` or ``sha512:…``; names the layer and verifies it.
        size: Bytes, or None where only the digest is known.
        md5: Hexadecimal, or empty if its manifest does not state it.
    """

    digest: str
    size: int | None = None
    md5: str = ""

    @classmethod
    def of(cls, layer: Mapping[str, Any]) -> Layer:
        """Return a layer of a manifest; see :func:`layers_of`."""
        md5 = _annotation(layer, MD5)
        return cls(layer["digest"], layer["size"], md5 if _MD5_TEXT.fullmatch(md5) else "")


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in a registry.

    Attributes:
        registry: Base URL of the registry, https unless it is on this machine.
        repository: Path below ``/v2``, without slashes at its ends; empty for the registry itself.
        tag: The manifest's tag; empty where :attr:`layer` is known already.
        file_name: The file's name in the channel.
        media_type: Media type of the layer; empty where the layer is found by its title.
        layer: The layer, where the URL contains its digest.
    """

    registry: str
    repository: str
    tag: str
    file_name: str
    media_type: str = ""
    layer: Layer | None = None

    @classmethod
    def of(cls, url: str) -> Artifact | None:
        """Parse an ``oci://`` URL; None if no registry can contain such a file.

        Raises:
            ChannelError: ``invalid-url``: registries do not allow the channel's path.
        """
        parts = urlsplit(url)
        folder, file_name = posixpath.split(unquote(parts.path).strip("/"))
        registry = registry_of(url)
        shard = _SHARD.fullmatch(file_name)
        if shard is not None:
            repository = f"{folder.removesuffix('/shards')}/{REPODATA}/shards"
            layer = Layer(f"sha256:{shard.group(1)}")
            return cls(registry, _checked(repository, url), "", file_name, layer=layer)
        name, tag, media_type = _repository_tag(file_name)
        if not TAG.fullmatch(tag) or not REPOSITORY.fullmatch(name):
            return None
        return cls(registry, _checked(f"{folder}/{name}", url), tag, file_name, media_type)

    @property
    def scopes(self) -> tuple[str, ...]:
        """What a token must allow (distribution's token specification)."""
        if not self.repository:
            return ("registry:catalog:*",)
        return (f"repository:{self.repository}:pull",)

    @property
    def manifest_url(self) -> str:
        """URL of the manifest, which lists the artifact's layers."""
        return f"{self.registry}/v2/{self.repository}/manifests/{self.tag}"

    def blob_url(self, layer: Layer) -> str:
        """Return the URL of a layer's bytes."""
        return f"{self.registry}/v2/{self.repository}/blobs/{layer.digest}"

    def layer_in(self, manifest: Any) -> Layer | None:
        """Find the file's layer in a decoded manifest; None if it has no such layer."""
        usable = layers_of(manifest)
        found = [each for each in usable if self.is_own(each)]
        if not (found or self.media_type or self.file_name in _INDEXES) and len(usable) == 1:
            found = usable
        return Layer.of(found[0]) if found else None

    def is_own(self, layer: Mapping[str, Any]) -> bool:
        """Whether a layer of the artifact is this file, not another file of the same artifact."""
        if self.media_type:
            return layer.get("mediaType") == self.media_type
        return _annotation(layer, TITLE).rpartition("/")[2] == self.file_name


def layers_of(manifest: Any) -> list[dict[str, Any]]:
    """Return the layers of a decoded manifest whose digest and size are valid."""
    layers = manifest.get("layers") if isinstance(manifest, dict) else None
    return [each for each in layers or () if _is_usable(each)]


def packages_in(manifest: Any, name: str, tag: str) -> Iterator[tuple[str, Layer]]:
    """Yield the file names and layers of packages in a manifest: a ``.conda``, ``.tar.bz2``, both.

    Args:
        manifest: The decoded manifest.
        name: Last part of the repository.
        tag: Of the manifest.
    """
    name = name.removeprefix("zzz") if name.startswith("zzz_") else name
    for character, replacement in _IN_TAGS.items():
        tag = tag.replace(replacement, character)
    extensions = {media_type: extension for extension, media_type in _PACKAGES.items()}
    for layer in layers_of(manifest):
        if layer.get("mediaType") in extensions:
            yield f"{name}-{tag}{extensions[layer['mediaType']]}", Layer.of(layer)


def usual_media_type(file_name: str) -> str:
    """Return the media type to push a file with, if its layer is found by its title."""
    if file_name == SHARDS_INDEX:
        return "application/vnd.conda.repodata.shards.v1+msgpack+zst"
    if _SHARD.fullmatch(file_name):
        return "application/vnd.conda.repodata.shard.v1+msgpack+zst"
    return "application/json" if file_name.endswith(".json") else "application/octet-stream"


def _repository_tag(file_name: str) -> tuple[str, str, str]:
    """The last part of the repository, the tag and the media type of a file."""
    if file_name in _INDEXES:
        return REPODATA, "latest", _INDEXES[file_name]
    for extension, media_type in _PACKAGES.items():
        parts = file_name.removesuffix(extension).rsplit("-", 2)
        if file_name.endswith(extension) and len(parts) == 3:
            name, version, build = parts
            tag = f"{version}-{build}"
            for character, replacement in _IN_TAGS.items():
                tag = tag.replace(character, replacement)
            return f"zzz{name}" if name.startswith("_") else name, tag, media_type
    return file_name, "latest", ""


def registry_of(url: str) -> str:
    """Return the base URL of the registry of an ``oci://`` URL."""
    parts = urlsplit(url)
    return registry_url(parts.netloc.rpartition("@")[2], parts.hostname or "")


def registry_url(address: str, host: str) -> str:
    """Return the base URL of a registry; plain http is for this machine only, as in docker."""
    is_loopback = host in ("localhost", "::1") or _LOOPBACK.fullmatch(host) is not None
    return f"{'http' if is_loopback else 'https'}://{address}"


def _checked(repository: str, url: str) -> str:
    if not REPOSITORY.fullmatch(repository):
        message = f"{redact(url)} is not a valid path in a registry"
        hint = "use only lower-case letters, digits, dots, dashes and underscores"
        raise ChannelError("invalid-url", message, hint=hint)
    return repository


def _is_usable(layer: Any) -> bool:
    if not isinstance(layer, dict) or not isinstance(layer.get("digest"), str):
        return False
    size = layer.get("size")
    return bool(_DIGEST.fullmatch(layer["digest"])) and isinstance(size, int) and size >= 0


def _annotation(layer: Mapping[str, Any], key: str) -> str:
    annotations = layer.get("annotations")
    text = annotations.get(key) if isinstance(annotations, dict) else None
    return text if isinstance(text, str) else ""
