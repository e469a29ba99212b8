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

A block that breaks a rule is made smaller a few times, and then parsed record by record as JSON,
with the same result, only slower.
"""

from __future__ import annotations

import json
from typing import NamedTuple

from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import is_plain, read_value_at
from minicon.repodata.index.json_members import NotAMemberError, member_at, skip_blanks

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

#: Bytes that are cut at once: enough for C code to be fast, few enough for memory.
_BLOCK = 1 << 22
#: Blocks below this size are parsed if they cannot be cut: making them smaller would be slower.
_SMALLEST_BLOCK = 1 << 12
#: Characters that are parsed at once where cutting is not safe.
_WINDOW = 1 << 14
#: Most bytes of a single value (a record, ``info``, ``removed``, ``signatures``).
_LARGEST_VALUE = 1 << 28
_BLANKS = lazy_pattern(rb"[ \t\r\n]*")
_RECORD_SECTIONS = ("packages", "packages.conda")
_V3_SECTIONS = ("tar.bz2", "conda", "whl")
_KEPT_KEYS = ("info", "repodata_version")
_NAME_KEY = b'"name":"'


class Run(NamedTuple):
    """Consecutive members of one name.

    Attributes:
        section: One of :data:`minicon.repodata.index.index_file.SECTIONS`.
        name: Package name.
        payload: JSON text of the members, without the brackets around them.
    """

    section: str
    name: bytes
    payload: bytes


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

    def blocks(self) -> Iterator[list[Run]]:
        """Yield all members by name, in the order of the text, in lists to be compressed together.

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
                yield _removed_runs(self._value())
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

    def _members(self, section: str) -> Iterator[list[Run]]:
        """Yield the members of the section that begins here."""
        self._expect(b"{")
        if self._peek() == b"}":
            self._at += 1
            return
        size = _BLOCK
        while True:
            self._peek()
            self._refill(_BLOCK)
            runs = self._cut(section, size)
            if runs is not None:
                yield runs
                size = min(2 * size, _BLOCK)
            elif size > _SMALLEST_BLOCK:
                size //= 8
            else:
                is_over, runs = self._parse_window(section)
                yield runs
                if is_over:
                    return

    def _cut(self, section: str, size: int) -> list[Run] | None:
        """Cut about ``size`` bytes where names change; None if that is not safe."""
        start = self._at
        end = self._data.rfind(b'},"', start, start + size)
        if end < 0:
            return None
        block = self._data[start : end + 1]
        if b"\\" in block:
            return None
        pieces = block.split(_NAME_KEY)
        runs = _runs_of(section, block, pieces)
        if runs is not None:
            self._at = end + 2
            self.records += len(pieces) - 1
        return runs

    def _parse_window(self, section: str) -> tuple[bool, list[Run]]:
        """Parse the complete members in a window; return (section is over, runs)."""
        size = _WINDOW
        while True:
            self._refill(size)
            text = self._data[self._at : self._at + size].decode("utf-8", "surrogateescape")
            whole = self._ended and self._at + size >= len(self._data)
            runs, end, is_over = _parse_members(section, text)
            if runs or is_over:
                self._at += len(text[:end].encode("utf-8", "surrogateescape"))
                self.records += len(runs)
                return is_over, runs
            if whole or size >= _LARGEST_VALUE:
                raise InvalidRepodataError(f"{section} ends too early or is not JSON")
            size *= 4


def _runs_of(section: str, block: bytes, pieces: list[bytes]) -> list[Run] | None:
    """The runs of a block; None if one of them is not safe.

    Args:
        section: The members' section.
        block: Complete members, the last one without a comma after it.
        pieces: The block, split at :data:`_NAME_KEY`.
    """
    runs: list[Run] = []
    begin = at = first = 0  # start of the run, of its last name, and its first piece
    name, following = b"", b"\0"
    for number, piece in enumerate(pieces[1:], 1):
        if piece.startswith(following):
            continue
        before = at
        at += sum(map(len, pieces[first:number])) + len(_NAME_KEY) * (number - first)
        if first:
            end = block.rfind(b'},"', before, at) + 1
            runs.append(Run(section, name, block[begin:end]))
            if not _is_safe(runs[-1], number - first):
                return None
            begin = end + 1
        name = piece[: piece.find(b'"')]
        following, first = name + b'"', number
    runs.append(Run(section, name, block[begin:]))
    return runs if _is_safe(runs[-1], len(pieces) - first) else None


def _is_safe(run: Run, count: int) -> bool:
    """Rules 2 and 3 of the module, for a run with ``count`` records."""
    _, name, text = run
    size = len(text) - count
    # Removing a character takes half the time of counting it.
    return (
        text.startswith(b'"%b-' % name)
        and len(text.replace(b"{", b"")) == size
        and len(text.replace(b"}", b"")) == size
    )


def _parse_members(section: str, text: str) -> tuple[list[Run], int, bool]:
    """Parse the complete members in a text; return runs, their end, and whether the section ended.

    Raises:
        InvalidRepodataError: The text does not continue with a member.
    """
    runs: list[Run] = []
    at = end = 0
    while True:
        try:
            member = member_at(text, at)
            at = skip_blanks(text, member.end)
            following = text[at]
        except NotAMemberError:
            raise InvalidRepodataError(f"{section} is not an object of records") from None
        except (ValueError, IndexError):
            return runs, end, False
        payload = text[member.begin : member.end].encode("utf-8", "surrogateescape")
        runs.append(Run(section, _name_of(member.key, member.value), payload))
        if following not in ",}":
            raise InvalidRepodataError(f"a comma is missing in {section}")
        at = end = at + 1
        if following == "}":
            return runs, end, True


def _name_of(fn: str, record: object) -> bytes:
    """The name of a record; if it has none, the one in its file name."""
    name = record.get("name") if isinstance(record, dict) else None
    if not isinstance(name, str):
        name = fn.rsplit("-", 2)[0]
    return name.encode("utf-8", "replace")[:255]


def _removed_runs(value: object) -> list[Run]:
    """The file names of ``removed``, by name."""
    by_name: dict[bytes, list[str]] = {}
    for fn in value if isinstance(value, list) else ():
        if isinstance(fn, str) and is_plain(fn):
            by_name.setdefault(_name_of(fn, None), []).append(fn)
    return [
        Run("removed", name, ",".join(map(json.dumps, fns)).encode())
        for name, fns in by_name.items()
    ]
