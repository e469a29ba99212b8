"""Conditions of conditional dependencies (CEP 43): MatchSpecs joined by ``and`` and ``or``.

::

    python>=3.12 and (__unix or pytorch[flags=[cuda]])
        = any of: python>=3.12 and __unix
                  python>=3.12 and pytorch[flags=[cuda]]

``and`` binds closer than ``or``. Inner specs are in brackets or have no space; a space before the
operator is read too.
"""

from __future__ import annotations

import re
from functools import lru_cache

from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec.spec import parse_dependency
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


@lru_cache(maxsize=4096)
def parse_condition(text: str) -> tuple[Alternative, ...]:
    """The alternatives of a condition, each the (name, MatchSpec) that must all hold.

    Raises:
        SpecError: ``invalid-spec``, with a caret in TEXT.
    """
    return _Reader(" ".join(text.split())).alternatives()


def holds(text: str, is_met: Callable[[str, str], bool]) -> bool:
    """Whether a condition holds.

    Args:
        text: The condition.
        is_met: Whether a package of that name is there that the MatchSpec means.

    Raises:
        SpecError: See :func:`parse_condition`.
    """
    return any(all(is_met(*each) for each in part) for part in parse_condition(text))


class _Reader:
    """Reads one condition by recursive descent."""

    def __init__(self, text: str) -> None:
        self._text = text
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
            self._fail("parentheses are nested too deep here")
        inside = self._any_of(depth + 1)
        if not self._take("bracket", ")"):
            self._fail("a closing parenthesis is missing")
        return inside

    def _spec(self) -> Alternative:
        start = self._position
        text = self._take("spec")
        if text is None:
            self._fail("a package is missing here")
        spec = parse_dependency(text)
        if spec.exact_name is None or spec.when is not None:
            self._position = start
            self._fail("a condition is about one package, and has no condition of its own")
        return ((spec.exact_name, text),)

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
