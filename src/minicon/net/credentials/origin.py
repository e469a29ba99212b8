"""Origins: what credentials are bound to, and what a redirect may not cross."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import urlsplit

_DEFAULT_PORTS = {"http": 80, "https": 443, "oci": 443}


class Origin(NamedTuple):
    """Scheme, host and port of a URL (RFC 6454), lower case."""

    scheme: str
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a URL. Raises ValueError for a port that is no number."""
        parts = urlsplit(url)
        scheme = parts.scheme.lower()
        port = parts.port if parts.port is not None else _DEFAULT_PORTS.get(scheme, 0)
        return cls(scheme, (parts.hostname or "").lower(), port)


def without_userinfo(url: str) -> str:
    """The URL with ``user:password@`` cut out."""
    parts = urlsplit(url)
    return parts._replace(netloc=parts.netloc.rpartition("@")[2]).geturl()
