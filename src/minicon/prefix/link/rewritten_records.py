"""Update the records of packages after some of their files were rewritten."""

from __future__ import annotations

import os
from base64 import urlsafe_b64encode
from typing import NamedTuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any


class Rewritten(NamedTuple):
    """The new content of a file: its hash, or None while that is not known, and its bytes."""

    sha256: str | None
    size: int


def update_record(
    data: dict[str, Any], in_prefix: Mapping[str, str], changes: Mapping[str, Rewritten]
) -> None:
    """Put new hashes and sizes into the JSON object of a record.

    Args:
        data: The object; it is changed.
        in_prefix: Path in the prefix of each path of the record.
        changes: The rewritten files, by path in the prefix.
    """
    for entry in (data.get("paths_data") or {}).get("paths") or ():
        change = changes.get(in_prefix.get(entry.get("_path"), ""))
        if change is None:
            continue
        is_plain = (
            "sha256" in entry and not {"sha256_in_prefix", "prefix_placeholder"} & entry.keys()
        )
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
