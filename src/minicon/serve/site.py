"""Site: answers each request with a file, a page, or why it is refused.

::

    /                          the channels
    /NAME/                     the packages of a channel
    /NAME/packages/numpy       one of them
    /NAME/linux-64/…           its files; PUT is an upload
    /solve                     the workbench
    /api/solve                 the same for programs
    /t/TOKEN/…                 all of this with a token
"""

from __future__ import annotations

import json
import traceback

from aiohttp import web

from minicon.errors import MiniconError
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.models.url import Url
from minicon.redaction import redact
from minicon.serve.files.sending import send_file
from minicon.serve.pages.catalogue import PAGE_SIZE, home_page, list_page, package_page
from minicon.serve.pages.frame import asset, refusal_page
from minicon.serve.refusal import Refusal, not_found
from minicon.serve.solutions.api import answer_api
from minicon.serve.solutions.asking import Solutions
from minicon.serve.solutions.workbench import answer_workbench
from minicon.serve.tokens import TokenFile
from minicon.serve.uploads import Uploads
from minicon.serve.visit import read_visit, unauthorized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.routing import UrlFetcher
    from minicon.serve.hosted import HostedChannel
    from minicon.serve.options import ServeOptions
    from minicon.serve.visit import Visit

_PACKAGES = "packages"
_MOST_PAGES, _LONGEST_SEARCH = 100_000, 200


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
        for channel in options.channels.values():
            credentials = Url(channel.location).credentials
            if credentials is not None:
                fetcher.credentials.add(channel.url, credentials)
        self._log = log
        self._tokens = TokenFile(options.tokens)
        self._uploads = Uploads(options)
        self._solutions = Solutions(options)

    async def close(self) -> None:
        """End the processes that answer questions."""
        await self._uploads.close()
        await self._solutions.close()

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer a request."""
        response = await self._handle(request)
        if self._options.log_requests:
            path = redact(f"http://server{request.rel_url.raw_path}").removeprefix("http://server")
            size = response.content_length or 0
            self._log(f"{request.remote} {request.method} {path} {response.status} {size}")
        return response

    async def _handle(self, request: web.BaseRequest) -> web.StreamResponse:
        visit = None
        try:
            visit = read_visit(request, self._options, self._tokens)
            if visit.is_denied:
                raise unauthorized()
            return await self._answer(visit)
        except Refusal as refusal:
            return _refused(request, visit, refusal)
        except ConnectionError:  # the client is gone, or was disconnected; it reads nothing
            if request.transport is not None:
                request.transport.abort()
            return web.Response(status=400)
        except MiniconError as error:  # of a file of tokens, or of the disk
            self._log(f"error: {error.message}")
            return _refused(request, visit, Refusal(500, error.reference, "the server failed"))
        except Exception:  # noqa: BLE001 - the operator reads it, the client must not
            self._log(f"error while answering a request:\n{traceback.format_exc()}")
            return _refused(request, visit, Refusal(500, "internal-error", "the server failed"))

    async def _answer(self, visit: Visit) -> web.StreamResponse:
        first, method = visit.parts[0], visit.request.method
        if method == "PUT":
            return await self._uploads.receive(visit)
        if method not in ("GET", "HEAD", *(("POST",) if first in ("api", "solve") else ())):
            message = f"{method[:20]} is not allowed here"
            raise Refusal(405, "wrong-method", message, headers={"Allow": "GET, HEAD"})
        if first == "api":
            return await answer_api(visit, self._solutions)
        if first == "solve":
            return await answer_workbench(visit, self._solutions)
        if first == "-":
            return asset("/".join(visit.parts[1:]))
        if not first:
            return await self._home(visit)
        return await self._in_channel(visit, visit.channel(first), visit.parts[1:])

    async def _in_channel(
        self, visit: Visit, channel: HostedChannel, rest: tuple[str, ...]
    ) -> web.StreamResponse:
        if not rest:
            return _moved(visit.path(channel.name, ""))
        if rest == ("",):
            return await self._list(visit, channel)
        if len(rest) == 2 and rest[0] in KNOWN_SUBDIRS and not rest[1]:
            return _moved(visit.path(channel.name, "", query=f"platform={rest[0]}"))
        if len(rest) == 2 and rest[0] == _PACKAGES:
            found = await self._solutions.ask(visit, "package", channel, name=rest[1].lower()[:200])
            return package_page(visit, channel.name, found)
        if not all(rest):
            raise not_found("such page")
        return await send_file(
            visit.request, channel, rest, is_private=visit.is_private, fetcher=self._fetcher
        )

    async def _home(self, visit: Visit) -> web.Response:
        counts = {}
        for name, channel in visit.channels.items():
            counts[name] = await self._solutions.ask(
                visit, _PACKAGES, channel, search="", subdir="", first=0, count=0
            )
        return home_page(visit, counts)

    async def _list(self, visit: Visit, channel: HostedChannel) -> web.Response:
        search = " ".join(" ".join(visit.query("q"))[:_LONGEST_SEARCH].split())
        subdir = next((each for each in visit.query("platform") if each in KNOWN_SUBDIRS), "")
        text = next(iter(visit.query("page")), "1")
        number = min(max(int(text), 1), _MOST_PAGES) if text.isascii() and text.isdecimal() else 1
        found = await self._solutions.ask(
            visit,
            _PACKAGES,
            channel,
            search=search,
            subdir=subdir,
            first=(number - 1) * PAGE_SIZE,
            count=PAGE_SIZE,
        )
        return list_page(visit, channel.name, found, search, subdir, number)


def _moved(path: str) -> web.Response:
    return web.Response(status=308, headers={"Location": path})


def _refused(request: web.BaseRequest, visit: Visit | None, refusal: Refusal) -> web.Response:
    """Return the response for a refusal: a page for browsers, JSON for programs."""
    wants_page = "text/html" in request.headers.get("Accept", "")
    if visit is not None and wants_page and visit.parts[0] != "api":
        return refusal_page(visit, refusal)
    return web.Response(
        status=refusal.status,
        body=json.dumps(refusal.to_json()).encode() + b"\n",
        content_type="application/json",
        headers={**refusal.headers, "Cache-Control": "no-store"},
    )
