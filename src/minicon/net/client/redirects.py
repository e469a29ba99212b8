"""Redirects, followed by hand: what may be followed, and what goes along.

The rules (CVE-2018-18074, CVE-2023-32681, CVE-2024-47081 taught them): at most five hops,
only http and https, never from https down to http, and credentials stay at the origin that
they were meant for.
"""

from __future__ import annotations

from urllib.parse import urljoin, urlsplit

from minicon.errors import ChannelError
from minicon.net.credentials.origin import without_userinfo
from minicon.redaction import redact

MOST_REDIRECTS = 5
REDIRECT_STATUSES = frozenset({301, 302, 303, 307, 308})


def next_url(url: str, location: str) -> str:
    """Where a redirect from URL leads, without user and password.

    Raises:
        ChannelError: It leads to no web server, or from https to http.
    """
    try:
        target = without_userinfo(urljoin(url, location))
        there, host = urlsplit(target).scheme, urlsplit(target).hostname
    except ValueError as error:
        raise _refused(url, "to what is no URL") from error
    if there not in ("http", "https") or not host:
        raise _refused(url, f"to {there}:, which is no web address")
    if there == "http" and urlsplit(url).scheme == "https":
        raise _refused(url, "from https down to plain http")
    return target


def too_many_redirects(url: str) -> ChannelError:
    """The error for a chain that does not end."""
    message = f"{redact(url)} redirects more than {MOST_REDIRECTS} times"
    return ChannelError("too-many-redirects", message, hint="check the channel's URL")


def _refused(url: str, where: str) -> ChannelError:
    message = f"{redact(url)} redirects {where}; that is not followed"
    return ChannelError("unsafe-redirect", message, hint="check the channel's URL")
