"""Sentences for what goes wrong between here and a server.

Libraries' own texts are never shown: they repeat URLs, credentials included.
"""

from __future__ import annotations

import socket
import ssl

from minicon.errors import ChannelError
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


@dataclass(frozen=True, slots=True)
class Failure:
    """What happened, in words, and whether another try may help."""

    reference: str
    reason: str
    hint: str | None = None
    retriable: bool = True

    def as_error(self, url: str) -> ChannelError:
        """The error for a URL, which is redacted here."""
        message = f"cannot read {redact(url)}: {self.reason}"
        return ChannelError(self.reference, message, hint=self.hint)


_CHECK_NETWORK = "check the network and the proxy settings, or use --offline"
_NO_SUCH_HOST = Failure(
    "host-not-found", "its host name cannot be resolved", _CHECK_NETWORK, retriable=False
)
_UNTRUSTED = Failure(
    "untrusted-certificate",
    "its TLS certificate is not trusted",
    "behind an inspecting proxy, set ssl_verify to the proxy's CA file or to truststore",
    retriable=False,
)
_BROKEN_TLS = Failure("tls-failed", "the TLS connection failed", _CHECK_NETWORK)
_REFUSED = Failure("connection-refused", "the connection was refused", _CHECK_NETWORK)
_PROXY = Failure("proxy-failed", "the proxy cannot be used", "check proxy_servers and https_proxy")
_TIMED_OUT = Failure("timed-out", "the server did not answer in time", _CHECK_NETWORK)
TIMED_OUT = _TIMED_OUT.reference
#: Of a server that was given up: see :mod:`minicon.net.client.circuit_breaker`.
GIVEN_UP = Failure(
    TIMED_OUT, "the server never answered in time; it is not asked again", _CHECK_NETWORK,
    retriable=False,
)  # fmt: skip
_INVALID = Failure("invalid-url", "it is not a valid URL", "check its spelling", retriable=False)
_NONSENSE = Failure("invalid-answer", "the answer is not HTTP", _CHECK_NETWORK)
_BROKEN = Failure("connection-broken", "the connection broke", _CHECK_NETWORK)

#: Exception types, most telling first. Names stand for types of requests and urllib3, which
#: need not be imported for this.
_BY_TYPE: tuple[tuple[type[BaseException] | str, Failure], ...] = (
    (socket.gaierror, _NO_SUCH_HOST),
    ("NameResolutionError", _NO_SUCH_HOST),
    (ssl.SSLCertVerificationError, _UNTRUSTED),
    ("ProxyError", _PROXY),
    (ConnectionRefusedError, _REFUSED),
    (TimeoutError, _TIMED_OUT),
    ("Timeout", _TIMED_OUT),
    ("TimeoutError", _TIMED_OUT),
    (ssl.SSLError, _BROKEN_TLS),
    ("SSLError", _BROKEN_TLS),
    ("InvalidURL", _INVALID),
    ("LocationParseError", _INVALID),
    ("InvalidSchema", _INVALID),
    ("MissingSchema", _INVALID),
    ("InvalidHeader", _NONSENSE),
    ("BadStatusLine", _NONSENSE),
    ("LineTooLong", _NONSENSE),
    ("HeaderParsingError", _NONSENSE),
)


def failure_of(error: BaseException) -> Failure:
    """What an exception of the HTTP library means."""
    chain = list(_chain(error))
    for kind, failure in _BY_TYPE:
        if any(_is_a(link, kind) for link in chain):
            return failure
    return _BROKEN


def _is_a(error: BaseException, kind: type[BaseException] | str) -> bool:
    if isinstance(kind, str):
        return any(base.__name__ == kind for base in type(error).__mro__)
    return isinstance(error, kind)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and all those it wraps, in whatever way it does."""
    waiting, seen = [error], set()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting += [each for each in inner if isinstance(each, BaseException)]
    return
