r"""VersionSpec: the version part of a MatchSpec.

Grammar (CEP 29); ``,`` binds tighter than ``|``::

    spec        = all-of ("|" all-of)*
    all-of      = part ("," part)*
    part        = "(" spec ")" | "*" | operator version | version | glob | "^regex$"

=============================  ==========================  ==================================
written                        constraint                  meaning
=============================  ==========================  ==================================
``1.2``  ``==1.2``             ``== 1.2``                  equal, so 1.2.0 too
``=1.2``  ``1.2.*``  ``1.2*``  ``startswith 1.2``          1.2, 1.2.0, 1.2.9; not 1.20
``==1.2.*``                    ``startswith 1.2``          as in PEP 440
``!=1.2``                      ``!= 1.2``
``!=1.2.*``                    ``not_startswith 1.2``
``>=1.2`` ``>`` ``<`` ``<=``   same                        a trailing ``.*`` is ignored
``~=1.2.3``                    ``~= 1.2.3``                ``>=1.2.3`` and 1.2.*
``1.*.3``  ``*rc*``  ``*.*``   ``glob``                    applied to the version as written
``!=1.*.3``                    ``not_glob``                the same, negated
``^1\.[23]$``                  ``regex``                   applied to the version as written
``*``                          ``any``
=============================  ==========================  ==================================
"""

from __future__ import annotations

import re
from functools import lru_cache

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.build_spec import compile_glob, compile_pattern
from minicon.models.version import Version, prefix_key, version_key
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeAlias

    Test = Callable[[bytes, str], bool]
    Tree: TypeAlias = "Constraint | tuple[str | Tree, ...]"

#: Longest version spec, and deepest nesting of parentheses.
MAX_LENGTH = 4096
MAX_DEPTH = 16

_OPERATORS = (
    "==", "!=", ">", ">=", "<", "<=", "startswith", "not_startswith", "~=", "glob", "not_glob",
    "regex", "any",
)  # fmt: skip

_TOKEN = lazy_pattern(
    r"\s*(?:([,|()])|(\^[^\s]*?\$(?=\s*(?:[,|)]|$)))|((?:[<>=!~]+\s*)?[^\s,|()]+))"
)
_GLOB = lazy_pattern(r"[0-9A-Za-z_.!+*\-]+")
_LEAF = lazy_pattern(r"([<>=!~]*)\s*(.*)", re.DOTALL)
_SIGNS = {
    "": "",
    "=": "startswith",
    **{sign: sign for sign in ("==", "!=", ">", ">=", "<", "<=", "~=")},
}
#: Signs before a version with a star before its end, which is compared as text.
_GLOB_SIGNS = {"": "glob", "=": "glob", "==": "glob", "!=": "not_glob"}
_MISTYPED = {"=>": ">=", "=<": "<=", "===": "==", "=!": "!=", "<>": "!=", "=~": "~=", "~>": "~="}


@dataclass(frozen=True, slots=True)
class Constraint:
    """A leaf of a version spec: an operator and its operand."""

    operator: str
    text: str

    def __str__(self) -> str:
        """The constraint as a version spec."""
        if self.operator in ("glob", "regex", "any"):
            return self.text
        if self.operator == "startswith":
            return f"{self.text}.*"
        if self.operator == "not_startswith":
            return f"!={self.text}.*"
        if self.operator == "not_glob":
            return f"!={self.text}"
        return f"{self.operator}{self.text}"


class VersionSpec:
    """A set of versions. Two specs are equal if their canonical texts are.

    Args:
        text: For instance ``>=1.2,<2|3.*``.

    Raises:
        SpecError: ``invalid-spec``, with a caret under the invalid part; or ``invalid-version``.
    """

    __slots__ = ("_test", "tree")

    def __init__(self, text: str) -> None:
        self.tree: Tree = _parse(text)
        self._test: Test | None = None

    @property
    def matches_all(self) -> bool:
        """Whether every version matches."""
        return isinstance(self.tree, Constraint) and self.tree.operator == "any"

    def contains(self, version: Version | str) -> bool:
        """Whether a version matches. The first call compiles the spec."""
        if self._test is None:
            self._test = _compile(self.tree)
        if isinstance(version, Version):
            return self._test(version.key, version.text)
        return self._test(version_key(version), version)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, VersionSpec) and self.tree == other.tree

    def __hash__(self) -> int:
        return hash(self.tree)

    def __str__(self) -> str:
        """The canonical text; parsing it gives an equal spec."""
        return _write(self.tree)

    def __repr__(self) -> str:
        return f"VersionSpec({str(self)!r})"


