"""What the owners of your channels want you to know.

Examples:
  minicon notices
  minicon notices -c conda-forge --json
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``notices [-c CHANNEL]``."""
    options.add_channel_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the notices of each channel."""
    from itertools import groupby

    from minicon.api.notices import channel_notices

    console = context.console
    notices = channel_notices(
        context.services, tuple(arguments.channels), override=arguments.override_channels
    )
    if console.json:
        console.document({"notices": [notice.to_json() for notice in notices]})
        return 0
    for channel, group in groupby(notices, key=lambda notice: notice.channel):
        console.answer(f'\nChannel "{channel}" has the following notices:')
        for notice in group:
            moment = f"{notice.created:%c}" if notice.created else ""
            console.answer(f"  [{notice.level}] -- {moment}\n  {notice.message}\n")
    if not notices:
        console.note("no notices")
    return 0
