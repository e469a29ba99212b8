"""Mutated inputs for property tests: as a hostile or faulty program could write them.

::

    @given(mutated_json({"name": "x"}))   # bytes: JSON with other types, giants, NaN, depth, ...
    @given(mutated_msgpack({"a": b"x"}))  # the same in msgpack
    @given(mutated_text(b"Name: x\\n"))    # bytes: lines and words changed, NUL, not UTF-8, ...
    @given(mutated_bytes(b"..."))         # bytes: cut, flipped, doubled

Every example is the valid value after zero to three changes, and shrinks to the relevant ones.
``fuzz(200)`` returns settings for 200 examples, more with MINICON_FUZZ (3000 is 1 ×).
"""

from __future__ import annotations

import json
import os
import random
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from hypothesis import settings
from hypothesis import strategies as st

#: Nesting depth, far more than the C stack of the json module allows.
DEEP = 20_000


@dataclass(frozen=True)
class Deep:
    """Return nested lists or objects."""

    depth: int
    objects: bool = False


@dataclass(frozen=True)
class Raw:
    """Text that JSON parsers accept as a number, though not every encoder writes it."""

    text: str


class Shown(bytes):
    """Bytes of which a failure shows only the start."""

    def __repr__(self) -> str:
        whole = bytes(self)
        return repr(whole) if len(whole) < 2000 else f"{whole[:2000]!r}[{len(whole)}]"


@dataclass(frozen=True)
class Pairs:
    """An object as a list of items: keys may occur twice."""

    items: tuple[tuple[Any, Any], ...]


ODD_TEXTS = (
    "",
    " ",
    "x",
    "0",
    "-1",
    "1e400",
    "9" * 6000,
    "1." * 3000 + "0",
    "x" * 70_000,
    "a\0b",
    "\ud800",
    "\u202eabc\u2028",
    "../../outside",
    "/absolute/outside",
    "a/b\\c",
    "line\nline\r\n\x1b[31m",
    "http://[::1",
    "http://h:99999999/\udc80",
    "file:///etc/passwd",
    "a>=",
    "a[",
    "a ==1.*.*",
    "==" * 3000,
    "(" * 3000,
    "%00%zz{}",
    "noarch",
    "日本",
)
ODD_VALUES: tuple[Any, ...] = (
    None,
    True,
    False,
    0,
    7,
    -1,
    3.5,
    -(2**63),
    2**63,
    10**30,
    Raw("9" * 5000),
    Raw("NaN"),
    Raw("-Infinity"),
    Raw("1e400"),
    *ODD_TEXTS,
    [],
    {},
    [None],
    [[]],
    ["x", 7, {}],
    {"x": None},
    {"": {"": []}},
    ["a"] * 3000,
    Deep(200),
    Deep(DEEP),
    Deep(DEEP, objects=True),
)
ODD_BYTES = (
    b"\0",
    b"\xff",
    b"\xed\xa0\x80",
    b"\xef\xbb\xbf",
    b"\r",
    b"\n",
    b'"',
    b"\\",
    b"[",
    b"{",
)

_Change = tuple[int, int, int]


def fuzz(examples: int) -> settings:
    """Return settings for a test with this many examples, or more on request."""
    wanted = os.environ.get("MINICON_FUZZ")
    scale = int(wanted or "3000") / 3000
    return settings(
        max_examples=max(10, round(examples * scale)),
        deadline=20_000,  # no test may take this long, even on a busy machine
    )


def mutated_json(value: Any, *, whole: bool = False) -> st.SearchStrategy[bytes]:
    """JSON texts near that of a value; with ``whole`` they are valid JSON."""
    return _changed(value, _change_tree, json_bytes, cuts=not whole)


def mutated_msgpack(value: Any) -> st.SearchStrategy[bytes]:
    """The same in msgpack."""
    return _changed(value, _change_tree, msgpack_bytes)


def mutated_text(data: bytes) -> st.SearchStrategy[bytes]:
    """Texts with lines and words changed."""
    return _changed(data, _change_text, bytes)


def mutated_bytes(data: bytes) -> st.SearchStrategy[bytes]:
    """Bytes with some changed."""
    return _changed(data, _change_bytes, bytes)


def _changed(
    good: Any,
    change: Callable[[Any, _Change], Any],
    encode: Callable[[Any], bytes],
    cuts: bool = True,
) -> st.SearchStrategy[bytes]:
    def build(seed: bytes) -> Shown:
        value = good
        for start in range(0, len(seed), 3):
            value = change(value, _change(seed[start : start + 3]))
        data = encode(value)
        cut = cuts and len(seed) == 8
        return Shown(_change_bytes(data, _change(seed)) if cut else data)

    # One draw of few bytes, three per change: draws are the slow part of hypothesis.
    return st.binary(max_size=9).map(build)


def _change(seed: bytes) -> _Change:
    choose = random.Random(seed)
    return choose.randrange(1 << 16), choose.randrange(100), choose.randrange(1 << 16)


# -- trees ---------------------------------------------------------------------------------------


def _change_tree(value: Any, change: _Change) -> Any:
    """Replace, remove, double, wrap or rename the node at a position, counted from the root."""
    where, kind, which = change
    paths = list(_paths(value))
    path = paths[where % len(paths)]
    if kind < 60 or not path:
        return _at(value, path, lambda _: ODD_VALUES[which % len(ODD_VALUES)])
    if kind < 70:
        return _at(value, path, lambda node: [node])
    if kind < 75:
        return _at(value, path, lambda node: json_bytes(node).decode(errors="replace"))
    step = path[-1]
    text = ODD_TEXTS[which % len(ODD_TEXTS)]

    def in_parent(parent: Any) -> Any:
        items = list(_items(parent))
        if kind < 85:
            del items[step]
        elif kind < 93 or isinstance(parent, list):
            odd = ODD_VALUES[which % len(ODD_VALUES)]
            items.append((items[step][0], odd))
        else:
            items[step] = (text, items[step][1])
        return _rebuilt(parent, items)

    return _at(value, path[:-1], in_parent)


