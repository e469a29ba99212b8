"""Tables: records, environments and notices as text and as JSON, in conda's formats.

The fast path prints with this module too, so it imports next to nothing.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.channel import ChannelNames
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.repodata.channels.notices import Notice

#: The keys of conda's JSON object for an installed package, and ``build``, its name in records.
_DIST_KEYS = frozenset(
    {
        "base_url",
        "build",
        "build_number",
        "build_string",
        "channel",
        "dist_name",
        "name",
        "platform",
        "version",
    }
)


def table(rows: Iterable[Sequence[str]], *, indent: int = 0, numbers: Sequence[int] = ()) -> str:
    """Return rows as aligned columns, two spaces apart.

    Args:
        rows: Their cells.
        indent: Spaces before each line.
        numbers: Columns that are aligned to the right.
    """
    kept = [tuple(row) for row in rows]
    if not kept:
        return ""
    widths = [max(len(row[i]) for row in kept) for i in range(len(kept[0]))]
    lines = (
        "  ".join(
            cell.rjust(width) if i in numbers else cell.ljust(width)
            for i, (cell, width) in enumerate(zip(row, widths, strict=True))
        ).rstrip()
        for row in kept
    )
    return "\n".join(" " * indent + line for line in lines)


def table_of_paths(rows: Sequence[tuple[str, ...]], *, numbers: Sequence[int] = ()) -> str:
    """Return rows that end with a path; in a terminal, its first parts are left out to fit."""
    shown, width = table(rows, numbers=numbers), terminal_width()
    over = max(map(len, shown.split("\n"))) - width
    if not width or over <= 0:
        return shown
    room = max(max(len(row[-1]) for row in rows) - over, 20)
    fitted = ((*row[:-1], _end_of(row[-1], room)) for row in rows)
    return table(fitted, numbers=numbers)


def _end_of(path: str, room: int) -> str:
    return path if len(path) <= room else f"…{path[1 - room :]}"


def terminal_width() -> int:
    """Return the columns of the terminal that stdout is; 0 if it is none."""
    try:
        return os.get_terminal_size(1).columns if os.isatty(1) else 0
    except OSError:
        return 0


def human_size(size: float | None) -> str:
    """Return a size in bytes for people: 1536 as ``1.5 KiB``, None as an empty string."""
    if size is None:
        return ""
    for unit in ("B", "KiB", "MiB", "GiB"):
        if size < 1024 or unit == "GiB":
            return f"{size:.0f} {unit}" if unit == "B" else f"{size:.1f} {unit}"
        size /= 1024
    return ""


def short_channel(channel: str) -> str:
    """Return the last part of a channel's URL: enough to recognise it in a table."""
    return channel.rstrip("/").rsplit("/", 1)[-1] if "://" in channel else channel


def list_lines(
    path: Path,
    records: Sequence[PrefixRecord],
    arguments: argparse.Namespace,
    platform: str,
    names: ChannelNames,
) -> list[str]:
    """Return the output of ``list``: a table, an explicit list, or one line per package."""
    if arguments.explicit:
        anchor = "sha256" if arguments.sha256 else "md5" if arguments.md5 else None
        return explicit_lines(records, platform=platform, anchor=anchor)
    if arguments.export:
        return [f"{r.name}={r.record.version}={r.record.build}" for r in records]
    if arguments.canonical:
        from minicon.prefix.environment.history import dist_text

        return [dist_text(record, names) for record in records]
    channel = names.url if arguments.show_channel_urls else names
    rows = ((r.name, r.record.version, r.record.build, channel(r.record.channel)) for r in records)
    return package_table(str(path), rows).split("\n")


def package_table(prefix: str, rows: Iterable[tuple[str, str, str, str]]) -> str:
    """Return the table of packages that ``list`` prints.

    Args:
        prefix: Path of the environment.
        rows: Name, version, build and channel of each package.
    """
    head, found = ("# Name", "Version", "Build", "Channel"), list(rows)
    shown, width = table([head, *found]), terminal_width()
    if width and max(map(len, shown.split("\n"))) > width:
        shown = table([head, *((*row[:3], short_channel(row[3])) for row in found)])
    return f"# packages in environment at {prefix}:\n#\n{shown}"


def list_objects(
    path: Path,
    records: Sequence[PrefixRecord],
    arguments: argparse.Namespace,
    platform: str,
    names: ChannelNames,
) -> list[Any]:
    """Return the document of ``list --json``: conda's objects, or the lines of ``--explicit``."""
    if arguments.explicit:
        return list_lines(path, records, arguments, platform, names)
    return [dist_object(r.record, names) for r in records]


def dist_object(record: RepodataRecord, names: ChannelNames) -> dict[str, Any]:
    """Return conda's JSON object for an installed package."""
    from minicon.prefix.plan.transaction import dist_json

    found = dist_json(record, names.own)
    return {key: value for key, value in found.items() if key in _DIST_KEYS}


