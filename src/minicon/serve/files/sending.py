"""Send files of channels: whole or in part, at the pace of each client, up to a limit.

::

    directory ─ open_below ──> OpenedFile ── choose_part ──> 200, 206, 304, 412, 416
    s3://, oci://, https:// ── fetcher ────> response of that server, passed on
"""

from __future__ import annotations

import asyncio
import os
from email.utils import formatdate
from itertools import islice

from aiohttp import web

from minicon.errors import ChannelError
from minicon.serve.files.conditional import cache_control, choose_part, content_type
from minicon.serve.files.folder_files import open_below
from minicon.serve.refusal import Refusal, not_found

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.net.client.fetcher import Response
    from minicon.net.routing import UrlFetcher
    from minicon.serve.files.conditional import Part
    from minicon.serve.files.folder_files import OpenedFile
    from minicon.serve.hosted import HostedChannel

#: Bytes that a client has to take within :data:`STALL` seconds, or its connection is closed.
_PIECE = 1 << 20
STALL = 60.0
#: Files of a channel are data: a page among them cannot run scripts or load anything.
_SANDBOX = "default-src 'none'; style-src 'unsafe-inline'; img-src 'self'; sandbox"
_PASSED_ON = ("ETag", "Last-Modified", "Content-Length", "Content-Range")
_CONDITIONS = ("If-None-Match", "If-Modified-Since", "If-Range", "Range")


async def send_file(
    request: web.BaseRequest,
    channel: HostedChannel,
    parts: Sequence[str],
    *,
    is_private: bool,
    fetcher: UrlFetcher,
) -> web.StreamResponse:
    """Answer a request for a file of a channel.

    Args:
        request: A GET or HEAD request.
        channel: The channel.
        parts: The path below it.
        is_private: Whether a token is needed.
        fetcher: Opens the files of channels that are on servers.

    Raises:
        Refusal: There is no such file, or it cannot be read now.
    """
    headers = {
        "Cache-Control": cache_control(parts[-1], is_private=is_private),
        "Content-Type": content_type(parts[-1]),
        "Content-Security-Policy": _SANDBOX,
        "X-Content-Type-Options": "nosniff",
        "Accept-Ranges": "bytes",
    }
    if channel.directory is None:
        return await _pass_on(request, f"{channel.url}/{'/'.join(parts)}", headers, fetcher)
    try:
        opened = open_below(channel.directory, parts)
    except OSError as error:
        message = f"{parts[-1]} cannot be read now: {error.strerror}"
        raise Refusal(503, "unreadable-file", message, headers={"Retry-After": "1"}) from error
    if opened is None:
        raise not_found(f"file {'/'.join(parts)} in {channel.name}")
    with opened:
        return await _send_opened(request, opened, headers)


async def _send_opened(
    request: web.BaseRequest, opened: OpenedFile, headers: dict[str, str]
) -> web.StreamResponse:
    part = choose_part(request.headers, opened.etag, opened.modified, opened.size)
    headers["ETag"] = opened.etag
    headers["Last-Modified"] = formatdate(opened.modified, usegmt=True)
    if part.status == 206:
        end = part.start + part.length - 1
        headers["Content-Range"] = f"bytes {part.start}-{end}/{opened.size}"
    elif part.status == 416:
        headers["Content-Range"] = f"bytes */{opened.size}"
    if opened.content is not None:
        body = opened.content[part.start : part.start + part.length]
        return web.Response(status=part.status, headers=headers, body=body)
    if part.status not in (200, 206):
        return web.Response(status=part.status, headers=headers)
    headers["Content-Length"] = str(part.length)
    response = web.StreamResponse(status=part.status, headers=headers)
    await response.prepare(request)
    if request.method != "HEAD":
        await _send_part(request, opened, part)
    await response.write_eof()
    return response


async def _send_part(request: web.BaseRequest, opened: OpenedFile, part: Part) -> None:
    """Send a part of an open file; close the connection if the client does not take it."""
    loop, offset, end = asyncio.get_running_loop(), part.start, part.start + part.length
    with os.fdopen(opened.descriptor, "rb", closefd=False) as reader:
        while offset < end:
            transport = request.transport
            if transport is None:
                raise ConnectionResetError("the client is gone")
            count = min(_PIECE, end - offset)
            try:
                sent = await asyncio.wait_for(
                    loop.sendfile(transport, reader, offset, count), STALL
                )
            except (TimeoutError, asyncio.TimeoutError):
                transport.abort()
                raise ConnectionResetError("the client takes too long") from None
            if not sent:  # the file became shorter: the client must notice
                transport.abort()
                raise ConnectionResetError("the file became shorter")
            offset += sent


async def _pass_on(
    request: web.BaseRequest, url: str, headers: dict[str, str], fetcher: UrlFetcher
) -> web.StreamResponse:
    """Answer with the file of another server; conditions and ranges are passed on."""
    conditions = {name: request.headers[name] for name in _CONDITIONS if name in request.headers}
    try:
        answer = await asyncio.to_thread(fetcher.open, url, headers=conditions)
    except ChannelError as error:
        message = "the server of this channel cannot be reached"
        raise Refusal(502, error.reference, message, headers={"Retry-After": "10"}) from error
    try:
        if answer.status not in (200, 206, 304, 416):
            if answer.status in (403, 404, 410):  # S3 says 403 for what it does not list
                raise not_found(f"file {url.rpartition('/')[2]}")
            message = f"the server of this channel answered with status {answer.status}"
            raise Refusal(502, "unexpected-status", message)
        found = {name: answer.headers[name] for name in _PASSED_ON if name in answer.headers}
        response = web.StreamResponse(status=answer.status, headers=headers | found)
        await response.prepare(request)
        if request.method != "HEAD" and answer.status in (200, 206):
            await _send_chunks(request, response, answer)
        await response.write_eof()
        return response
    finally:
        answer.close()


async def _send_chunks(
    request: web.BaseRequest, response: web.StreamResponse, answer: Response
) -> None:
    chunks: Iterator[bytes] = answer.chunks(1 << 18)
    try:
        while chunk := await asyncio.to_thread(b"".join, islice(chunks, 1)):
            await asyncio.wait_for(response.write(chunk), STALL)
    except (ChannelError, TimeoutError, asyncio.TimeoutError) as error:
        if request.transport is not None:
            request.transport.abort()
        raise ConnectionResetError("the transfer was broken off") from error
