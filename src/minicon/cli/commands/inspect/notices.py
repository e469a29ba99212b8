"""Show messages from channel owners.

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
    from minicon.cli.render.listing import notice_lines
    from minicon.repodata.channels.notices import fetch_notices

    console, services, settings = context.console, context.services, context.settings
    sources = services.sources(tuple(arguments.channels), override=arguments.override_channels)
    notices = fetch_notices(
        sources.channels,
        services.fetcher,
        services.notice_cache,
        offline=settings.offline,
        note=services.reporter.note if settings.verbosity else str,
    )
    if console.json:
        document = {"notices": [notice.to_json() for notice in notices]}
        console.document(document, kind="notices")
        return 0
    for line in notice_lines(notices):
        console.answer(line)
    if not notices:
        console.note("no notices")
    return 0
