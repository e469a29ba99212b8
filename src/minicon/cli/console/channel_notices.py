"""Channels' notices as text, for ``notices`` and for the end of other commands."""

from __future__ import annotations

from itertools import groupby

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from minicon.cli.console.console import Console
    from minicon.repodata.channels.notices import Notice, NoticeWatch


def notice_lines(notices: Iterable[Notice]) -> Iterator[str]:
    """A heading per channel, and its notices below it."""
    for channel, group in groupby(notices, key=lambda notice: notice.channel):
        yield f'\nChannel "{channel}" has the following notices:'
        for notice in group:
            moment = f"{notice.created:%c}" if notice.created else ""
            yield f"  [{notice.level}] -- {moment}\n  {notice.message}\n"


def show_collected(watch: NoticeWatch, console: Console) -> None:
    """Show on the error stream what has come beside a command's own work."""
    notices, more = watch.collected()
    for line in notice_lines(notices):
        console.note(line)
    if more:
        console.note(f"{more} more: 'minicon notices' shows them")
