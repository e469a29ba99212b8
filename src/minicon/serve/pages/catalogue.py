"""The pages of a channel: the list of its packages, and all about one of them."""

from __future__ import annotations

from urllib.parse import urlencode

from minicon.serve.pages.frame import (
    command,
    count_text,
    date_text,
    heading,
    page,
    size_text,
)
from minicon.serve.pages.html import Html, element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aiohttp import web

    from minicon.serve.visit import Visit

#: Packages on one page of a list.
PAGE_SIZE = 60
_FEW_DEPENDENTS = 30
_SPLIT = " <>=!~[|,"


def home_page(visit: Visit, counts: Mapping[str, Mapping[str, Any]]) -> web.Response:
    """Return the list of the channels, with what each has."""
    rows = [
        element(
            "li",
            element("a", name, href=visit.path(name, ""), class_="name"),
            element("p", ", ".join(found["subdirs"]), class_="summary"),
            element("p", count_text(found["all"], "package"), class_="facts"),
        )
        for name, found in counts.items()
    ]
    return page(
        visit,
        "Channels",
        heading(element("h1", "Channels")),
        element("ul", rows, class_="packages") if rows else element("p", "There is no channel."),
    )


def list_page(
    visit: Visit, channel: str, found: Mapping[str, Any], search: str, subdir: str, number: int
) -> web.Response:
    """Return the list of a channel's packages.

    Args:
        visit: The request.
        channel: Name of the channel.
        found: The answer to the question ``packages``.
        search: Words that were searched.
        subdir: Platform that is shown; empty for all.
        number: Of the page, from 1.
    """
    form = element(
        "form",
        element("label", "Search packages", for_="q", class_="hidden"),
        element(
            "input",
            type="search",
            name="q",
            id="q",
            value=search,
            placeholder="Search packages",
            autocomplete="off",
            spellcheck="false",
        ),
        element("input", type="hidden", name="platform", value=subdir) if subdir else None,
        element("button", "Search"),
        method="get",
        action=visit.path(channel, ""),
        class_="search",
        role="search",
    )
    results = element(
        "div",
        _platforms(visit, channel, found["subdirs"], search, subdir),
        element("p", _summary_of(found, search, subdir), class_="count", role="status"),
        element(
            "ul", [_row(visit, channel, each) for each in found["packages"]], class_="packages"
        ),
        _pages(visit, channel, found["total"], search, subdir, number),
        id="results",
    )
    url = visit.url(channel)
    return page(
        visit,
        f"{search} – {channel}" if search else channel,
        heading(
            element("h1", channel),
            command(f"minicon create -n data -c {url} PACKAGE", "Command that uses this channel"),
        ),
        form,
        results,
    )


def _summary_of(found: Mapping[str, Any], search: str, subdir: str) -> str:
    text = count_text(found["total"], "package")
    if search:
        text += f" for “{search}”"
    return f"{text} for {subdir}" if subdir and not search else text


def _platforms(
    visit: Visit, channel: str, subdirs: Sequence[str], search: str, chosen: str
) -> Html:
    items = [
        element(
            "a",
            subdir or "all platforms",
            href=visit.path(channel, "", query=_query(search, subdir)),
            aria_current="true" if subdir == chosen else None,
        )
        for subdir in ("", *subdirs)
    ]
    return element("nav", items, class_="chips", aria_label="Platforms")


def _row(visit: Visit, channel: str, each: Mapping[str, Any]) -> Html:
    facts = (size_text(each["size"]), each["license"], date_text(each["timestamp"]))
    return element(
        "li",
        element("a", each["name"], href=package_path(visit, channel, each["name"]), class_="name"),
        element("span", each["version"], class_="version"),
        element("p", each["summary"], class_="summary") if each["summary"] else None,
        element("p", " · ".join(filter(None, facts)), class_="facts"),
        element("p", [element("span", s) for s in each["subdirs"]], class_="platforms"),
    )


