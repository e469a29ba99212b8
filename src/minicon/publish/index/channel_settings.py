"""ChannelSettings: what ``channel.yaml`` in a channel's directory says of the channel.

.. code-block:: yaml

    name: lab                               # in pages and feeds; default: that of the directory
    base_url: https://packages.example/lab  # where packages are served, if elsewhere (CEP 15)
    channel_relations:                      # CEP 42
      base: ../conda-forge
    rss: true                               # write rss.xml
    shards: false                           # do not write sharded repodata (CEP 16)
    notices:                                # CEP 6
      - message: "python 3.9 is removed in June"
        level: warning
        expires_at: 2027-06-01T00:00:00+00:00

It is a file, so that every program that indexes the channel again knows it.
"""

from __future__ import annotations

from datetime import datetime

from minicon.config import strict_yaml
from minicon.errors import ConfigError, MiniconError
from minicon.fs.hashing import sha256_of
from minicon.fs.operations import describing
from minicon.fs.plain_file import decode_text, read_named_file
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.strict_json import check_shape
from minicon.models.url import is_url
from minicon.repodata.channels.relations import relations_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path
    from typing import Any

FILE_NAME = "channel.yaml"
_SHAPE: Mapping[str, Any] = {
    "name": (str, None),
    "base_url": (str, None),
    "channel_relations": ({...: str}, None),
    "rss": (str, None),
    "shards": (str, None),
    "current_repodata": ({...: [str]}, None),
    "notices": ([{...: str}], None),
}
_RELATIONS = {"base", "overrides"}
_NOTICE_KEYS = {"id", "message", "level", "created_at", "expires_at"}
_LEVELS = ("critical", "warning", "info")
_FLAGS = {"true": True, "false": False}
#: Any URL: relations are relative to the channel's own.
_EXAMPLE = "https://channel.example/a/b/c/d"


@dataclass(frozen=True, slots=True, kw_only=True)
class ChannelSettings:
    """Settings of a channel; see the module's docstring.

    Attributes:
        name: For pages and feeds.
        base_url: URL above the subdirs with the packages, or empty.
        relations: ``base`` and ``overrides``.
        rss: Whether ``rss.xml`` is written.
        shards: Whether sharded repodata is written.
        current: Further versions in ``current_repodata.json``, by package name.
        notices: Objects for ``notices.json``.
    """

    name: str = ""
    base_url: str = ""
    relations: Mapping[str, str] = field(default_factory=dict)
    rss: bool = False
    shards: bool = True
    current: Mapping[str, Sequence[str]] = field(default_factory=dict)
    notices: Sequence[Mapping[str, str]] = ()


def read_settings(directory: Path) -> ChannelSettings:
    """Read a channel's settings; the defaults if it has no such file.

    Raises:
        ConfigError: ``invalid-channel-settings``: the file has unknown keys or invalid values.
        FileError: It cannot be read.
    """
    path = directory / FILE_NAME
    with describing("read", path):
        try:
            content = read_named_file(path)
        except FileNotFoundError:
            return ChannelSettings()
    try:
        return _checked(strict_yaml.load(decode_text(content), source=str(path)) or {})
    except (ValueError, MiniconError) as error:
        why = error.message if isinstance(error, MiniconError) else str(error)
        raise invalid_settings(path, why) from error


def with_options(
    settings: ChannelSettings, *, shards: bool | None, rss: bool | None, base_url: str | None
) -> ChannelSettings:
    """Return settings with options of the command line, which replace the file's.

    Raises:
        ConfigError: The base URL is invalid.
    """
    try:
        return replace(
            settings,
            shards=settings.shards if shards is None else shards,
            rss=settings.rss or bool(rss),
            base_url=check_base_url(base_url) if base_url is not None else settings.base_url,
        )
    except ValueError as error:
        raise invalid_settings("--base-url", str(error)) from error


def invalid_settings(source: object, why: str) -> ConfigError:
    """Make the error for an invalid setting of a channel."""
    hint = "docs/how-to/build-a-channel.md lists the keys of channel.yaml"
    return ConfigError("invalid-channel-settings", f"{source}: {why}", hint=hint)


def _checked(data: Any) -> ChannelSettings:
    """Build the settings. Raises ValueError or MiniconError for invalid values."""
    check_shape(data, _SHAPE, "the document")
    if unknown := sorted(set(data) - set(_SHAPE)):
        raise ValueError(f"unknown keys: {', '.join(unknown)[:120]}")
    return ChannelSettings(
        name=data.get("name") or "",
        base_url=check_base_url(data.get("base_url") or ""),
        relations=_relations(data.get("channel_relations") or {}),
        rss=_flag(data, "rss", default="false"),
        shards=_flag(data, "shards", default="true"),
        current=data.get("current_repodata") or {},
        notices=[_notice(each) for each in data.get("notices") or ()],
    )


def check_base_url(text: str) -> str:
    """Return a base URL. Raises ValueError unless it is an http(s) URL without credentials."""
    if text and not (is_url(text) and text.startswith(("https://", "http://"))):
        raise ValueError(f"base_url {text[:80]!r} is not an http or https URL")
    if "@" in text.partition("://")[2].partition("/")[0]:
        raise ValueError("base_url contains credentials, which every reader would see")
    return text


def _relations(relations: Mapping[str, str]) -> dict[str, str]:
    if unknown := set(relations) - _RELATIONS:
        raise ValueError(f"channel_relations has unknown keys: {', '.join(sorted(unknown))[:80]}")
    relations_of(_EXAMPLE, [{"channel_relations": dict(relations)}])
    return {key: str(value) for key, value in relations.items()}


def _flag(data: Mapping[str, Any], key: str, *, default: str) -> bool:
    text = data.get(key) or default
    if text not in _FLAGS:
        raise ValueError(f"{key} is neither true nor false")
    return _FLAGS[text]


def _notice(notice: Mapping[str, str]) -> dict[str, str]:
    if unknown := set(notice) - _NOTICE_KEYS:
        raise ValueError(f"a notice has unknown keys: {', '.join(sorted(unknown))[:80]}")
    if not notice.get("message"):
        raise ValueError("a notice has no message")
    level = notice.get("level") or "info"
    if level not in _LEVELS:
        raise ValueError(f"the level of a notice is not {', '.join(_LEVELS)}")
    for key in ("created_at", "expires_at"):
        if notice.get(key):
            datetime.fromisoformat(notice[key].replace("Z", "+00:00"))
    identifier = sha256_of(notice["message"].encode())[:32]
    texts = {key: str(value) for key, value in notice.items() if value}
    return {"id": identifier, **texts, "level": level}
