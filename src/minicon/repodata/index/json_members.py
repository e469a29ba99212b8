"""Parse a JSON object member by member, so that an invalid member does not affect the others."""

from __future__ import annotations

import json
import re
from json.decoder import scanstring  # type: ignore[attr-defined]
from typing import NamedTuple

from minicon.lazy_pattern import lazy_pattern

#: Finds the end of a value; its numbers are parsed where the record is read.
_decode = json.JSONDecoder(parse_int=bool, parse_float=bool).raw_decode
_MARKS = lazy_pattern(r'"[^"\\]*(?:\\.[^"\\]*)*"|[\[{]+|[\]}]+', re.DOTALL)


class Member(NamedTuple):
    """One member.

    Attributes:
        key: Its key.
        value: Its value without numbers; None if it is nested too deeply.
        begin: Index of the quote before its key.
        end: Index after its value.
    """

    key: str
    value: object
    begin: int
    end: int


class NotAMemberError(Exception):
    """The text does not continue with a member."""


def member_at(text: str, at: int) -> Member:
    """Parse the member at an index of a text; blanks before it are skipped.

    Raises:
        NotAMemberError: There is no key with a colon.
        ValueError: It is not JSON, or truncated; IndexError as well.
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
    """Return the index of the next character that is not blank. Raises IndexError at the end."""
    while text[at] in " \t\r\n":
        at += 1
    return at


def _value_at(text: str, at: int) -> tuple[object, int]:
    """A value and its end; None in place of a value that is nested too deeply."""
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
