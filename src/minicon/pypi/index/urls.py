"""Small questions about URLs that index pages, configuration and requirements all ask."""

from __future__ import annotations

import os
from pathlib import Path
from urllib.parse import quote, urlsplit, urlunsplit

from minicon.models.url import Url


def without_credentials(url: str) -> str:
    """The URL as it may be shown and stored."""
    if "@" not in url:
        return url
    parts = urlsplit(url)
    return urlunsplit(parts._replace(netloc=parts.netloc.rpartition("@")[2]))


def is_remote(url: str) -> bool:
    """Whether a URL needs the network."""
    return url.startswith(("http://", "https://"))


def local_path(url: str) -> Path | None:
    """The path that a ``file:`` URL means, or None for any other URL."""
    parts = urlsplit(url)
    if parts.scheme != "file":
        return None
    # pip also takes file:/path, which has no authority and is no URL for others.
    return Path(str(Url(f"file://{parts.netloc}{parts.path}").file_path))


def file_url(path: Path) -> str:
    """The ``file:`` URL of a path, made absolute without following links."""
    return Path(os.path.abspath(path)).as_uri()


def project_url(index_url: str, name: str) -> str:
    """Where an index has a project's page (PEP 503: with a slash at its end)."""
    return f"{index_url.rstrip('/')}/{quote(name)}/"
