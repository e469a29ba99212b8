"""Download a file: complete and verified, or not at all.

The file grows as ``target.partial`` and is renamed once every byte is verified::

    open ──► 200 start over ─┐
         ──► 206 continue ───┼─► append while hashing ──► short?  request the rest
         ──► 416, other 206 ─┘                       ──► wrong?  once more from the start
                                                     ──► right:  sync, rename
"""

from __future__ import annotations

import contextlib
import os
import threading

from minicon.errors import ChannelError, HashMismatch, PackageError
from minicon.fs import operations
from minicon.fs.hashing import FileDigest, ListedContent, hash_file
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.reporter import SilentTask
from minicon.net.client.headers import EXPECTED_SHA256, is_html, range_start
from minicon.net.client.http_errors import status_error
from minicon.net.client.retry import RetryPolicy
from minicon.net.parallel import CancelledError
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter, Task
    from minicon.net.client.fetcher import Fetcher, Response

#: Limit in bytes for files whose size is not known.
_LARGEST_FILE = 32 << 30
#: Statuses with the file as body; with any other, the body is not looked at.
_FOUND = (200, 206)
_CHUNK = 1 << 18
#: A transfer that broke after this many bytes made progress and is not counted as a failure.
_PROGRESS = 1 << 20
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")
_MD5 = lazy_pattern(r"[0-9a-f]{32}")
_GONE_HINT = "the channel may have changed since its index was read: run the command again"
_CHANGED_HINT = "the file was changed after it was listed: index that channel again"
_PROXY_HINT = "a proxy or a login page may answer in its place; try again, or another network"


@contextlib.contextmanager
def reported(reporter: Reporter, label: str, size: int | None) -> Iterator[Task]:
    """Report a download from its start to its end, also if it fails.

    Args:
        reporter: Receives the progress.
        label: What is downloaded.
        size: Bytes to download, if known.
    """
    task = reporter.start("download", label, size)
    try:
        yield task
    finally:
        task.finish()


def download_package(
    fetcher: Fetcher,
    record: RepodataRecord,
    target: Path | str,
    reporter: Reporter,
    *,
    url: str | None = None,
    cancelled: threading.Event | None = None,
    allow_unverified: bool = False,
) -> None:
    """Download the file of a record from its URL, or another one; see :func:`download`."""
    with reported(reporter, record.label, record.size) as task:
        download(
            fetcher,
            url or record.url,
            target,
            sha256=record.sha256,
            md5=record.md5,
            size=record.size,
            task=task,
            allow_unverified=allow_unverified,
            cancelled=cancelled,
        )


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
    retry: RetryPolicy | None = None,
    cancelled: threading.Event | None = None,
) -> None:
    """Download a file; ``target`` exists only once it is complete and verified.

    An interrupted download leaves ``target.partial``, which the next call continues if a hash is
    known. Two callers must not download the same target at once: lock it.

    Args:
        fetcher: Opens the URL.
        url: Source.
        target: Destination; replaced if it exists.
        sha256: Hexadecimal. At least one hash is required.
        md5: Hexadecimal; used only without a sha256.
        size: Bytes; more are never accepted.
        task: Progress, advanced by the bytes received.
        allow_unverified: Accept a file without a known hash.
        retry: How often a broken transfer is resumed.
        cancelled: Stops the download soon after it is set.

    Raises:
        HashMismatch: The bytes do not match the listed hash or size.
        ChannelError: The server cannot be reached or does not have the file.
        PackageError: No hash is known and that is not allowed.
        FileError: The disk is full, or the directory cannot be written.
    """
    expected = _Expected.of(url, sha256, md5, size, allow_unverified=allow_unverified)
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
        transfer.finish()


