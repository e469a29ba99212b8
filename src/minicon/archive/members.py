"""ArchiveMember: one file, folder or link of a package archive, not yet on disk."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


class MemberKind:
    """Kinds of members. Archives with any other (devices, pipes) are refused."""

    FILE = "file"
    DIRECTORY = "directory"
    SYMBOLIC_LINK = "symbolic link"
    HARD_LINK = "hard link"


def file_mode(mode: int) -> int:
    """Permissions of a package's file: 0755 or 0644, less those that the archive withholds.

    A file that is private in the archive (0600) stays private. Nothing else is taken from it: no
    special bits, no write permission for others, and always the owner's.
    """
    usual = 0o755 if mode & 0o111 else 0o644
    return usual & (mode | 0o700) if mode & 0o777 else usual


class ArchiveMember:
    """One member, valid until the next one is read.

    Attributes:
        path: Relative path, checked by :func:`minicon.fs.safe_path.path_problem`.
        kind: One of :class:`MemberKind`.
        size: Bytes of content; 0 for all but files.
        mode: Permissions to write a file with, see :func:`file_mode`.
        modified_ns: Modification time, in nanoseconds since 1970.
        target: Text of a link, unchecked; empty for other kinds.
        component: ``info`` or ``pkg`` in a ``.conda``; ``all`` in a ``.tar.bz2``.
        data: The whole content if it is in memory in one piece, else None.
    """

    __slots__ = (
        "_chunks",
        "component",
        "data",
        "kind",
        "mode",
        "modified_ns",
        "path",
        "size",
        "target",
    )

    def __init__(
        self,
        path: str,
        kind: str,
        size: int,
        mode: int,
        modified_ns: int,
        target: str,
        data: memoryview | None,
        chunks: Iterator[memoryview] | None,
        component: str,
    ) -> None:
        self.path = path
        self.kind = kind
        self.size = size
        self.mode = mode
        self.modified_ns = modified_ns
        self.target = target
        self.data = data
        self._chunks = chunks
        self.component = component

    def chunks(self) -> Iterator[memoryview]:
        """Yield the content once, in pieces that are valid until the next piece is read.

        Raises:
            PackageError: The archive is truncated, or its compressed stream is corrupt.
        """
        if self.data is not None:
            return iter((self.data,))
        return self._chunks if self._chunks is not None else iter(())

    def read(self) -> bytes:
        """Return the whole content; for small members."""
        return b"".join(bytes(chunk) for chunk in self.chunks())

    def __repr__(self) -> str:
        return f"ArchiveMember({self.path!r}, {self.kind!r}, size={self.size})"
