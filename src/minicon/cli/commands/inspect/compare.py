"""Compare an environment with an environment file; exit with 1 if it does not satisfy the file.

Examples:
  minicon compare environment.yml
  minicon compare -n data path/to/environment.yml
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``compare FILE [-n | -p]``."""
    parser.add_argument("file", metavar="FILE", help="environment.yml or list of specs")
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the differences in conda's words; return 1 if there are any."""
    import os

    from minicon.api.input_files import read_one_environment
    from minicon.api.inspect.comparing import SAME, compare_with_spec
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.environment.site_packages import installed_packages

    folder, spec = read_one_environment(context.services, os.path.expandvars(arguments.file))
    name, prefix = arguments.name, arguments.prefix
    if name is None and prefix is None and not os.environ.get("CONDA_PREFIX"):
        name = spec.name
    path = context.registry.existing(name, prefix)
    mismatches = compare_with_spec(
        installed_packages(Prefix(path)),
        spec,
        folder=folder,
        environ=os.environ,
    )
    sentences = [str(mismatch) for mismatch in mismatches] or [SAME]
    if context.console.json:
        context.console.document(sentences)
    else:
        context.console.answer("\n".join(sentences))
    return 1 if mismatches else 0
