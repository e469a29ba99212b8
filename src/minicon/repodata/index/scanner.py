"""Cut repodata into members by name, while it arrives and with hardly any JSON parsing.

The ``repodata.json`` of a large channel has hundreds of megabytes of flat records, sorted by file
name. Parsing it costs more than everything else that an install does, and nearly all records are
never used. So blocks of it are cut by C code where the name changes::

    {"info":{…},"packages":{"a-1-0.tar.bz2":{…},"a-2-0.tar.bz2":{…},"b-1-0.tar.bz2":{…}},…
                            └─────────── run of a ────────────────┘ └──── run of b ────┘

A run ends at the last ``},"`` before another ``"name":"…"``. **That is safe** if

1. the block contains no backslash: then every quote begins or ends a string;
2. the run begins with ``"NAME-``, a file name of its own name;
3. it has as many ``{``, and as many ``}``, as it has ``"name":"NAME"``.

By 1, a ``},"`` inside a string contains the quote that ends it; a comma, a colon or a bracket
follows, which breaks rule 2. By 3, the run contains no nested values, no records without a name,
and no end of the section.

A block ends before the first run that breaks a rule. What follows is parsed record by record as
JSON, with the same result, only slower.
"""

from __future__ import annotations

import json
from itertools import accumulate
from typing import NamedTuple

from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import is_plain, read_value_at
from minicon.repodata.index.json_members import NotAMemberError, member_at, skip_blanks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

#: Bytes that are cut at once: few enough for the processor's cache.
_BLOCK = 1 << 20
#: Bytes that are cut at once after what could not be cut.
_SMALLEST_BLOCK = 1 << 14
#: Characters that are parsed at once where cutting is not safe.
_WINDOW = 1 << 14
#: Most bytes of a single value (a record, ``info``, ``removed``, ``signatures``).
_LARGEST_VALUE = 1 << 28
_BLANKS = lazy_pattern(rb"[ \t\r\n]*")
_RECORD_SECTIONS = ("packages", "packages.conda")
_V3_SECTIONS = ("tar.bz2", "conda", "whl")
_KEPT_KEYS = ("info", "repodata_version")
_NAME_KEY = b'"name":"'


class Block(NamedTuple):
    """Members in the order of the text, cut by name.

    Attributes:
        section: One of :data:`minicon.repodata.index.index_file.SECTIONS`.
        text: JSON text that contains them.
        names: Name of each run of consecutive members of one name.
        begins: Where each run begins in the text.
        ends: Where it ends, before the comma or the brackets around the members.
    """

    section: str
    text: bytes
    names: list[bytes]
    begins: list[int]
    ends: list[int]


class InvalidRepodataError(Exception):
    """The text is not repodata. The message is the reason in a few words."""


