"""Make and fill channels.

Examples:
  minicon channel index ./my-channel
  minicon channel build ./recipes ./my-channel
"""

from __future__ import annotations

from minicon.cli import options
from minicon.cli.parser import add_verb

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.console.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``channel index DIR``, ``channel build RECIPES DIR``."""
    commands = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    index = add_verb(
        commands, "index", "write repodata for a folder of packages", "minicon channel index ./mine"
    )
    index.add_argument("directory", metavar="DIR", help="holds noarch/, linux-64/, ...")
    index.add_argument("--shards", action="store_true", help="write sharded repodata too (CEP 16)")
    options.add_output_options(index)
    build = add_verb(
        commands,
        "build",
        "build packages from recipes of PyPI wheels",
        "minicon channel build ./recipes ./mine",
    )
    build.add_argument("recipes", metavar="RECIPES", help="a recipe file, or a folder of them")
    build.add_argument("directory", metavar="DIR", help="the channel to fill")
    build.add_argument("--platform", dest="subdir", metavar="SUBDIR", help="for instance linux-64")
    options.add_output_options(build)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Carry out one verb."""
    if arguments.verb == "index":
        return _index(arguments, context)
    from minicon.api.build_channel import build_channel
    from minicon.fs.safe_path import typed_path

    built = build_channel(
        context.services, typed_path(arguments.recipes), typed_path(arguments.directory).absolute()
    )
    context.console.answer("\n".join(f"built {path}" for path in built))
    if context.console.json:
        context.console.document({"success": True, "built": [str(path) for path in built]})
    return 0


def _index(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.errors import ChannelError
    from minicon.fs.safe_path import typed_path
    from minicon.publish.channel_index import index_channel

    folder = typed_path(arguments.directory).absolute()
    if not folder.is_dir():
        hint = "put packages into noarch/, linux-64/ and so on below it first"
        raise ChannelError("no-channel-folder", f"there is no folder {folder}", hint=hint)
    summary = index_channel(folder, write_shards=arguments.shards)
    for subdir, count in summary.counts.items():
        context.console.answer(f"{subdir}: {count} packages")
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
    return 1 if summary.errors else 0
