"""Files from the network, complete and verified or not there at all.

A file grows as ``TARGET.partial`` and gets its name when every byte is checked::

    open ──► 200 start over ─┐
         ──► 206 go on ──────┼─► append while hashing ──► short?  ask for the rest
         ──► 416, other 206 ─┘                       ──► wrong?  once more from the start
                                                     ──► right:  sync, rename
"""

from __future__ import annotations

import contextlib
import os
import threading

from minicon.errors import ChannelError
from minicon.fs import operations
from minicon.fs.hashing import FileDigest, hash_file
from minicon.models.reporter import SilentTask
from minicon.net.client.headers import EXPECTED_SHA256, is_html, range_start
from minicon.net.client.http_errors import status_error
from minicon.net.client.retry import RetryPolicy
from minicon.net.expected_file import Expected
from minicon.net.parallel import CancelledError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minicon.errors import PackageError
    from minicon.models.reporter import Task
    from minicon.net.client.fetcher import Fetcher, Response

#: Statuses of an answer that brings the file; others say what is wrong, whatever their body is.
_FOUND = (200, 206)
_PIECE = 1 << 18
#: A broken transfer that brought this many bytes is progress, not a failure.
_PROGRESS = 1 << 20
_GONE_HINT = "the channel may have changed since its index was read: run the command again"


def download(
    fetcher: Fetcher,
    url: str,
    target: Path | str,
    *,
    sha256: str | None = None,
    md5: str | None = None,
    size: int | None = None,
    task: Task | None = None,
    allow_unverified: bool = False,
    durable: bool = True,
    retry: RetryPolicy | None = None,
    cancelled: threading.Event | None = None,
) -> None:
    """Fetch a file; TARGET appears only when it is whole and verified.

    An interrupted download leaves ``TARGET.partial``, which the next call goes on from if a
    hash is known. Two callers must not fetch the same target at once: lock it.

    Args:
        fetcher: Opens the URL.
        url: Where it is.
        target: Where it goes; replaced if it exists.
        sha256: Hexadecimal. At least one hash is required.
        md5: Hexadecimal; only used where there is no sha256.
        size: Bytes; more are never accepted.
        task: Told of the bytes as they come.
        allow_unverified: Accept a file that no hash is known for.
        durable: Flush the file to disk before it gets its name.
        retry: How often a broken transfer is taken up again.
        cancelled: Gives up soon after it is set.

    Raises:
        HashMismatch: The bytes are not those that were listed.
        ChannelError: The server cannot be reached or has no such file.
        PackageError: No hash is known and that is not allowed.
        FileError: The disk is full, or the folder cannot be written.
    """
    expected = Expected.of(url, sha256, md5, size, allow_unverified=allow_unverified)
    transfer = _Transfer(
        fetcher,
        url,
        expected,
        os.fspath(target),
        task or SilentTask(),
        retry or RetryPolicy(),
        cancelled or threading.Event(),
    )
    with operations.describing("write", target):
        transfer.run()
        transfer.finish(durable=durable)


