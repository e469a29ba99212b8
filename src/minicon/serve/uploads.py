"""Uploads: a package is received beside its channel, verified, put into it, and indexed.

::

    PUT /NAME/linux-64/x-1-0.conda ──> .cache/uploads/…/x-1-0.conda ── verified ── linked ── indexed

For a channel in a bucket or registry, the file is received in a temporary directory.
"""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
import time
import uuid
from collections import defaultdict
from pathlib import Path

from aiohttp import web

from minicon.constants import PACKAGE_EXTENSIONS
from minicon.errors import SpecError
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.models.record_checks import split_file_name
from minicon.models.subdir import KNOWN_SUBDIRS
from minicon.serve.files.sending import STALL
from minicon.serve.questions import Answerers
from minicon.serve.refusal import Refusal
from minicon.serve.tokens import TokenFile
from minicon.serve.visit import unauthorized

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.serve.hosted import HostedChannel
    from minicon.serve.options import ServeOptions
    from minicon.serve.visit import Visit

_FOLDER = Path(".cache", "uploads")
_PIECE = 1 << 20
#: Seconds to verify one package, or to index a channel.
_SECONDS = 900.0
#: What an interrupted upload left is removed after a day.
_ABANDONED_SECONDS = 86_400.0


class Uploads:
    """Receives packages.

    Args:
        options: What the operator chose.
    """

    def __init__(self, options: ServeOptions) -> None:
        self._options = options
        self._tokens = TokenFile(options.upload_tokens)
        self._answerers = Answerers(options)
        self._temporary = tempfile.TemporaryDirectory(prefix="minicon-serve-")
        self._scratch = Path(self._temporary.name)
        self._locks: defaultdict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self._wanted: defaultdict[str, int] = defaultdict(int)
        self._indexed: defaultdict[str, int] = defaultdict(int)

    async def close(self) -> None:
        """End the processes that verify."""
        await self._answerers.close()
        self._temporary.cleanup()

    async def receive(self, visit: Visit) -> web.Response:
        """Answer a PUT request.

        Raises:
            Refusal: The upload is not allowed, or not valid.
        """
        channel, subdir, name = self._target(visit)
        folder = (channel.directory or self._scratch) / _FOLDER / uuid.uuid4().hex
        try:
            await asyncio.to_thread(_new_folder, folder)
            await self._save(visit.request, folder / name)
            arguments = {"name": channel.name, "subdir": subdir, "upload": str(folder / name)}
            found: dict[str, Any] = await self._answerers.ask("receive", _SECONDS, **arguments)
            await self._index(channel)
        finally:
            await asyncio.to_thread(_remove, folder)
        status = 201 if found["status"] == "created" else 200
        return web.json_response(
            {**found, "url": visit.url(channel.name, subdir, name)},
            status=status,
            headers={"Cache-Control": "no-store"},
        )

    def _target(self, visit: Visit) -> tuple[HostedChannel, str, str]:
        if not self._tokens:
            raise Refusal(
                405, "no-uploads", "this server is read-only", headers={"Allow": "GET, HEAD"}
            )
        channels = self._tokens.channels_of(visit.tokens)
        if channels is None:
            raise unauthorized()
        if len(visit.parts) != 3:
            raise Refusal(400, "invalid-path", "upload to CHANNEL/SUBDIR/FILE")
        name, subdir, fn = visit.parts
        channel = self._options.channels.get(name)
        if channel is None or (channels and name not in channels):
            raise Refusal(403, "access-denied", f"this token is not for the channel {name}")
        if channel.directory is None and not channel.location.startswith(("s3://", "oci://")):
            raise Refusal(405, "no-uploads", f"{name} is on another server: upload it there")
        _check_name(subdir, fn)
        return channel, subdir, fn

    async def _save(self, request: web.BaseRequest, path: Path) -> None:
        """Write the body of a request to a new file."""
        if "Content-Encoding" in request.headers:
            raise Refusal(415, "encoded", "upload the file as it is, without an encoding")
        limit = self._options.most_upload_bytes
        announced = request.content_length
        if announced is not None and announced > limit:
            raise _too_large(limit)
        size, pieces = 0, bytearray()
        while chunk := await asyncio.wait_for(request.content.readany(), STALL):
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            pieces += chunk
            if len(pieces) >= _PIECE:
                await asyncio.to_thread(_append, path, bytes(pieces))
                pieces.clear()
        await asyncio.to_thread(_append, path, bytes(pieces))

    async def _index(self, channel: HostedChannel) -> None:
        """Index a channel; one run serves all uploads that were put into it before."""
        name = channel.name
        self._wanted[name] += 1
        mine = self._wanted[name]
        async with self._locks[name]:
            if self._indexed[name] < mine:
                target = self._wanted[name]
                await self._answerers.ask("index", _SECONDS, name=name)
                self._indexed[name] = target


def _check_name(subdir: str, fn: str) -> None:
    try:
        if subdir not in KNOWN_SUBDIRS:
            raise Refusal(422, "invalid-subdir", f"{subdir[:80]!r} is not a platform or noarch")
        if not fn.endswith(PACKAGE_EXTENSIONS):
            raise Refusal(422, "not-a-package", f"{fn[:80]!r} is not a .conda or .tar.bz2 file")
        split_file_name(fn)
    except SpecError as error:
        raise Refusal.of(422, error) from None


def _too_large(limit: int) -> Refusal:
    return Refusal(413, "too-large", f"packages may have up to {limit} bytes")


def _new_folder(folder: Path) -> None:
    with operations.describing("write", folder):
        operations.make_directory(folder)
        before = time.time() - _ABANDONED_SECONDS
        for each in folder.parent.iterdir():
            if each.stat().st_mtime < before:
                _remove(each)


def _append(path: Path, data: bytes) -> None:
    with operations.describing("write", path):
        operations.append_file_from([data], path)


def _remove(folder: Path) -> None:
    with contextlib.suppress(OSError):
        remove_tree(folder)
