"""HttpResponse: the answer of a web server, read with care."""

from __future__ import annotations

import contextlib
import http.client
import time

import urllib3

from minicon.errors import ChannelError
from minicon.models.url import redact
from minicon.net.failures import failure_of
from minicon.net.headers import Headers, content_length

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self


#: A transfer slower than this, over this long, counts as broken: a trickle of bytes never
#: trips a read time-out. What was received is not lost, for retries resume.
SLOWEST_RATE = 1_000
RATE_WINDOW = 60.0
#: An unwanted body up to this size is read, so that its connection can be used again.
_WORTH_READING = 1 << 14


class HttpResponse:
    """A body that is read once, in pieces as they arrive.

    Args:
        url: Where it came from; shown redacted.
        raw: The urllib3 response, unread.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        url: str,
        raw: urllib3.response.BaseHTTPResponse,
        *,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._url = redact(url)
        self._raw = raw
        self._clock = clock
        self._headers = Headers(raw.headers)

    @property
    def status(self) -> int:
        """HTTP status."""
        return self._raw.status

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, looked up in any case."""
        return self._headers

    @property
    def url(self) -> str:
        """Where it came from after redirects, without credentials."""
        return self._url

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body as it arrives, content encoding undone, at most SIZE bytes at a time.

        Raises:
            ChannelError: The connection broke, stalled or trickles; the body is shorter than
                announced; its encoding is damaged.
        """
        pace = _Pace(self._url, self._clock)
        while True:
            try:
                chunk = self._raw.read1(size, decode_content=True)
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                raise failure_of(error).as_error(self._url) from error
            if not chunk:
                return
            pace.add(len(chunk))
            yield chunk

    def read(self, limit: int = 1 << 30) -> bytes:
        """The whole body. Raises ChannelError past LIMIT bytes, or as :meth:`chunks` does."""
        chunks, total = [], 0
        for chunk in self.chunks():
            total += len(chunk)
            if total > limit:
                message = f"{self._url} sends more than the {limit} bytes allowed for it"
                raise ChannelError("too-large", message, hint="is a proxy answering in its place?")
            chunks.append(chunk)
        return b"".join(chunks)

    def close(self) -> None:
        """Give the connection back if the body was read, else close it."""
        length = content_length(self._headers)
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            if self.status >= 300 and length is not None and length <= _WORTH_READING:
                self._raw.drain_conn()
        self._raw.close()
        self._raw.release_conn()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.close()


class _Pace:
    """Watches that a transfer keeps moving."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._since = clock()
        self._bytes = 0

    def add(self, amount: int) -> None:
        self._bytes += amount
        elapsed = self._clock() - self._since
        if elapsed < RATE_WINDOW:
            return
        if self._bytes < SLOWEST_RATE * elapsed:
            message = f"{self._url} sends less than {SLOWEST_RATE} bytes a second"
            raise ChannelError("stalled", message, hint="try again later")
        self._since, self._bytes = self._clock(), 0
