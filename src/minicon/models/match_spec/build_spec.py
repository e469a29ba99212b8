"""StringSpec and BuildNumberSpec: the name, build and build number of a MatchSpec.

A string is exact, a glob (``py311*``), or a regular expression (``^py3(10|11)_.*$``), without case
(CEP 29). Globs are matched in linear time, without regular expressions. Regular expressions
come from channels and are untrusted, so their length, their complexity and the length of their
input are limited.
"""

from __future__ import annotations

import operator
import re
from functools import reduce

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_MAX_PATTERN = 1024
_MAX_SUBJECT = 255
_MAX_REPEATS = 3
#: Most combinations of alternatives and optional parts of a pattern.
_MAX_CHOICES = 256

#: An unclosed set extends to the end of the pattern; Python rejects it later.
_TOKEN = lazy_pattern(r"\\.|\[\^?\]?(?:\\.|[^\]\\])*(?:\]|\\?\Z)|\{[\d,]{1,40}\}|.", re.DOTALL)
_BUILD_NUMBER = lazy_pattern(r"(==|!=|>=|<=|=|>|<|)\s*([0-9]{1,18})")
_BACKREFERENCE = lazy_pattern(r"\\[1-9]|\(\?P=")


class StringSpec:
    """A condition on a string: an exact value, a glob or a regular expression.

    Attributes:
        text: The condition as written; specs with equal texts are equal.
        exact: The only string that matches, up to case, or None for patterns.

    Raises:
        SpecError: ``invalid-spec`` for a regular expression that is invalid or too complex.
    """

    __slots__ = ("_test", "exact", "text")

    def __init__(self, text: str) -> None:
        self.text = text
        self.exact: str | None = None
        self._test: Callable[[str], object]
        if text.startswith("^") or text.endswith("$"):
            self._test = compile_pattern(text)
        elif "*" in text:
            self._test = compile_glob(text)
        else:
            self.exact = text
            self._test = compile_glob(text)

    @property
    def matches_all(self) -> bool:
        """Whether every string matches."""
        return not self.text.strip("*")

    @property
    def literal(self) -> str:
        """A text that all strings that match contain, up to case; empty if none is known."""
        is_pattern = self.text.startswith("^") or self.text.endswith("$")
        return "" if is_pattern else max(self.text.split("*"), key=len)

    def matches(self, text: str) -> bool:
        """Whether a string matches."""
        return bool(self._test(text))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, StringSpec) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"StringSpec({self.text!r})"


class BuildNumberSpec:
    """A condition on a build number: ``3``, ``=3``, ``>=3`` or ``!=3``, for instance.

    Raises:
        SpecError: ``invalid-spec``.
    """

    __slots__ = ("number", "operator", "text")

    _OPERATORS = {
        "==": operator.eq,
        "!=": operator.ne,
        ">=": operator.ge,
        "<=": operator.le,
        ">": operator.gt,
        "<": operator.lt,
    }

    def __init__(self, text: str) -> None:
        read = _BUILD_NUMBER.fullmatch(text.strip())
        if read is None:
            raise SpecError(
                "invalid-spec",
                f"{text!r} is not a build number",
                hint="build numbers look like 3, >=3 or !=0",
                source=text,
                span=(0, len(text)),
            )
        sign = read.group(1)
        self.operator = "==" if sign in ("", "=") else sign
        self.number = int(read.group(2))
        self.text = str(self.number) if self.operator == "==" else f"{sign}{self.number}"

    def matches(self, number: int) -> bool:
        """Whether a build number matches."""
        return bool(self._OPERATORS[self.operator](number, self.number))

    def __eq__(self, other: object) -> bool:
        return isinstance(other, BuildNumberSpec) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)

    def __str__(self) -> str:
        return self.text

    def __repr__(self) -> str:
        return f"BuildNumberSpec({self.text!r})"


def compile_glob(text: str) -> Callable[[str], bool]:
    """Compile a glob in which only ``*`` is special to a function of linear time."""
    lowered = text.lower()
    if "*" not in text:
        return lambda subject: subject == text or subject.lower() == lowered
    head, *middle, tail = lowered.split("*")
    least = len(head) + len(tail)

    def test(subject: str) -> bool:
        subject = subject.lower()
        fits = subject.startswith(head) and subject.endswith(tail) and len(subject) >= least
        if not fits or not middle:
            return fits
        position, end = len(head), len(subject) - len(tail)
        for part in middle:
            position = subject.find(part, position, end)
            if position < 0:
                return False
            position += len(part)
        return True

    return test


def compile_pattern(text: str) -> Callable[[str], bool]:
    """Compile a regular expression, which must start with ``^`` and end with ``$``.

    Python's ``re`` can take exponential time, so patterns with repeats inside repeats,
    back-references, more than three unbounded repeats or very many alternatives are refused, and
    strings longer than :data:`_MAX_SUBJECT` never match.

    Raises:
        SpecError: ``invalid-spec``.
    """
    if not (text.startswith("^") and text.endswith("$") and len(text) > 1):
        raise _bad_pattern(text, "a regular expression starts with ^ and ends with $")
    if len(text) > _MAX_PATTERN:
        raise _bad_pattern(text[:40] + "…", f"it is longer than {_MAX_PATTERN} characters")
    if _is_costly(text):
        raise _bad_pattern(text, "it is too complex")
    import warnings

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("error")  # syntax whose meaning changes in a later Python
            match = re.compile(text, re.IGNORECASE).match
    except (re.error, Warning, RecursionError, OverflowError) as error:
        raise _bad_pattern(text, str(error)) from None

    def test(subject: str) -> bool:
        return len(subject) <= _MAX_SUBJECT and match(subject) is not None

    return test


def _is_costly(text: str) -> bool:
    """Whether matching can take more than a small power of the input's length."""
    tokens = _TOKEN.findall(text)
    if _choices(tokens) > _MAX_CHOICES:
        return True
    branching = [False]
    repeats = 0
    for token, following in zip(tokens, [*tokens[1:], ""], strict=True):
        if token == "(":
            branching.append(False)
        elif token == ")" and len(branching) > 1:
            branches = branching.pop()
            if branches and _is_repeat(following):
                return True
            branching[-1] |= branches
        elif token == "|" or _is_repeat(token):
            branching[-1] = True
            repeats += _is_repeat(token)
    return repeats > _MAX_REPEATS or _BACKREFERENCE.search(text) is not None


def _choices(tokens: Sequence[str]) -> int:
    """Number of combinations of the alternatives of groups and of parts made optional by ``?``."""
    found = 1
    branches = [1]
    for before, token in zip(["", *tokens], tokens, strict=False):
        if token == "(":
            branches.append(1)
        elif token == ")" and len(branches) > 1:
            found *= branches.pop()
        elif token == "|":
            branches[-1] += 1
        elif token == "?" and not (before in ("(", "?") or _is_repeat(before)):
            found *= 2
    return reduce(operator.mul, branches, found)


def _is_repeat(token: str) -> bool:
    return token in ("*", "+") or (token[:1] == "{" and len(token) > 1)


def _bad_pattern(text: str, why: str) -> SpecError:
    return SpecError(
        "invalid-spec",
        f"{text!r} is not a valid pattern: {why}",
        hint="use a glob such as py311* instead",
        source=text,
        span=(0, len(text)),
    )
