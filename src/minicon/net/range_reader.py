"""RangeReader: parts of a remote file, by as few HTTP range requests as possible."""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.http_errors import status_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.errors import MiniconError
    from minicon.net.client.fetcher import Fetcher

_CONTENT_RANGE = lazy_pattern(r"bytes (\d+)-(\d+)/(\d+)")
#: How servers say that they do not know (this kind of) range.
_UNSUPPORTED = (200, 400, 405, 406, 416, 501)


class RangesUnsupported(Exception):
    """The server does not answer ranges. Never reaches users."""


class RangeReader:
    """One remote file. Keeps what it has read: one window that reaches to the file's end.

    Args:
        fetcher: Opens the URL.
        url: Where the file is.
        first: Bytes that the first request asks for: all that is wanted of most files.
        refuse: Makes the error for a status that says that the file cannot be had.
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
        """The last SIZE bytes (fewer if the file is smaller).

        Raises:
            RangesUnsupported: Have the file whole.
            ChannelError: It cannot be fetched.
        """
        if not self.total:
            first, self._window, self.total = self._request(f"-{max(size, self._first)}")
            if first + len(self._window) != self.total:
                raise RangesUnsupported
        return self._window[-size:]

    def read(self, offset: int, size: int) -> bytes:
        """SIZE bytes at OFFSET; at most one request, none for what is in the window.

        Raises:
            RangesUnsupported: The file changed meanwhile, or ranges are answered wrongly.
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
        """First offset, bytes and the file's size, as the server answers ``bytes=SPAN``."""
        # Compressed ranges would be ranges of something else.
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
