"""Build, convert, mirror, index and serve channels.

Examples:
  minicon channel index ./my-channel
  minicon channel convert pypi:httpx --closure -o ./my-channel
  minicon channel serve ./my-channel
  minicon channel build ./recipes ./my-channel
"""

from __future__ import annotations

import contextlib
from functools import partial

from minicon.cli import options
from minicon.cli.commands.upkeep import channel_copies, channel_serving
from minicon.cli.parser import add_verb
from minicon.counted import counted

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path
    from typing import Any

    from minicon.cli.context import CommandContext
    from minicon.publish.channel_index import ChannelSummary
    from minicon.publish.index.channel_settings import ChannelSettings
    from minicon.publish.reading.sources import ArchiveSource
    from minicon.publish.remote.remote_index import RemoteChannel


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``channel index DIR``, ``channel build RECIPES DIR``, and the verbs of other modules."""
    commands = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    _add_index(commands)
    channel_copies.add_verbs(commands)
    build = add_verb(
        commands,
        "build",
        "build packages from recipes of PyPI wheels",
        "minicon channel build ./recipes ./mine",
    )
    build.add_argument("recipes", metavar="RECIPES", help="recipe file, or directory of recipes")
    build.add_argument("directory", metavar="DIR", help="directory of the channel")
    options.add_platform(build, "platform, for example linux-64")
    options.add_output_options(build)
    channel_serving.add_verbs(commands)


def _add_index(commands: Any) -> None:
    from argparse import BooleanOptionalAction

    index = add_verb(
        commands,
        "index",
        "write repodata for a directory of packages",
        "minicon channel index ./mine",
        "minicon channel index ./mine --base-url https://packages.example/mine --rss",
        "minicon channel index s3://bucket/mine --dask tcp://scheduler:8786",
    )
    index.add_argument(
        "directory",
        metavar="DIR",
        help="directory, s3:// or oci:// URL, with noarch/, linux-64/, ...",
    )
    index.add_argument(
        "-o",
        "--output",
        metavar="DIR",
        help="write the index to another directory (default: where the packages are)",
    )
    index.add_argument(
        "--shards",
        action=BooleanOptionalAction,
        help="write sharded repodata, CEP 16 (default: yes, unless channel.yaml says otherwise)",
    )
    index.add_argument("--rss", action="store_true", help="also write rss.xml")
    index.add_argument(
        "--base-url",
        metavar="URL",
        help="URL of the directory with the packages, if they are not beside the index (CEP 15)",
    )
    index.add_argument(
        "--patch-generator",
        metavar="FILE",
        help="package with patch_instructions.json files, or Python file with a function "
        "_patch_repodata(repodata, subdir), whose code runs (default: the subdir's own "
        "patch_instructions.json)",
    )
    index.add_argument(
        "--workers",
        type="count",
        metavar="N",
        help="number of archives to read at once (default: number of processors)",
    )
    index.add_argument(
        "--dask",
        metavar="ADDRESS",
        help="read archives on the Dask cluster with this scheduler, which has the directory too",
    )
    options.add_output_options(index)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Run a verb."""
    verbs = {**channel_serving.VERBS, **channel_copies.VERBS}
    if arguments.verb in verbs:
        return verbs[arguments.verb](arguments, context)
    if arguments.verb == "index":
        return _index(arguments, context)
    from minicon.api.channels.build import build_channel
    from minicon.fs.safe_path import typed_path

    built = build_channel(
        context.services, typed_path(arguments.recipes), typed_path(arguments.directory).absolute()
    )
    context.console.answer("\n".join(f"built {path}" for path in built))
    if context.console.json:
        context.console.document({"success": True, "built": [str(path) for path in built]})
    return 0


def _index(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.fs.safe_path import typed_path
    from minicon.publish.channel_index import index_channel
    from minicon.publish.index.channel_settings import read_settings, with_options
    from minicon.publish.index.patches import generated_instructions

    def settings_of(folder: Path) -> ChannelSettings:
        return with_options(
            read_settings(folder),
            shards=arguments.shards,
            rss=arguments.rss,
            base_url=arguments.base_url,
        )

    generator = arguments.patch_generator
    with contextlib.ExitStack() as stack:
        runner = None
        if arguments.dask:
            from minicon.publish.reading.dask_runner import DaskRunner

            runner = stack.enter_context(DaskRunner(arguments.dask))
        how: dict[str, Any] = {
            "patch_generator": generator and partial(generated_instructions, typed_path(generator)),
            "workers": arguments.workers,
            "runner": runner,
        }
        remote = channel_serving.remote_channel(arguments.directory, context)
        if remote is not None and not arguments.output:
            from minicon.publish.remote.remote_index import index_remote

            summary = index_remote(remote, settings_of=settings_of, **how)
        else:
            folder, source = _folder_and_source(arguments, remote)
            settings = settings_of(folder)
            summary = index_channel(folder, settings=settings, source=source, **how)
    _report(summary, context)
    return 1 if summary.errors else 0


def _folder_and_source(
    arguments: argparse.Namespace, remote: RemoteChannel | None
) -> tuple[Path, ArchiveSource | None]:
    """The directory to write to, and where archives are if they are elsewhere."""
    from minicon.fs.failures import channel_folder
    from minicon.fs.safe_path import typed_path

    output = typed_path(arguments.output).absolute() if arguments.output else None
    if remote is not None and output is not None:
        return output, remote.source()
    folder = channel_folder(arguments.directory)
    if output is None:
        return folder, None
    from minicon.publish.reading.sources import FolderSource

    return output, FolderSource(folder)


def _report(summary: ChannelSummary, context: CommandContext) -> None:
    for subdir, count in summary.counts.items():
        context.console.answer(f"{subdir}: {counted(count, 'package')}")
    for path, message in summary.errors:
        context.console.warn(f"{path}: {message}")
    if context.console.json:
        context.console.document(
            {
                "success": not summary.errors,
                "subdirs": dict(summary.counts),
                "errors": [{"path": str(p), "message": m} for p, m in summary.errors],
            }
        )
