"""The columns of ``list --fields``, with conda's names and titles."""

from __future__ import annotations

import os
from contextlib import suppress

from minicon.cli.render.listing import human_size, list_objects, table
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.channel import ChannelNames
    from minicon.models.prefix_record import PrefixRecord

USUAL_FIELDS = ("name", "version", "build", "channel_name")
_TITLES = {
    "arch": "Arch",
    "build": "Build",
    "build_number": "Build number",
    "channel": "Channel URL",
    "channel_name": "Channel",
    "constrains": "Constraints",
    "depends": "Dependencies",
    "dist_str": "Dist",
    "features": "Features",
    "fn": "Filename",
    "license": "License",
    "license_family": "License family",
    "md5": "MD5",
    "name": "Name",
    "noarch": "Noarch",
    "package_type": "Package type",
    "requested_spec": "Requested",
    "requested_specs": "Requested",
    "sha256": "SHA256",
    "size": "Size",
    "subdir": "Subdir",
    "timestamp": "Timestamp",
    "track_features": "Track features",
    "url": "URL",
    "version": "Version",
}


def field_lines(
    path: Path, records: Sequence[PrefixRecord], arguments: argparse.Namespace, names: ChannelNames
) -> list[str]:
    """Return the table of ``list --fields`` and ``--size``.

    Raises:
        UsageError: A field is unknown.
    """
    fields = field_names(arguments.fields, with_size=arguments.size)
    whole = sum(installed_size(path, each) for each in records)
    size = [f"# environment size: {human_size(whole)}"] if arguments.size else []
    rows = table(field_rows(path, records, fields, names))
    return [f"# packages in environment at {path}:", *size, "#", *rows.split("\n")]


def sized_objects(
    path: Path,
    records: Sequence[PrefixRecord],
    arguments: argparse.Namespace,
    platform: str,
    names: ChannelNames,
) -> list[dict[str, Any]]:
    """Return the document of ``list --size --json``."""
    objects = list_objects(path, records, arguments, platform, names)
    sizes = (installed_size(path, each) for each in records)
    return [{**each, "size": size} for each, size in zip(objects, sizes, strict=True)]


def field_names(text: str | None, *, with_size: bool) -> tuple[str, ...]:
    """Return the fields to show.

    Args:
        text: Names, separated by commas; None means conda's usual ones.
        with_size: Whether sizes are shown too.

    Raises:
        UsageError: A name is unknown.
    """
    names = [name.strip() for name in text.split(",")] if text else list(USUAL_FIELDS)
    unknown = [name for name in names if name not in _TITLES]
    if unknown:
        raise UsageError(
            "unknown-field",
            f"unknown field {unknown[0]!r}",
            hint=f"fields are {', '.join(sorted(_TITLES))}",
        )
    return tuple(dict.fromkeys([*names, "size"] if with_size else names))


def field_rows(
    prefix: Path, records: Sequence[PrefixRecord], fields: Sequence[str], names: ChannelNames
) -> list[tuple[str, ...]]:
    """Return a row of titles, and one row per package."""
    head = tuple(_TITLES[field] for field in fields)
    rows = [tuple(_text(prefix, each, field, names) for field in fields) for each in records]
    return [(f"# {head[0]}", *head[1:]), *rows]


def _text(prefix: Path, installed: PrefixRecord, field: str, names: ChannelNames) -> str:
    from minicon.prefix.environment.history import dist_text
    from minicon.prefix.plan.transaction import dist_json

    if field == "size":
        return human_size(installed_size(prefix, installed))
    if field == "dist_str":
        return dist_text(installed, names)
    if field.startswith("requested_spec"):
        return ", ".join(installed.requested_specs)
    record = dist_json(installed.record, names)
    record |= {"channel_name": record["channel"], "channel": record["base_url"]}
    shown: Any = record.get(field)
    return ", ".join(map(str, shown)) if isinstance(shown, (list, tuple)) else str(shown or "")


def installed_size(prefix: Path, installed: PrefixRecord) -> int:
    """Return the size of a package's files in an environment, in bytes."""
    total = 0
    for path in installed.files:
        with suppress(OSError):  # a file that the user has removed
            total += os.lstat(os.path.join(prefix, path)).st_size
    return total
