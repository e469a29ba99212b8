"""The image of an environment: its configuration and its manifest (OCI image-spec 1.1)."""

from __future__ import annotations

import hashlib
import json
import os
from typing import Any, NamedTuple

from minicon.errors import UsageError
from minicon.lean_dataclasses import dataclass
from minicon.shell.environment_facts import read_facts
from minicon.travel.images.layers import ENTRY_POINT, Blob, write_layers
from minicon.travel.packing import PackOptions

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

    from minicon.models.reporter import Task
    from minicon.prefix.environment.prefix import Prefix
    from minicon.travel.contents import Selection
    from minicon.travel.images.base_image import BaseImage
    from minicon.travel.images.layers import Layer

MANIFEST = "application/vnd.oci.image.manifest.v1+json"
INDEX = "application/vnd.oci.image.index.v1+json"
CONFIG = "application/vnd.oci.image.config.v1+json"
LAYER = "application/vnd.oci.image.layer.v1.tar+gzip"
_ARCHITECTURES = {
    "linux-64": "amd64",
    "linux-aarch64": "arm64",
    "linux-ppc64le": "ppc64le",
    "linux-s390x": "s390x",
    "linux-riscv64": "riscv64",
    "linux-32": "386",
}
_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"


class Image(NamedTuple):
    """An image.

    Attributes:
        manifest: Its manifest, whose digest is that of the image.
        config: Its configuration.
        blobs: Its configuration and layers, without those of the base.
        described_layers: Descriptors of all layers.
        base: The image below, or None.
        architecture: For instance ``amd64``.
    """

    manifest: Blob
    config: Blob
    blobs: tuple[Blob, ...]
    described_layers: tuple[dict[str, Any], ...]
    base: BaseImage | None
    architecture: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageOptions:
    """How an image is made.

    Attributes:
        destination: Path of the environment in the image.
        selection: Which files are packed.
        epoch: Latest time of files in seconds since 1970, or None.
        base: The image below; None is an empty one.
    """

    destination: str
    selection: Selection
    epoch: int | None = None
    base: BaseImage | None = None


def build_image(prefix: Prefix, options: ImageOptions, folder: Path, task: Task) -> Image:
    """Build the image of an environment.

    Args:
        prefix: The environment; projects outside of it must have been refused.
        options: How the image is made.
        folder: A directory for its layers, which is used as long as the image.
        task: Advanced by one for every file.

    Raises:
        PrefixError: A link leads outside, or the destination is too long for a file.
        OSError: Disk full and the like.
    """
    pack = PackOptions(
        destination=options.destination, selection=options.selection, epoch=options.epoch
    )
    layers = list(write_layers(prefix, options.destination, pack, folder, task))
    architecture = architecture_of(prefix)
    config = _json_blob(_config(prefix, options, layers, architecture))
    base = options.base
    described = (*(base.layers if base else ()), *(each.blob.descriptor(LAYER) for each in layers))
    manifest = _json_blob(
        {
            "schemaVersion": 2,
            "mediaType": MANIFEST,
            "config": config.descriptor(CONFIG),
            "layers": described,
        }
    )
    blobs = (config, *(layer.blob for layer in layers))
    return Image(manifest, config, blobs, described, base, architecture)


def architecture_of(prefix: Prefix) -> str:
    """Return the architecture of an environment, as images name it.

    Raises:
        UsageError: ``not-a-linux-environment``.
    """
    architecture = _ARCHITECTURES.get(prefix.subdir or "linux-64")
    if architecture is None:
        message = f"{prefix.path} is for {prefix.subdir}, and images are for Linux"
        raise UsageError("not-a-linux-environment", message, hint="pack it instead (minicon pack)")
    return architecture


def _config(
    prefix: Prefix, options: ImageOptions, layers: Iterable[Layer], architecture: str
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


def json_data(document: Any) -> bytes:
    """Return a document of an image, without spaces."""
    return json.dumps(document, separators=(",", ":")).encode()


def _json_blob(document: Any) -> Blob:
    data = json_data(document)
    return Blob(data, hashlib.sha256(data).hexdigest(), len(data))


def _time(seconds: int) -> str:
    import time

    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))
