"""Channel notices (CEP 6): what a channel's owners want its users to know.

What a command shows of its own accord is the matter of :mod:`minicon.api.notice_watch`.
"""

from __future__ import annotations

import hashlib

from minicon.api.plan.sources import choose_sources
from minicon.errors import MiniconError
from minicon.fs import operations
from minicon.lean_dataclasses import dataclass
from minicon.models.json_values.strict_json import read_json
from minicon.net.parallel import run_parallel

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from datetime import datetime
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.channel import Channel

NOTICES_FILE = "notices.json"
LEVELS = ("critical", "warning", "info")
_FOLDER = "notices-v1"
_BELIEVED_SECONDS = 3600.0
_TIMEOUT = 5.0
_LARGEST = 1 << 20
_WORKERS = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class Notice:
    """One notice.

    Attributes:
        identifier: What the channel calls it; may be empty.
        channel: Name of the channel.
        level: ``critical``, ``warning`` or ``info``; anything else counts as ``info``.
        created: When it was written, or None.
        expires: From when on it no longer counts, or None.
    """

    identifier: str
    channel: str
    message: str
    level: str
    created: datetime | None
    expires: datetime | None

    def to_json(self) -> dict[str, Any]:
        """The notice with the CEP's keys."""
        return {
            "id": self.identifier,
            "channel_name": self.channel,
            "message": self.message,
            "level": self.level,
            "created_at": self.created.isoformat() if self.created else None,
            "expired_at": self.expires.isoformat() if self.expires else None,
        }


def channel_notices(
    services: Services, channels: tuple[str, ...] = (), *, override: bool = False
) -> list[Notice]:
    """Current notices of the channels in use, a channel's most serious first.

    A channel without notices, or that cannot be asked, has none. Answers are believed for an
    hour; offline, whatever age they have.
    """
    sources = choose_sources(
        services.settings,
        channels,
        override=override,
        is_reachable=services.channel_client.is_reachable,
    )
    asked = list(sources.channels)
    found = run_parallel(lambda channel, _: _read(services, channel), asked, workers=_WORKERS)
    return current(services, found)


def current(services: Services, found: Iterable[list[Notice]]) -> list[Notice]:
    """Those that have not expired, a channel's most serious first."""
    from datetime import datetime, timezone

    now = datetime.fromtimestamp(services.now(), timezone.utc)
    return [
        notice
        for notices in tuple(found)
        for notice in sorted(notices, key=lambda each: LEVELS.index(each.level))
        if notice.expires is None or notice.expires > now
    ]


def parse_notices(channel: str, data: Any) -> list[Notice]:
    """Read a channel's ``notices.json``; what is malformed is left out."""
    listed = data.get("notices") if isinstance(data, dict) else None
    return [
        Notice(
            identifier=str(item.get("id") or ""),
            channel=channel,
            message=item["message"],
            level=item["level"] if item.get("level") in LEVELS else "info",
            created=_moment(item.get("created_at")),
            expires=_moment(item.get("expired_at") or item.get("expires_at")),
        )
        for item in (listed if isinstance(listed, list) else ())
        if isinstance(item, dict) and isinstance(item.get("message"), str)
    ]


def _read(services: Services, channel: Channel) -> list[Notice]:
    cached = cached_answer(services, channel)
    body = _believed(services, cached)
    if body is None:
        body = _fetch(services, notices_url(channel))
        keep_answer(cached, body)
    return notices_in(channel, body)


def notices_in(channel: Channel, body: bytes) -> list[Notice]:
    """The notices in a channel's answer; none if it is no JSON."""
    try:
        return parse_notices(channel.name, read_json(body or b"{}"))
    except (ValueError, RecursionError):
        return []


def notices_url(channel: Channel) -> str:
    """Where a channel's notices are."""
    return f"{channel.base_url}/{NOTICES_FILE}"


def cached_answer(services: Services, channel: Channel) -> Path:
    """Where the answer of a channel is kept."""
    name = hashlib.sha256(notices_url(channel).encode()).hexdigest()
    return services.cache_dir / _FOLDER / f"{name}.json"


def age_of(services: Services, cached: Path) -> float:
    """Seconds since a cached answer came; very many if there is none, or it is from the future."""
    try:
        age = services.now() - cached.stat().st_mtime
    except OSError:
        return float("inf")
    return age if age >= 0 else float("inf")


def _believed(services: Services, cached: Path) -> bytes | None:
    is_fresh = age_of(services, cached) < _BELIEVED_SECONDS
    try:
        return cached.read_bytes() if is_fresh or services.settings.offline else None
    except OSError:
        return None


def _fetch(services: Services, url: str) -> bytes:
    """The file, or nothing for any reason: notices are a courtesy."""
    try:
        with services.fetcher.open(url, timeout=_TIMEOUT) as response:
            return response.read(_LARGEST) if response.status == 200 else b""
    except MiniconError as error:
        if services.settings.verbosity:
            services.reporter.note(f"no notices: {error.message}")
        return b""


def keep_answer(cached: Path, body: bytes) -> None:
    """Keep an answer; its file's time says when it came."""
    try:
        with operations.describing("write", cached):
            operations.make_directory(cached.parent)
            operations.replace_file(cached, body, durable=False)
    except MiniconError:
        return  # a cache that cannot be written costs the next run its speed, nothing more


def _moment(text: Any) -> datetime | None:
    if not isinstance(text, str):
        return None
    from datetime import datetime, timezone

    try:
        moment = datetime.fromisoformat(text.replace("Z", "+00:00"))
    except ValueError:
        return None
    return moment if moment.tzinfo else moment.replace(tzinfo=timezone.utc)
