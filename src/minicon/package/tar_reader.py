"""TarReader: a decompressed tar stream as members, every rule of the format checked."""

from __future__ import annotations

from minicon.fs.safe_path import is_ordinary, path_problem
from minicon.package.members import ArchiveMember, MemberKind
from minicon.package.problems import damaged, unsafe
from minicon.package.tar_header import (
    BLOCK,
    HEADER_LIMIT,
    TarError,
    TarHeader,
    apply_pax,
    check_global_pax,
    long_name,
    parse_header,
    parse_pax,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PIECE = 1 << 18
#: Zero bytes allowed behind the last member; writers pad to 10 or 20 KiB.
_PADDING_LIMIT = 1 << 20
_ZEROS = bytes(BLOCK)
_KINDS = {
    b"0": MemberKind.FILE,
    b"\0": MemberKind.FILE,
    b"7": MemberKind.FILE,
    b"1": MemberKind.HARD_LINK,
    b"2": MemberKind.SYMBOLIC_LINK,
    b"5": MemberKind.DIRECTORY,
}
#: PAX headers and GNU's long names.
_EXTENSIONS = (b"x", b"g", b"L", b"K")
_LINKS = (MemberKind.HARD_LINK, MemberKind.SYMBOLIC_LINK)
_REFUSED = {
    b"3": "is a character device",
    b"4": "is a block device",
    b"6": "is a named pipe",
    b"S": "is a sparse file",
}


class TarReader:
    """Iterates over the members of one tar stream.

    Args:
        read: Gives at most N decompressed bytes, none at the end; the buffer it returns may be
            used again by its next call.
        archive: Name of the archive, for errors.
    """

    def __init__(self, read: Callable[[int], bytes | memoryview], archive: str) -> None:
        self._read = read
        self._archive = archive
        self._chunk = memoryview(b"")
        self._size = 0  # of the chunk
        self._position = 0

    def __iter__(self) -> Iterator[ArchiveMember]:
        """Yield each member; content that is not asked for is skipped.

        Raises:
            UnsafeArchive: A path leaves its folder, a member is special, headers contradict.
            PackageError: The stream is cut or is not a tar archive.
        """
        try:
            while (header := self._next_header()) is not None:
                member = self._member(header)
                yield member
                if member.data is None:
                    for _ in member.chunks():
                        pass
                    self._take(-header.size % BLOCK)
        except TarError as error:
            raise unsafe(self._archive, str(error)) from None
        self._check_end()

    def _next_header(self) -> TarHeader | None:
        """The next member's header, its PAX and long-name headers applied; None at the end."""
        header = self._header()
        if header is None or header.type not in _EXTENSIONS:
            return header
        return self._extended(header)

    def _header(self) -> TarHeader | None:
        """One header as it stands; None where the archive ends."""
        end = self._position + BLOCK
        if end <= self._size:
            block = self._chunk[self._position : end].tobytes()
            self._position = end
        else:
            block = bytes(self._take(BLOCK))
        return None if block == _ZEROS else parse_header(block)

    def _extended(self, header: TarHeader) -> TarHeader:
        """The header that this extension and those behind it belong to."""
        extra: dict[str, str] = {}
        seen = b""
        while True:
            if header.type not in _EXTENSIONS:
                apply_pax(header, extra)
                return header
            if header.type in seen:
                raise TarError("has two headers of one kind for one member")
            data = self._take_extension(header.size)
            if header.type == b"g":
                check_global_pax(parse_pax(data))
            else:
                seen += header.type
                for key, value in _extension(header.type, data).items():
                    if extra.setdefault(key, value) != value:
                        raise TarError(f"has two headers that disagree on a member's {key}")
            following = self._header()
            if following is None:
                raise TarError("ends behind a header that describes no member")
            header = following

    def _take_extension(self, size: int) -> bytes:
        if size > HEADER_LIMIT:
            raise TarError(f"has a header of {size} bytes")
        data = bytes(self._take(size))
        self._take(-size % BLOCK)
        return data

    def _member(self, header: TarHeader) -> ArchiveMember:
        kind = MemberKind.FILE if header.type == b"0" else self._unusual_kind(header)
        is_link = kind in _LINKS
        if is_link and not header.link:
            raise unsafe(self._archive, f"is a {kind} whose target is empty", member=header.name)
        data = self._at_hand(header.size)
        return ArchiveMember(
            self._checked_path(header.name, kind),
            kind,
            size=header.size,
            executable=header.mode & 0o111 != 0,
            modified_ns=header.modified_ns,
            target=header.link if is_link else "",
            data=data,
            chunks=self._content(header.size) if data is None else None,
        )

    def _unusual_kind(self, header: TarHeader) -> str:
        kind = _KINDS.get(header.type)
        if kind is None:
            problem = _REFUSED.get(header.type, "is of a kind that packages do not have")
            raise unsafe(self._archive, problem, member=header.name)
        if kind == MemberKind.FILE and header.type == b"\0" and header.name.endswith("/"):
            kind = MemberKind.DIRECTORY  # how tar wrote folders before 1988
        if kind != MemberKind.FILE and header.size:
            raise unsafe(self._archive, f"is a {kind} with content", member=header.name)
        return kind

    def _at_hand(self, size: int) -> memoryview | None:
        """The next SIZE bytes, if they and their padding were read already: then both are taken."""
        start = self._position
        end = start + size + -size % BLOCK
        if end > self._size:
            return None
        self._position = end
        return self._chunk[start : start + size]

    def _checked_path(self, name: str, kind: str) -> str:
        path = plain_path(name)
        if is_ordinary(path) and name[0] != "/" and name[-1] != "/":
            return path
        if kind == MemberKind.DIRECTORY and not path and name and not name.startswith("/"):
            return "."
        problem = path_problem(path)
        if problem is None and name.startswith("/"):
            problem = "is absolute"
        if problem is None and name.endswith("/") and kind != MemberKind.DIRECTORY:
            problem = "ends in a slash but is no folder"
        if problem is not None:
            raise unsafe(self._archive, f"has a path that {problem}", member=name)
        return path

    def _content(self, size: int) -> Iterator[memoryview]:
        while size:
            if self._position == self._size:
                self._refill()
            piece = self._chunk[self._position : self._position + size]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def _take(self, size: int) -> memoryview | bytes:
        """Exactly SIZE bytes, valid until the next call."""
        piece = self._chunk[self._position : self._position + size]
        self._position += len(piece)
        if len(piece) == size:
            return piece
        parts = bytearray(piece)
        while len(parts) < size:
            self._refill()
            piece = self._chunk[: size - len(parts)]
            self._position = len(piece)
            parts += piece
        return bytes(parts)

    def _refill(self) -> None:
        data = self._read(_PIECE)
        if not data:
            raise damaged(self._archive, "is cut short")
        self._chunk = memoryview(data)
        self._size = len(data)
        self._position = 0

    def _check_end(self) -> None:
        """Nothing but padding may follow the last member, or a reader could miss something."""
        rest: bytes | memoryview = self._chunk[self._position :]
        padding = 0
        while rest:
            padding += len(rest)
            if bytes(rest).strip(b"\0"):
                raise unsafe(self._archive, "has data behind its end")
            if padding > _PADDING_LIMIT:
                raise unsafe(self._archive, "has too much padding behind its end")
            rest = self._read(_PIECE)


def plain_path(name: str) -> str:
    """A member's path without ``./``, doubled and trailing slashes; ``..`` is kept."""
    if "//" in name or "./" in name or name.endswith(("/", ".")):
        return "/".join(part for part in name.split("/") if part not in ("", "."))
    return name


def _extension(kind: bytes, data: bytes) -> dict[str, str]:
    if kind == b"x":
        return parse_pax(data)
    return {"path" if kind == b"L" else "linkpath": long_name(data)}
