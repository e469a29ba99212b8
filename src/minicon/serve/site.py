"""Site: answers each request with a file, a page, or why it is refused.

::

    /                          the channels
    /NAME/                     the packages of a channel
    /NAME/linux-64/…           its files; PUT is an upload
    /t/TOKEN/…                 the same with a token
"""

from __future__ import annotations

import json
import traceback

from aiohttp import web

from minicon.serve.files.sending import send_file
from minicon.serve.refusal import Refusal, not_found
from minicon.serve.tokens import TokenFile
from minicon.serve.visit import read_visit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.routing import UrlFetcher
    from minicon.serve.options import ServeOptions
    from minicon.serve.visit import Visit


class Site:
    """Answers requests.

    Args:
        options: What the operator chose.
        fetcher: Opens the files of channels that are on servers.
        log: Receives sentences for the operator.
    """

    def __init__(
        self, options: ServeOptions, fetcher: UrlFetcher, log: Callable[[str], None]
    ) -> None:
        self._options = options
        self._fetcher = fetcher
        self._log = log
        self._tokens = TokenFile(options.tokens)

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request. Raises only what ends the connection."""
        try:
            return await self._answer(read_visit(request, self._options, self._tokens))
        except Refusal as refusal:
            return refused(refusal)
        except (ConnectionError, web.HTTPException):
            raise
        except Exception:  # noqa: BLE001 - the operator reads it, the client must not
            self._log(f"error while answering a request:\n{traceback.format_exc()}")
            return refused(Refusal(500, "internal-error", "the server failed"))

    async def _answer(self, visit: Visit) -> web.StreamResponse:
        if visit.request.method not in ("GET", "HEAD"):
            message = f"{visit.request.method[:20]} is not allowed here"
            raise Refusal(405, "wrong-method", message, headers={"Allow": "GET, HEAD"})
        name, *rest = visit.parts
        if not name:
            return web.json_response({"channels": sorted(visit.channels)})
        channel = visit.channel(name)
        if not rest:
            return web.Response(status=308, headers={"Location": visit.path(name, "")})
        if not all(rest):
            raise not_found("such page")
        return await send_file(
            visit.request, channel, rest, is_private=visit.is_private, fetcher=self._fetcher
        )


def refused(refusal: Refusal) -> web.Response:
    """Return the response for a refusal, for programs."""
    return web.Response(
        status=refusal.status,
        body=json.dumps(refusal.to_json()).encode() + b"\n",
        content_type="application/json",
        headers={**refusal.headers, "Cache-Control": "no-store"},
    )
