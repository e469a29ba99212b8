"""Parser for conditions of dependencies (CEP 43): MatchSpecs joined by ``and`` and ``or``.

::

    python>=3.12 and (__unix or pytorch[flags=[cuda]])
        = any of: python>=3.12 and __unix
                  python>=3.12 and pytorch[flags=[cuda]]

``and`` binds tighter than ``or``. Versions and builds of the inner specs are in brackets or follow
without a space; a space before the operator is accepted.
"""

from __future__ import annotations

import re

from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.version_spec import spec_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn, TypeAlias

    Alternative: TypeAlias = tuple[tuple[str, str], ...]

_TOKEN = lazy_pattern(
    r"""\s*(?:
      (?P<bracket>[()])
    | (?P<word>and|or)(?=[\s(]|$)
    | (?P<spec>(?:
          "[^"]*" | '[^']*' | \[(?:[^\[\]"'] | "[^"]*" | '[^']*' | \[[^\[\]]*\])*\]
        | (?!\s+(?:and|or)(?=[\s(]|$)) [^()\[\]"']
      )+)
    )\s*""",
    re.VERBOSE,
)
#: Deepest nesting of parentheses, and most alternatives of one condition.
_DEPTH = 16
_ALTERNATIVES = 64


def parse_condition(text: str, read_name: Callable[[str], str | None]) -> tuple[Alternative, ...]:
    """Parse a condition into alternatives: (name, MatchSpec string) pairs that must all match.

    Args:
        text: The condition.
        read_name: Parses one MatchSpec and returns the exact package name in it; None if it has
            none, or has a condition of its own. An argument, because specs have conditions.

    Raises:
        SpecError: ``invalid-spec``, with a caret under the error.
    """
    return _Reader(" ".join(text.split()), read_name).alternatives()


class _Reader:
    """Recursive-descent parser of one condition."""

    def __init__(self, text: str, read_name: Callable[[str], str | None]) -> None:
        self._text = text
        self._read_name = read_name
        self._position = 0

    def alternatives(self) -> tuple[Alternative, ...]:
        found = self._any_of(0)
        if self._position < len(self._text):
            self._fail("'and' or 'or' is missing here")
        return tuple(dict.fromkeys(tuple(dict.fromkeys(each)) for each in found))

    def _any_of(self, depth: int) -> list[Alternative]:
        found = self._all_of(depth)
        while self._take("word", "or"):
            found = self._few(found + self._all_of(depth))
        return found

    def _all_of(self, depth: int) -> list[Alternative]:
        found = self._part(depth)
        while self._take("word", "and"):
            following = self._part(depth)
            found = self._few([left + right for left in found for right in following])
        return found

    def _few(self, alternatives: list[Alternative]) -> list[Alternative]:
        if len(alternatives) > _ALTERNATIVES:
            self._fail("this condition has too many alternatives")
        return alternatives

    def _part(self, depth: int) -> list[Alternative]:
        if not self._take("bracket", "("):
            return [self._spec()]
        if depth == _DEPTH:
            self._fail("parentheses are nested too deeply here")
        inside = self._any_of(depth + 1)
        if not self._take("bracket", ")"):
            self._fail("a closing parenthesis is missing")
        return inside

    def _spec(self) -> Alternative:
        start = self._position
        text = self._take("spec")
        if text is None:
            self._fail("a package is missing here")
        name = self._read_name(text)
        if name is None:
            self._position = start
            self._fail("a condition names one package, without a condition of its own")
        return ((name, text),)

    def _take(self, kind: str, text: str = "") -> str | None:
        token = _TOKEN.match(self._text, self._position)
        if token is None or token.lastgroup != kind or (text and token[kind] != text):
            return None
        self._position = token.end()
        return token[kind].strip()

    def _fail(self, why: str) -> NoReturn:
        end = len(self._text)
        start = min(self._position, max(end - 1, 0))
        raise spec_error(self._text, (start, end), why, 'write when="python>=3.10 and (__unix)"')
