"""Mirrors: which URLs stand for one URL, in the order in which they are asked.

``mirrored_channels`` names them per channel, as mamba's key of that name and pixi's ``mirrors``
do. They replace the channel's own place, which is asked only if it is listed too. Everything
else (records, locks, caches) keeps the channel's own URL, so that mirrors may come and go.
"""

from __future__ import annotations

import threading
from urllib.parse import urlsplit

from minicon.models.url import Url

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from minicon.net.credentials.store import CredentialStore

#: Answers of one mirror after which the next is asked: it may lag behind, or be for others.
_FAIL_OVER = frozenset({401, 403, 404, 407, 410, 429})


class Mirrors:
    """The mirrors of all channels. Thread-safe.

    Args:
        places: Base URL → base URLs to ask instead, best first; these may hold credentials.
        credentials: Where those are put.
    """

    def __init__(self, places: Mapping[str, Sequence[str]], credentials: CredentialStore) -> None:
        self._places = [
            (base.rstrip("/") + "/", tuple(_known(text, credentials) for text in mirrors))
            for base, mirrors in places.items()
        ]
        self._places.sort(key=lambda place: len(place[0]), reverse=True)
        self._failed: set[str] = set()
        self._lock = threading.Lock()

    def urls_for(self, url: str) -> tuple[str, ...]:
        """The URLs that stand for one, in order; those that failed before come last."""
        if not self._places:
            return (url,)
        return tuple(mirror + rest for mirror, rest in self._candidates(url)) or (url,)

    def note_failure(self, url: str) -> None:
        """A mirror could not be reached, or failed: it is asked last from now on."""
        with self._lock:
            for _, mirrors in self._places:
                self._failed.update(mirror for mirror in mirrors if url.startswith(mirror))

    def _candidates(self, url: str) -> Iterator[tuple[str, str]]:
        for base, mirrors in self._places:
            if url.startswith(base):
                rest = url[len(base) :]
                ordered = sorted(mirrors, key=lambda mirror: mirror in self._failed)
                return ((mirror, rest) for mirror in ordered)
        return iter(())


def may_fail_over(status: int) -> bool:
    """Whether another mirror may have a better answer."""
    return status in _FAIL_OVER or status >= 500


def _known(text: str, credentials: CredentialStore) -> str:
    """A mirror's base URL with a slash at the end; its secrets go to where they belong."""
    url = Url(text)
    bare = str(url.without_credentials).rstrip("/")
    if url.credentials is not None and urlsplit(bare).netloc:
        credentials.add(bare, url.credentials)
    return bare + "/"