class _Transfer:
    """One download: the partial file so far, and what the complete file must be."""

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        expected: _Expected,
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
        self._digest = self._resume()

    def run(self) -> None:
        """Fetch until the partial file is complete and verified."""
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

    def finish(self) -> None:
        """Rename the partial file to the target."""
        self._check_cancelled()
        operations.rename(self._partial, self._target)

    def _resume(self) -> FileDigest:
        """The digest of what an earlier run left, if it can be continued."""
        if self._expected.content.has_hash and os.path.isfile(self._partial):
            digest = hash_file(self._partial, md5=self._expected.content.needs_md5)
            if digest.size <= self._expected.largest:
                self._show(digest.size)
                return digest
        return self._start_over()

    def _start_over(self) -> FileDigest:
        """Discard all bytes received so far."""
        with contextlib.suppress(FileNotFoundError):
            operations.remove_file(self._partial)
        self._digest = FileDigest(md5=self._expected.content.needs_md5)
        self._etag = None
        return self._digest

    def _fetch_rest(self) -> PackageError | None:
        """Request what is missing and append it.

        Returns:
            The error if the response cannot be the file, else None.

        Raises:
            _BrokenTransferError: It ended too early; what arrived is kept.
        """
        if self._digest.size and self._digest.size == self._expected.content.size:
            return None
        with self._fetcher.open(self._url, headers=self._request_headers()) as response:
            if response.status in _FOUND and is_html(response.headers):
                return self._expected.web_page_error()
            if not self._fits(response):
                raise _BrokenTransferError(_no_ranges(self._expected.url))
            operations.append_file_from(self._arriving(response), self._partial)
        size = self._expected.content.size
        if size is not None and self._digest.size < size:
            raise _BrokenTransferError(_too_short(self._expected.url, self._digest.size, size))
        return None

    def _request_headers(self) -> dict[str, str]:
        headers = {"Accept-Encoding": "identity"}
        if self._expected.content.sha256:
            headers[EXPECTED_SHA256] = self._expected.content.sha256
        if self._digest.size:
            headers["Range"] = f"bytes={self._digest.size}-"
            if self._etag:
                headers["If-Range"] = self._etag
        return headers

    def _fits(self, response: Response) -> bool:
        """Whether the body starts where the partial file ends; starts over if it does not."""
        if response.status == 206:
            fits = range_start(response.headers) == self._digest.size
        elif response.status == 416:
            fits = False
        elif response.status == 200:
            self._start_over()
            etag = response.headers.get("etag", "")
            self._etag = etag if etag.startswith('"') and self._expected.content.has_hash else None
            return True
        else:
            hint = _GONE_HINT if response.status in (404, 410) else None
            raise status_error(self._expected.url, response.status, hint=hint)
        if not fits:
            self._start_over()
        return fits

    def _arriving(self, response: Response) -> Iterator[bytes]:
        """Yield the body's chunks, counted, hashed and limited."""
        chunks = response.chunks(_CHUNK)
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
        """Report bytes once, even if they were fetched more than once."""
        if size > self._shown:
            self._task.advance(size - self._shown)
            self._shown = size

    def _pause(self, failures: int) -> None:
        if self._cancelled.wait(self._retry.wait_before(failures)):
            raise CancelledError

    def _check_cancelled(self) -> None:
        if self._cancelled.is_set():
            raise CancelledError


@dataclass(frozen=True, slots=True)
class _Expected:
    """The listed hash and size of a file.

    Attributes:
        url: Its source, redacted.
        content: The listed size and hash.
    """

    url: str
    content: ListedContent

    @classmethod
    def of(
        cls,
        url: str,
        sha256: str | None,
        md5: str | None,
        size: int | None,
        *,
        allow_unverified: bool = False,
    ) -> _Expected:
        """Check what a record says of its file. An empty hash is invalid, not missing.

        Raises:
            PackageError: A hash is malformed, or there is none and that is not allowed.
        """
        shown = redact(url)
        for name, value, grammar in (("sha256", sha256, _SHA256), ("md5", md5, _MD5)):
            if value is not None and not grammar.fullmatch(value.lower()):
                message = f"the channel lists {value!r} as the {name} of {shown}, which is invalid"
                raise PackageError("invalid-hash", message, hint="report it to the channel's owner")
        if sha256 is None and md5 is None and not allow_unverified:
            message = f"no hash is known for {shown}, so it cannot be verified"
            hint = "add its hash to the URL, as in #sha256=…"
            raise PackageError("no-hash", message, hint=hint)
        return cls(shown, ListedContent(size, sha256 and sha256.lower(), md5 and md5.lower()))

    @property
    def largest(self) -> int:
        """Most bytes that are accepted."""
        return _LARGEST_FILE if self.content.size is None else self.content.size

    def problem_with(self, digest: FileDigest) -> HashMismatch | None:
        """Return the error if the bytes do not match, else None."""
        if digest.size > self.largest:
            return self._wrong_size(f"more than {self.largest} bytes")
        difference = self.content.difference(digest)
        if difference is None:
            return None
        if difference.what == "size":
            return self._wrong_size(difference.found)
        message = (
            f"{self.url} does not match the listed hash: "
            f"expected {difference.what} {difference.expected}, got {difference.found}"
        )
        return HashMismatch("hash-mismatch", message, hint=self._hint)

    def _wrong_size(self, received: str) -> HashMismatch:
        message = f"{self.url} sends {received}, the channel lists {self.content.size}"
        return HashMismatch("size-mismatch", message, hint=self._hint)

    def web_page_error(self) -> HashMismatch:
        """Return the error for a response that is HTML."""
        message = f"{self.url} sends a web page in place of the file"
        return HashMismatch("web-page", message, hint=self._hint)

    @property
    def _hint(self) -> str:
        return hint_for_wrong_bytes(self.url, _PROXY_HINT)


def hint_for_wrong_bytes(url: str, of_server: str) -> str:
    """Return the hint for a URL whose bytes are not those listed.

    Args:
        url: The URL.
        of_server: The hint to give unless it is a ``file:`` URL.
    """
    return _CHANGED_HINT if url.startswith("file:") else of_server


class _BrokenTransferError(Exception):
    """A transfer ended early; the rest may be requested."""

    def __init__(self, error: ChannelError) -> None:
        super().__init__(error.message)
        self.error = error


def _too_short(url: str, received: int, size: int) -> ChannelError:
    message = f"{url} ended after {received} of {size} bytes"
    return ChannelError("connection-broken", message, hint="try again")


def _no_ranges(url: str) -> ChannelError:
    message = f"{url} sends another part of the file than was requested"
    return ChannelError("invalid-answer", message, hint="try again")
