"""``channeldata.json`` (CEP 38): per name, what the project is and what linking it does.

Of each version of a name the newest archive counts, as in conda-index.
"""

from __future__ import annotations

import itertools
import json
import time
from html import escape
from typing import NamedTuple

from minicon.models.version import version_key
from minicon.publish.reading.channel_facts import LINKING_KEYS, PROJECT_KEYS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from typing import Any

    from minicon.publish.reading.package_entry import PackageEntry

_LARGEST_SECONDS = 253_402_300_799
_FEED_LENGTH = 100
#: Element of a feed's item → keys of the package, of which the first present counts.
_FEED_KEYS = {
    "description": ("description", "summary"),
    "link": ("doc_url",),
    "comments": ("dev_url",),
    "guid": ("source_url",),
    "source": ("home",),
}


class Described(NamedTuple):
    """An archive with what ``channeldata.json`` says of it.

    Attributes:
        subdir: Platform directory.
        name: Of the package.
        version: Of the package.
        timestamp: In seconds or milliseconds; 0 if unknown.
        run_exports: As in ``run_exports.json``, as JSON.
        facts: Of :func:`.channel_facts`, as JSON.
    """

    subdir: str
    name: str
    version: str
    timestamp: int
    run_exports: str
    facts: str


def newest_archives(entries: Iterable[PackageEntry]) -> list[PackageEntry]:
    """Return the newest archive of each version of each name, ``.conda`` before ``.tar.bz2``."""
    newest: dict[tuple[str, str], PackageEntry] = {}
    for entry in sorted(entries, key=lambda each: (not each.fn.endswith(".conda"), each.fn)):
        known = newest.get((entry.name, entry.version))
        if known is None or known.timestamp < entry.timestamp:
            newest[entry.name, entry.version] = entry
    return list(newest.values())


def make_channeldata(archives: Iterable[Described], subdirs: Sequence[str]) -> dict[str, Any]:
    """Return the document.

    Args:
        archives: Of all subdirs.
        subdirs: All subdirs of the channel.
    """
    packages: dict[str, dict[str, Any]] = {}
    ordered = sorted(archives, key=lambda each: (each.name, version_key(each.version), each[3]))
    for name, group in itertools.groupby(ordered, key=lambda each: each.name):
        packages[name] = _package(list(group))
    return {"channeldata_version": 1, "packages": packages, "subdirs": sorted(subdirs)}


def _package(archives: Sequence[Described]) -> dict[str, Any]:
    """The object of one name.

    Args:
        archives: Of the name, oldest version first.
    """
    package: dict[str, Any] = dict.fromkeys(LINKING_KEYS, False)
    exports: dict[str, Any] = {}
    for archive in archives:  # a newer version's texts replace those of older ones
        facts = json.loads(archive.facts)
        package.update((key, facts[key]) for key in PROJECT_KEYS if facts.get(key))
        package.update((key, True) for key in LINKING_KEYS if facts.get(key))
        stated = json.loads(archive.run_exports)["run_exports"]
        if stated:
            exports[archive.version] = stated
    return {
        **package,
        "run_exports": exports,
        "subdirs": sorted({archive.subdir for archive in archives}),
        "timestamp": max(map(_seconds, archives)),
        "version": archives[-1].version,
    }


def _seconds(archive: Described) -> int:
    moment = archive.timestamp
    return moment // 1000 if moment > _LARGEST_SECONDS else moment


def make_feed(channel: str, channeldata: Mapping[str, Any], now: float) -> str:
    """Return ``rss.xml``: the packages that were built last.

    Args:
        channel: Name of the channel.
        channeldata: The result of :func:`make_channeldata`.
        now: Seconds since 1970.
    """
    packages = sorted(channeldata["packages"].items(), key=lambda each: -each[1]["timestamp"])
    items = [_item(name, package) for name, package in packages[:_FEED_LENGTH]]
    head = {
        "title": channel,
        "link": channel,
        "description": f"The latest packages of {channel}.",
        "lastBuildDate": _moment(now),
    }
    text = f"<channel>{_elements(head)}{''.join(items)}</channel>"
    return f'<?xml version="1.0" encoding="utf-8"?>\n<rss version="2.0">{text}</rss>\n'


def _item(name: str, package: Mapping[str, Any]) -> str:
    values = {
        element: next((str(package[key]) for key in keys if package.get(key)), "")
        for element, keys in _FEED_KEYS.items()
    }
    title = f"{name} {package['version']} [{', '.join(package['subdirs'])}]"
    values = {"title": title, **values, "pubDate": _moment(package["timestamp"])}
    return f"\n<item>{_elements(values)}</item>"


def _elements(values: Mapping[str, str]) -> str:
    texts = {key: escape(value, quote=False) for key, value in values.items() if value}
    return "".join(f"<{key}>{text}</{key}>" for key, text in texts.items())


def _moment(seconds: float) -> str:
    return time.strftime("%a, %d %b %Y %H:%M:%S GMT", time.gmtime(seconds))