def _paths(value: Any, path: tuple[int, ...] = ()) -> Iterable[tuple[int, ...]]:
    yield path
    for number, (_, child) in enumerate(_items(value)):
        yield from _paths(child, (*path, number))


def _items(value: Any) -> list[tuple[Any, Any]]:
    if isinstance(value, Pairs):
        return list(value.items)
    if isinstance(value, dict):
        return list(value.items())
    return [(None, child) for child in value[:20]] if isinstance(value, list) else []


def _rebuilt(parent: Any, items: list[tuple[Any, Any]]) -> Any:
    return [child for _, child in items] if isinstance(parent, list) else Pairs(tuple(items))


def _at(value: Any, path: tuple[int, ...], replace: Callable[[Any], Any]) -> Any:
    if not path:
        return replace(value)
    items = list(_items(value))
    key, child = items[path[0]]
    items[path[0]] = (key, _at(child, path[1:], replace))
    return _rebuilt(value, items)


def json_bytes(value: Any) -> bytes:
    """Return a tree as JSON; a lone surrogate is written as an escape."""
    return _json(value).encode()


def _json(value: Any) -> str:
    if isinstance(value, Deep):
        start, end = ('{"a":', "}") if value.objects else ("[", "]")
        return start * value.depth + "0" + end * value.depth
    if isinstance(value, Raw):
        return value.text
    if isinstance(value, list):
        return "[" + ",".join(map(_json, value)) + "]"
    if isinstance(value, dict | Pairs):
        pairs = (f"{json.dumps(str(key))}:{_json(child)}" for key, child in _items(value))
        return "{" + ",".join(pairs) + "}"
    return json.dumps(value.hex() if isinstance(value, bytes) else value)


def msgpack_bytes(value: Any) -> bytes:
    """Return a tree as msgpack."""
    import msgpack

    packer = msgpack.Packer()
    if isinstance(value, Deep):
        start = b"\x81\xa1a" if value.objects else b"\x91"
        return start * value.depth + b"\xc0"
    if isinstance(value, Raw):
        return bytes(packer.pack(float(value.text)))
    if isinstance(value, list):
        return bytes(packer.pack_array_header(len(value))) + b"".join(map(msgpack_bytes, value))
    if isinstance(value, dict | Pairs):
        items = _items(value)
        body = (msgpack_bytes(key) + msgpack_bytes(child) for key, child in items)
        return bytes(packer.pack_map_header(len(items))) + b"".join(body)
    if isinstance(value, str):
        value = value.encode("utf-8", "surrogatepass")
        return (
            bytes(packer.pack(value)).replace(b"\xc4", b"\xd9", 1)
            if len(value) < 256
            else (b"\xdb" + len(value).to_bytes(4, "big") + value)
        )
    if isinstance(value, int) and not -(2**63) <= value < 2**64:
        value = float(value)
    return bytes(packer.pack(value))


# -- lines, words and bytes ------------------------------------------------------------------------


def _change_text(data: bytes, change: _Change) -> bytes:
    """Replace a word, or remove, double, move or cut a line, or put an odd byte in."""
    where, kind, which = change
    if kind < 50:
        return _change_word(data, where, which)
    lines = data.splitlines(keepends=True)
    if kind >= 85 or not lines:
        return _change_bytes(data, change)
    position = where % len(lines)
    line = lines[position]
    if kind < 60:
        lines[position : position + 1] = []
    elif kind < 68:
        lines.insert(which % len(lines), line)
    elif kind < 76:
        lines[position] = line[: which % (len(line) or 1)] + b"\n"
    else:
        lines[position] = _odd_text(which) + b"\n"
    return b"".join(lines)


def _change_word(data: bytes, where: int, which: int) -> bytes:
    words: list[tuple[int, int]] = []
    start = None
    for position, byte in enumerate(data + b" "):
        inside = chr(byte).isalnum() or byte in b"._-/"
        if inside and start is None:
            start = position
        elif not inside and start is not None:
            words.append((start, position))
            start = None
    if not words:
        return data + _odd_text(which)
    begin, end = words[where % len(words)]
    return data[:begin] + _odd_text(which) + data[end:]


def _odd_text(which: int) -> bytes:
    return ODD_TEXTS[which % len(ODD_TEXTS)].encode("utf-8", "surrogatepass")


def _change_bytes(data: bytes, change: _Change) -> bytes:
    """Cut, flip a bit, insert, remove or double at a position."""
    where, kind, which = change
    position = where % (len(data) + 1)
    kind %= 6
    if kind == 0:
        return data[:position]
    if kind == 1 and position < len(data):
        return data[:position] + bytes([data[position] ^ 1 << which % 8]) + data[position + 1 :]
    if kind == 2:
        return data[:position] + ODD_BYTES[which % len(ODD_BYTES)] + data[position:]
    if kind == 3:
        return data[:position] + data[position + 1 + which % 16 :]
    if kind == 4:
        return data[:position] + data[position : position + 64] * 2 + data[position + 64 :]
    return data + ODD_BYTES[which % len(ODD_BYTES)] * (1 + which % 3)