def _pages(
    visit: Visit, channel: str, total: int, search: str, subdir: str, number: int
) -> Html | None:
    last = -(-total // PAGE_SIZE)
    if last <= 1:
        return None

    def link(text: str, other: int, kind: str) -> Html | None:
        if not 1 <= other <= last:
            return None
        query = _query(search, subdir, other)
        return element("a", text, href=visit.path(channel, "", query=query), rel=kind)

    return element(
        "nav",
        link("← Previous", number - 1, "prev"),
        element("span", f"Page {number} of {last}"),
        link("Next →", number + 1, "next"),
        class_="pages",
        aria_label="Pages",
    )


def _query(search: str, subdir: str, number: int = 1) -> str:
    fields = {"q": search, "platform": subdir, "page": str(number) if number > 1 else ""}
    return urlencode({key: value for key, value in fields.items() if value})


def package_path(visit: Visit, channel: str, name: str) -> str:
    """Return the link to the page of a package."""
    return visit.path(channel, "packages", name)


def package_page(visit: Visit, channel: str, found: Mapping[str, Any]) -> web.Response:
    """Return the page of a package, from the answer to the question ``package``."""
    name, newest = found["name"], found["versions"][0]
    about, build = found["about"], newest["builds"][0]
    url = visit.url(channel)
    return page(
        visit,
        f"{name} – {channel}",
        element(
            "nav",
            element("a", channel, href=visit.path(channel, "")),
            aria_label="Breadcrumb",
            class_="crumb",
        ),
        heading(
            element("h1", name, " ", element("span", newest["version"], class_="version")),
            element("p", about["summary"], class_="lead") if about.get("summary") else None,
            command(f"minicon install -c {url} {name}", f"Command that installs {name}"),
        ),
        element(
            "div",
            element(
                "div",
                _needs(visit, channel, build, set(found["linked"])),
                _versions(visit, channel, found),
                _needed_by(visit, channel, found),
            ),
            _facts(visit, found, build),
            class_="columns",
        ),
    )


def _facts(visit: Visit, found: Mapping[str, Any], build: Mapping[str, Any]) -> Html:
    about = found["about"]
    rows = {
        "License": build["license"] or about.get("license") or "not stated",
        "Size": size_text(build["size"]),
        "Platforms": ", ".join(found["subdirs"]),
        "Newest build": date_text(build["timestamp"]) or "unknown",
        "Builds": str(found["builds"]),
    }
    links = {
        text: about[key]
        for key, text in (
            ("home", "Home page"),
            ("doc_url", "Documentation"),
            ("dev_url", "Source"),
        )
        if about.get(key, "").startswith(("https://", "http://"))
    }
    return element(
        "aside",
        element("dl", [(element("dt", key), element("dd", text)) for key, text in rows.items()]),
        [
            element("p", element("a", text, href=href, rel="noreferrer noopener nofollow"))
            for text, href in links.items()
        ],
        element(
            "p",
            element(
                "a",
                "Try it in the workbench",
                href=visit.path("solve", query=urlencode({"spec": found["name"]})),
            ),
        ),
        aria_label="Facts",
    )


def _needs(visit: Visit, channel: str, build: Mapping[str, Any], names: set[str]) -> Html:
    rows = [_spec(visit, channel, text, names) for text in build["depends"]]
    limits = [_spec(visit, channel, text, names) for text in build["constrains"]]
    return element(
        "section",
        element("h2", "Dependencies"),
        element("ul", rows, class_="specs") if rows else element("p", "It needs no other package."),
        (element("h3", "Constraints"), element("ul", limits, class_="specs")) if limits else None,
    )


def _spec(visit: Visit, channel: str, text: str, names: set[str]) -> Html:
    """Return a dependency; its name is a link if the channel has it."""
    end = next((i for i, character in enumerate(text) if character in _SPLIT), len(text))
    name, rest = text[:end], text[end:]
    shown = element("a", name, href=package_path(visit, channel, name)) if name in names else name
    return element("li", shown, element("span", rest) if rest else None)


def _needed_by(visit: Visit, channel: str, found: Mapping[str, Any]) -> Html:
    own = found["name"]
    rows = [
        element(
            "li",
            element("a", each["name"], href=package_path(visit, channel, each["name"])),
            element("span", f" {each['spec'].removeprefix(own)}"),
        )
        for each in found["dependents"]
    ]
    few, more = rows[:_FEW_DEPENDENTS], rows[_FEW_DEPENDENTS:]
    return element(
        "section",
        element("h2", "Needed by"),
        element("ul", few, class_="specs") if few else element("p", "No package needs it."),
        element(
            "details",
            element("summary", element("span", f"{count_text(len(more), 'more package')}")),
            element("ul", more, class_="specs"),
        )
        if more
        else None,
        None
        if found["has_all_dependents"]
        else element("p", "There are more: the channel is too large to search all of it."),
    )


def _versions(visit: Visit, channel: str, found: Mapping[str, Any]) -> Html:
    parts = []
    for number, version in enumerate(found["versions"]):
        platforms = ", ".join(dict.fromkeys(build["subdir"] for build in version["builds"]))
        summary = element(
            "summary",
            element("strong", version["version"]),
            " ",
            element("span", f"{count_text(len(version['builds']), 'build')}: {platforms}"),
        )
        rows = [_build(visit, channel, build) for build in version["builds"]]
        table = element(
            "table",
            element("caption", f"Builds of {found['name']} {version['version']}", class_="hidden"),
            element(
                "thead",
                element(
                    "tr",
                    [element("th", t, scope="col") for t in ("Platform", "File", "Size", "Built")],
                ),
            ),
            element("tbody", rows),
        )
        scrolled = element("div", table, class_="scroll")
        parts.append(element("details", summary, scrolled, open=number == 0))
    return element("section", element("h2", "Versions"), parts, class_="versions")


def _build(visit: Visit, channel: str, build: Mapping[str, Any]) -> Html:
    link = element(
        "a", build["fn"], href=visit.path(channel, build["subdir"], build["fn"]), download=True
    )
    digest = build["sha256"]
    return element(
        "tr",
        element("td", build["subdir"]),
        element("td", link, element("small", f"sha256 {digest}") if digest else None),
        element("td", size_text(build["size"]), class_="number"),
        element("td", date_text(build["timestamp"]), class_="number"),
    )
