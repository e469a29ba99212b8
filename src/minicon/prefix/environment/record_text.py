"""The text of a ``conda-meta`` record: what ``json.dumps(record.to_json())`` gives, sooner.

A record of a large package has thousands of entries, nearly all of one shape. Their text comes
ready from the package's manifest, or is written directly: else it would be a sixth of all linking.
"""

from __future__ import annotations

import json

from minicon.models.prefix_record import PrefixRecord
from minicon.package.manifest import files_text, paths_text

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


def record_text(record: PrefixRecord, *, files: bytes = b"", paths: bytes = b"") -> bytes:
    """The record as JSON, in one line, keys in conda's order.

    Args:
        record: The package; its own files come last.
        files: JSON texts of further paths, with commas between.
        paths: JSON objects of their entries, with commas between.
    """
    frame = PrefixRecord(
        record.record,
        files=(),
        paths=(),
        requested_specs=record.requested_specs,
        link=record.link,
        extracted_package_dir=record.extracted_package_dir,
        package_tarball_full_path=record.package_tarball_full_path,
    ).to_json()
    lists = {
        "files": [b'"files": [', files, files_text(record.files), b"]"],
        "paths_data": [
            *(b'"paths_data": {"paths_version": 1, "paths": [', paths),
            *(paths_text(record.paths), b"]}"),
        ],
    }
    members: list[bytes] = []
    others: dict[str, Any] = {}  # that follow one another; told by json all at once
    for key, value in frame.items():
        if key not in lists:
            others[key] = value
            continue
        start, given, own, end = lists[key]
        comma = b", " if given and own else b""
        members += [_members(others), b"".join((start, given, comma, own, end))]
        others = {}
    members.append(_members(others))
    return b"{" + b", ".join(filter(None, members)) + b"}"


def _members(data: Mapping[str, Any]) -> bytes:
    """An object as JSON, without its braces."""
    return json.dumps(data)[1:-1].encode()
