"""Update the records of packages after some of their files were rewritten."""

from __future__ import annotations

import contextlib
import json
import os
from base64 import urlsafe_b64encode
from typing import NamedTuple

from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import cut_out_paths, split_items
from minicon.models.prefix_record import without_secrets_in
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator, Mapping
    from typing import Any

_LIST = b'"paths": ['
_PATH = lazy_pattern(r'"_path":\s*"([^"\\]*)"')


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

    Its entries are returned in pieces, and parsed only where one changes: parsed, they take ten
    times their text.

    Args:
        before: The record.
        installed: Gives the path in the prefix of a path of the record.
        changes: The rewritten files, by path in the prefix.
        left_out: Files, by path in the prefix, whose entries are dropped.
        members: Further new members of the record.
    """
    edit = _EntriesEdit(installed, changes, left_out)
    found = cut_out_paths(before)
    if found is not None:
        with contextlib.suppress(ValueError):  # a string looked like the end of the list
            frame = json.dumps({**without_secrets_in(read_json(found[0])), **members}).encode()
            start, end = frame.split(_LIST + b"]")  # ValueError if there are several
            return [start, _LIST, *edit.text(found[1]), b"]", end]
    record = {**without_secrets_in(read_json(before)), **members}
    listed = record.get("paths_data") or {}
    if listed.get("paths"):
        listed["paths"] = edit.entries(listed["paths"])
    return [json.dumps(record).encode()]


class _EntriesEdit(NamedTuple):
    """The change of a record's entries, see :func:`updated_record`."""

    installed: Callable[[str], str]
    changes: Mapping[str, Rewritten]
    left_out: Collection[str]

    def entries(self, entries: list[dict[str, Any]]) -> list[dict[str, Any]]:
        """Return the new entries; changes those that were passed."""
        by_path = [(self.installed(entry["_path"]), entry) for entry in entries]
        for path, entry in by_path:
            if path in self.changes:
                _update_entry(entry, self.changes[path])
        return [entry for path, entry in by_path if path not in self.left_out]

    def text(self, items: memoryview) -> Iterator[bytes]:
        """Yield the text of the new entries in pieces. Raises ValueError if it is not JSON."""
        separator, left = "", len(items)
        for text in split_items(items):
            piece = str(text, "utf-8")
            left -= len(text) + 1
            # The last one is always parsed: it shows whether the list was cut at its end.
            if left < 0 or self._has_changes(piece):
                piece = json.dumps(self.entries(read_json(f"[{piece}]")))[1:-1]
            if piece:
                yield f"{separator}{piece}".encode()
                separator = ", "

    def _has_changes(self, items: str) -> bool:
        paths = _PATH.findall(items)
        if len(paths) != items.count('"_path"'):
            return True  # one has an escape
        return any(
            path in self.changes or path in self.left_out for path in map(self.installed, paths)
        )


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
