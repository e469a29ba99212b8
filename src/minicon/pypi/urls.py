"""Convert and classify the URLs of index pages, pip's configuration and requirements."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from minicon.models.url import Url


def without_credentials(url: str) -> str:
    """Return a URL without user and password: the form that is shown and stored."""
    if "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_remote(url: str) -> bool:
    """Whether a URL needs the network."""
    return url.startswith(("http://", "https://"))


def local_path(url: str) -> Path | None:
    """Return the path of a ``file:`` URL, or None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    # pip also accepts file:/path, which has no authority and which Url refuses.
    return Path(str(Url(f"file://{parts.netloc}{parts.path}").file_path))


def file_url(path: Path) -> str:
    """Return the ``file:`` URL of a path, made absolute without following links."""
    return Path(os.path.abspath(path)).as_uri()


def project_url(index_url: str, name: str) -> str:
    """Return the URL of a project's page in an index (PEP 503: it ends with a slash)."""
    return f"{index_url.rstrip('/')}/{quote(name)}/"
