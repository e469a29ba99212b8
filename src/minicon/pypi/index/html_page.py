"""Parse the links and the status of an index's HTML page (PEP 503) in one pass.

A page may be hostile, so every parser here only moves forward: a comment, tag or quote without an
end ends the page, as in a browser. The standard library's HTML parser searches for the end again
from each such start, and a page can have 100,000 of them.
"""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.pypi.urls import without_credentials

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
#: Attributes of one tag; links of real pages have up to six. Parsing stops at a tag with more.
_MOST_ATTRIBUTES = 64


@dataclass(frozen=True, slots=True)
class Link:
    """One link of a page.

    Attributes:
        url: Its absolute target, without credentials and fragment.
        fragment: The text after ``#``.
        attributes: Attributes of the tag, names in lower case.
    """

    url: str
    fragment: str
    attributes: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class HtmlPage:
    """A parsed page.

    Attributes:
        links: The links that may be followed.
        status: Project status (PEP 792), in lower case.
    """

    links: tuple[Link, ...]
    status: str = "active"


def parse_html(text: str, url: str) -> HtmlPage:
    """Parse a page.

    Args:
        text: HTML.
        url: The page's own URL. Links are relative to its ``<base>``, but this URL decides
            whether they may lead to local files.
    """
    base, status = url, "active"
    links = []
    has_base = False
    for tag, attributes in _tags(text):
        if tag == "base" and not has_base and attributes.get("href"):
            base, has_base = _joined(url, attributes["href"]), True
        elif tag == "meta" and attributes.get("name", "").lower() == _STATUS_NAME:
            status = attributes.get("content", "").strip().lower() or status
        elif tag == "a":
            href, _, fragment = attributes.get("href", "").strip().partition("#")
            target = resolve_link(base, href, page=url)
            if target is not None:
                links.append(Link(target, fragment, attributes))
    return HtmlPage(tuple(links), status)


def resolve_link(base: str, link: str, *, page: str) -> str | None:
    """Return the absolute target of a link without credentials; None if it must not be followed.

    A page from the network cannot link to files of this machine, whatever its ``<base>``.

    Args:
        base: URL that relative links are relative to.
        link: As written, without fragment.
        page: URL of the page.
    """
    if not link:
        return None
    if _PLAIN_LINK.fullmatch(link) and "/." not in link:
        return link  # the form of nearly all links, and urljoin is slow
    try:
        target = urljoin(base, link)
        scheme = urlsplit(target).scheme
        local = urlsplit(page).scheme == "file"
    except ValueError:
        return None
    allowed = scheme in _WEB or (scheme == "file" and local)
    return without_credentials(target) if allowed else None


def _joined(url: str, href: str) -> str:
    try:
        return urljoin(url, href.strip())
    except ValueError:
        return url


def _tags(text: str) -> Iterator[tuple[str, dict[str, str]]]:
    """Yield the names (in lower case) and attributes of ``a``, ``base`` and ``meta`` tags."""
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
    """Return the attributes at a position, and the end of their tag; -1 if it has none."""
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
    """Return an attribute's value and its end; -1 if its quote is never closed."""
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
    from html import unescape  # imports a table of 2,000 entities that few pages need

    return unescape(value)
