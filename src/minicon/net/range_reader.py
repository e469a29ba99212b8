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


class RangesUnsupported(Exception):
    """The server does not support ranges. Never reaches users."""


class RangeReader:
    """One remote file. Keeps a window of the bytes read that ends at the file's end.

    Args:
        fetcher: Opens the URL.
        url: The file.
        first: Bytes that the first request asks for: enough for most files.
        refuse: Makes the error for a URL and a status other than success.
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
        self._first = first
        self._refuse = refuse
        self._window = b""
        self.total = 0

    def tail(self, size: int) -> bytes:
        """Return the last ``size`` bytes (fewer if the file is smaller).

        Raises:
            RangesUnsupported: The file must be fetched whole.
            ChannelError: It cannot be fetched.
        """
        if not self.total:
            first, self._window, self.total = self._request(f"-{max(size, self._first)}")
            if first + len(self._window) != self.total:
                raise RangesUnsupported
        return self._window[-size:]

    def read(self, offset: int, size: int) -> bytes:
        """Return ``size`` bytes at an offset; one request, or none for bytes in the window.

        Raises:
            RangesUnsupported: The file has changed, or the server sends other ranges.
            ChannelError: It cannot be fetched.
        """
        start = self.total - len(self._window)
        if offset >= start:
            return self._window[offset - start : offset - start + size]
        last = min(offset + size, start) - 1
        first, body, total = self._request(f"{offset}-{last}")
        if (first, len(body), total) != (offset, last - offset + 1, self.total):
            raise RangesUnsupported
        if last + 1 == start:
            self._window = body + self._window
            return self._window[:size]
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
