"""The API for programs: ``POST /api/solve``, and what it found before.

==========================================  ====================================================
``POST /api/solve``                         a solution: 200, or 422 with the reasons
``GET /api/solve/ID``                       the same again, while it is kept
``GET /api/solve/ID/environment.yml``       what was requested
``GET /api/solve/ID/conda-lock.yml``        all platforms as a lock
``GET /api/solve/ID/PLATFORM.txt``          one platform as an explicit list
``GET /api/openapi.json``                   the description of these
==========================================  ====================================================
"""

from __future__ import annotations

import asyncio
import json

from aiohttp import web

from minicon.errors import SpecError
from minicon.models.strict_json import check_shape, read_object
from minicon.serve.refusal import Refusal, not_found
from minicon.serve.solutions.asking import Question
from minicon.serve.solutions.openapi import DESCRIPTION
from minicon.serve.solutions.takeaways import environment_text, explicit_text, lock_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.serve.solutions.asking import Solutions
    from minicon.serve.visit import Visit

#: Largest request, in bytes, and the seconds that a client may take to send it.
_MOST_BYTES, _SECONDS = 256 * 1024, 30.0
_SHAPE = {
    "specs": ([str], None),
    "environment": (str, None),
    "channels": ([str], None),
    "platforms": ([str], None),
    "virtual_packages": ([str], None),
}


async def answer_api(visit: Visit, solutions: Solutions) -> web.Response:
    """Answer a request below ``/api``. Raises Refusal."""
    _, name, *rest = (*visit.parts, "")
    if name == "openapi.json":
        return _json(DESCRIPTION)
    if name != "solve":
        raise not_found("such part of the API")
    if visit.request.method == "POST":
        document = await solutions.solve(visit, await _question(visit.request))
        return _json(document, 200 if document["solved"] else 422)
    key, *wanted = rest if rest[-1] else rest[:-1] or [""]
    if not key:
        raise Refusal(405, "wrong-method", "POST a question here", headers={"Allow": "POST"})
    document = solutions.kept(visit, key)
    if not wanted:
        return _json(document, 200 if document["solved"] else 422)
    return takeaway(document, wanted[0])


def takeaway(document: Mapping[str, Any], name: str) -> web.Response:
    """Return a solution as a file. Raises Refusal if it has no such file."""
    try:
        if name == "environment.yml":
            text: str | None = environment_text(document)
        elif name == "conda-lock.yml":
            text = lock_text(document)
        else:
            text = explicit_text(document, name.removesuffix(".txt"))
    except SpecError as error:
        raise Refusal.of(422, error) from error
    if text is None:
        raise not_found("such file of this solution")
    return web.Response(
        text=text,
        content_type="text/plain",
        charset="utf-8",
        headers={
            "Content-Disposition": f'attachment; filename="{name}"',
            "Cache-Control": "private, no-cache",
            "X-Content-Type-Options": "nosniff",
        },
    )


async def _question(request: web.BaseRequest) -> Question:
    if request.content_type != "application/json":
        raise Refusal(415, "not-json", "send application/json")
    if (request.content_length or 0) > _MOST_BYTES:
        raise too_large()
    try:
        body = await asyncio.wait_for(_read(request), _SECONDS)
        data = read_object(body)
        check_shape(data, _SHAPE)
    except ValueError as error:
        raise Refusal(400, "invalid-request", f"the request is invalid: {error}") from None
    unknown = sorted(data.keys() - _SHAPE.keys())
    if unknown:
        raise Refusal(400, "invalid-request", f"the key {unknown[0][:60]!r} is unknown")
    lists = {key: tuple(data.get(key) or ()) for key in _SHAPE if key != "environment"}
    return Question(environment=data.get("environment") or "", **lists)


async def _read(request: web.BaseRequest) -> bytes:
    body = bytearray()
    while chunk := await request.content.readany():
        body += chunk
        if len(body) > _MOST_BYTES:
            raise too_large()
    return bytes(body)


def too_large() -> Refusal:
    """Return the refusal of a question that is too large."""
    return Refusal(413, "too-large", f"a request may have up to {_MOST_BYTES} bytes")


def _json(document: Any, status: int = 200) -> web.Response:
    return web.Response(
        status=status,
        body=json.dumps(document, indent=1).encode() + b"\n",
        content_type="application/json",
        headers={"Cache-Control": "private, no-cache", "X-Content-Type-Options": "nosniff"},
    )