class RepodataScanner:
    """Reads repodata once, front to back.

    Args:
        chunks: The uncompressed text.

    Attributes:
        meta: ``info`` and ``repodata_version``, complete once :meth:`blocks` is exhausted.
        records: Number of records read.
    """

    def __init__(self, chunks: Iterable[bytes]) -> None:
        self._chunks = iter(chunks)
        self._data = b""
        self._at = 0
        self._ended = False
        self.meta: dict[str, Any] = {}
        self.records = 0

    def blocks(self) -> Iterator[Block]:
        """Yield all members by name, in the order of the text.

        ``removed`` is included.

        Raises:
            InvalidRepodataError: The text is truncated, not JSON, or not repodata.
        """
        for key in self._keys():
            if key in _RECORD_SECTIONS and self._peek() == b"{":
                yield from self._members(key)
            elif key == "v3" and self._peek() == b"{":
                for extension in self._keys():
                    if extension in _V3_SECTIONS and self._peek() == b"{":
                        yield from self._members(f"v3.{extension}")
                    else:
                        self._value()
            elif key == "removed":
                yield _removed_block(self._value())
            else:
                value = self._value()
                if key in _KEPT_KEYS:
                    self.meta[key] = value
        if self._peek():
            raise InvalidRepodataError("text follows its end")

    # The outer objects, read by one character of lookahead.

    def _keys(self) -> Iterator[str]:
        """Yield the keys of the object that begins here; the caller reads each value."""
        self._expect(b"{")
        if self._peek() == b"}":
            self._at += 1
            return
        while True:
            if self._peek() != b'"':
                raise InvalidRepodataError("a key is missing")
            key = self._value()
            self._expect(b":")
            yield key
            if self._next() == b"}":
                return

    def _next(self) -> bytes:
        """Consume the comma or brace after a member."""
        found = self._peek()
        if found not in (b",", b"}"):
            raise InvalidRepodataError("a comma is missing" if found else "it ends too early")
        self._at += 1
        return found

    def _expect(self, character: bytes) -> None:
        found = self._peek()
        if found != character:
            missing = character.decode()
            raise InvalidRepodataError(f"{missing} is missing" if found else "it ends too early")
        self._at += 1

    def _peek(self) -> bytes:
        """The next character that is not blank, or empty at the end."""
        while True:
            self._at = _BLANKS.match(self._data, self._at).end()  # type: ignore[union-attr]
            if self._at < len(self._data) or not self._refill(_BLOCK):
                return self._data[self._at : self._at + 1]

    def _refill(self, wanted: int) -> bool:
        """Read until ``wanted`` bytes are ahead, or the end. False if nothing was added."""
        missing = wanted - (len(self._data) - self._at)
        if self._ended or missing <= 0:
            return False
        pieces, before = [self._data[self._at :]], len(self._data) - self._at
        while missing > 0:
            chunk = next(self._chunks, None)
            if chunk is None:
                self._ended = True
                break
            pieces.append(chunk)
            missing -= len(chunk)
        self._data, self._at = b"".join(pieces), 0
        return len(self._data) > before

    def _value(self) -> Any:
        """Parse the value that begins here, whatever its length."""
        self._peek()
        size = _WINDOW
        while True:
            self._refill(size)
            text = self._data[self._at : self._at + size].decode("utf-8", "surrogateescape")
            whole = self._ended and self._at + size >= len(self._data)
            try:
                value, end = read_value_at(text)
            except RecursionError:
                raise InvalidRepodataError("it is nested too deeply") from None
            except ValueError as error:
                # More text can help against a syntax error, but not against NaN or 1e400.
                is_truncated = isinstance(error, json.JSONDecodeError)
                if whole or not is_truncated or size >= _LARGEST_VALUE:
                    raise InvalidRepodataError("it ends too early or is not JSON") from error
            else:
                # A number at the end of the window may continue after it.
                if end < len(text) or whole:
                    self._at += len(text[:end].encode("utf-8", "surrogateescape"))
                    return value
            size *= 4

    # The records: cut if that is safe, else parsed.

    def _members(self, section: str) -> Iterator[Block]:
        """Yield the members of the section that begins here."""
        self._expect(b"{")
        if self._peek() == b"}":
            self._at += 1
            return
        size = _BLOCK
        while True:
            self._peek()
            self._refill(_BLOCK)
            block = self._cut(section, size)
            if block is not None:
                yield block
                size = min(2 * size, _BLOCK)
                continue
            is_over, block = self._parse_window(section)
            yield block
            if is_over:
                return
            size = _SMALLEST_BLOCK

    def _cut(self, section: str, size: int) -> Block | None:
        """Cut at most ``size`` bytes where names change; None if that is not safe here."""
        data, start = self._data, self._at
        odd = data.find(b"\\", start, start + size)
        end = data.rfind(b'},"', start, start + size if odd < 0 else odd) + 1
        block, text = Block(section, data, [], [], []), data[start:end]
        for name, run_begin, run_end, count in _runs_of(text):
            if not _is_safe(name, text[run_begin:run_end], count):
                break
            block.names.append(name)
            block.begins.append(start + run_begin)
            block.ends.append(start + run_end)
            self.records += count
        if not block.ends:
            return None
        self._at = block.ends[-1] + 1
        return block

    def _parse_window(self, section: str) -> tuple[bool, Block]:
        """Parse the complete members in a window; return (section is over, members)."""
        size = _WINDOW
        while True:
            self._refill(size)
            text = self._data[self._at : self._at + size].decode("utf-8", "surrogateescape")
            whole = self._ended and self._at + size >= len(self._data)
            names, payloads, end, is_over = _parse_members(section, text)
            if names or is_over:
                self._at += len(text[:end].encode("utf-8", "surrogateescape"))
                self.records += len(names)
                return is_over, block_of(section, names, payloads)
            if whole or size >= _LARGEST_VALUE:
                raise InvalidRepodataError(f"{section} ends too early or is not JSON")
            size *= 4


