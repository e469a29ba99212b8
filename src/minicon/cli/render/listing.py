"""Records and environments as lines and objects, in conda's shapes."""

from __future__ import annotations

from minicon.cli.render.render import human_size, short_channel, table

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

#: The keys of conda's object for one installed package.
_DIST_KEYS = frozenset(
    {
        "base_url",
        "build_number",
        "build_string",
        "channel",
        "dist_name",
        "name",
        "platform",
        "version",
    }
)


def list_lines(
    path: Path, records: Sequence[PrefixRecord], arguments: argparse.Namespace, platform: str
) -> list[str]:
    """The output of ``list``: a table, an explicit list, or one line per package."""
    if arguments.explicit:
        anchor = "sha256" if arguments.sha256 else "md5" if arguments.md5 else None
        return explicit_lines(records, platform=platform, anchor=anchor)
    if arguments.export:
        return [f"{r.name}={r.record.version}={r.record.build}" for r in records]
    if arguments.canonical:
        return [f"{r.record.channel}/{r.record.subdir}::{r.record.dist_name}" for r in records]
    rows = ((r.name, r.record.version, r.record.build, r.record.channel) for r in records)
    return package_table(str(path), rows, whole_urls=arguments.show_channel_urls).split("\n")


def package_table(
    prefix: str, rows: Iterable[tuple[str, str, str, str]], *, whole_urls: bool = False
) -> str:
    """Packages as ``list`` shows them.

    Args:
        prefix: The environment.
        rows: Name, version, build and channel of each.
        whole_urls: Channels as URLs instead of their last part.
    """
    shown: list[tuple[str, ...]] = [("# Name", "Version", "Build", "Channel")]
    shown += [(*row[:3], row[3] if whole_urls else short_channel(row[3])) for row in rows]
    return f"# packages in environment at {prefix}:\n#\n{table(shown)}"


def list_objects(
    path: Path, records: Sequence[PrefixRecord], arguments: argparse.Namespace, platform: str
) -> list[Any]:
    """``list --json``: conda's dist objects (or the lines of --explicit and --export)."""
    if arguments.explicit or arguments.export or arguments.canonical:
        return list_lines(path, records, arguments, platform)
    return [dist_object(r.record) for r in records]


def dist_object(record: RepodataRecord) -> dict[str, Any]:
    """Conda's object for one installed package."""
    from minicon.prefix.plan.transaction import dist_json

    return {key: value for key, value in dist_json(record).items() if key in _DIST_KEYS}


def explicit_lines(
    records: Iterable[PrefixRecord], *, platform: str, anchor: str | None = None
) -> list[str]:
    """An explicit list (CEP 23): URLs, each with its ANCHOR, ``md5`` or ``sha256``, if asked for.

    What such a list cannot hold (wheels, interpreters) is named in a comment.
    """
    lines = [
        "# This file may be used to create an environment using:",
        "# $ minicon create --name <env> --file <this file>",
        f"# platform: {platform}",
        "@EXPLICIT",
    ]
    for installed in records:
        record = installed.record
        if record.source != "conda" or not record.url:
            lines.append(f"# {record.dist_name} is of {record.channel}: no explicit list holds it")
        elif anchor == "sha256" and record.sha256:
            lines.append(f"{record.url}#sha256:{record.sha256}")
        else:
            lines.append(f"{record.url}#{record.md5}" if anchor and record.md5 else record.url)
    return lines


def environment_table(entries: Iterable[tuple[str, str, bool]]) -> str:
    """The output of ``env list``: name, path and whether it is the active one, with a star."""
    rows = [(name, "*" if active else "", path) for name, path, active in entries]
    return "\n".join(["# environments:", "#", *filter(None, table(rows).split("\n"))])


def search_rows(records: Sequence[RepodataRecord]) -> list[tuple[str, ...]]:
    """The output of ``search``: a header and one row per build."""
    rows: list[tuple[str, ...]] = [("# Name", "Version", "Build", "Channel")]
    rows += [(r.name, r.version, r.build, short_channel(r.channel)) for r in records]
    return rows


def search_objects(
    records: Sequence[RepodataRecord],
    run_exports: Mapping[RepodataRecord, Mapping[str, Sequence[str]]],
) -> dict[str, list[Any]]:
    """``search --json``: name to records, with their run exports where they were looked up."""
    found: dict[str, list[Any]] = {}
    for record in records:
        exports = {"run_exports": run_exports[record]} if record in run_exports else {}
        found.setdefault(record.name, []).append({**record.to_json(), **exports})
    return found


def record_details(record: RepodataRecord, run_exports: Mapping[str, Sequence[str]]) -> str:
    """The output of ``search --info`` for one record."""
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
