"""Make a container image of an environment, without a daemon.

Writes an OCI layout, which podman, skopeo and 'docker load' read. Its entry point activates the
environment. Large packages have a layer each, so that an update changes small layers.

Examples:
  minicon image -n data -o image.tar
  minicon image -n data -o image.tar --from oci-base --tag data:1.0
  skopeo copy oci-archive:image.tar docker://registry.example.org/data:1.0
"""

from __future__ import annotations

from pathlib import Path

from minicon.cli import options
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``image [-n | -p] -o FILE [--from LAYOUT] [--tag NAME:TAG]``."""
    from minicon.cli.commands.travel.pack import add_selection

    parser.add_argument(
        "-o", "--output", metavar="FILE", required=True, help="a .tar file, or a directory"
    )
    parser.add_argument(
        "--from",
        dest="base",
        metavar="LAYOUT",
        help="image below: an OCI layout, as a directory or .tar (default: an empty image)",
    )
    parser.add_argument(
        "-d",
        "--dest-prefix",
        dest="destination",
        metavar="PATH",
        help="path of the environment in the image (default: /opt/NAME)",
    )
    parser.add_argument(
        "-t", "--tag", default="", metavar="NAME:TAG", help="name for programs that load the image"
    )
    add_selection(parser)
    parser.add_argument("-f", "--force", action="store_true", help="replace an existing file")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Write the image, and print its digest."""
    import os
    import tempfile

    from minicon.api.travel.imaging import ImageRequest, make_image
    from minicon.cli.commands.travel.pack import selection
    from minicon.fs.operations import describing
    from minicon.fs.safe_path import typed_path
    from minicon.prefix.environment.prefix_location import usual_name

    path = context.registry.existing(arguments.name, arguments.prefix)
    request = ImageRequest(
        prefix=path,
        output=Path.cwd() / typed_path(arguments.output),
        destination=arguments.destination or f"/opt/{usual_name(path)}",
        base=typed_path(arguments.base) if arguments.base else None,
        tag=arguments.tag,
        selection=selection(arguments),
        force=arguments.force,
        ignore_editable=arguments.ignore_editable,
        ignore_missing=arguments.ignore_missing,
    )
    output = request.output
    with (
        describing("write", output),
        # Layers may be larger than what the system has for temporary files.
        tempfile.TemporaryDirectory(prefix=f".{output.name}.", dir=output.parent) as folder,
    ):
        digest, layers = make_image(
            request, Path(folder), environ=os.environ, reporter=context.services.reporter
        )
    context.console.answer(f"wrote {request.output}: {counted(layers, 'layer')}, {digest}")
    if context.console.json:
        document = {"success": True, "output": str(request.output), "digest": digest}
        context.console.document({**document, "layers": layers})
    return 0
