"""Whether a channel can be reached at all, found out quickly.

Resolving a host name cannot be interrupted: without a network, it may hang for half a minute. So a
thread does it, which is abandoned when the time is up.
"""

from __future__ import annotations

import json
import threading

from minicon.errors import FileError, MiniconError
from minicon.fs import operations
from minicon.models.strict_json import read_json
from minicon.net.client.headers import is_html
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minicon.models.channel import Channel
    from minicon.net.routing import UrlFetcher

#: Maximum age of a cached result, in seconds.
_MAX_AGE = 300.0
_GOOD_STATUSES = (200, 206, 304, 416)


class Reachability:
    """Probes channels, and caches the results.

    Args:
        fetcher: Opens URLs.
        directory: The repodata cache.
        clock: Seconds since 1970.
    """

    def __init__(self, fetcher: UrlFetcher, directory: Path, clock: Callable[[], float]) -> None:
        self._fetcher = fetcher
        self._directory = directory / "reachable"
        self._clock = clock

    def is_reachable(self, channel: Channel, seconds: float) -> bool:
        """Whether the channel's noarch index exists, found out within ``seconds``."""
        if channel.is_local:
            return self._probe(channel)
        path = self._directory / short_hash(channel.base_url)[:16]
        known = self._load(path)
        if known is not None:
            return known
        result = self._probe_in_time(channel, seconds)
        self._save(path, result)
        return result

    def _probe_in_time(self, channel: Channel, seconds: float) -> bool:
        results: list[bool] = []
        thread = threading.Thread(target=lambda: results.append(self._probe(channel)), daemon=True)
        thread.start()
        thread.join(seconds)
        return results == [True]

    def _probe(self, channel: Channel) -> bool:
        """Request one byte, over a connection that the index of shards may use next."""
        subdir = (channel.platforms or ("noarch",))[0]
        url = f"{channel.url_for(subdir)}/repodata.json"
        try:
            with self._fetcher.open_small(url, headers={"Range": "bytes=0-0"}) as response:
                return response.status in _GOOD_STATUSES and not is_html(response.headers)
        except MiniconError:
            return False

    def _load(self, path: Path) -> bool | None:
        try:
            known = read_json(path.read_bytes())
            age = self._clock() - float(known["at"])
            return bool(known["reachable"]) if 0 <= age < _MAX_AGE else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _save(self, path: Path, result: bool) -> None:
        data = json.dumps({"reachable": result, "at": self._clock()}).encode()
        try:
            with operations.describing("write", path):
                operations.make_directory(path.parent)
                operations.replace_file(path, data, durable=False)
        except FileError:
            return  # a cache that cannot be written only costs time
