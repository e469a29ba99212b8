"""Whether a channel answers at all, found out quickly.

Looking up a host name cannot be interrupted: it may hang for half a minute on a machine without
a network. So the question is asked by a thread that is left behind when time is up.
"""

from __future__ import annotations

import json
import threading
from hashlib import sha256

from minicon.errors import FileError, MiniconError
from minicon.fs import operations
from minicon.models.json_values.strict_json import read_json
from minicon.net.client.headers import is_html

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minicon.models.channel import Channel
    from minicon.net.client.fetcher import Fetcher, Response

#: How long an answer is remembered, in seconds.
_REMEMBERED = 300.0
_GOOD_STATUSES = (200, 206, 304, 416)


class Reachability:
    """Asks, and remembers the answers in the cache."""

    def __init__(self, fetcher: Fetcher, directory: Path, clock: Callable[[], float]) -> None:
        self._fetcher = fetcher
        self._directory = directory / "reachable"
        self._clock = clock

    def is_reachable(self, channel: Channel, seconds: float) -> bool:
        """Whether the channel's noarch index can be had; at most SECONDS are spent on it."""
        if channel.is_local:
            return self._ask(channel, seconds)
        path = self._directory / sha256(channel.base_url.encode()).hexdigest()[:16]
        known = self._recall(path)
        if known is not None:
            return known
        answer = self._ask_in_time(channel, seconds)
        self._remember(path, answer)
        return answer

    def _ask_in_time(self, channel: Channel, seconds: float) -> bool:
        answers: list[bool] = []
        thread = threading.Thread(
            target=lambda: answers.append(self._ask(channel, seconds)), daemon=True
        )
        thread.start()
        thread.join(seconds)
        return answers == [True]

    def _ask(self, channel: Channel, seconds: float) -> bool:
        subdir = (channel.platforms or ("noarch",))[0]
        url = f"{channel.url_for(subdir)}/repodata.json"
        try:
            with self._open(url, seconds) as answer:
                return answer.status in _GOOD_STATUSES and not is_html(answer.headers)
        except MiniconError:
            return False

    def _open(self, url: str, seconds: float) -> Response:
        """One byte of it, over a connection that its index of shards may come over next."""
        headers = {"Range": "bytes=0-0"}
        ask = getattr(self._fetcher, "open_small", None)
        if ask is None:
            return self._fetcher.open(url, headers=headers, timeout=seconds)
        response: Response = ask(url, headers=headers)
        return response

    def _recall(self, path: Path) -> bool | None:
        try:
            known = read_json(path.read_bytes())
            age = self._clock() - float(known["at"])
            return bool(known["reachable"]) if 0 <= age < _REMEMBERED else None
        except (OSError, ValueError, KeyError, TypeError):
            return None

    def _remember(self, path: Path, answer: bool) -> None:
        data = json.dumps({"reachable": answer, "at": self._clock()}).encode()
        try:
            with operations.describing("write", path):
                operations.make_directory(path.parent)
                operations.replace_file(path, data, durable=False)
        except FileError:
            return  # a cache that cannot be written only costs time
