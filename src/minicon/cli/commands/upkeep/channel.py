"""Build and index channels.

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

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``channel index DIR``, ``channel build RECIPES DIR``."""
    commands = parser.add_subparsers(dest="verb", required=True, metavar="VERB")
    index = add_verb(
        commands,
        "index",
        "write repodata for a directory of packages",
        "minicon channel index ./mine",
    )
    index.add_argument("directory", metavar="DIR", help="directory with noarch/, linux-64/, ...")
    index.add_argument("--shards", action="store_true", help="also write sharded repodata (CEP 16)")
    options.add_output_options(index)
    build = add_verb(
        commands,
        "build",
        "build packages from recipes of PyPI wheels",
        "minicon channel build ./recipes ./mine",
    )
    build.add_argument("recipes", metavar="RECIPES", help="recipe file, or directory of recipes")
    build.add_argument("directory", metavar="DIR", help="directory of the channel")
    build.add_argument(
        "--platform", dest="subdir", metavar="SUBDIR", help="platform, for example linux-64"
    )
    options.add_output_options(build)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Run a verb."""
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
        hint = "create it with packages in noarch/, linux-64/ and so on"
        raise ChannelError("no-channel-folder", f"directory {folder} does not exist", hint=hint)
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
