"""Responses whatever their source: the common base, a body in memory, and another URL's response.

``s3://`` and ``oci://`` URLs are served from web addresses that mean nothing to a reader or contain
a signature, so errors name the requested URL instead.
"""

from __future__ import annotations

from minicon.closing import Closing
from minicon.errors import ChannelError
from minicon.net.client.headers import Headers
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from minicon.net.client.fetcher import Response


class StreamedResponse(Closing):
    """A Response (:mod:`minicon.net.client.fetcher`) whose subclass yields the body.

    Attributes:
        url: Where it came from; shown redacted.
        status: HTTP status, or its equivalent for other schemes.
        headers: Case-insensitive.
    """

    def __init__(self, url: str, status: int, headers: Mapping[str, str]) -> None:
        self.url = redact(url)
        self.status = status
        self.headers = headers

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the body in pieces of at most ``size`` bytes; see the subclass."""
        raise NotImplementedError

    def read(self, limit: int = 1 << 30) -> bytes:
        """Return the body. Raises ChannelError past ``limit`` bytes, or as :meth:`chunks` does."""
        pieces, total = [], 0
        for piece in self.chunks():
            total += len(piece)
            if total > limit:
                message = f"{self.url} sends more than the {limit} bytes allowed for it"
                raise ChannelError("too-large", message, hint="is a proxy answering in its place?")
            pieces.append(piece)
        return b"".join(pieces)


class BufferedResponse(StreamedResponse):
    """A response whose body is in memory.

    Args:
        url: Where it came from; shown redacted.
        status: HTTP status.
        headers: By name in any case.
        body: The body.
    """

    def __init__(
        self, url: str, status: int, headers: Mapping[str, str] | None = None, body: bytes = b""
    ) -> None:
        super().__init__(url, status, Headers(headers))
        self._body = body

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the body in pieces of at most ``size`` bytes."""
        for start in range(0, len(self._body), size):
            yield self._body[start : start + size]


class AliasedResponse(StreamedResponse):
    """A response under another URL, with a body that may be verified.

    Args:
        url: The requested URL; shown redacted.
        response: The response.
        real_url: The URL that the response came from.
        headers: Replacements for the response's headers, by lower-case name; None removes one.
        check: Verifies the body of a complete response (200).
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
        """Yield the body in pieces of at most ``size`` bytes.

        Raises:
            ChannelError: As the response raises; or the body does not match its digest.
        """
        try:
            for chunk in self._response.chunks(size):
                if self._check is not None:
                    self._refuse(self._check.problem_after(chunk))
                yield chunk
        except ChannelError as error:
            raise aliased_error(error, self.url, self._real_url) from error
        if self._check is not None:
            self._refuse(self._check.problem_at_end())

    def close(self) -> None:
        """Release the connection."""
        self._response.close()

    def _refuse(self, problem: tuple[str, str] | None) -> None:
        if problem is not None:
            reference, reason = problem
            hint = "try again; if this persists, a proxy may change it, or the server is broken"
            raise ChannelError(reference, f"{self.url} {reason}", hint=hint)


def aliased_error(error: ChannelError, url: str, real_url: str) -> ChannelError:
    """Return the error with the requested URL in place of the real one."""
    message = error.message.replace(redact(real_url), redact(url))
    return type(error)(error.reference, message, context=error.context, hint=error.hint)


class BodyCheck:
    """Compares a body with its digest and size while it arrives.

    Args:
        digest: ``sha256:…`` or ``sha512:…``.
        size: Bytes, or None where only the digest is known.
    """

    def __init__(self, digest: str, size: int | None) -> None:
        algorithm, _, self._expected = digest.partition(":")
        import hashlib

        self._hash = hashlib.new(algorithm)
        self._size = size
        self._received = 0

    def problem_after(self, chunk: bytes) -> tuple[str, str] | None:
        """Take in the next chunk; return an error's reference and reason if the body is wrong."""
        self._received += len(chunk)
        self._hash.update(chunk)
        if self._size is not None and self._received > self._size:
            return "invalid-answer", f"sends more than the {self._size} bytes that were announced"
        return None

    def problem_at_end(self) -> tuple[str, str] | None:
        """Return an error's reference and reason if the complete body is wrong."""
        if self._size is not None and self._received < self._size:
            return "connection-broken", f"ended after {self._received} of {self._size} bytes"
        if self._hash.hexdigest() != self._expected:
            return "hash-mismatch", "does not match its digest"
        return None
