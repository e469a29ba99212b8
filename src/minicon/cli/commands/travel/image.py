"""Make a container image of an environment, without a daemon.

Writes an OCI layout, which podman, skopeo and 'docker load' read, or pushes to a registry. Its
entry point activates the environment. Large packages have a layer each, so that an update changes
small layers, and only these are sent.

Examples:
  minicon image -n data -o image.tar
  minicon image -n data -o image.tar --from oci-base --tag data:1.0
  minicon image -n data --push oci://registry.example.org/data:1.0
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
    """``image [-n | -p] [-o FILE] [--push URL] [--from IMAGE] [--tag NAME:TAG]``."""
    from minicon.cli.commands.travel.pack import add_selection

    parser.add_argument("-o", "--output", metavar="FILE", help="a .tar file, or a directory")
    parser.add_argument("--push", default="", metavar="URL", help="push to oci://REGISTRY/NAME:TAG")
    parser.add_argument(
        "--from",
        dest="base",
        default="",
        metavar="IMAGE",
        help="image below: an OCI layout, as a directory or .tar, or oci://REGISTRY/NAME:TAG"
        " (default: an empty image)",
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
    """Write or push the image, and print its digest."""
    from minicon.api.travel.imaging import ImageRequest, make_image
    from minicon.cli.commands.travel.pack import selection
    from minicon.fs.safe_path import typed_path
    from minicon.net.schemes.image_reference import ImageReference
    from minicon.prefix.environment.prefix_location import usual_name
    from minicon.redaction import redact

    path = context.registry.existing(arguments.name, arguments.prefix)
    output = Path.cwd() / typed_path(arguments.output) if arguments.output is not None else None
    request = ImageRequest(
        prefix=path,
        output=output,
        push=arguments.push,
        destination=arguments.destination or f"/opt/{usual_name(path)}",
        base=arguments.base,
        name=ImageReference.parse(arguments.tag) if arguments.tag else None,
        selection=selection(arguments),
        force=arguments.force,
        ignore_editable=arguments.ignore_editable,
        ignore_missing=arguments.ignore_missing,
    )
    made = make_image(context.services, request)
    document = {"success": True, "digest": made.digest, "layers": made.layers}
    if output is not None:
        context.console.answer(f"wrote {output}: {counted(made.layers, 'layer')}, {made.digest}")
        document["output"] = str(output)
    if arguments.push:
        pushed = redact(arguments.push)
        sent = f"{counted(made.layers, 'layer')}, {counted(made.sent, 'blob')} sent"
        context.console.answer(f"pushed {pushed}: {sent}, {made.digest}")
        document.update(pushed=pushed, sent=made.sent)
    if context.console.json:
        context.console.document(document)
    return 0
