"""Origins: what credentials are bound to, and which redirects may be followed.

The redirect rules come from CVE-2018-18074, CVE-2023-32681 and CVE-2024-47081: at most five
redirects, only to http and https, never from https to http; credentials stay at their origin.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from minicon.errors import ChannelError
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

MOST_REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})
_DEFAULT_PORTS = {"http": 80, "https": 443, "oci": 443}


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port of a URL (RFC 6454), lower case."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """Return the origin of a URL. Raises ValueError if its port is not a number."""
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(scheme, 0)
        return cls(scheme, (parts.hostname or "").lower(), port)


def without_userinfo(url: str) -> str:
    """Return the URL without ``user:password@``."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()


def next_url(url: str, location: str) -> str:
    """Return the target of a redirect, without user and password.

    Args:
        url: The URL that was requested.
        location: The ``Location`` header of its response.

    Raises:
        ChannelError: The target is not a web address, or the redirect leads from https to http.
    """
    try:
        target = without_userinfo(urljoin(url, location))
        scheme, host = urlsplit(target).scheme, urlsplit(target).hostname
    except ValueError as error:
        raise _unsafe(url, "to an invalid URL") from error
    if scheme not in ("http", "https") or not host:
        raise _unsafe(url, f"to {scheme}:, which is not a web address")
    if scheme == "http" and urlsplit(url).scheme == "https":
        raise _unsafe(url, "from https to plain http")
    return target


def too_many_redirects(url: str) -> ChannelError:
    """Return the error for a redirect loop."""
    message = f"{redact(url)} redirects more than {MOST_REDIRECTS} times"
    return ChannelError("too-many-redirects", message, hint="check the channel's URL")


def _unsafe(url: str, where: str) -> ChannelError:
    message = f"{redact(url)} redirects {where}; this is not followed"
    return ChannelError("unsafe-redirect", message, hint="check the channel's URL")
