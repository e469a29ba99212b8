"""Error messages for HTTP statuses, and for connections that fail.

The messages of HTTP libraries are never shown: they repeat URLs, credentials included.
"""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_STATUSES = {
    401: (
        "access-denied",
        "authentication required (HTTP 401)",
        "put a token or user:password into the channel's URL, or an entry into ~/.netrc",
    ),
    403: (
        "access-denied",
        "access is forbidden (HTTP 403)",
        "check the credentials for it, and whether a proxy blocks it",
    ),
    404: ("not-on-server", "file not found (HTTP 404)", "check the channel's name and URL"),
    407: ("proxy-failed", "the proxy requires authentication (HTTP 407)", "check proxy_servers"),
    410: ("not-on-server", "the file was removed (HTTP 410)", "check the channel's name and URL"),
    429: ("server-busy", "too many requests (HTTP 429)", "wait a little, then try again"),
}

#: Hints for 401 and 403 by scheme, where credentials are not those of web servers.
_LOG_IN = {
    "oci": "log in with `docker login`, or check the URL: registries answer the same for "
    "repositories that do not exist",
    "s3": "check the URL and the AWS credentials (`aws sts get-caller-identity`); without any, "
    "only public buckets can be read",
}


def status_error(
    url: str, status: int, *, hint: str | None = None, verb: str = "read"
) -> ChannelError:
    """Return the error for a response that does not contain the requested file.

    Args:
        url: The requested URL; shown redacted.
        status: The HTTP status.
        hint: Replaces the general hint for this status.
        verb: What cannot be done to the URL.
    """
    reference, reason, advice = _STATUSES.get(
        status,
        ("server-failed", f"the server failed (HTTP {status})", "try again later")
        if status >= 500
        else ("unexpected-status", f"unexpected HTTP status {status}", "check the channel's URL"),
    )
    if reference == "access-denied":
        advice = _LOG_IN.get(url.partition(":")[0], advice)
    if url.startswith("file:"):
        reason = reason.partition(" (HTTP")[0]
    return ChannelError(reference, f"cannot {verb} {redact(url)}: {reason}", hint=hint or advice)


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a request failed, and whether a retry may help."""

    reference: str
    reason: str
    hint: str | None = None
    retriable: bool = True

    def as_error(self, url: str, verb: str = "read") -> ChannelError:
        """Return the error for a URL, which is redacted here; ``verb`` is what failed."""
        message = f"cannot {verb} {redact(url)}: {self.reason}"
        return ChannelError(self.reference, message, hint=self.hint)


_CHECK_NETWORK = "check the network and the proxy settings, or use --offline"
_SLOW = Failure("timed-out", "the server did not respond in time", _CHECK_NETWORK)
TIMED_OUT = _SLOW.reference
#: For a server that timed out too often (:class:`minicon.net.client.retry.CircuitBreaker`).
UNRESPONSIVE = Failure(
    TIMED_OUT,
    "the server did not respond to earlier requests, so it was not tried again",
    _CHECK_NETWORK,
    retriable=False,
)
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
_INVALID = Failure("invalid-url", "it is not a valid URL", "check its spelling", retriable=False)
_NOT_HTTP = Failure("invalid-answer", "the response is not valid HTTP", _CHECK_NETWORK)
_BROKEN = Failure("connection-broken", "the connection broke", _CHECK_NETWORK)

#: Names of exception types, most specific first: ssl, socket, http.client, urllib3 and requests
#: define them, and none of these needs to be imported here.
_BY_TYPE: tuple[tuple[str, Failure], ...] = (
    ("gaierror", _NO_SUCH_HOST),
    ("NameResolutionError", _NO_SUCH_HOST),
    ("SSLCertVerificationError", _UNTRUSTED),
    ("ProxyError", _PROXY),
    ("ConnectionRefusedError", _REFUSED),
    ("TimeoutError", _SLOW),
    ("Timeout", _SLOW),
    ("SSLError", _BROKEN_TLS),
    ("InvalidURL", _INVALID),
    ("LocationParseError", _INVALID),
    ("InvalidSchema", _INVALID),
    ("MissingSchema", _INVALID),
    ("InvalidHeader", _NOT_HTTP),
    ("BadStatusLine", _NOT_HTTP),
    ("LineTooLong", _NOT_HTTP),
    ("HeaderParsingError", _NOT_HTTP),
)


def failure_of(error: BaseException) -> Failure:
    """Classify an exception of an HTTP library."""
    names = {base.__name__ for link in _chain(error) for base in type(link).__mro__}
    return next((failure for name, failure in _BY_TYPE if name in names), _BROKEN)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and every exception that it wraps, in whatever way."""
    waiting, seen = [error], set()
    while waiting:
        link = waiting.pop()
        if id(link) in seen:
            continue
        seen.add(id(link))
        yield link
        inner = [*link.args, getattr(link, "reason", None), link.__cause__, link.__context__]
        waiting += [each for each in inner if isinstance(each, BaseException)]
