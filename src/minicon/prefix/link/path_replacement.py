"""Replace the environment's path in a linked file by another, without the package.

The original is restored first (path to placeholder). If its hash is that in the package, putting
the new path into it is exact. Otherwise the file was changed, and only the path is replaced.
"""

from __future__ import annotations

import re

from minicon.fs.hashing import sha256_of
from minicon.lean_dataclasses import dataclass
from minicon.prefix.link.prefix_bytes import ENCODINGS, replace_in_text
from minicon.prefix.link.relocate import relocate

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.package_files import PathsEntry

_PATH_ENDS = rb"(?![A-Za-z0-9._+~-])"


@dataclass(frozen=True, slots=True, kw_only=True)
class Relocation:
    """A change of an environment's path.

    Attributes:
        old: Path that the files contain now.
        new: Path that they shall contain.
        subdir: Platform of the environment, for instance ``linux-64``.
        share: Whether files that do not change are hard-linked; else they are copied.
        share_packages: Whether files of packages that have further names (in the package cache)
            are hard-linked in any case.
    """

    old: str
    new: str
    subdir: str
    share: bool
    share_packages: bool = True


def relocate_again(data: bytes, entry: PathsEntry, relocation: Relocation) -> bytes:
    """Compute the content of a linked file for another path.

    Raises:
        PrefixError: There is no room for the new path.
    """
    original, is_exact = restore_original(data, entry, relocation.old)
    if is_exact:
        return relocate(original, entry, relocation.new, relocation.subdir)
    if entry.file_mode == "binary":
        # Signed or changed since: the original is not known, so each string keeps its length.
        return relocate(original, entry, relocation.new, relocation.subdir)
    return replace_path(data, relocation)


def restore_original(data: bytes, entry: PathsEntry, old: str) -> tuple[bytes, bool]:
    """Return a linked file as it is in the package, and whether that is certain.

    Args:
        data: The content in an environment.
        entry: Its placeholder, and its hash in the package.
        old: Path of the environment.
    """
    original = _with_placeholder(data, entry, old)
    return original, bool(entry.sha256) and sha256_of(original) == entry.sha256


def _with_placeholder(data: bytes, entry: PathsEntry, old: str) -> bytes:
    """Reverse :func:`minicon.prefix.link.relocate.relocate`."""
    placeholder = entry.prefix_placeholder or ""
    for encoding, width in ENCODINGS.items():
        was, now = placeholder.encode(encoding), old.encode(encoding)
        if entry.file_mode == "binary":
            data = _restore_runs(data, now, was, width)
        else:
            data = data.replace(now, was)
    return data


def _restore_runs(data: bytes, now: bytes, was: bytes, width: int) -> bytes:
    """Put the longer placeholder back into each NUL-terminated string, and remove its padding."""
    if len(now) > len(was):
        return data
    parts: list[bytes] = []
    position = 0
    nul = b"\0" * width
    while (start := data.find(now, position)) >= 0:
        end = data.find(nul, start + len(now))
        while end >= 0 and (end - start) % width:
            end = data.find(nul, end + 1)
        end = len(data) if end < 0 else end
        run = data[start:end]
        room = (len(was) - len(now)) * run.count(now)
        if data[end : end + room].count(0) != room:
            parts.append(data[position:end])
            position = end
            continue
        parts += data[position:start], run.replace(now, was)
        position = end + room
    parts.append(data[position:])
    return b"".join(parts)


def replace_path(data: bytes, relocation: Relocation) -> bytes:
    """Replace the path where it is complete: ``/envs/a``, but not in ``/envs/ab``."""
    old = relocation.old.encode()
    pattern = re.compile(re.escape(old) + _PATH_ENDS)
    if data.startswith(b"#!"):
        end = data.find(b"\n")
        end = len(data) if end < 0 else end
        if pattern.search(data, 0, end):
            # Shebang lines have rules of their own.
            mark = "/" + "\x01" * 8
            line = pattern.sub(mark.encode(), data[:end])
            rest = pattern.sub(relocation.new.encode(), data[end:])
            return replace_in_text(line + rest, mark, relocation.new, relocation.subdir)
    return pattern.sub(lambda _: relocation.new.encode(), data)
