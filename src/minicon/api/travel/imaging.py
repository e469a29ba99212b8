"""Make a container image of an environment, in a file or in a registry."""

from __future__ import annotations

from minicon.api.travel.packing import (
    check_output,
    checked_destination,
    require_complete,
    source_date_epoch,
    warn_of_changes,
)
from minicon.errors import UsageError
from minicon.fs.safe_path import typed_path
from minicon.fs.unfinished import new_folder, writing
from minicon.lean_dataclasses import dataclass, field
from minicon.prefix.environment.prefix import Prefix
from minicon.redaction import redact
from minicon.travel.contents import Selection
from minicon.travel.formats import open_writer
from minicon.travel.images.base_image import BaseImage, Layout
from minicon.travel.images.image import ImageOptions, architecture_of, build_image
from minicon.travel.images.layout import write_layout
from minicon.travel.images.pushing import push_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.net.schemes.image_reference import ImageReference
    from minicon.net.schemes.oci_images import ImageRepository
    from minicon.travel.images.image import Image


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What to make an image of, and where it is written or pushed.

    Attributes:
        prefix: The environment.
        destination: Path of the environment in the image.
        output: A tar archive; a name without a suffix is a directory; None writes nothing.
        push: ``oci://registry/name:tag``, or empty.
        base: The image below: an OCI layout, or ``oci://registry/name:tag``; or empty.
        name: For programs that load the image, or None.
        selection: Which files are packed.
        force: Whether an existing output is replaced.
        ignore_editable: Whether projects outside of the environment may be missing.
        ignore_missing: Whether files of packages may be missing.
    """

    prefix: Path
    destination: str
    output: Path | None = None
    push: str = ""
    base: str = ""
    name: ImageReference | None = None
    selection: Selection = field(default_factory=Selection)
    force: bool = False
    ignore_editable: bool = False
    ignore_missing: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageResult:
    """The digest of an image's manifest, its layers, and the blobs that a registry was sent."""

    digest: str
    layers: int
    sent: int = 0


def make_image(services: Services, request: ImageRequest) -> ImageResult:
    """Write an image or push it; nothing is left of a failure.

    Args:
        services: Network; ``SOURCE_DATE_EPOCH`` of its variables is the latest time of files.
        request: The image.

    Raises:
        UsageError: There is no output, or it exists; or the environment is not for Linux.
        PrefixError: The environment would not work in an image.
        PackageError: The base is no OCI layout.
        ChannelError: A registry cannot be used.
        FileError: The file system failed.
    """
    prefix = Prefix(request.prefix).require()
    if request.output is not None:
        check_output(request.output, force=request.force)
    elif not request.push:
        hint = "pass -o FILE, or --push oci://REGISTRY/NAME:TAG"
        raise UsageError("wrong-arguments", "the image is neither written nor pushed", hint=hint)
    architecture = architecture_of(prefix)
    target = services.fetcher.images(request.push) if request.push else None
    repository = _registry_of_base(services, request)
    require_complete(
        prefix,
        services.reporter,
        ignore_editable=request.ignore_editable,
        ignore_missing=request.ignore_missing,
    )
    warn_of_changes(prefix, services.reporter)
    base = repository or (Layout(typed_path(request.base)) if request.base else None)
    options = ImageOptions(
        destination=checked_destination(request.destination) or "",
        selection=request.selection,
        epoch=source_date_epoch(services.environ),
        base=BaseImage(base, redact(request.base), architecture) if base else None,
    )
    # Layers may be larger than what the system has for temporary files.
    output = request.output or services.cache_dir / "image"
    with writing(output), new_folder(output) as folder:
        task = services.reporter.start("pack", request.prefix.name, None, "files")
        try:
            image = build_image(prefix, options, folder, task)
        finally:
            task.finish()
        if request.output is not None:
            _write(image, request.output, request.name)
        sent = 0
        if target is not None:
            sent = push_image(image, target, folder, services.reporter, repository)
    digest = f"sha256:{image.manifest.sha256}"
    return ImageResult(digest=digest, layers=len(image.described_layers), sent=sent)


def _registry_of_base(services: Services, request: ImageRequest) -> ImageRepository | None:
    return services.fetcher.images(request.base) if "://" in request.base else None


def _write(image: Image, output: Path, name: ImageReference | None) -> None:
    with open_writer(output, "tar" if output.suffix else "no-archive") as writer:
        write_layout(writer, image, name)
