"""Where a channel's package files are, when they are not beside its index (CEP 15, CEP 16).

An index decides where downloads go. So it may name its own origin, or any https server, and
nothing else; credentials of the channel are not sent to another origin in any case.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from minicon.errors import RepodataError
from minicon.models.url import joined_url
from minicon.net.credentials.origin import Origin
from minicon.redaction import redact


def resolve_base_url(subdir_url: str, base_url: object, *, what: str = "base_url") -> str:
    """The URL, with its slash at the end, that file names are appended to.

    Args:
        subdir_url: Where the index is, without a slash at the end.
        base_url: What the index says: None, a relative or an absolute URL.
        what: Name of the field, for errors.

    Raises:
        RepodataError: It leads to a place that an index may not name.
    """
    home = subdir_url + "/"
    if base_url is None or base_url == "":
        return home
    if not isinstance(base_url, str):
        raise _refused(subdir_url, what, "is not a text")
    try:
        url = joined_url(home, base_url)
        parts = urlsplit(url)
        same_origin = Origin.of(url) == Origin.of(home)
    except ValueError as error:
        raise _refused(subdir_url, what, "is not a URL") from error
    if parts.scheme == "file" and not _is_below(url, home):
        raise _refused(subdir_url, what, "leaves the channel's folder")
    if parts.scheme != "https" and not same_origin:
        raise _refused(subdir_url, what, f"leads to {redact(url)}, which is not https")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _refused(subdir_url, what, "holds more than a place")
    return url if url.endswith("/") else url + "/"


def _is_below(url: str, home: str) -> bool:
    """Whether a file URL stays in the channel: the folder above the subdir."""
    channel = home.rstrip("/").rpartition("/")[0] + "/"
    path = urlsplit(url).path
    return path.startswith(urlsplit(channel).path) and "%2e" not in path.lower()


def _refused(subdir_url: str, what: str, why: str) -> RepodataError:
    return RepodataError(
        "unsafe-base-url",
        f"the {what} of {redact(subdir_url)} {why}",
        hint="tell the channel's owner; minicon follows only https and the channel's own origin",
    )
