"""Which part of a file answers a request: conditions, ranges, and how long it may be cached.

Conditions and ranges follow RFC 9110, caching RFC 9111 and CEP 16.
"""

from __future__ import annotations

from email.utils import parsedate_to_datetime

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_SHARD = lazy_pattern(r"[0-9a-f]{64}\.msgpack\.zst\Z")
_RANGE = lazy_pattern(r"bytes=(\d{0,18})-(\d{0,18})\Z")
_PACKAGES = (*PACKAGE_EXTENSIONS, WHEEL_EXTENSION)
_TYPES = {
    ".json": "application/json",
    ".zst": "application/zstd",
    ".html": "text/html; charset=utf-8",
    ".xml": "application/xml",
}


@dataclass(frozen=True, slots=True)
class Part:
    """What to send of a file.

    Attributes:
        status: 200, 206, 304, 412 or 416.
        start: Offset in the file.
        length: Number of bytes.
    """

    status: int
    start: int = 0
    length: int = 0


def choose_part(request: Mapping[str, str], etag: str, modified: float, size: int) -> Part:
    """Evaluate the conditions and the range of a GET request.

    Args:
        request: Its headers.
        etag: Entity tag of the file, with quotes.
        modified: Time of the last change, in seconds since 1970.
        size: Bytes of the file.
    """
    if (wanted := request.get("If-Match")) is not None and not _has(wanted, etag, weak=False):
        return Part(412)
    if (known := request.get("If-None-Match")) is not None:
        if _has(known, etag, weak=True):
            return Part(304)
    elif (since := _time(request.get("If-Modified-Since"))) is not None and int(modified) <= since:
        return Part(304)
    found = _RANGE.match(request.get("Range", ""))
    if found is None or not any(found.groups()) or not _may_use_range(request, etag, modified):
        return Part(200, 0, size)
    first, last = found.groups()
    if first and last and int(last) < int(first):  # no valid range
        return Part(200, 0, size)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last else size - 1
    return Part(416) if start > end else Part(206, start, end - start + 1)


def cache_control(name: str, *, is_private: bool) -> str:
    """Return the ``Cache-Control`` of a file, by its name.

    Shards are named by their hash and never change (CEP 16). A package keeps its content too, and
    its index lists its hash; a day is enough for caches. Indexes are always checked, which costs a
    request without a body while they are unchanged.

    Args:
        name: File name.
        is_private: Whether a token is needed, so that shared caches must not keep it.
    """
    scope = "private" if is_private else "public"
    if _SHARD.match(name):
        return f"{scope}, max-age=31536000, immutable"
    return f"{scope}, max-age=86400" if name.endswith(_PACKAGES) else f"{scope}, no-cache"


def content_type(name: str) -> str:
    """Return the media type of a file of a channel."""
    return _TYPES.get(f".{name.rpartition('.')[2]}", "application/octet-stream")


def _may_use_range(request: Mapping[str, str], etag: str, modified: float) -> bool:
    """Whether the file is the one that the client has a part of (``If-Range``)."""
    condition = request.get("If-Range")
    if condition is None or condition == etag:
        return True
    return _time(condition) == int(modified)


def _has(tags: str, etag: str, *, weak: bool) -> bool:
    listed = [tag.strip() for tag in tags.split(",")]
    return "*" in listed or etag in listed or (weak and f"W/{etag}" in listed)


def _time(text: str | None) -> float | None:
    if text is None:
        return None
    try:
        return parsedate_to_datetime(text).timestamp()
    except (ValueError, OverflowError, TypeError):
        return None
