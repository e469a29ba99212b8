"""Channel notices (CEP 6): messages from a channel's owners to its users, cached for an hour.

They are fetched on request (:func:`fetch_notices`), or by a command that fetches a channel's index
(:class:`NoticeWatch`): over the same connections, at most once a day, and hardly waited for.
"""

from __future__ import annotations

import time
from functools import partial
from hashlib import sha256

from minicon.errors import MiniconError
from minicon.fs import operations
from minicon.lean_dataclasses import dataclass
from minicon.models.strict_json import read_json
from minicon.net.parallel import run_parallel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from minicon.models.channel import Channel
    from minicon.net.client.fetcher import Fetcher
    from minicon.net.routing import UrlFetcher
    from minicon.net.small_files.server import FileRequest

_FILE_NAME = "notices.json"
_LEVELS = ("critical", "warning", "info")
_FOLDER = "notices-v1"
#: Maximum age of cached notices that were requested, in seconds.
_MAX_AGE = 3600.0
_TIMEOUT = 5.0
_LARGEST = 1 << 20
_WORKERS = 8
#: Seconds between two times that a command shows a channel's notices unrequested (as conda does).
_WATCH_INTERVAL = 86_400.0
#: Notices are fetched after everything that the command itself needs.
_PRIORITY = 9
#: Seconds that the end of a command waits for notices: a quick command would miss them.
_GRACE = 0.05
_POLL_SECONDS = 0.001


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice.

    Attributes:
        identifier: Its id in the channel; may be empty.
        channel: Name of the channel.
        message: Its text, which may contain control characters.
        level: ``critical``, ``warning`` or ``info``; anything else counts as ``info``.
        created: When it was written, or None.
        expires: When it stops being current, or None.
    """

    identifier: str
    channel: str
    message: str
    level: str
    created: datetime | None
    expires: datetime | None

    def to_json(self) -> dict[str, Any]:
        """Return the notice with the CEP's keys."""
        return {
            "id": self.identifier,
            "channel_name": self.channel,
            "message": self.message,
            "level": self.level,
            "created_at": self.created.isoformat() if self.created else None,
            "expired_at": self.expires.isoformat() if self.expires else None,
        }


def parse_notices(channel: Channel, body: bytes) -> list[Notice]:
    """Parse a channel's ``notices.json``; malformed notices, or a malformed file, are skipped."""
    try:
        data = read_json(body or b"{}")
    except (ValueError, RecursionError):
        return []
    listed = data.get("notices") if isinstance(data, dict) else None
    return [
        Notice(
            identifier=str(item.get("id") or ""),
            channel=channel.name,
            message=item["message"],
            level=item["level"] if item.get("level") in _LEVELS else "info",
            created=_moment(item.get("created_at")),
            expires=_moment(item.get("expired_at") or item.get("expires_at")),
        )
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and isinstance(item.get("message"), str)
    ]


def fetch_notices(
    channels: Sequence[Channel],
    fetcher: Fetcher,
    cache: NoticeCache,
    *,
    offline: bool,
    note: Callable[[str], object],
) -> list[Notice]:
    """Return the current notices of channels, a channel's most severe first.

    A channel whose notices cannot be fetched has none.

    Args:
        channels: In the order of the result.
        fetcher: Opens URLs.
        cache: Cached notices, used for an hour; offline, at any age.
        offline: Use cached notices only.
        note: Called with the reason for each channel whose notices cannot be fetched.
    """

    def fetch(channel: Channel, _: object) -> list[Notice]:
        body = cache.load(channel, float("inf") if offline else _MAX_AGE)
        if body is None:
            body = b""
            try:
                with fetcher.open(_url(channel), timeout=_TIMEOUT) as response:
                    body = response.read(_LARGEST) if response.status == 200 else b""
            except MiniconError as error:
                note(f"no notices: {error.message}")
            cache.save(channel, body)
        return parse_notices(channel, body)

    return cache.current(run_parallel(fetch, channels, workers=_WORKERS))


