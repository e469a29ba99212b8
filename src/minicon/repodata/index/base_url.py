"""Where a channel's package files are if they are not beside its index (CEP 15, CEP 16).

An index decides where packages are downloaded from. It may name URLs of its own origin, or of any
https server, and nothing else; the channel's credentials are never sent to another origin.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from minicon.errors import RepodataError
from minicon.models.url import joined_url
from minicon.net.credentials.origin import Origin
from minicon.redaction import redact


def resolve_base_url(subdir_url: str, base_url: object, *, what: str = "base_url") -> str:
    """Return the URL that file names are appended to, with a slash at the end.

    Args:
        subdir_url: URL of the index's directory, without a slash at the end.
        base_url: Value in the index: None, a relative or an absolute URL.
        what: Name of the field, for errors.

    Raises:
        RepodataError: An index must not name that URL.
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
        raise _refused(subdir_url, what, "is outside of the channel's directory")
    if parts.scheme != "https" and not same_origin:
        raise _refused(subdir_url, what, f"is {redact(url)}, which is not https")
    if "@" in parts.netloc or parts.query or parts.fragment:
        raise _refused(subdir_url, what, "contains a user, a query or a fragment")
    return url if url.endswith("/") else url + "/"


def resolve_file_url(base_url: str, url: object, fn: str) -> str:
    """Return the URL of a wheel, which its record may name: relative, or on another server.

    Args:
        base_url: URL that file names are appended to, with a slash at the end.
        url: Value in the record; None or empty is the file name.
        fn: The file name.

    Raises:
        RepodataError: A record must not name that URL.
    """
    if url is None or url == "":
        return base_url + fn
    folder, _, name = url.rpartition("/") if isinstance(url, str) else ("", "", url)
    if not isinstance(name, str) or name in ("", ".", ".."):
        raise _refused(base_url.rstrip("/"), "url of a wheel", "is not a URL")
    home = base_url.rstrip("/")
    parent = resolve_base_url(home, folder + "/" if folder else None, what="url of a wheel")
    return parent + name


def _is_below(url: str, home: str) -> bool:
    """Whether a file URL is inside the channel: the directory above the subdir."""
    channel = home.rstrip("/").rpartition("/")[0] + "/"
    path = urlsplit(url).path
    return path.startswith(urlsplit(channel).path) and "%2e" not in path.lower()


def _refused(subdir_url: str, what: str, why: str) -> RepodataError:
    hint = "report it to the channel's owner; only https and the channel's own origin are allowed"
    return RepodataError("unsafe-base-url", f"the {what} of {redact(subdir_url)} {why}", hint=hint)
