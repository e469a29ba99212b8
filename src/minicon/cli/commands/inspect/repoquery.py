"""Query channels, or what is installed, for dependencies and dependents of a package.

Each dependency is answered with the newest matching record. For versions that are compatible with
each other, use 'minicon create --dry-run'.

Examples:
  minicon repoquery depends numpy -c conda-forge
  minicon repoquery depends 'numpy=1.26' --tree
  minicon repoquery whoneeds libzlib --platform osx-arm64
  minicon repoquery search 'lib*zstd*'
  minicon repoquery whoneeds zlib -n data
"""

from __future__ import annotations

from argparse import SUPPRESS

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from pathlib import Path

    from minicon.api.inspect.repoquery import Catalogue, QueryAnswer
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``repoquery (search | depends | whoneeds) SPEC``."""
    parser.add_argument("query", choices=("search", "depends", "whoneeds"))
    parser.add_argument("spec", metavar="SPEC")
    parser.add_argument("-t", "--tree", action="store_true", help="show a tree of all levels")
    parser.add_argument(
        "--recursive", action="store_true", help="include indirect dependencies or dependents"
    )
    parser.add_argument(
        "--all-builds", action="store_true", help="with whoneeds: all builds instead of the newest"
    )
    parser.add_argument("--depth", type="number", metavar="N", help="with --tree: at most N levels")
    parser.add_argument(
        "--installed", action="store_true", help="query the environment instead of channels"
    )
    parser.add_argument("--remote", dest="installed", action="store_false", help=SUPPRESS)
    options.add_environment_options(parser)
    options.add_channel_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the answer; return 1 if nothing matches."""
    from minicon.api.inspect.repoquery import Catalogue
    from minicon.errors import PackageNotFound

    if arguments.query == "search":
        return _search(arguments, context)
    catalogue = Catalogue(
        context.services,
        tuple(arguments.channels),
        override=arguments.override_channels,
        environment=_environment(arguments, context),
    )
    try:
        answer = _answer(arguments, context, catalogue)
    except PackageNotFound:
        context.write_notes(catalogue.notes, always=True)
        raise
    context.write_notes(catalogue.notes, always=not answer.matches)
    _show(answer, arguments, context)
    return 0


def _answer(
    arguments: argparse.Namespace, context: CommandContext, catalogue: Catalogue
) -> QueryAnswer:
    from minicon.api.inspect.repoquery import dependencies_of, dependents_of

    recursive = arguments.recursive or (arguments.tree and arguments.depth != 1)
    if arguments.query == "depends":
        return dependencies_of(catalogue, arguments.spec, recursive=recursive)
    return dependents_of(
        catalogue,
        arguments.spec,
        recursive=recursive,
        all_builds=arguments.all_builds,
        brief=not (arguments.tree or context.console.json),
    )


def _environment(arguments: argparse.Namespace, context: CommandContext) -> Path | None:
    """Return the environment to query; None means channels, as whenever one is named."""
    wanted = arguments.installed or arguments.name or arguments.prefix
    if arguments.channels or not wanted:
        return None
    return context.registry.existing(arguments.name, arguments.prefix)


def _search(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.cli.commands.inspect import search

    if (path := _environment(arguments, context)) is not None:
        return search.in_environment(path, arguments.spec, context)
    arguments.info = arguments.envs = arguments.flexible = False
    arguments.limit = None
    return search.run(arguments, context)


def _show(answer: QueryAnswer, arguments: argparse.Namespace, context: CommandContext) -> None:
    from minicon.cli.render.explanations import query_document, query_rows, tree_lines
    from minicon.cli.render.listing import table

    console = context.console
    if console.json:
        console.document(query_document(answer, arguments.query, arguments.spec))
    elif arguments.tree:
        from minicon.api.inspect.dependency_tree import dependency_tree

        inverted = arguments.query == "whoneeds"
        names = [root.name for root in answer.roots]
        trees = dependency_tree(answer.graph(), names, inverted=inverted, depth=arguments.depth)
        console.answer("\n".join(tree_lines(trees)))
    else:
        console.answer(table(query_rows(answer)))
        if not answer.matches:
            nothing = "nothing needs {}" if arguments.query == "whoneeds" else "{} needs nothing"
            console.note(nothing.format(arguments.spec))
