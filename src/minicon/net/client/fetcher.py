"""Fetcher: the seam between minicon and the network (and ``file://``)."""

from __future__ import annotations

from typing import Protocol

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self


class Response(Protocol):
    """An answer whose body is not read yet. Use as a context manager."""

    @property
    def status(self) -> int:
        """HTTP status; ``file://`` answers 200, 206, 304 or 404."""

    @property
    def headers(self) -> Mapping[str, str]:
        """Headers, looked up in any case."""

    @property
    def url(self) -> str:
        """Where it came from after redirects, without credentials."""

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces, content encoding undone.

        Raises:
            ChannelError: The connection broke, stalled, or the body is shorter than announced.
        """

    def read(self, limit: int = 1 << 30) -> bytes:
        """The whole body. Raises ChannelError past LIMIT bytes, or as :meth:`chunks` does."""

    def close(self) -> None:
        """Give the connection back."""

    def __enter__(self) -> Self: ...

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...


class Fetcher(Protocol):
    """Opens URLs. Thread-safe. Credentials are added inside, bound to scheme, host and port."""

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Ask for a URL (http, https, file, oci, s3).

        Any status is returned, except that 429 and 5xx were retried first (bounded, honouring
        Retry-After).

        Raises:
            OfflineError: Any but a ``file:`` URL while offline.
            ChannelError: No connection, TLS failure, time-out, too many or unsafe redirects.
        """
