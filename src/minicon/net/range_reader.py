"""RangeReader: read parts of a remote file by as few HTTP range requests as possible."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.http_errors import status_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.errors import MiniconError
    from minicon.net.client.fetcher import Fetcher

_CONTENT_RANGE = lazy_pattern(r"bytes (\d+)-(\d+)/(\d+)")
#: Statuses of servers that do not support ranges, or not this form of range.
_UNSUPPORTED = (200, 400, 405, 406, 416, 501)
#: Bytes of the first and of the largest request of :class:`RemoteBytes`.
_SMALLEST, _LARGEST = 1 << 17, 1 << 23


class RangesUnsupported(Exception):
    """The server does not support ranges. Never reaches users."""


class RangeReader:
    """One remote file (:class:`minicon.archive.streams.ReadAt`), of which the end is kept.

    Args:
        fetcher: Opens the URL.
        url: The file.
        first: Bytes of the file's end that are requested at once: enough for most files.
        refuse: Makes the error for a URL and a status other than success.

    Attributes:
        size: Bytes of the file.

    Raises:
        RangesUnsupported: The file must be fetched whole.
        ChannelError: It cannot be fetched.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        url: str,
        *,
        first: int,
        refuse: Callable[[str, int], MiniconError] = status_error,
    ) -> None:
        self._fetcher = fetcher
        self._url = url
        self._refuse = refuse
        start, self._window, self.size = self._request(f"-{first}")
        if start + len(self._window) != self.size:
            raise RangesUnsupported

    def read_at(self, position: int, count: int) -> bytes:
        """Return at most ``count`` bytes; one request, or none for bytes that are kept.

        Raises:
            RangesUnsupported: The file has changed, or the server sends other ranges.
            ChannelError: It cannot be fetched.
        """
        count = min(count, self.size - position)
        if position < 0 or count <= 0:
            return b""
        start = self.size - len(self._window)
        if position >= start:
            return self._window[position - start : position - start + count]
        last = min(position + count, start) - 1
        first, body, total = self._request(f"{position}-{last}")
        if (first, len(body), total) != (position, last - position + 1, self.size):
            raise RangesUnsupported
        if last + 1 == start:
            self._window = body + self._window
            return self._window[:count]
        return body

    def _request(self, span: str) -> tuple[int, bytes, int]:
        """Request ``bytes=span``; return the first offset, the bytes and the file's size."""
        # A range of a compressed body would be other bytes.
        headers = {"Range": f"bytes={span}", "Accept-Encoding": "identity"}
        with self._fetcher.open(self._url, headers=headers) as response:
            if response.status in _UNSUPPORTED:
                raise RangesUnsupported
            if response.status != 206:
                raise self._refuse(self._url, response.status)
            match = _CONTENT_RANGE.fullmatch(response.headers.get("content-range", "").strip())
            if match is None or response.headers.get("content-encoding", "identity") != "identity":
                raise RangesUnsupported
            first, last, total = (int(number) for number in match.groups())
            body = response.read(last - first + 1)
        if len(body) != last - first + 1:
            raise RangesUnsupported
        return first, body, total


class RemoteBytes:
    """A remote file from its start (:class:`minicon.archive.streams.Readable`).

    The first requests are small, for a reader that needs only the first bytes.
    """

    def __init__(self, reader: RangeReader) -> None:
        self._reader = reader
        self._position = 0
        self._held = b""
        self._next = _SMALLEST

    def read(self, count: int) -> bytes:
        """Return at most ``count`` bytes; none at the end. Raises as :meth:`.read_at`."""
        if not self._held:
            self._held = self._reader.read_at(self._position, self._next)
            self._position += len(self._held)
            self._next = min(2 * self._next, _LARGEST)
        data, self._held = self._held[:count], self._held[count:]
        return data
