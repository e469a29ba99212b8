"""WholeResponse: an answer that has arrived already, read like any other."""

from __future__ import annotations

from minicon.net.client.streamed_response import StreamedResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.net.small_files.connection import Answer


class BufferedResponse(StreamedResponse):
    """A Response over bytes.

    Args:
        url: Where they came from; shown redacted.
        answer: Status, headers and body.
    """

    def __init__(self, url: str, answer: Answer) -> None:
        super().__init__(url, answer.status, answer.headers)
        self._body = answer.body

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces of SIZE bytes."""
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]