def explicit_lines(
    records: Iterable[PrefixRecord], *, platform: str, anchor: str | None = None
) -> list[str]:
    """Return an explicit list (CEP 23): one URL per package, dependencies first.

    Packages that such a list cannot contain (wheels, host interpreters) become comments that say
    how they can be installed.

    Args:
        records: The packages.
        platform: The subdir for the header.
        anchor: The hash to append to each URL: ``md5`` or ``sha256``.
    """
    lines = [
        "# This file may be used to create an environment using:",
        "# $ minicon create --name <env> --file <this file>",
        f"# platform: {platform}",
        "@EXPLICIT",
    ]
    from minicon.solver.result.dependencies import in_link_order

    for record in in_link_order({each.name: each.record for each in records}):
        if record.source == "interpreter" or record.is_wheel or not record.url:
            lines.append(f"# not in this list: {record.dist_name}; {_other_way(record)}")
        elif anchor == "sha256" and record.sha256:
            lines.append(f"{record.url}#sha256:{record.sha256}")
        else:
            lines.append(f"{record.url}#{record.md5}" if anchor and record.md5 else record.url)
    return lines


def _other_way(record: RepodataRecord) -> str:
    """How to install a package that an explicit list cannot contain."""
    if record.source == "pypi":
        return f"pip install {record.name}=={record.version}"
    if record.is_wheel:
        return f"pip install {record.url}"
    if record.source == "interpreter":
        return f"an interpreter of this machine: install {record.name}={record.version}"
    return "its URL is unknown"


def environment_table(entries: Iterable[tuple[str, str, bool]]) -> str:
    """Return the output of ``env list``.

    Args:
        entries: Name, path, and whether it is active (shown as a star) of each environment.
    """
    rows = [(name, "*" if active else "", path) for name, path, active in entries]
    return "\n".join(["# environments:", "#", *filter(None, table(rows).split("\n"))])


def search_head(*, of_builds: bool) -> tuple[str, ...]:
    """Return the header above :func:`search_rows`."""
    return ("# Name", "Version", "Build" if of_builds else "Builds", "Channel")


def search_rows(records: Sequence[RepodataRecord], *, of_builds: bool) -> list[tuple[str, ...]]:
    """Return the rows of ``search``: one per version of a channel, or per build.

    Args:
        records: Those of one name, in the order of the rows.
        of_builds: Whether each build has a row; else a version has the number of its builds.
    """
    channels = {record.channel: short_channel(record.channel) for record in records}
    if of_builds:
        return [(r.name, r.version, r.build, channels[r.channel]) for r in records]
    counts: dict[tuple[str, str], int] = {}
    for record in records:
        row = (record.version, channels[record.channel])
        counts[row] = counts.get(row, 0) + 1
    name = records[0].name
    return [(name, version, str(n), channel) for (version, channel), n in counts.items()]


def newest_rows(rows: Sequence[tuple[str, ...]], limit: int) -> list[tuple[str, ...]]:
    """Return the last rows of each name, at most ``limit``; 0 means all."""
    if not limit:
        return list(rows)
    by_name: dict[str, list[tuple[str, ...]]] = {}
    for row in rows:
        by_name.setdefault(row[0], []).append(row)
    return [row for group in by_name.values() for row in group[-limit:]]


def search_objects(
    records: Sequence[RepodataRecord],
    run_exports: Mapping[RepodataRecord, Mapping[str, Sequence[str]]],
) -> dict[str, list[Any]]:
    """Return the document of ``search --json``: name to records, oldest first as conda's.

    The channel is a URL with the subdir; run exports are included if known.
    """
    found: dict[str, list[Any]] = {}
    for record in records:
        shown = record.to_json()
        if "://" in shown["channel"]:
            shown["channel"] = f"{shown['channel']}/{record.subdir}"
        exports = {"run_exports": run_exports[record]} if record in run_exports else {}
        found.setdefault(record.name, []).append({**shown, **exports})
    return dict(sorted(found.items()))


def record_details(record: RepodataRecord, run_exports: Mapping[str, Sequence[str]]) -> str:
    """Return the output of ``search --info`` for one record."""
    facts = [
        ("file name", record.fn),
        ("name", record.name),
        ("version", record.version),
        ("build", record.build),
        ("build number", str(record.build_number)),
        ("size", human_size(record.size)),
        ("license", record.license or ""),
        ("subdir", record.subdir),
        ("url", record.url),
        ("md5", record.md5 or ""),
        ("sha256", record.sha256 or ""),
        ("dependencies", ", ".join(record.depends)),
        ("constraints", ", ".join(record.constrains)),
        ("features", ", ".join(record.features)),
        ("track features", ", ".join(record.track_features)),
        ("flags", ", ".join(record.flags)),
        *((f"extra {name}", ", ".join(texts)) for name, texts in record.extra_depends.items()),
        *((f"run exports, {kind}", ", ".join(specs)) for kind, specs in run_exports.items()),
    ]
    title = record.dist_name
    lines = table((key, ":", value) for key, value in facts if value)
    return f"{title}\n{'-' * len(title)}\n{lines}"


def notice_lines(notices: Iterable[Notice]) -> Iterator[str]:
    """Yield a heading per channel, followed by its notices (CEP 6)."""
    from itertools import groupby

    for channel, group in groupby(notices, key=lambda notice: notice.channel):
        yield f'\nChannel "{channel}" has the following notices:'
        for notice in group:
            moment = f"{notice.created:%c}" if notice.created else ""
            yield f"  [{notice.level}] -- {moment}\n  {notice.message}\n"
