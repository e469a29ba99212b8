"""Export an environment to a file from which it can be created again.

Examples:
  minicon export -n data > environment.yml
  minicon export -n data --from-history
  minicon export -n data --portable
  minicon export -n data --format explicit
"""

from __future__ import annotations

import argparse
import json

from minicon.cli import options
from minicon.constants import PYPI_PREFIX
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.cli.context import CommandContext
    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.prefix_record import PrefixRecord


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``export [-n | -p] [--from-history] [--no-builds] [-f FILE]``."""
    parser.add_argument(
        "-f", "--file", metavar="FILE", help="write to a file; - is stdout (default)"
    )
    parser.add_argument(
        "--from-history",
        action="store_true",
        help="only the requested specs, as they were requested",
    )
    parser.add_argument(
        "--portable",
        action="store_true",
        help="for other platforms: requested packages, bounded by the installed versions",
    )
    parser.add_argument("--no-builds", action="store_true", help="omit build strings")
    parser.add_argument("--ignore-channels", action="store_true", help="omit channels")
    parser.add_argument(
        "--full",
        action="store_true",
        help="name the source 'host' too, which only minicon has (default: what conda can use)",
    )
    parser.add_argument(
        "--format",
        choices=(
            *("environment-yaml", "yaml", "yml", "env.yml", "environment-json", "json"),
            *("explicit", "requirements", "reqs", "txt"),
        ),
        default="environment-yaml",
        metavar="FORMAT",
        help="environment-yaml (default; also yaml, yml, env.yml), environment-json (json), "
        "explicit (a list of URLs), or requirements (reqs, txt: a list of specs)",
    )
    options.add_channels(parser, "channel to add before those of the packages")
    options.add_platform(
        parser,
        "solve the requested packages for another platform, and export that solution",
        dest="platform",
    )
    for ignored in ("--override-channels", "--override-platforms"):
        parser.add_argument(ignored, action="store_true", help=argparse.SUPPRESS)
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the text of the file, or write it."""
    from minicon.envs.environment_file import write_environment_file
    from minicon.fs import operations
    from minicon.fs.output_file import write_output
    from minicon.fs.safe_path import typed_path

    path = context.registry.existing(arguments.name, arguments.prefix)
    file = None if arguments.file == "-" else arguments.file
    is_json = arguments.format.endswith("json")
    if not file and (context.console.json or is_json):
        context.console.document(_spec(arguments, path, context).to_data(), as_is=True)
        return 0
    if is_json:
        text = json.dumps(_spec(arguments, path, context).to_data(), indent=2) + "\n"
    elif arguments.format in ("requirements", "reqs", "txt"):
        platform = arguments.platform or context.settings.platform
        text = _requirements(_spec(arguments, path, context), platform)
    else:
        is_explicit = arguments.format == "explicit"
        spec = (
            _explicit(arguments, path, context) if is_explicit else _spec(arguments, path, context)
        )
        text = write_environment_file(spec)
    if not file:
        context.console.answer(text.rstrip("\n"), as_is=True)
        return 0
    with operations.describing("write", file):
        write_output(typed_path(file), text.encode())
    context.console.note(f"wrote {file}")
    if context.console.json:
        context.console.document({"success": True, "prefix": str(path), "file": file})
    return 0


def _explicit(
    arguments: argparse.Namespace, path: Path, context: CommandContext
) -> EnvironmentSpec:
    from minicon.api.export.exporting import explicit_spec

    return explicit_spec(path, _records(arguments, path, context))


def _records(
    arguments: argparse.Namespace, path: Path, context: CommandContext
) -> list[PrefixRecord] | None:
    """Return the packages for another platform; None without ``--platform``."""
    if not arguments.platform:
        return None
    from minicon.api.export.other_platform import packages_elsewhere

    return packages_elsewhere(context.services, path, arguments.platform, arguments.channels)


def _requirements(spec: EnvironmentSpec, platform: str) -> str:
    """Return a list of specs for ``create --file``, PyPI projects included."""
    lines = [
        "# This file may be used to create an environment using:",
        "# $ minicon create --name <env> --file <this file>",
        f"# platform: {platform}",
        *map(without_secrets, spec.dependencies),
        *(f"{PYPI_PREFIX}{without_secrets(line)}" for line in spec.pip),
    ]
    return "\n".join(lines) + "\n"


def _spec(arguments: argparse.Namespace, path: Path, context: CommandContext) -> EnvironmentSpec:
    from minicon.api.export.exporting import export_spec

    fields: dict[str, Any] = {
        "with_channels": not arguments.ignore_channels,
        "extra_channels": tuple(arguments.channels),
        "channel_name": context.services.channel_names,
        "with_host": arguments.full,
    }
    if arguments.portable:
        from minicon.api.export.exporting import portable_spec

        return portable_spec(path, **fields)
    return export_spec(
        path,
        records=_records(arguments, path, context),
        from_history=arguments.from_history,
        builds=not arguments.no_builds,
        **fields,
    )
