"""Members of a JSON object one by one, so that a bad one costs only itself."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

from minicon.lazy_pattern import lazy_pattern

#: Finds where a value ends; what its numbers are is looked at where the record is read.
_decode = json.JSONDecoder(parse_int=bool, parse_float=bool).raw_decode
_MARKS = lazy_pattern(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+', re.DOTALL)


class Member(NamedTuple):
    """One member.

    Attributes:
        key: Its key.
        value: What it means, but for its numbers; None if it is nested too deeply.
        begin: Index of the quote before its key.
        end: Index after its value.
    """

    key: str
    value: object
    begin: int
    end: int


class NotAMemberError(Exception):
    """Something else comes where a member should be."""


def member_at(text: str, at: int) -> Member:
    """Return the member that begins at an index of a text, blanks aside.

    Raises:
        NotAMemberError: It does not begin with a key and a colon.
        ValueError: It is no JSON, or cut; IndexError as well.
    """
    begin = skip_blanks(text, at)
    if text[begin] != '"':
        raise NotAMemberError
    key, at = scanstring(text, begin + 1, True)
    at = skip_blanks(text, at)
    if text[at] != ":":
        raise NotAMemberError
    value, end = _value_at(text, skip_blanks(text, at + 1))
    return Member(key, value, begin, end)


def skip_blanks(text: str, at: int) -> int:
    """Return the next index that is not blank. Raises IndexError at the end."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def _value_at(text: str, at: int) -> tuple[object, int]:
    """Return a value and where it ends; one that is nested too deeply is skipped."""
    try:
        return _decode(text, at)
    except RecursionError:
        depth = 0
        for mark in _MARKS.finditer(text, at):
            kind = mark[0][0]
            depth += len(mark[0]) if kind in "[{" else -len(mark[0]) if kind in "]}" else 0
            if depth <= 0:
                return None, mark.end() + depth
        raise IndexError(at) from None
