"""Mirrors: which URLs replace a URL, in the order in which they are tried.

The setting ``mirrored_channels`` lists them per channel, like mamba's key of that name and pixi's
``mirrors``. They replace the channel's own URL, which is tried only if it is listed too. Records,
locks and caches keep the channel's own URL, so that mirrors can be added and removed.
"""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from minicon.models.url import Url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from minicon.net.credentials.store import CredentialStore

#: Statuses after which the next mirror is tried: this one may lag behind, or deny access.
_FAIL_OVER = frozenset({401, 403, 404, 407, 410, 429})


class Mirrors:
    """The mirrors of all channels. Thread-safe.

    Args:
        mirrors: Base URL → base URLs to use instead, best first; these may contain credentials.
        credentials: The store to which those are added.
    """

    def __init__(self, mirrors: Mapping[str, Sequence[str]], credentials: CredentialStore) -> None:
        self._mirrors = [
            (base.rstrip("/") + "/", tuple(_base_url(text, credentials) for text in texts))
            for base, texts in mirrors.items()
        ]
        self._mirrors.sort(key=lambda entry: len(entry[0]), reverse=True)
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def urls_for(self, url: str) -> tuple[str, ...]:
        """Return the URLs to try in place of one, in order; mirrors that failed come last."""
        if not self._mirrors:
            return (url,)
        return tuple(mirror + rest for mirror, rest in self._candidates(url)) or (url,)

    def note_failure(self, url: str) -> None:
        """Try the mirror of this URL last from now on: it could not be reached, or failed."""
        with self._lock:
            for _, mirrors in self._mirrors:
                self._failed.update(mirror for mirror in mirrors if url.startswith(mirror))

    def _candidates(self, url: str) -> Iterator[tuple[str, str]]:
        for base, mirrors in self._mirrors:
            if url.startswith(base):
                rest = url[len(base) :]
                ordered = sorted(mirrors, key=lambda mirror: mirror in self._failed)
                return ((mirror, rest) for mirror in ordered)
        return iter(())


def may_fail_over(status: int) -> bool:
    """Whether another mirror may have a better response."""
    return status in _FAIL_OVER or status >= 500


def _base_url(text: str, credentials: CredentialStore) -> str:
    """A mirror's base URL with a slash at the end; its credentials are added to the store."""
    url = Url(text)
    bare = str(url.without_credentials).rstrip("/")
    if url.credentials is not None and urlsplit(bare).netloc:
        credentials.add(bare, url.credentials)
    return bare + "/"
