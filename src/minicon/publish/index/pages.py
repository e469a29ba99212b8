"""``index.html`` of a subdir and of the channel: plain lists, for browsers and mirrors.

Everything that a package says is escaped here, where it is written.
"""

from __future__ import annotations

import time
from html import escape
from urllib.parse import quote

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from typing import Any

    from minicon.publish.index.subdir_index import SubdirIndex

_PAGE = """<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{title}</title>
<meta name="viewport" content="width=device-width">
<style>
:root {{ color-scheme: light dark; font-family: sans-serif; }}
table {{ border-collapse: collapse; }}
th, td {{ text-align: left; padding: .1em .8em .1em 0; vertical-align: top; }}
td.n {{ text-align: right; }}
td.h {{ font-family: monospace; font-size: smaller; overflow-wrap: anywhere; }}
</style></head><body>
<h1>{title}</h1>
<table><thead><tr>{head}</tr></thead><tbody>
{rows}
</tbody></table>
</body></html>
"""
_UNITS = ("B", "KB", "MB", "GB", "TB")
_LONGEST_SUMMARY = 200


def subdir_page(channel: str, index: SubdirIndex) -> str:
    """Return the list of a subdir's packages, with sizes, times of the build and hashes."""
    rows = (
        f'<tr><td><a href="{quote(e.fn)}">{escape(e.fn)}</a></td><td class="n">{_size(e.size)}</td>'
        f'<td>{_moment(e.timestamp)}</td><td class="h">{escape(e.sha256)}</td></tr>'
        for e in index.entries
    )
    return _page(f"{channel}/{index.subdir}", ("File", "Size", "Built", "SHA-256"), rows)


def channel_page(channel: str, channeldata: Mapping[str, Any]) -> str:
    """Return the list of a channel's packages, with links to the subdirs that have them."""
    rows = (_package_row(name, package) for name, package in channeldata["packages"].items())
    return _page(channel, ("Package", "Version", "License", "Subdirs", "Summary"), rows)


def _package_row(name: str, package: Mapping[str, Any]) -> str:
    links = " ".join(
        f'<a href="{quote(subdir)}/">{escape(subdir)}</a>' for subdir in package["subdirs"]
    )
    texts = [name, package["version"], package.get("license", "")]
    cells = "".join(f"<td>{escape(str(text))}</td>" for text in texts)
    summary = escape(str(package.get("summary", ""))[:_LONGEST_SUMMARY])
    return f"<tr>{cells}<td>{links}</td><td>{summary}</td></tr>"


def _page(title: str, columns: Iterable[str], rows: Iterable[str]) -> str:
    head = "".join(f"<th>{column}</th>" for column in columns)
    return _PAGE.format(title=escape(title), head=head, rows="\n".join(rows))


def _size(count: float) -> str:
    unit = 0
    while count >= 1000 and unit < len(_UNITS) - 1:
        count, unit = count / 1000, unit + 1
    return f"{count:.1f} {_UNITS[unit]}" if unit else f"{count} B"


def _moment(milliseconds: int) -> str:
    if not milliseconds:
        return ""
    seconds = milliseconds // 1000 if milliseconds > 253_402_300_799 else milliseconds
    return time.strftime("%Y-%m-%d %H:%M", time.gmtime(seconds))
