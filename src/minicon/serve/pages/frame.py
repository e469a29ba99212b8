"""The frame of all pages: head, header, main part; its style, script and headers."""

from __future__ import annotations

import datetime as dt
import hashlib
from functools import cache
from pathlib import Path

from aiohttp import web

from minicon.serve.pages.html import Html, element, joined
from minicon.serve.refusal import not_found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.serve.pages.html import Content
    from minicon.serve.refusal import Refusal
    from minicon.serve.visit import Visit

_FILES = {
    "style.css": "text/css",
    "script.js": "text/javascript",
    "icon.svg": "image/svg+xml",
}
#: Pages load their own style, script and icon, and nothing from elsewhere.
_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; connect-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
_HEADERS = {
    "Content-Security-Policy": _POLICY,
    "Referrer-Policy": "no-referrer",  # a URL may have a token
    "X-Content-Type-Options": "nosniff",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cache-Control": "private, no-cache",
}
_UNITS = ("kB", "MB", "GB", "TB")


def page(visit: Visit, title: str, *content: Content, status: int = 200) -> web.Response:
    """Return a page with a title and the content of its main part."""
    head = element(
        "head",
        element("meta", charset="utf-8"),
        element("meta", name="viewport", content="width=device-width, initial-scale=1"),
        element("meta", name="color-scheme", content="light dark"),
        element("title", title),
        element("link", rel="stylesheet", href=_asset(visit, "style.css")),
        element("link", rel="icon", href=_asset(visit, "icon.svg")),
        element("script", src=_asset(visit, "script.js"), defer=True),
    )
    body = element(
        "body",
        element("a", "Skip to content", href="#main", class_="skip"),
        _header(visit),
        element("main", *content, id="main"),
    )
    html = Html("<!DOCTYPE html>\n") + element("html", head, body, lang="en")
    return web.Response(
        text=html, content_type="text/html", charset="utf-8", status=status, headers=_HEADERS
    )


def refusal_page(visit: Visit, refusal: Refusal) -> web.Response:
    """Return a page that says why a request is not answered."""
    titles = {404: "Not found", 401: "A token is required", 503: "Too busy"}
    title = titles.get(refusal.status, "This did not work")
    response = page(
        visit,
        title,
        element("h1", title),
        element("p", capitalized(refusal.message), class_="lead"),
        element("p", capitalized(refusal.hint)) if refusal.hint else None,
        element("p", element("a", "All channels", href=visit.path(""))),
        status=refusal.status,
    )
    response.headers.update(refusal.headers)
    return response


def asset(name: str) -> web.Response:
    """Return a file of the pages; its address has its hash, so it may be cached for ever."""
    if name not in _FILES:
        raise not_found("such file")
    return web.Response(
        body=_content(name),
        headers={
            "Content-Type": f"{_FILES[name]}; charset=utf-8",
            "Cache-Control": "public, max-age=31536000, immutable",
            "X-Content-Type-Options": "nosniff",
        },
    )


def command(text: str, label: str) -> Html:
    """Return a command to type; the script adds a button that copies it."""
    return element(
        "div",
        element("code", text, tabindex="0", role="textbox", aria_readonly="true", aria_label=label),
        class_="command",
    )


def size_text(size: int | None) -> str:
    """Return a size in bytes for people."""
    if size is None:
        return "–"
    number, unit = float(size), "B"
    for larger in _UNITS:
        if number < 1000:
            break
        number, unit = number / 1000, larger
    return f"{number:.0f} {unit}" if unit == "B" or number >= 10 else f"{number:.1f} {unit}"


def date_text(milliseconds: int) -> str:
    """Return the date of a time in milliseconds since 1970; empty if it is unknown."""
    if not milliseconds:
        return ""
    moment = dt.datetime.fromtimestamp(milliseconds / 1000, dt.timezone.utc)
    return moment.date().isoformat()


def count_text(number: int, noun: str) -> str:
    """Return a number with its noun: ``1 package``, ``2 packages``."""
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def sentence(text: str) -> str:
    """Return a message as a sentence. It may start with a package's name, which stays as it is."""
    return text if text.endswith((".", "?", "!", ":")) else f"{text}."


def capitalized(text: str) -> str:
    """Return a message that starts with a word as a sentence."""
    return sentence(text[:1].upper() + text[1:])


def _header(visit: Visit) -> Html:
    links = (("Channels", visit.path("")), ("Workbench", visit.path("solve")))
    here = visit.parts[0] if visit.parts else ""
    items = [
        element(
            "a", text, href=href, aria_current="page" if (here == "solve") == (n == 1) else None
        )
        for n, (text, href) in enumerate(links)
    ]
    mark = element("span", "", class_="mark", aria_hidden="true")
    return element(
        "header",
        element("a", mark, "minicon", href=visit.path(""), class_="brand"),
        element("nav", items, aria_label="Site"),
    )


def _asset(visit: Visit, name: str) -> str:
    digest = hashlib.sha256(_content(name)).hexdigest()[:12]
    return visit.path("-", name, query=f"v={digest}")


@cache
def _content(name: str) -> bytes:
    return Path(__file__).with_name(name).read_bytes()


def heading(*content: Content) -> Html:
    """Return the content of a page's top."""
    return element("div", joined(content), class_="top")
