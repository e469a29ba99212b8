"""NamedResponse: an answer under the URL that was asked for, and not the one it really came from.

``s3://`` and ``oci://`` URLs stand for web addresses that mean nothing to a reader, or that hold
a signature. Errors therefore name what was asked for.
"""

from __future__ import annotations

import hashlib

from minicon.errors import ChannelError
from minicon.net.client.headers import Headers
from minicon.net.client.streamed_response import StreamedResponse
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from minicon.net.client.fetcher import Response


def renamed(error: ChannelError, asked: str, real: str) -> ChannelError:
    """The error with the URL that was asked for in place of the real one."""
    message = error.message.replace(redact(real), redact(asked))
    return type(error)(error.reference, message, context=error.context, hint=error.hint)


class BodyCheck:
    """Tells whether a body is the one that a digest and a size announce.

    Args:
        digest: ``sha256:…`` or ``sha512:…``.
        size: Bytes, or None where only the digest is known.
    """

    def __init__(self, digest: str, size: int | None) -> None:
        algorithm, _, self._expected = digest.partition(":")
        self._hash = hashlib.new(algorithm)
        self._size = size
        self._received = 0

    def problem_after(self, chunk: bytes) -> tuple[str, str] | None:
        """What is wrong once this chunk has come too: an error's reference and its words."""
        self._received += len(chunk)
        self._hash.update(chunk)
        if self._size is not None and self._received > self._size:
            return "invalid-answer", f"sends more than the {self._size} bytes that were announced"
        return None

    def problem_at_end(self) -> tuple[str, str] | None:
        """What is wrong now that all has come."""
        if self._size is not None and self._received < self._size:
            return "connection-broken", f"ended after {self._received} of {self._size} bytes"
        if self._hash.hexdigest() != self._expected:
            return "hash-mismatch", "is not what its digest says"
        return None


class AliasedResponse(StreamedResponse):
    """A Response with another name, and a body that may be checked.

    Args:
        url: What was asked for; shown redacted.
        response: The real answer.
        real_url: Where it really came from.
        headers: What replaces the real headers, by lower-case name; None takes one away.
        check: Looks at the body of a whole answer (200).
    """

    def __init__(
        self,
        url: str,
        response: Response,
        real_url: str,
        *,
        headers: Mapping[str, str | None] | None = None,
        check: BodyCheck | None = None,
    ) -> None:
        mixed = {**response.headers, **(headers or {})}
        kept = {name: text for name, text in mixed.items() if text is not None}
        super().__init__(url, response.status, Headers(kept))
        self._response = response
        self._real_url = real_url
        self._check = check if response.status == 200 else None

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """The body in pieces.

        Raises:
            ChannelError: As the real answer does; or the body is not the announced one.
        """
        try:
            for chunk in self._response.chunks(size):
                if self._check is not None:
                    self._refuse(self._check.problem_after(chunk))
                yield chunk
        except ChannelError as error:
            raise renamed(error, self.url, self._real_url) from error
        if self._check is not None:
            self._refuse(self._check.problem_at_end())

    def close(self) -> None:
        """Give the connection back."""
        self._response.close()

    def _refuse(self, problem: tuple[str, str] | None) -> None:
        if problem is not None:
            reference, words = problem
            hint = "try again; if it stays, a proxy may change it, or the server is broken"
            raise ChannelError(reference, f"{self.url} {words}", hint=hint)
