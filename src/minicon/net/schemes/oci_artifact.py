"""Where a file of a conda channel is in an OCI registry.

======================================  =======================================================
``oci://host/chan/SUBDIR/…``            ``/v2/chan/SUBDIR/…`` of the registry
======================================  =======================================================
``numpy-2.0-py311_0.conda``             ``numpy``, tag ``2.0-py311_0``
``_x-1!2.0+a-0.tar.bz2``                ``zzz_x``, tag ``1__e__2.0__p__a-0``
``repodata.json``, ``….zst``            ``repodata.json``, tag ``latest``, by media type
``repodata_shards.msgpack.zst``         the same, by title
``DIGEST.msgpack.zst`` (a shard)        ``repodata.json/shards``, the blob of that digest
anything else                           its name, tag ``latest``, by title or alone
======================================  =======================================================

This is how conda-oci-mirror writes and rattler reads (a CEP is under discussion: conda/ceps#115).
"""

from __future__ import annotations

import posixpath
from urllib.parse import unquote, urlsplit

from minicon.constants import REPODATA
from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
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
    "repodata_shards.msgpack.zst": "",
}
_SHARD = lazy_pattern(r"([0-9a-f]{64})\.msgpack\.zst")
#: Characters that tags may not have (distribution-spec), and what stands for them.
_IN_TAGS = {"+": "__p__", "!": "__e__", "=": "__eq__"}
_TAG = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9._\-]{0,127}")
_REPOSITORY = lazy_pattern(r"[a-z0-9]+(?:[._\-]+[a-z0-9]+)*(?:/[a-z0-9]+(?:[._\-]+[a-z0-9]+)*)*")
_DIGEST = lazy_pattern(r"sha256:[0-9a-f]{64}|sha512:[0-9a-f]{128}")
_LOOPBACK = lazy_pattern(r"127(?:\.[0-9]{1,3}){3}")
_TITLE = "org.opencontainers.image.title"


@dataclass(frozen=True, slots=True)
class Layer:
    """One file of an artifact.

    Attributes:
        digest: ``sha256:…`` or ``sha512:…``: its name, and what it must be.
        size: Bytes, or None where only the digest is known.
    """

    digest: str
    size: int | None = None


@dataclass(frozen=True, slots=True)
class Artifact:
    """What to ask a registry for.

    Attributes:
        registry: Base URL of the registry, https unless it is this machine.
        repository: Path below ``/v2``, without slashes at its ends.
        tag: Which of the repository's manifests; empty where :attr:`layer` is known already.
        file_name: What the file is called in the channel.
        media_type: Of the layer that is wanted; empty where its title tells it.
        layer: The layer, where the URL itself says its digest.
    """

    registry: str
    repository: str
    tag: str
    file_name: str
    media_type: str = ""
    layer: Layer | None = None

    @classmethod
    def of(cls, url: str) -> Artifact | None:
        """What an ``oci://`` URL stands for, or None if no registry can have such a file.

        Raises:
            ChannelError: ``invalid-url``: the channel's path is none that registries allow.
        """
        parts = urlsplit(url)
        folder, file_name = posixpath.split(unquote(parts.path).strip("/"))
        registry = _registry(parts.netloc.rpartition("@")[2], parts.hostname or "")
        shard = _SHARD.fullmatch(file_name)
        if shard is not None:
            place = f"{folder.removesuffix('/shards')}/{REPODATA}/shards"
            layer = Layer(f"sha256:{shard.group(1)}")
            return cls(registry, _checked(place, url), "", file_name, layer=layer)
        name, tag, media_type = _place_of(file_name)
        if not _TAG.fullmatch(tag) or not _REPOSITORY.fullmatch(name):
            return None
        return cls(registry, _checked(f"{folder}/{name}", url), tag, file_name, media_type)

    @property
    def manifest_url(self) -> str:
        """Where the registry says which layers the artifact has."""
        return f"{self.registry}/v2/{self.repository}/manifests/{self.tag}"

    def blob_url(self, layer: Layer) -> str:
        """Where the registry has the bytes of a layer."""
        return f"{self.registry}/v2/{self.repository}/blobs/{layer.digest}"

    def layer_in(self, manifest: Any) -> Layer | None:
        """The layer that is wanted, of a decoded manifest; None if it has no such layer."""
        layers = manifest.get("layers") if isinstance(manifest, dict) else None
        usable = [each for each in layers or () if _is_usable(each)]
        if self.media_type:
            found = [each for each in usable if each.get("mediaType") == self.media_type]
        else:
            found = [each for each in usable if _title(each) == self.file_name]
            if not found and self.file_name not in _INDEXES and len(usable) == 1:
                found = usable
        return Layer(found[0]["digest"], found[0]["size"]) if found else None


def _place_of(file_name: str) -> tuple[str, str, str]:
    """Last part of the repository, tag and media type of a file."""
    if file_name in _INDEXES:
        return REPODATA, "latest", _INDEXES[file_name]
    for extension, media_type in _PACKAGES.items():
        parts = file_name.removesuffix(extension).rsplit("-", 2)
        if file_name.endswith(extension) and len(parts) == 3:
            name, version, build = parts
            tag = f"{version}-{build}"
            for character, instead in _IN_TAGS.items():
                tag = tag.replace(character, instead)
            return f"zzz{name}" if name.startswith("_") else name, tag, media_type
    return file_name, "latest", ""


def _registry(place: str, host: str) -> str:
    """Base URL of a registry; plain http is for this machine alone, as docker has it."""
    is_here = host in ("localhost", "::1") or _LOOPBACK.fullmatch(host) is not None
    return f"{'http' if is_here else 'https'}://{place}"


def _checked(repository: str, url: str) -> str:
    if not _REPOSITORY.fullmatch(repository):
        message = f"{redact(url)} is no place in a registry"
        hint = "paths in registries have lower-case letters, digits, dots, dashes and _ only"
        raise ChannelError("invalid-url", message, hint=hint)
    return repository


def _is_usable(layer: Any) -> bool:
    if not isinstance(layer, dict) or not isinstance(layer.get("digest"), str):
        return False
    size = layer.get("size")
    return bool(_DIGEST.fullmatch(layer["digest"])) and isinstance(size, int) and size >= 0


def _title(layer: dict[str, Any]) -> str:
    notes = layer.get("annotations")
    title = notes.get(_TITLE) if isinstance(notes, dict) else None
    return posixpath.basename(title) if isinstance(title, str) else ""
