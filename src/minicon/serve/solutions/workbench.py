"""Requests of the workbench: its form, its results by their hash, and files of these."""

from __future__ import annotations

import asyncio
import re

from aiohttp import web

from minicon.serve.pages.workbench import Form, workbench_page
from minicon.serve.refusal import Refusal
from minicon.serve.solutions.api import takeaway
from minicon.serve.solutions.asking import Question

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.serve.solutions.asking import Solutions
    from minicon.serve.visit import Visit

_MOST_BYTES, _SECONDS = 256 * 1024, 30.0
_USUAL_PLATFORMS = ("linux-64", "linux-aarch64", "osx-64", "osx-arm64", "win-64")
_ENVIRONMENT_FILE = re.compile(r"^(?:name|channels|dependencies)\s*:|^@EXPLICIT", re.MULTILINE)


async def answer_workbench(visit: Visit, solutions: Solutions) -> web.Response:
    """Answer a request below ``/solve``. Raises Refusal."""
    _, *rest = visit.parts
    if visit.request.method == "POST":
        return await _solved(visit, solutions, await _form(visit))
    if not rest or not rest[0]:
        return workbench_page(visit, _new_form(visit))
    document = solutions.kept(visit, rest[0])
    if len(rest) > 1:
        return takeaway(document, rest[1])
    return workbench_page(visit, _form_of(visit, document), document)


async def _solved(visit: Visit, solutions: Solutions, form: Form) -> web.Response:
    """Solve, and send the browser to the address of the result, which can be shared."""
    is_file = _ENVIRONMENT_FILE.search(form.text) is not None
    question = Question(
        specs=() if is_file else tuple(filter(None, map(_spec, form.text.splitlines()))),
        environment=form.text if is_file else "",
        channels=form.channels if len(form.channels) < len(form.all_channels) else (),
        platforms=form.platforms,
    )
    try:
        document = await solutions.solve(visit, question)
    except Refusal as refusal:
        return workbench_page(visit, form, refusal=refusal)
    return web.Response(status=303, headers={"Location": visit.path("solve", document["id"])})


def _spec(line: str) -> str:
    """Return a line without a comment, and without the dash of a list."""
    return re.sub(r"(?:^|\s)#.*", "", line).strip().removeprefix("- ").strip()


def _new_form(visit: Visit) -> Form:
    return _completed(
        visit,
        text="\n".join(visit.query("spec")),
        platforms=visit.query("platform"),
        channels=visit.query("channel"),
    )


def _form_of(visit: Visit, document: Mapping[str, Any]) -> Form:
    return _completed(
        visit,
        text="\n".join(document["specs"]),
        platforms=tuple(each["platform"] for each in document["results"]),
        channels=tuple(each["name"] for each in document["channels"]),
    )


def _completed(
    visit: Visit, text: str, platforms: tuple[str, ...], channels: tuple[str, ...]
) -> Form:
    """Return the form with what can be chosen; all channels, and one platform, are chosen first."""
    served = [name for each in visit.channels.values() for name, *_ in each.stamp()]
    known = {name for name in served if name != "noarch" and "-" in name}
    options = tuple(sorted(known | {p for p in platforms if p in _USUAL_PLATFORMS}))
    options = options or _USUAL_PLATFORMS
    names = (*visit.channels, *visit.allowed)
    usual = "linux-64" if "linux-64" in options else options[0]
    return Form(
        text=text,
        platforms=platforms or (usual,),
        channels=channels or tuple(visit.channels),
        all_platforms=options,
        all_channels=names,
    )


async def _form(visit: Visit) -> Form:
    """Read what a browser sent."""
    try:
        fields = await asyncio.wait_for(visit.request.post(), _SECONDS)
    except (ValueError, web.HTTPRequestEntityTooLarge):
        raise Refusal(413, "too-large", "the form is too large, or invalid") from None
    text = str(fields.get("text", ""))
    file = fields.get("file")
    if isinstance(file, web.FileField) and (data := file.file.read(_MOST_BYTES + 1)):
        text = data.decode(errors="replace")
    if len(text) > _MOST_BYTES:
        raise Refusal(413, "too-large", f"a text may have up to {_MOST_BYTES} bytes")
    return _completed(
        visit,
        text=text.replace("\r\n", "\n"),
        platforms=tuple(map(str, fields.getall("platform", []))),
        channels=tuple(map(str, fields.getall("channel", []))),
    )