class NoticeCache:
    """Notices on disk: one file per channel, whose mtime is when it was fetched.

    Args:
        cache_dir: ``MINICON_ROOT/cache``.
        clock: Seconds since 1970.
    """

    def __init__(self, cache_dir: Path, clock: Callable[[], float]) -> None:
        self._directory = cache_dir / _FOLDER
        self._clock = clock

    def age(self, channel: Channel) -> float:
        """Seconds since a channel's notices were fetched; infinite if never, or in the future."""
        try:
            age = self._clock() - self._path(channel).stat().st_mtime
        except OSError:
            return float("inf")
        return age if age >= 0 else float("inf")

    def load(self, channel: Channel, max_age: float) -> bytes | None:
        """Return a channel's cached ``notices.json``; None if it is missing or older (seconds)."""
        if self.age(channel) > max_age:
            return None
        try:
            return self._path(channel).read_bytes()
        except OSError:
            return None

    def save(self, channel: Channel, body: bytes) -> None:
        """Cache a channel's ``notices.json``; without effect if the cache cannot be written."""
        path = self._path(channel)
        try:
            with operations.describing("write", path):
                operations.make_directory(path.parent)
                operations.replace_file(path, body, durable=False)
        except MiniconError:
            return

    def current(self, found: Iterable[list[Notice]]) -> list[Notice]:
        """Return the notices that have not expired; within each list, the most severe first."""
        from datetime import datetime, timezone

        now = datetime.fromtimestamp(self._clock(), timezone.utc)
        return [
            notice
            for notices in tuple(found)
            for notice in sorted(notices, key=lambda each: _LEVELS.index(each.level))
            if notice.expires is None or notice.expires > now
        ]

    def _path(self, channel: Channel) -> Path:
        return self._directory / f"{sha256(_url(channel).encode()).hexdigest()}.json"


class NoticeWatch:
    """Fetches notices beside a command's own requests.

    Args:
        fetcher: Its connections are used.
        cache: Cached notices.
        limit: Most notices that :meth:`collected` returns.
    """

    def __init__(self, fetcher: UrlFetcher, cache: NoticeCache, limit: int) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._limit = limit
        self._channels: set[str] = set()
        self._requests: list[FileRequest] = []
        self._found: dict[str, list[Notice]] = {}

    def begin(self, channel: Channel) -> None:
        """Request a channel's notices, unless they were fetched within a day. Returns at once."""
        small_files = self._fetcher.small_files
        if small_files is None or channel.base_url in self._channels:
            return
        self._channels.add(channel.base_url)
        if self._cache.age(channel) >= _WATCH_INTERVAL:
            url = self._fetcher.best_url(_url(channel))
            request = small_files.submit(url, partial(self._receive, channel), priority=_PRIORITY)
            self._requests += [request] if request else []

    def collect(self) -> None:
        """Receive what arrives within a moment; call it before connections are closed."""
        small_files = self._fetcher.small_files if self._requests else None
        end = time.monotonic() + _GRACE
        while small_files and self._is_waiting and time.monotonic() < end:
            small_files.poll()
            time.sleep(_POLL_SECONDS)

    def collected(self) -> tuple[list[Notice], int]:
        """Return the notices received, up to the limit, and how many were left out."""
        found = self._cache.current(self._found.values())
        return found[: self._limit], max(0, len(found) - self._limit)

    @property
    def _is_waiting(self) -> bool:
        return not all(request.is_done for request in self._requests)

    def _receive(self, channel: Channel, request: FileRequest) -> None:
        response = request.response
        if response is not None:  # else the server needs a Fetcher: `minicon notices`
            body = response.body if response.status == 200 else b""
            self._cache.save(channel, body)
            self._found[channel.base_url] = parse_notices(channel, body)


def _url(channel: Channel) -> str:
    return f"{channel.base_url}/{_FILE_NAME}"


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    from datetime import datetime, timezone

    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
