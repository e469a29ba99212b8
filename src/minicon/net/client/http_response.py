"""HttpResponse: the response of a web server, with a minimum transfer rate."""

from __future__ import annotations

import contextlib
import http.client
import time

import urllib3

from minicon.errors import ChannelError
from minicon.net.client.headers import Headers, content_length
from minicon.net.client.http_errors import TIMED_OUT, failure_of
from minicon.net.client.responses import StreamedResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator


#: A transfer below this rate (bytes per second) over this time (seconds) counts as broken: a
#: trickle of bytes never triggers a read timeout. Nothing received is lost, for retries resume.
_SLOWEST_RATE = 1_000
_RATE_WINDOW = 60.0
#: A body that stalled after this many bytes is not counted against its server.
_PROGRESS = 1 << 20
#: An unused body up to this size is read, so that its connection can be used again.
_DRAINED_SIZE = 1 << 14


class HttpResponse(StreamedResponse):
    """A body that is read once, in pieces as they arrive.

    Args:
        url: Where it came from; shown redacted.
        raw: The urllib3 response, unread.
        clock: Monotonic seconds.
        ended: Called once, at the end, with whether the body stalled before much of it arrived.
    """

    def __init__(
        self,
        url: str,
        raw: urllib3.response.BaseHTTPResponse,
        *,
        clock: Callable[[], float] = time.monotonic,
        ended: Callable[[bool], None] | None = None,
    ) -> None:
        self._ended = ended
        super().__init__(url, raw.status, Headers(raw.headers))
        self._raw = raw
        self._clock = clock

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the body as it arrives, content encoding undone, at most ``size`` bytes at a time.

        Raises:
            ChannelError: The connection broke, stalled or is too slow; the body is shorter than
                announced; its encoding is damaged.
        """
        rate = _RateCheck(self.url, self._clock)
        total = 0
        while True:
            try:
                chunk = self._raw.read1(size, decode_content=True)
            except (urllib3.exceptions.HTTPError, http.client.HTTPException, OSError) as error:
                failure = failure_of(error)
                self._end(stalled=failure.reference == TIMED_OUT and total < _PROGRESS)
                raise failure.as_error(self.url) from error
            if not chunk:
                return
            total += len(chunk)
            try:
                rate.add(len(chunk))
            except ChannelError:
                self._end(stalled=total < _PROGRESS)
                raise
            yield chunk

    def close(self) -> None:
        """Release the connection if the body was read, else close it."""
        length = content_length(self.headers)
        with contextlib.suppress(urllib3.exceptions.HTTPError, OSError):
            if self.status >= 300 and length is not None and length <= _DRAINED_SIZE:
                self._raw.drain_conn()
        self._raw.close()
        self._raw.release_conn()
        self._end(stalled=False)

    def _end(self, *, stalled: bool) -> None:
        ended, self._ended = self._ended, None
        if ended is not None:
            ended(stalled)


class _RateCheck:
    """Raises ChannelError once a transfer falls below :data:`_SLOWEST_RATE`."""

    def __init__(self, url: str, clock: Callable[[], float]) -> None:
        self._url = url
        self._clock = clock
        self._since = clock()
        self._bytes = 0

    def add(self, amount: int) -> None:
        self._bytes += amount
        elapsed = self._clock() - self._since
        if elapsed < _RATE_WINDOW:
            return
        if self._bytes < _SLOWEST_RATE * elapsed:
            message = f"{self._url} sends less than {_SLOWEST_RATE} bytes per second"
            raise ChannelError("stalled", message, hint="try again later")
        self._since, self._bytes = self._clock(), 0
