"""WholeResponse: an answer that has arrived already, read like any other."""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.models.url import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from types import TracebackType

    from typing_extensions import Self

    from minicon.net.small_connection import Answer


class WholeResponse:
    """A Response over bytes.

    Args:
        url: Where they came from; shown redacted.
        answer: Status, headers and body.
    """

    def __init__(self, url: str, answer: Answer) -> None:
        self.url = redact(url)
        self.status = answer.status
        self.headers: Mapping[str, str] = answer.headers
        self._body = answer.body

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces of SIZE bytes."""
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]

    def read(self, limit: int = 1 << 30) -> bytes:
        """The whole body. Raises ChannelError past LIMIT bytes."""
        if len(self._body) > limit:
            message = f"{self.url} sends more than the {limit} bytes allowed for it"
            raise ChannelError("too-large", message, hint="is a proxy answering in its place?")
        return self._body

    def close(self) -> None:
        """Nothing to give back."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None: ...
