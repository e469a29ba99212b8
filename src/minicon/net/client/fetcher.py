"""Fetcher and Response: the interface between minicon and the network (and ``file://``)."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from types import TracebackType

    from typing_extensions import Self


class Response(Protocol):
    """A response whose body is not read yet. Use it as a context manager."""

    @property
    def status(self) -> int:
        """HTTP status; ``file://`` gives 200, 206, 304, 404 or 416."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers by name in any case."""

    @property
    def url(self) -> str:
        """Where it came from after redirects, without credentials."""

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the body in pieces of at most ``size`` bytes, content encoding undone.

        Raises:
            ChannelError: The connection broke or stalled, or the body is shorter than announced.
        """

    def read(self, limit: int = 1 << 30) -> bytes:
        """Return the body. Raises ChannelError past ``limit`` bytes, or as :meth:`chunks` does."""

    def close(self) -> None:
        """Release the connection."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Fetcher(Protocol):
    """Opens URLs. Thread-safe. Adds credentials, bound to scheme, host and port.

    What fetching a channel's index needs beyond this is in
    :class:`minicon.net.routing.UrlFetcher`.
    """

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Request a URL (http, https, file, oci, s3) and return the response, whatever its status.

        429 and 5xx are retried first, a limited number of times, honouring Retry-After.

        Args:
            url: The URL.
            headers: Additional request headers.
            timeout: Seconds until the response headers arrive; None means as configured.

        Raises:
            OfflineError: The URL is not a ``file:`` URL and minicon is offline.
            ChannelError: No connection, TLS failure, timeout, too many or unsafe redirects.
        """

    def close(self) -> None:
        """Close all kept connections. The fetcher may be used again."""


class Uploader(Fetcher, Protocol):
    """A Fetcher that can also upload."""

    def put(self, url: str, path: Path, headers: Mapping[str, str]) -> Response:
        """Upload a file once, and return the response, whatever its status.

        Args:
            url: The URL.
            path: The file.
            headers: Further headers. Buckets and registries evaluate the conditions
                ``If-None-Match: *`` (there is no such file) and ``If-Match`` (it is this one), and
                answer 412 if one is not met; 501 means that a bucket's server has no conditions.

        Raises:
            ChannelError: The server cannot be reached, or no such URL can exist there.
            OSError: The file cannot be read.
        """