def _runs_of(text: bytes) -> Iterator[tuple[bytes, int, int, int]]:
    """Yield name, beginning, end and number of records of each run in complete members."""
    pieces = text.rsplit(_NAME_KEY)  # takes two thirds of the time of split
    begin = at = first = 0  # start of the run, of its first name, and its first piece
    name, following = b"", b"\0"
    for number, piece in enumerate(pieces[1:], 1):
        if piece.startswith(following):
            continue
        before = at
        at += sum(map(len, pieces[first:number])) + len(_NAME_KEY) * (number - first)
        if first:
            end = text.rfind(b'},"', before, at) + 1
            yield name, begin, end, number - first
            begin = end + 1
        name = piece[: piece.find(b'"')]
        following, first = name + b'"', number
    if first:
        yield name, begin, len(text), len(pieces) - first


def _is_safe(name: bytes, text: bytes, count: int) -> bool:
    """Rules 2 and 3 of the module, for a run with ``count`` records."""
    size = len(text) - count
    # Removing a character takes half the time of counting it.
    return (
        text.startswith(b'"%b-' % name)
        and len(text.replace(b"{", b"")) == size
        and len(text.replace(b"}", b"")) == size
    )


def block_of(section: str, names: list[bytes], payloads: Sequence[bytes]) -> Block:
    """Return a block of one run for each name."""
    ends = [end - 1 for end in accumulate(len(payload) + 1 for payload in payloads)]
    begins = [0, *(end + 1 for end in ends)][:-1]
    return Block(section, b",".join(payloads), names, begins, ends)


def _parse_members(section: str, text: str) -> tuple[list[bytes], list[bytes], int, bool]:
    """Parse the complete members in a text.

    Returns:
        The name and the text of each, where they end, and whether the section ended.

    Raises:
        InvalidRepodataError: The text does not continue with a member.
    """
    names: list[bytes] = []
    payloads: list[bytes] = []
    at = end = 0
    while True:
        try:
            member = member_at(text, at)
            at = skip_blanks(text, member.end)
            following = text[at]
        except NotAMemberError:
            raise InvalidRepodataError(f"{section} is not an object of records") from None
        except (ValueError, IndexError):
            return names, payloads, end, False
        names.append(_name_of(member.key, member.value))
        payloads.append(text[member.begin : member.end].encode("utf-8", "surrogateescape"))
        if following not in ",}":
            raise InvalidRepodataError(f"a comma is missing in {section}")
        at = end = at + 1
        if following == "}":
            return names, payloads, end, True


def _name_of(fn: str, record: object) -> bytes:
    """The name of a record; if it has none, the one in its file name."""
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(name, str):
        name = fn.rsplit("-", 2)[0]
    return name.encode("utf-8", "replace")[:255]


def _removed_block(value: object) -> Block:
    """The file names of ``removed``, by name."""
    by_name: dict[bytes, list[str]] = {}
    for fn in value if isinstance(value, list) else ():
        if isinstance(fn, str) and is_plain(fn):
            by_name.setdefault(_name_of(fn, None), []).append(fn)
    texts = [",".join(map(json.dumps, fns)).encode() for fns in by_name.values()]
    return block_of("removed", list(by_name), texts)
