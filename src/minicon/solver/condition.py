"""Conditions of conditional dependencies (CEP 43): MatchSpecs joined by ``and`` and ``or``."""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.match_spec import parse_dependency

_TOKEN = lazy_pattern(r"\s*(?:([()])|\b(and|or)\b|((?:(?!\s+(?:and|or)\b|[()]).)+))")
_DEPTH = 16


def parse_condition(text: str) -> list[tuple[tuple[str, str], ...]]:
    """The alternatives of a condition, each a list of (name, MatchSpec) that must all hold.

    ``python >=3.12 and (__unix or __osx)`` has two alternatives. A condition that cannot be read
    is never met, and so has none.
    """
    tokens = [
        match.lastindex and (match.lastindex, match.group(match.lastindex).strip())
        for match in _TOKEN.finditer(text)
    ]
    reader = _Reader([token for token in tokens if token])
    try:
        alternatives = reader.any_of(0)
    except (SpecError, IndexError):
        return []
    return alternatives if reader.is_done() else []


class _Reader:
    def __init__(self, tokens: list[tuple[int, str]]) -> None:
        self._tokens = tokens
        self._position = 0

    def is_done(self) -> bool:
        return self._position == len(self._tokens)

    def any_of(self, depth: int) -> list[tuple[tuple[str, str], ...]]:
        alternatives = self.all_of(depth)
        while self._take("or"):
            alternatives = alternatives + self.all_of(depth)
        return alternatives

    def all_of(self, depth: int) -> list[tuple[tuple[str, str], ...]]:
        alternatives = self.part(depth)
        while self._take("and"):
            following = self.part(depth)
            alternatives = [left + right for left in alternatives for right in following]
        return alternatives

    def part(self, depth: int) -> list[tuple[tuple[str, str], ...]]:
        if self._take("("):
            if depth > _DEPTH:
                raise IndexError
            inside = self.any_of(depth + 1)
            if not self._take(")"):
                raise IndexError
            return inside
        kind, text = self._tokens[self._position]
        name = parse_dependency(text).exact_name
        if kind != 3 or name is None:
            raise IndexError
        self._position += 1
        return [((name, text),)]

    def _take(self, text: str) -> bool:
        if self.is_done() or self._tokens[self._position][1] != text:
            return False
        self._position += 1
        return True
