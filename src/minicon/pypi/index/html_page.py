"""HtmlPage: the links and the status of an index's HTML page (PEP 503), read in one pass.

Whoever serves a page decides what it holds, so every reader here moves forward only: what has no
end (a comment, a tag, a quote) ends the page, as in a browser. The standard library's HTML parser
looks for the end again from each such beginning, and a page can have 100,000 of those.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.pypi.index.urls import without_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_TAG = lazy_pattern(r"<(?:(a|base|meta)(?=[\s/])|!--)", re.IGNORECASE)
_NAME = lazy_pattern(r"[\s/]*([^\s/>=][^\s/>=]*)?")
_EQUALS = lazy_pattern(r"\s*=\s*")
_UNQUOTED = lazy_pattern(r"[^\s>]*")
_PLAIN_LINK = lazy_pattern(r"https?://[a-z0-9.:-]+/[^\s@?#]+")
_STATUS_NAME = "pypi:project-status"
_WEB = ("https", "http")
#: Attributes of one tag; links of real pages have up to six. A page ends at a tag with more.
_MOST_ATTRIBUTES = 64


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a page.

    Attributes:
        url: Where it leads, without credentials and fragment.
        fragment: What follows ``#``.
        attributes: Of its tag, names in lower case.
    """

    url: str
    fragment: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """What a page says.

    Attributes:
        links: Those that may be followed.
        status: PEP 792's, in lower case.
    """

    links: tuple[Link, ...]
    status: str = "active"


def parse_html(text: str, url: str) -> HtmlPage:
    """Read a page.

    Args:
        text: Of the page.
        url: Where it came from. Links are relative to its ``<base>``, but it is this place that
            decides where they may lead.
    """
    base, status = url, "active"
    links = []
    based = False
    for tag, attributes in _tags(text):
        if tag == "base" and not based and attributes.get("href"):
            base, based = _based(url, attributes["href"]), True
        elif tag == "meta" and attributes.get("name", "").lower() == _STATUS_NAME:
            status = attributes.get("content", "").strip().lower() or status
        elif tag == "a":
            href, _, fragment = attributes.get("href", "").strip().partition("#")
            target = resolve_link(base, href, page=url)
            if target is not None:
                links.append(Link(target, fragment, attributes))
    return HtmlPage(tuple(links), status)


def resolve_link(base: str, link: str, *, page: str) -> str | None:
    """Where a page's link leads, without credentials; None if it must not be followed.

    A page from the network cannot send minicon to files of this machine, whatever it says of its
    base.

    Args:
        base: What relative links are relative to.
        link: As written, without fragment.
        page: Where the page came from.
    """
    if not link:
        return None
    if _PLAIN_LINK.fullmatch(link) and "/." not in link:
        return link  # thousands of links are of this form, and urljoin is slow
    try:
        target = urljoin(base, link)
        scheme = urlsplit(target).scheme
        local = urlsplit(page).scheme == "file"
    except ValueError:
        return None
    allowed = scheme in _WEB or (scheme == "file" and local)
    return without_credentials(target) if allowed else None


def _based(url: str, href: str) -> str:
    try:
        return urljoin(url, href.strip())
    except ValueError:
        return url


def _tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Names, in lower case, and attributes of the tags that matter here."""
    position = 0
    while (found := _TAG.search(text, position)) is not None:
        if found[1] is None:
            position = text.find("-->", found.end() - 2) + 3
            if position < 3:
                return
            continue
        attributes, position = _attributes(text, found.end())
        if position < 0:
            return
        yield found[1].lower(), attributes


def _attributes(text: str, position: int) -> tuple[dict[str, str], int]:
    """The attributes from a position on, and where their tag ends; -1 if it does not."""
    attributes: dict[str, str] = {}
    for _ in range(_MOST_ATTRIBUTES):
        found = _NAME.match(text, position)
        assert found is not None  # every part of it may be empty
        position = found.end()
        name = found[1]
        equals = _EQUALS.match(text, position)
        value = ""
        if equals is not None:
            value, position = _value(text, equals.end())
        elif name is None:
            return attributes, position + 1 if position < len(text) else -1
        if position < 0:
            return attributes, -1
        if name:
            attributes.setdefault(name.lower(), _unescaped(value))
    return attributes, -1


def _value(text: str, position: int) -> tuple[str, int]:
    """An attribute's value and where it ends; -1 where its quote is never closed."""
    quote = text[position : position + 1]
    if quote in ("'", '"'):
        end = text.find(quote, position + 1)
        return text[position + 1 : end], end + 1 if end >= 0 else -1
    found = _UNQUOTED.match(text, position)
    assert found is not None
    return found[0], found.end()


def _unescaped(value: str) -> str:
    if "&" not in value:
        return value
    from html import unescape  # a table of 2,000 entities that few pages need

    return unescape(value)