@lru_cache(maxsize=16384)
def parse_version_spec(text: str) -> VersionSpec:
    """Parse a version spec, with a cache.

    Raises:
        SpecError: See :class:`VersionSpec`.
    """
    return VersionSpec(text)


def compatible_prefix(text: str) -> str:
    """The prefix that ``~=`` requires of versions: 1.2.3 → 1.2, 1.2rc1 → 1."""
    return re.split(r"[._-][^._-]*$", text.partition("+")[0].rstrip("_-"))[0]


class _Reader:
    """Recursive-descent parser of one version spec."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.position = 0
        self.depth = 0

    def peek(self) -> re.Match[str] | None:
        return _TOKEN.match(self.text, self.position)

    def take(self, character: str) -> bool:
        token = self.peek()
        if token is None or token.group(1) != character:
            return False
        self.position = token.end()
        return True

    def any_of(self) -> Tree:
        parts = [self.all_of()]
        while self.take("|"):
            parts.append(self.all_of())
        return _join("or", parts)

    def all_of(self) -> Tree:
        parts = [self.part()]
        while self.take(","):
            parts.append(self.part())
        return _join("and", parts)

    def part(self) -> Tree:
        if self.take("("):
            self.depth += 1
            if self.depth > MAX_DEPTH:
                raise self.error("parentheses are nested too deeply", "use fewer parentheses")
            inside = self.any_of()
            if not self.take(")"):
                raise self.error("a closing parenthesis is missing", "add )")
            self.depth -= 1
            return inside
        token = self.peek()
        if token is None or token.group(1):
            raise self.error("a version is missing here", "write for instance >=1.2,<2")
        leaf = token.group(2) or token.group(3)
        try:
            constraint = _constraint(leaf)
        except _LeafError as mistake:
            self.position = token.end() - len(leaf)
            raise self.error(mistake.message, mistake.hint, len(leaf)) from None
        self.position = token.end()
        return constraint

    def error(self, why: str, hint: str, width: int = 1) -> SpecError:
        blank = len(self.text) - len(self.text[self.position :].lstrip())
        return spec_error(self.text, (blank, blank + width), why, hint)


class _LeafError(Exception):
    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint


def spec_error(source: str, span: tuple[int, int], why: str, hint: str) -> SpecError:
    """Create an ``invalid-spec`` error with carets under a part of the source text."""
    public = redact(source)
    if public != source:
        source, span = public, (0, len(public))
    start, end = span
    caret = " " * start + "^" * max(1, min(end, len(source)) - start)
    message = f"{why}\n  {source}\n  {caret}"
    return SpecError("invalid-spec", message, hint=hint, source=source, span=span)


def _parse(text: str) -> Tree:
    if len(text) > MAX_LENGTH:
        raise spec_error(
            text[:40] + "…", (40, 41), f"longer than {MAX_LENGTH} characters", "shorten it"
        )
    reader = _Reader(text)
    tree = reader.any_of()
    if text[reader.position :].strip():
        raise reader.error("unexpected text", "separate constraints with , (and) or | (or)")
    return tree


def _join(word: str, parts: list[Tree]) -> Tree:
    """Join parts by ``and`` or ``or``; nested ones are flattened: a|(b|c) is a|b|c."""
    flat: list[Tree] = []
    for part in parts:
        if not isinstance(part, Constraint) and part[0] == word:
            flat.extend(part[1:])  # type: ignore[arg-type]
        else:
            flat.append(part)
    return flat[0] if len(flat) == 1 else (word, *flat)


@lru_cache(maxsize=16384)
def _constraint(text: str) -> Constraint:
    if text[0] == "^" or text[-1] == "$":
        compile_pattern(text)
        return Constraint("regex", text)
    read = _LEAF.fullmatch(text)
    sign, version = read.groups() if read else ("", text)
    if sign not in _SIGNS:
        better = _MISTYPED.get(sign)
        hint = (
            f"did you mean {better}{version}?" if better else "operators are == != >= <= > < = ~="
        )
        raise _LeafError(f"{sign!r} is not an operator", hint)
    if not version or version[0] in "<>=!~":
        raise _LeafError("a version is missing after the operator", f"write for instance {sign}1.2")
    stem = _without_stars(version)
    if "*" in (version.rstrip("*") if sign in _GLOB_SIGNS else stem):
        return _glob(sign, version)
    if not stem:
        return _all_or_nothing(sign, text)
    if len(stem) < len(version):
        return _starred(sign, stem, text)
    version_key(version)
    if sign == "~=" and compatible_prefix(version) == version:
        raise _LeafError(
            "~= needs a version of two parts or more", f"write >={version} or {version}.*"
        )
    return Constraint(_SIGNS[sign] or "==", version)


def _glob(sign: str, version: str) -> Constraint:
    """The constraint for a version with a star before its end."""
    if sign not in _GLOB_SIGNS:
        raise _LeafError(f"{sign!r} cannot be combined with *", "remove the *")
    if not _GLOB.fullmatch(version):
        raise _LeafError(f"{version!r} is not a version", "write for instance 1.*.3")
    return Constraint(_GLOB_SIGNS[sign], version)


def _without_stars(text: str) -> str:
    """``1.2.*``, ``1.2*`` and ``1.2.*.*`` → ``1.2``."""
    while text.endswith("*"):
        text = text[:-2] if text.endswith(".*") else text[:-1]
    return text


def _all_or_nothing(sign: str, text: str) -> Constraint:
    if sign in ("", "=", "==", ">="):
        return Constraint("any", "*")
    raise _LeafError(f"{text!r} matches no version", "write *, or a version")


def _starred(sign: str, version: str, text: str) -> Constraint:
    """The constraint for an operator before ``1.2.*`` or ``1.2*``."""
    version_key(version)
    if sign in ("", "=", "=="):
        return Constraint("startswith", version)
    if sign == "!=":
        return Constraint("not_startswith", version)
    if sign == "~=":
        raise _LeafError("~= cannot be combined with .*", f"write {version}.* or ~={version}.0")
    if sign == ">" and not text.endswith(".*"):
        return Constraint(">=", version)  # conda: 1.2* sorts just before 1.2
    return Constraint(sign, version)


def _write(tree: Tree) -> str:
    if isinstance(tree, Constraint):
        return str(tree)
    if tree[0] == "or":
        return "|".join(_write(part) for part in tree[1:])  # type: ignore[arg-type]
    return ",".join(map(_write_in_all, tree[1:]))  # type: ignore[arg-type]


def _write_in_all(part: Tree) -> str:
    """Return a part of an ``all-of``; a ``|`` in it needs parentheses."""
    is_any = isinstance(part, tuple) and part[0] == "or"
    return f"({_write(part)})" if is_any else _write(part)


def _compile(tree: Tree) -> Test:
    if isinstance(tree, Constraint):
        return _compile_leaf(tree.operator, tree.text)
    tests = [_compile(part) for part in tree[1:]]  # type: ignore[arg-type]
    if tree[0] == "or":
        return lambda key, text: any(test(key, text) for test in tests)
    return lambda key, text: all(test(key, text) for test in tests)


def _compile_leaf(operator: str, text: str) -> Test:
    if operator in ("glob", "not_glob", "regex"):
        match = compile_pattern(text) if operator == "regex" else compile_glob(text)
        return lambda _, version: match(version) != (operator == "not_glob")
    if operator == "any":
        return lambda _, __: True
    return _compile_prefix(operator, text) or _compile_order(operator, version_key(text))


def _compile_prefix(operator: str, text: str) -> Test | None:
    if operator == "startswith":
        prefix = prefix_key(text)
        return lambda key, _: key.startswith(prefix)
    if operator == "not_startswith":
        prefix = prefix_key(text)
        return lambda key, _: not key.startswith(prefix)
    if operator == "~=":
        least, prefix = version_key(text), prefix_key(compatible_prefix(text))
        return lambda key, _: key >= least and key.startswith(prefix)
    return None


def _compile_order(operator: str, limit: bytes) -> Test:
    tests: dict[str, Test] = {
        "==": lambda key, _: key == limit,
        "!=": lambda key, _: key != limit,
        ">": lambda key, _: key > limit,
        ">=": lambda key, _: key >= limit,
        "<": lambda key, _: key < limit,
        "<=": lambda key, _: key <= limit,
    }
    return tests[operator]
