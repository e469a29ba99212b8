"""The verbs ``channel convert`` and ``channel mirror``: packages from elsewhere."""

from __future__ import annotations

from minicon.cli import options
from minicon.cli.parser import add_verb
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from minicon.cli.context import CommandContext


def add_verbs(commands: Any) -> None:
    """``channel convert WHEEL…``, ``channel mirror CHANNEL DIR``."""
    _add_convert(commands)
    mirror = add_verb(
        commands,
        "mirror",
        "mirror a part of a channel in a directory",
        "minicon channel mirror conda-forge ./mirror --specs 'python=3.12' numpy",
        "minicon channel mirror conda-forge ./mirror --specs numpy --newest --prune",
    )
    mirror.add_argument("source", metavar="CHANNEL", help="name, URL or path of the source")
    mirror.add_argument("directory", metavar="DIR", help="directory of the mirror")
    mirror.add_argument(
        "--specs",
        nargs="+",
        required=True,
        metavar="SPEC",
        help="packages to mirror, with all packages that they need",
    )
    options.add_platforms(
        mirror, "subdir to mirror beside noarch (default: that of this machine; may be repeated)"
    )
    mirror.add_argument(
        "--newest",
        action="store_true",
        help="only the newest version that satisfies each spec and dependency",
    )
    mirror.add_argument(
        "--prune", action="store_true", help="remove packages that are no longer needed"
    )
    options.add_output_options(mirror)


def _add_convert(commands: Any) -> None:
    convert = add_verb(
        commands,
        "convert",
        "convert wheels into conda packages",
        "minicon channel convert dist/tool-1.0-py3-none-any.whl -o ./mine",
        "minicon channel convert pypi:httpx --closure --python 3.12 -o ./mine",
    )
    convert.add_argument(
        "wheels", nargs="+", metavar="WHEEL", help="path of a wheel, or pypi:REQUIREMENT"
    )
    convert.add_argument(
        "-o", "--output", dest="directory", required=True, metavar="DIR", help="of the channel"
    )
    convert.add_argument(
        "--closure", action="store_true", help="also convert the dependencies that wheels satisfy"
    )
    convert.add_argument(
        "--python", default="", metavar="VERSION", help="python to choose wheels for, such as 3.12"
    )
    convert.add_argument(
        "--test-imports",
        action="store_true",
        help="install the packages into an environment and import their modules; runs their code",
    )
    options.add_channel_options(convert)
    options.add_output_options(convert)


def mirror(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Mirror a part of a channel."""
    from minicon.api.channels.mirror import MirrorRequest, mirror_channel
    from minicon.fs.safe_path import typed_path

    services = context.services
    platforms = arguments.platforms or [services.settings.platform]
    request = MirrorRequest(
        channel=arguments.source,
        specs=arguments.specs,
        platforms=[each for each in platforms if each != "noarch"],
        newest=arguments.newest,
        prune=arguments.prune,
    )
    result = mirror_channel(services, request, typed_path(arguments.directory).absolute())
    counts = f"{counted(len(result.records), 'package')}, {result.fetched} downloaded"
    context.console.answer(f"{counts}, {len(result.removed)} removed")
    for text in result.missing:
        context.console.note(f"{arguments.source} has no package for the dependency {text}")
    if context.console.json:
        document = {
            "success": True,
            "packages": len(result.records),
            "downloaded": result.fetched,
            "removed": list(result.removed),
            "missing": list(result.missing),
        }
        context.console.document(document)
    return 0


def convert(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Convert wheels."""
    from minicon.api.channels.convert import Conversion, check_imports, convert_wheels
    from minicon.fs.safe_path import typed_path

    directory = typed_path(arguments.directory).absolute()
    conversion = Conversion(
        wheels=arguments.wheels,
        closure=arguments.closure,
        python=arguments.python,
        channels=arguments.channels,
        override=arguments.override_channels,
    )
    built = convert_wheels(context.services, conversion, directory)
    context.console.answer("\n".join(f"built {path}" for path in built))
    imported = []
    if arguments.test_imports:
        imported = check_imports(context.services, conversion, built, directory)
        context.console.answer(f"imported {', '.join(imported)}")
    if context.console.json:
        paths = [str(path) for path in built]
        context.console.document({"success": True, "built": paths, "imported": imported})
    return 0


VERBS = {"convert": convert, "mirror": mirror}
