"""Update the records of packages after some of their files were rewritten."""

from __future__ import annotations

import contextlib
import json
import os
from base64 import urlsafe_b64encode
from typing import NamedTuple

from minicon.models.package_files import cut_out_paths, parse_items
from minicon.models.prefix_record import without_secrets_in
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Mapping
    from typing import Any

_LIST = b'"paths": ['


class Rewritten(NamedTuple):
    """The new content of a file: its hash, or None while that is not known, and its bytes."""

    sha256: str | None
    size: int


def updated_record(
    before: bytes,
    installed: Callable[[str], str],
    changes: Mapping[str, Rewritten],
    *,
    left_out: Collection[str] = (),
    **members: Any,
) -> list[bytes]:
    """Return a record of ``conda-meta`` with new hashes and sizes, and without secrets.

    Its entries are parsed and returned in pieces: parsed, they take ten times their text.

    Args:
        before: The record.
        installed: Gives the path in the prefix of a path of the record.
        changes: The rewritten files, by path in the prefix.
        left_out: Files, by path in the prefix, whose entries are dropped.
        members: Further new members of the record.
    """

    def updated(entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        by_path = [(installed(entry["_path"]), entry) for entry in entries]
        for path, entry in by_path:
            if path in changes:
                _update_entry(entry, changes[path])
        return [entry for path, entry in by_path if path not in left_out]

    found = cut_out_paths(before)
    if found is not None:
        with contextlib.suppress(ValueError):  # a string looked like the end of the list
            frame = json.dumps({**without_secrets_in(read_json(found[0])), **members}).encode()
            start, end = frame.split(_LIST + b"]")  # ValueError if there are several
            pieces = [start, _LIST]
            for kept in filter(None, map(updated, parse_items(found[1]))):
                pieces.append(b", " * (pieces[-1] is not _LIST) + json.dumps(kept)[1:-1].encode())
            return [*pieces, b"]", end]
    record = {**without_secrets_in(read_json(before)), **members}
    listed = record.get("paths_data") or {}
    if listed.get("paths"):
        listed["paths"] = updated(listed["paths"])
    return [json.dumps(record).encode()]


def _update_entry(entry: dict[str, Any], change: Rewritten) -> None:
    is_plain = "sha256" in entry and not {"sha256_in_prefix", "prefix_placeholder"} & entry.keys()
    key = "sha256" if is_plain else "sha256_in_prefix"
    if change.sha256 is None:
        entry.pop("sha256_in_prefix", None)
    else:
        entry[key] = change.sha256
    if "prefix_placeholder" not in entry and "size_in_bytes" in entry:
        entry["size_in_bytes"] = change.size


def updated_wheel_record(before: bytes, path: str, changes: Mapping[str, Rewritten]) -> bytes:
    """Return a wheel's ``RECORD``, which pip checks, with new hashes and sizes.

    Args:
        before: The file.
        path: Its path in the prefix.
        changes: The rewritten files, by path in the prefix.
    """
    site_packages = path.rpartition("/")[0].rpartition("/")[0]
    lines = before.decode("utf-8", "surrogateescape").split("\n")
    for index, line in enumerate(lines):
        name, _, rest = line.partition(",")
        change = changes.get(os.path.normpath(f"{site_packages}/{name}").replace(os.sep, "/"))
        if change is None or not (rest.startswith("sha256=") or rest == ","):
            continue
        if change.sha256 is None:
            lines[index] = f"{name},,"
            continue
        digest = urlsafe_b64encode(bytes.fromhex(change.sha256)).rstrip(b"=").decode()
        has_size = rest == "," or rest.rpartition(",")[2]
        lines[index] = f"{name},sha256={digest},{change.size if has_size else ''}"
    return "\n".join(lines).encode("utf-8", "surrogateescape")
