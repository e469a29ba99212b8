"""Show the dependencies of conda and PyPI packages in an environment as a tree.

Examples:
  minicon tree -n data
  minicon tree rich -n data
  minicon tree -i certifi -n data --depth 2
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.api.inspect.dependency_tree import TreeNode
    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``tree [PKG] [-i] [--depth N] [-n | -p]``."""
    parser.add_argument("package", nargs="?", metavar="PKG", help="package to start at")
    parser.add_argument(
        "-i", "--invert", action="store_true", help="show dependents instead of dependencies"
    )
    parser.add_argument("--depth", type="number", metavar="N", help="at most N levels")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the tree."""
    from minicon.cli.render.explanations import tree_lines

    roots = _roots(arguments, context)
    if context.console.json:
        context.console.document([root.to_json() for root in roots])
    else:
        context.console.answer("\n".join(tree_lines(roots)))
    return 0


def _roots(arguments: argparse.Namespace, context: CommandContext) -> tuple[TreeNode, ...]:
    from minicon.api.inspect.dependency_tree import dependency_tree, whole_tree
    from minicon.api.inspect.explaining import environment_graph, name_in, requested_specs
    from minicon.errors import UsageError
    from minicon.prefix.environment.prefix import Prefix

    path = context.registry.existing(arguments.name, arguments.prefix)
    graph = environment_graph(path, platform=context.settings.platform)
    if arguments.package is None:
        if arguments.invert:
            raise UsageError("no-package", "--invert needs a package", hint="minicon tree -i PKG")
        return whole_tree(graph, requested_specs(Prefix(path), graph), depth=arguments.depth)
    name = name_in(graph, path, arguments.package)
    return dependency_tree(graph, [name], inverted=arguments.invert, depth=arguments.depth)
