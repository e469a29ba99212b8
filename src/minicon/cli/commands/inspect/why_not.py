"""Explain why a package cannot be installed, and show fixes that were tested.

The spec is solved together with the earlier requests, without changing the environment. A name
without a version means its newest version.

Examples:
  minicon why-not numpy -n data
  minicon why-not 'python=3.13' -n data
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``why-not SPEC [-n | -p]``."""
    parser.add_argument("spec", metavar="SPEC", help="for example 'numpy>=2' or numpy")
    options.add_no_pin(parser)
    options.add_environment_options(parser)
    options.add_channel_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the answer; return 0 whether the package can be installed or not."""
    from minicon.api.inspect.explaining import WhyNotRequest, why_not
    from minicon.cli.mistakes import with_environment
    from minicon.cli.render.explanations import why_not_document, why_not_text

    request = WhyNotRequest(
        path=context.registry.existing(arguments.name, arguments.prefix),
        spec=arguments.spec,
        channels=tuple(arguments.channels),
        override_channels=arguments.override_channels,
    )
    answer = why_not(context.services, request)
    if answer.error is not None and answer.error.hint:
        hint = with_environment(answer.error.hint, arguments.name, arguments.prefix)
        answer.error.hint = hint
    console = context.console
    if console.json:
        console.document(why_not_document(answer))
    else:
        whole = context.settings.verbosity > 0
        console.answer(why_not_text(answer, console, whole=whole))
    return 0
