"""TarReader: read a decompressed tar stream as members, checking every rule of the format.

Nearly all members are plain files: an ordinary path, perhaps a PAX time, and content that fits
into the buffer. Those are read by two regular expressions; all others field by field.
"""

from __future__ import annotations

from minicon.archive.members import ArchiveMember, MemberKind, file_mode
from minicon.archive.problems import damaged, unsafe
from minicon.archive.tar_header import (
    BLOCK,
    HEADER_LIMIT,
    LATEST,
    NAME_LENGTH,
    PLAIN_FILE,
    TIME_HEADER,
    TarError,
    TarHeader,
    apply_pax,
    check_global_pax,
    is_checksum,
    long_name,
    parse_header,
    parse_pax,
    time_of_header,
)
from minicon.fs.safe_path import is_ordinary, path_problem

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

#: Bytes of the buffer. It fits into a processor's cache, and few files are longer.
_BUFFER = 1 << 18
#: Zero bytes allowed after the last member; writers pad to 10 or 20 KiB.
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
        read_into: Fills the start of a buffer with decompressed bytes and returns their number;
            0 at the end of the stream.
        archive: Name of the archive, for errors.
        component: Component of the archive; see :class:`ArchiveMember`.
    """

    def __init__(
        self, read_into: Callable[[memoryview], int], archive: str, component: str = "all"
    ) -> None:
        self._read_into = read_into
        self._archive = archive
        self._component = component
        self._buffer = bytearray(_BUFFER)
        self._view = memoryview(self._buffer)
        self._position = 0
        self._end = 0

    def __iter__(self) -> Iterator[ArchiveMember]:
        """Yield each member; content that is not read is skipped.

        Raises:
            UnsafeArchive: A path leads outside, a member is special, or headers contradict.
            PackageError: The stream is truncated or is not a tar archive.
        """
        try:
            while True:
                yield from self._plain_files()
                header = self._next_header()
                if header is None:
                    break
                member = self._member(header)
                yield member
                if member.data is None:
                    for _ in member.chunks():
                        pass
                    self._take(-header.size % BLOCK)
        except TarError as error:
            raise unsafe(self._archive, str(error)) from None
        self._check_end()

    def _plain_files(self) -> Iterator[ArchiveMember]:
        """Yield the next plain files, up to the first member of another kind.

        The inner loop of every extraction. It refuses nothing: what it does not recognise is left
        in the buffer for the methods that read field by field.
        """
        buffer, view, component = self._buffer, self._view, self._component
        match_file, match_time, kind = PLAIN_FILE.match, TIME_HEADER.match, MemberKind.FILE
        while self._end - self._position >= 3 * BLOCK or self._ahead(3 * BLOCK):
            start = header = self._position
            time = match_time(buffer, start)
            if time is not None:
                header += 2 * BLOCK
            found = match_file(buffer, header)
            content = header + BLOCK
            if found is None:
                return
            path, mode, digits, modified, checksum = found.groups()
            if len(path) >= NAME_LENGTH or not is_checksum(view[header:content], checksum):
                return
            if time is None:
                modified_ns = min(int(modified, 8), LATEST) * 1_000_000_000
            elif is_checksum(view[start : start + BLOCK], time[2]):
                modified_ns = time_of_header(time)
                if modified_ns < 0:
                    return
            else:
                return
            end = content + int(digits, 8)
            following = end + (content - end) % BLOCK
            if following > self._end:
                if not self._ahead(following - start):
                    return
                continue  # all of it has moved
            self._position = following
            yield ArchiveMember(
                path.decode(),
                kind,
                end - content,
                0o644 if mode == b"0000644" else file_mode(int(mode, 8)),
                modified_ns,
                "",
                view[content:end],
                None,
                component,
            )

    def _ahead(self, count: int) -> bool:
        """Make ``count`` bytes available at the position; False if the buffer or stream ends."""
        if self._end - self._position >= count:
            return True
        if count > _BUFFER:
            return False
        rest = self._end - self._position
        self._view[:rest] = self._view[self._position : self._end]
        self._position, self._end = 0, rest
        while self._end < count:
            filled = self._read_into(self._view[self._end :])
            if not filled:
                return False
            self._end += filled
        return True

    def _next_header(self) -> TarHeader | None:
        """Read the next header with its PAX and long-name headers applied; None at the end."""
        header = self._header()
        if header is None or header.type not in _EXTENSIONS:
            return header
        return self._extended(header)

    def _header(self) -> TarHeader | None:
        """Read one header without extensions; None at the end of the archive.

        Some writers omit the two blocks of zeros. That nothing is missing is checked with
        ``info/paths.json`` instead; conda and libarchive do not require the blocks either.
        """
        if not self._ahead(1):
            return None
        block = bytes(self._take(BLOCK))
        return None if block == _ZEROS else parse_header(block)

    def _extended(self, header: TarHeader) -> TarHeader:
        """Return the header that this extension and the following ones belong to."""
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
                raise TarError("ends after a header that describes no member")
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
        data = self._whole_content(header.size)
        return ArchiveMember(
            self._checked_path(header.name, kind),
            kind,
            header.size,
            file_mode(header.mode),
            header.modified_ns,
            header.link if is_link else "",
            data,
            self._content(header.size) if data is None else None,
            self._component,
        )

    def _unusual_kind(self, header: TarHeader) -> str:
        kind = _KINDS.get(header.type)
        if kind is None:
            problem = _REFUSED.get(header.type, "is of a kind that packages do not have")
            raise unsafe(self._archive, problem, member=header.name)
        if kind == MemberKind.FILE and header.type == b"\0" and header.name.endswith("/"):
            kind = MemberKind.DIRECTORY  # the form of folders before POSIX.1-1988
        if kind != MemberKind.FILE and header.size:
            raise unsafe(self._archive, f"is a {kind} with content", member=header.name)
        return kind

    def _whole_content(self, size: int) -> memoryview | None:
        """Consume ``size`` bytes and their padding; None if the buffer cannot hold them."""
        if not self._ahead(size + -size % BLOCK):
            return None
        start = self._position
        self._position = start + size + -size % BLOCK
        return self._view[start : start + size]

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
            if self._position == self._end:
                self._refill()
            piece = self._view[self._position : min(self._position + size, self._end)]
            self._position += len(piece)
            size -= len(piece)
            yield piece

    def _take(self, size: int) -> memoryview | bytes:
        """Consume exactly ``size`` bytes, valid until the next call."""
        if self._ahead(size):
            start = self._position
            self._position = start + size
            return self._view[start : start + size]
        parts = bytearray()
        for piece in self._content(size):
            parts += piece
        return bytes(parts)

    def _refill(self) -> None:
        self._position, self._end = 0, self._read_into(self._view)
        if not self._end:
            raise damaged(self._archive, "is cut short")

    def _check_end(self) -> None:
        """Refuse anything but padding after the last member: another reader could see more."""
        padding = 0
        while self._ahead(1):
            rest = bytes(self._view[self._position : self._end])
            self._position = self._end
            padding += len(rest)
            if rest != bytes(len(rest)):
                raise unsafe(self._archive, "has data after its end")
            if padding > _PADDING_LIMIT:
                raise unsafe(self._archive, "has too much padding after its end")


def plain_path(name: str) -> str:
    """Remove ``./``, doubled and trailing slashes from a member's path; keep ``..``."""
    if "//" in name or "./" in name or name.endswith(("/", ".")):
        return "/".join(part for part in name.split("/") if part not in ("", "."))
    return name


def _extension(kind: bytes, data: bytes) -> dict[str, str]:
    if kind == b"x":
        return parse_pax(data)
    return {"path" if kind == b"L" else "linkpath": long_name(data)}
