"""What an HTTP status other than success means to a user."""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.redaction import redact

_MEANINGS = {
    401: (
        "access-denied",
        "it wants to know who you are (401)",
        "put a token or user:password into the channel's URL, or an entry into ~/.netrc",
    ),
    403: (
        "access-denied",
        "access is forbidden (403)",
        "check the credentials for it, and whether a proxy blocks it",
    ),
    404: ("not-on-server", "there is no such file (404)", "check the channel's name and URL"),
    407: ("proxy-failed", "the proxy wants credentials (407)", "check proxy_servers"),
    410: ("not-on-server", "the file was removed (410)", "check the channel's name and URL"),
    429: ("server-busy", "too many requests (429)", "wait a little, then try again"),
}


#: What to do about a 401 or 403 where credentials are kept elsewhere than for web servers.
_LOG_IN = {
    "oci": "log in with `docker login`, or check the URL: of what is not there registries say "
    "the same",
    "s3": "check the URL and the AWS credentials (`aws sts get-caller-identity`); without any, "
    "only public buckets can be read",
}


def status_error(url: str, status: int, *, hint: str | None = None) -> ChannelError:
    """The error for an answer that has not what was asked for.

    Args:
        url: What was asked for; shown redacted.
        status: The HTTP status.
        hint: Replaces the general advice for this status.
    """
    reference, reason, advice = _MEANINGS.get(
        status,
        ("server-failed", f"the server failed ({status})", "try again later")
        if status >= 500
        else ("unexpected-status", f"the server answered {status}", "check the channel's URL"),
    )
    if reference == "access-denied":
        advice = _LOG_IN.get(url.partition(":")[0], advice)
    return ChannelError(reference, f"cannot read {redact(url)}: {reason}", hint=hint or advice)
