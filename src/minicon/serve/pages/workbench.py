"""The workbench: type specs or paste an environment.yml, and see the solution or its obstacles."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.serve.pages.catalogue import package_path
from minicon.serve.pages.frame import (
    capitalized,
    count_text,
    heading,
    page,
    sentence,
    size_text,
)
from minicon.serve.pages.graph import draw_graph
from minicon.serve.pages.html import Html, element

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

    from aiohttp import web

    from minicon.serve.pages.html import Content
    from minicon.serve.refusal import Refusal
    from minicon.serve.visit import Visit

_EXAMPLE = "python >=3.12\nnumpy"
#: Words with which messages of the solver begin that begin with no package.
_WORDS = frozenset({"no", "only", "each", "the", "none", "nothing"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Form:
    """What the form shows: the text as typed, and what is chosen of what.

    Attributes:
        text: Specs, one per line, or an environment file.
        platforms: Chosen platforms.
        channels: Chosen channels.
        all_platforms: Platforms to choose from.
        all_channels: Channels to choose from.
    """

    text: str = ""
    platforms: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    all_platforms: tuple[str, ...] = ()
    all_channels: tuple[str, ...] = ()


def workbench_page(
    visit: Visit,
    form: Form,
    document: Mapping[str, Any] | None = None,
    refusal: Refusal | None = None,
) -> web.Response:
    """Return the workbench, with a solution, or with why a question was refused."""
    result: Content = None
    if refusal is not None:
        result = _refused(refusal)
    elif document is not None:
        result = _solution(visit, form, document)
    return page(
        visit,
        "Workbench",
        heading(
            element("h1", "Workbench"),
            element(
                "p", "See what an environment would contain before you create it.", class_="lead"
            ),
        ),
        _form(visit, form),
        element("div", result, id="result", aria_live="polite"),
        status=200 if refusal is None else refusal.status,
    )


def _form(visit: Visit, form: Form) -> Html:
    return element(
        "form",
        element(
            "div",
            element("label", "Packages, one per line, or a whole environment.yml", for_="text"),
            element(
                "textarea",
                Html("\n"),
                form.text,
                name="text",
                id="text",
                rows=max(6, min(form.text.count("\n") + 2, 18)),
                placeholder=_EXAMPLE,
                spellcheck="false",
                autocapitalize="none",
            ),
            element(
                "p",
                element("label", "or choose a file: ", for_="file"),
                element("input", type="file", name="file", id="file", accept=".yml,.yaml,.txt"),
                class_="file",
            ),
            class_="packages-field",
        ),
        element(
            "div",
            _choices("Platforms", "platform", form.all_platforms, form.platforms),
            _choices("Channels", "channel", form.all_channels, form.channels)
            if len(form.all_channels) > 1
            else None,
            element("button", "Solve", class_="primary"),
            class_="choices",
        ),
        method="post",
        action=visit.path("solve"),
        enctype="multipart/form-data",
        class_="workbench",
    )


def _choices(title: str, name: str, options: Sequence[str], chosen: Sequence[str]) -> Html:
    boxes = [
        element(
            "label",
            element("input", type="checkbox", name=name, value=each, checked=each in chosen),
            element("span", each),
        )
        for each in options
    ]
    return element("fieldset", element("legend", title), boxes)


def _refused(refusal: Refusal) -> Html:
    message, _, rest = refusal.message.partition("\n")
    return element(
        "section",
        element("h2", "This cannot be solved"),
        element("p", sentence(message)),
        element("pre", rest) if rest.strip() else None,
        element("p", capitalized(refusal.hint)) if refusal.hint else None,
        class_="card obstacle",
        role="alert",
    )


def _solution(visit: Visit, form: Form, document: Mapping[str, Any]) -> list[Html | None]:
    notes = [element("li", sentence(note)) for note in document["notes"]]
    results = document["results"]
    links = [
        element("a", _result_title(each), href=f"#{each['platform']}", class_=_state(each))
        for each in results
    ]
    return [
        element("ul", notes, class_="notes") if notes else None,
        element("nav", links, class_="chips", aria_label="Results") if len(results) > 1 else None,
        _takeaways(visit, document) if any(each["solved"] for each in results) else None,
        *(
            _solved(visit, document, each) if each["solved"] else _unsolved(visit, form, each)
            for each in results
        ),
    ]


def _state(result: Mapping[str, Any]) -> str:
    return "solved" if result["solved"] else "unsolved"


def _result_title(result: Mapping[str, Any]) -> str:
    return f"{result['platform']} {'✓' if result['solved'] else '✗'}"


def _takeaways(visit: Visit, document: Mapping[str, Any]) -> Html:
    """Return the links to the files of a solution."""
    names = {"environment.yml": "environment.yml"}
    if document["solved"]:
        names["conda-lock.yml"] = "conda-lock.yml"
    for result in document["results"]:
        if result["solved"] and all(p["source"] == "conda" for p in result["packages"]):
            names[f"{result['platform']}.txt"] = f"explicit list for {result['platform']}"
    links = [
        element("a", text, href=visit.path("solve", document["id"], name), download=name)
        for name, text in names.items()
    ]
    return element(
        "p",
        element("span", "Take it with you: "),
        links,
        class_="takeaways",
    )


def _solved(visit: Visit, document: Mapping[str, Any], result: Mapping[str, Any]) -> Html:
    packages, platform = result["packages"], result["platform"]
    total = sum(each["size"] or 0 for each in packages)
    largest = max((each["size"] or 0 for each in packages), default=0) or 1
    count = count_text(len(packages), "package")
    picture = draw_graph(packages, f"Dependency graph of {count} for {platform}")
    served = {each["name"] for each in document["channels"]} & set(visit.channels)
    ordered = sorted(packages, key=lambda each: (not each["requested"], each["name"]))
    return element(
        "section",
        element("h2", platform, " ", element("span", f"{count}, {size_text(total)}")),
        element("ul", [element("li", sentence(n)) for n in result["notes"]], class_="notes")
        if result["notes"]
        else None,
        _figure(picture, platform) if picture else None,
        element(
            "div",
            _table(visit, ordered, served, largest, platform),
            class_="scroll",
            tabindex="0",
            role="region",
            aria_label=f"Packages for {platform}",
        ),
        element("p", f"pip would have to build {', '.join(result['to_build'])}.")
        if result["to_build"]
        else None,
        _facts_of(result),
        class_="card",
        id=platform,
    )


def _figure(picture: Html, platform: str) -> Html:
    return element(
        "figure",
        element(
            "div",
            picture,
            class_="picture",
            tabindex="0",
            role="region",
            aria_label=f"Dependency graph for {platform}; the table below has the same packages",
        ),
        element(
            "figcaption",
            "Arrows lead from packages to what they need; one is left out where others lead the "
            "same way. Bars show download sizes.",
        ),
    )


def _table(
    visit: Visit,
    packages: Sequence[Mapping[str, Any]],
    served: set[str],
    largest: int,
    platform: str,
) -> Html:
    titles = ("Package", "Version", "Size", "Needed by")
    return element(
        "table",
        element("caption", f"Packages for {platform}", class_="hidden"),
        element("thead", element("tr", [element("th", t, scope="col") for t in titles])),
        element("tbody", [_package_row(visit, each, served, largest) for each in packages]),
        class_="solution",
    )


def _package_row(visit: Visit, package: Mapping[str, Any], served: set[str], largest: int) -> Html:
    name, channel = package["name"], package["channel"]
    shown: Content = name
    if channel in served:
        shown = element("a", name, href=package_path(visit, channel, name))
    share = (package["size"] or 0) / largest * 100
    bar = element(
        "svg",
        element("rect", width=f"{share:.1f}", height=6, rx=3),
        viewBox="0 0 100 6",
        preserveAspectRatio="none",
        class_="bar",
        aria_hidden="true",
    )
    why = ", ".join(package["needed_by"]) or "–"
    return element(
        "tr",
        element("th", shown, scope="row"),
        element(
            "td",
            package["version"],
            element("small", package["build"]) if package["build"] else None,
        ),
        element("td", size_text(package["size"]), bar, class_="number"),
        element(
            "td",
            element("strong", "requested") if package["requested"] else why,
            element("small", sentence(package["held_back"])) if package["held_back"] else None,
        ),
        class_="requested" if package["requested"] else None,
    )


def _facts_of(result: Mapping[str, Any]) -> Html:
    facts = ", ".join(text.partition("=")[0] + " " + text.split("=")[1] for text in _facts(result))
    return element("p", f"For a machine with {facts}.", class_="machine")


def _facts(result: Mapping[str, Any]) -> list[str]:
    return [text for text in result["virtual_packages"] if text.split("=")[1] not in ("0", "1")]


def _unsolved(visit: Visit, form: Form, result: Mapping[str, Any]) -> Html:
    error = result["error"]
    fixes = [
        element("li", _fix(visit, form, fix) if fix["specs"] else sentence(fix["text"]))
        for fix in error["fixes"]
    ]
    return element(
        "section",
        element("h2", result["platform"], " ", element("span", "no solution")),
        element("p", _statement(error["message"]), class_="lead"),
        element(
            "ul", [element("li", _statement(text)) for text in error["sentences"]], class_="steps"
        )
        if error["sentences"]
        else None,
        (
            element("h3", "Each of these works" if len(fixes) > 1 else "This works"),
            element("ul", fixes, class_="fixes"),
        )
        if fixes
        else None,
        element("p", capitalized(error["hint"])) if error["hint"] else None,
        class_="card obstacle",
        id=result["platform"],
    )


def _statement(text: str) -> str:
    """Return a message of the solver as a sentence; names of packages keep their case."""
    return capitalized(text) if text.partition(" ")[0] in _WORDS else sentence(text)


def _fix(visit: Visit, form: Form, fix: Mapping[str, Any]) -> Html:
    """Return a form that solves again with a fix."""
    hidden = [("text", "\n".join(fix["specs"]))]
    hidden += [("platform", each) for each in form.platforms]
    hidden += [("channel", each) for each in form.channels]
    return element(
        "form",
        [element("input", type="hidden", name=name, value=value) for name, value in hidden],
        element("button", fix["text"][:1].upper() + fix["text"][1:]),
        method="post",
        action=visit.path("solve"),
        enctype="multipart/form-data",
    )
