"""Make a container image of an environment."""

from __future__ import annotations

from minicon.api.travel.packing import (
    check_output,
    checked_destination,
    require_complete,
    source_date_epoch,
)
from minicon.lean_dataclasses import dataclass, field
from minicon.models.reporter import SilentReporter
from minicon.prefix.environment.prefix import Prefix
from minicon.travel.base_image import BaseImage
from minicon.travel.contents import Selection
from minicon.travel.formats import open_writer
from minicon.travel.image import ARCHITECTURES, ImageOptions, write_image

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minicon.models.reporter import Reporter


@dataclass(frozen=True, slots=True, kw_only=True)
class ImageRequest:
    """What to make an image of.

    Attributes:
        prefix: The environment.
        output: A tar archive; a name without a suffix is a directory.
        destination: Path of the environment in the image.
        base: OCI layout of the image below; None is an empty image.
        tag: Name and tag, or empty.
        selection: Which files are packed.
        force: Whether an existing output is replaced.
        ignore_editable: Whether projects outside of the environment may be missing.
        ignore_missing: Whether files of packages may be missing.
    """

    prefix: Path
    output: Path
    destination: str
    base: Path | None = None
    tag: str = ""
    selection: Selection = field(default_factory=Selection)
    force: bool = False
    ignore_editable: bool = False
    ignore_missing: bool = False


def make_image(
    request: ImageRequest,
    folder: Path,
    *,
    environ: Mapping[str, str],
    reporter: Reporter | None = None,
) -> tuple[str, int]:
    """Write an image; nothing is left of a failure.

    Args:
        request: The image.
        folder: A directory for layers until they are written.
        environ: Environment variables; ``SOURCE_DATE_EPOCH`` is the latest time of files.
        reporter: Receives what users should know of the packed files.

    Returns:
        The digest of its manifest, and the number of layers.

    Raises:
        UsageError: The output exists, or the environment is not for Linux.
        PrefixError: The environment would not work in an image.
        PackageError: The base is no OCI layout.
        FileError: The file system failed.
    """
    reporter = reporter or SilentReporter()
    prefix = Prefix(request.prefix).require()
    check_output(request.output, force=request.force)
    require_complete(
        prefix,
        reporter,
        ignore_editable=request.ignore_editable,
        ignore_missing=request.ignore_missing,
    )
    architecture = ARCHITECTURES.get(prefix.subdir or "linux-64", "amd64")
    options = ImageOptions(
        destination=checked_destination(request.destination) or "",
        selection=request.selection,
        tag=request.tag,
        epoch=source_date_epoch(environ),
        base=BaseImage(request.base, architecture) if request.base else None,
    )
    kind = "tar" if request.output.suffix else "no-archive"
    with open_writer(request.output, kind) as writer:
        return write_image(prefix, writer, options, folder)
