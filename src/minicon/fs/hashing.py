"""Hashes of files and of streams, and the comparison with those that are listed."""

from __future__ import annotations

import os
from typing import NamedTuple

from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

_PIECE = 1 << 18
#: Up to this size, loading OpenSSL for a hash takes longer than it saves.
_SHORT = 1 << 18


class FileDigest:
    """Incremental hash of a stream of bytes.

    Attributes:
        size: Number of bytes so far.
    """

    __slots__ = ("_md5", "_sha256", "size")

    def __init__(self, *, md5: bool = False) -> None:
        import hashlib

        self._sha256 = hashlib.sha256()
        self._md5 = hashlib.md5(usedforsecurity=False) if md5 else None
        self.size = 0

    def update(self, data: bytes | memoryview) -> None:
        """Add the next bytes."""
        self._sha256.update(data)
        if self._md5 is not None:
            self._md5.update(data)
        self.size += len(data)

    @property
    def sha256(self) -> str:
        """SHA-256 so far, hexadecimal."""
        return self._sha256.hexdigest()

    @property
    def md5(self) -> str:
        """MD5 so far, hexadecimal. Raises ValueError without ``md5=True``."""
        if self._md5 is None:
            raise ValueError("made without md5=True")
        return self._md5.hexdigest()


def hash_file(path: str | PathLike[str], *, md5: bool = False) -> FileDigest:
    """Hash a whole file, at about 0.5 to 2 GB/s. Raises OSError."""
    digest = FileDigest(md5=md5)
    with open(path, "rb", buffering=0) as reader:
        buffer = bytearray(_PIECE)
        view = memoryview(buffer)
        while count := reader.readinto(buffer):
            digest.update(view[:count])
    return digest


class Difference(NamedTuple):
    """One way in which content differs from what is listed.

    Attributes:
        what: ``size``, ``sha256`` or ``md5``.
        found: With its unit, e.g. ``8 bytes``.
        expected: As listed, with its unit.
    """

    what: str
    found: str
    expected: str

    def __str__(self) -> str:
        return f"has {self.found}" if self.what == "size" else f"has {self.what} {self.found}"


class ListedContent(NamedTuple):
    """Size and hash of a file as a channel, an index or a package lists them; None if it does not.

    Attributes:
        size: In bytes.
        sha256: Hexadecimal.
        md5: Hexadecimal; used only without a sha256.
    """

    size: int | None = None
    sha256: str | None = None
    md5: str | None = None

    @property
    def needs_md5(self) -> bool:
        """Whether only the md5 proves the content."""
        return self.sha256 is None and self.md5 is not None

    @property
    def has_hash(self) -> bool:
        """Whether content can be verified beyond its size."""
        return self.sha256 is not None or self.md5 is not None

    def difference(self, found: FileDigest) -> Difference | None:
        """Compare content with the listed size and hash; None if it matches."""
        if self.size is not None and found.size != self.size:
            return Difference("size", f"{found.size} bytes", f"{self.size} bytes")
        if self.sha256 is not None:
            return _hash_difference("sha256", found.sha256, self.sha256)
        return None if self.md5 is None else _hash_difference("md5", found.md5, self.md5)

    def difference_of_file(self, path: str | PathLike[str]) -> Difference | None:
        """Compare a file; it is read only if its size matches and a hash is listed.

        Raises OSError.
        """
        size = os.stat(path).st_size
        if not self.has_hash or self.size not in (None, size):
            found = FileDigest()
            found.size = size
            return ListedContent(self.size).difference(found)
        return self.difference(hash_file(path, md5=self.needs_md5))


def _hash_difference(what: str, found: str, expected: str) -> Difference | None:
    return None if found == expected.lower() else Difference(what, found, expected)


def sha256_of_file(path: str | PathLike[str]) -> str:
    """SHA-256 of a file, hexadecimal. Raises OSError."""
    return hash_file(path).sha256


def sha256_of(data: bytes | memoryview) -> str:
    """SHA-256 of bytes, hexadecimal."""
    if len(data) < _SHORT:
        return short_hash(data)
    import hashlib

    return hashlib.sha256(data).hexdigest()