class _Transfer:
    """One file on its way: what of it is here, and what it shall be."""

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        expected: Expected,
        target: str,
        task: Task,
        retry: RetryPolicy,
        cancelled: threading.Event,
    ) -> None:
        self._fetcher = fetcher
        self._url = url
        self._expected = expected
        self._target = target
        self._partial = target + ".partial"
        self._task = task
        self._shown = 0
        self._retry = retry
        self._cancelled = cancelled
        self._etag: str | None = None
        self._digest = self._take_up()

    def run(self) -> None:
        """Fetch until the partial file is what it shall be."""
        broken = wrong = 0
        while True:
            before = self._digest.size
            try:
                problem = self._fetch_rest() or self._expected.problem_with(self._digest)
            except _BrokenTransferError as interruption:
                broken = 1 if self._digest.size >= before + _PROGRESS else broken + 1
                if broken > self._retry.retries:
                    raise interruption.error from interruption
                self._pause(broken)
                continue
            if problem is None:
                return
            self._start_over()
            wrong += 1
            if wrong > 1:
                raise problem

    def finish(self, *, durable: bool) -> None:
        """Give the file its name."""
        self._check_cancelled()
        if durable:
            operations.sync_file(self._partial)
        operations.rename(self._partial, self._target)

    def _take_up(self) -> FileDigest:
        """The digest of what an earlier run left, if it can be gone on from."""
        if self._expected.has_hash and os.path.isfile(self._partial):
            digest = hash_file(self._partial, md5=self._expected.md5 is not None)
            if digest.size <= self._expected.largest:
                self._show(digest.size)
                return digest
        return self._start_over()

    def _start_over(self) -> FileDigest:
        """Forget all bytes so far."""
        with contextlib.suppress(FileNotFoundError):
            operations.remove_file(self._partial)
        self._digest = FileDigest(md5=self._expected.md5 is not None)
        self._etag = None
        return self._digest

    def _fetch_rest(self) -> PackageError | None:
        """Ask for what is missing and append it.

        Returns:
            Why the answer is useless, or None.

        Raises:
            _BrokenTransferError: It ended too early; what came is kept.
        """
        if self._digest.size and self._digest.size == self._expected.size:
            return None
        with self._fetcher.open(self._url, headers=self._request_headers()) as response:
            if response.status in _FOUND and is_html(response.headers):
                return self._expected.is_web_page()
            if not self._fits(response):
                raise _BrokenTransferError(_no_ranges(self._expected.url))
            operations.append_file_from(self._arriving(response), self._partial)
        size = self._expected.size
        if size is not None and self._digest.size < size:
            raise _BrokenTransferError(_too_short(self._expected.url, self._digest.size, size))
        return None

    def _request_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._expected.sha256:
            headers[EXPECTED_SHA256] = self._expected.sha256
        if self._digest.size:
            headers["Range"] = f"bytes={self._digest.size}-"
            if self._etag:
                headers["If-Range"] = self._etag
        return headers

    def _fits(self, response: Response) -> bool:
        """Whether the body goes on where the partial file ends; made so where possible."""
        if response.status == 206:
            fits = range_start(response.headers) == self._digest.size
        elif response.status == 416:
            fits = False
        elif response.status == 200:
            self._start_over()
            etag = response.headers.get("etag", "")
            self._etag = etag if etag.startswith('"') and self._expected.has_hash else None
            return True
        else:
            hint = _GONE_HINT if response.status in (404, 410) else None
            raise status_error(self._expected.url, response.status, hint=hint)
        if not fits:
            self._start_over()
        return fits

    def _arriving(self, response: Response) -> Iterator[bytes]:
        """The body's pieces, counted, hashed and capped."""
        chunks = response.chunks(_PIECE)
        while True:
            self._check_cancelled()
            try:
                chunk = next(chunks, None)
            except ChannelError as error:
                raise _BrokenTransferError(error) from error
            if chunk is None:
                return
            yield chunk
            self._digest.update(chunk)
            self._show(self._digest.size)
            if self._digest.size > self._expected.largest:
                return

    def _show(self, size: int) -> None:
        """Report bytes that were not reported before, whatever had to be fetched again."""
        if size > self._shown:
            self._task.advance(size - self._shown)
            self._shown = size

    def _pause(self, failures: int) -> None:
        if self._cancelled.wait(self._retry.wait_before(failures)):
            raise CancelledError

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError


class _BrokenTransferError(Exception):
    """A transfer ended early; the rest may be asked for."""

    def __init__(self, error: ChannelError) -> None:
        super().__init__(error.message)
        self.error = error


def _too_short(url: str, received: int, size: int) -> ChannelError:
    message = f"{url} ended after {received} of {size} bytes"
    return ChannelError("connection-broken", message, hint="try again")


def _no_ranges(url: str) -> ChannelError:
    message = f"{url} answers with another part of the file than was asked for"
    return ChannelError("invalid-answer", message, hint="try again")
