"""StreamedResponse: what all answers have in common, wherever their bodies come from."""

from __future__ import annotations

from minicon.closing import Closing
from minicon.errors import ChannelError
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class StreamedResponse(Closing):
    """A Response (:mod:`minicon.net.client.fetcher`) whose subclass says how its pieces arrive.

    Attributes:
        url: Where it came from; shown redacted.
        status: HTTP status, or what stands for one.
        headers: Looked up in any case.
    """

    def __init__(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        self.url = redact(url)
        self.status = status
        self.headers = headers

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces of at most SIZE bytes; see the subclass."""
        raise NotImplementedError

    def read(self, limit: int = 1 << 30) -> bytes:
        """The whole body. Raises ChannelError past LIMIT bytes, or as :meth:`chunks` does."""
        pieces, total = [], 0
        for piece in self.chunks():
            total += len(piece)
            if total > limit:
                message = f"{self.url} sends more than the {limit} bytes allowed for it"
                raise ChannelError("too-large", message, hint="is a proxy answering in its place?")
            pieces.append(piece)
        return b"".join(pieces)
