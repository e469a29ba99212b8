"""Reading requirements that older tools wrote and PEP 440 or 508 no longer allow.

Thousands of wheels carry such lines for ever, since a published file never changes. Each
correction below has one meaning only; what stays ambiguous stays an error.
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import shortened

_CORRECTIONS = (
    # `>=3.6.*`: a wildcard means nothing to an ordered comparison.
    (lazy_pattern(r"((?:>=|<=|>|<|~=)\s*\d+(?:\.\d+)*)\.\*"), r"\1"),
    # `>=2.7 <4`, `>=2.7!=3.0.*`: the comma was forgotten.
    (lazy_pattern(r"(\d|\*)\s*((?:>=|<=|~=|!=|==|>|<)\s*\d)"), r"\1,\2"),
    # `>='2.7'`: quoted as in a marker.
    (lazy_pattern(r"((?:>=|<=|~=|!=|==|>|<)\s*)['\"](\d[^'\"]*)['\"]"), r"\1\2"),
    # `>=1.0,`, `>=1.0,)` and `(,>=1.0)`: a comma too many.
    (lazy_pattern(r",\s*(?=$|\)|;)"), ""),
    (lazy_pattern(r"(?<=\()\s*,"), ""),
    # `=>1.0` and `=<1.0`.
    (lazy_pattern(r"(?<![=<>!~])=([<>])(?=\s*\d)"), r"\1="),
    # `>dev`, `>=dev`: any version.
    (lazy_pattern(r">=?\s*dev\b"), ">=0"),
)


#: Longer texts, and longer numbers in them, are attacks on the parsers, not requirements.
_LONGEST_TEXT = 8000
_LONG_NUMBER = lazy_pattern(r"[0-9]{100}")


def lenient_specifiers(text: str) -> SpecifierSet:
    """A version specifier set, corrected if need be. Raises InvalidSpecifier."""
    if _is_outsized(text):
        raise InvalidSpecifier(f"Invalid specifier: {shortened(text, 40)!r}…")
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet(_corrected(text))


def lenient_requirement(text: str) -> Requirement:
    """A PEP 508 requirement, corrected if need be. Raises InvalidRequirement."""
    if _is_outsized(text):
        raise InvalidRequirement(f"{shortened(text, 40)!r}… is too long")
    try:
        try:
            return Requirement(text)
        except InvalidRequirement:
            body, semicolon, marker = text.partition(";")
            return Requirement(_corrected(body) + semicolon + marker)
    except InvalidRequirement:
        raise
    except (ValueError, RecursionError) as error:  # of its versions, or its brackets
        raise InvalidRequirement(f"{shortened(text, 40)!r}: {str(error)[:80]}") from error


def plain_requires_python(text: str) -> str | None:
    """Return a ``requires-python`` as PEP 440 has it; None where it means nothing."""
    try:
        found = lenient_specifiers(text)
    except InvalidSpecifier:
        return None
    try:
        SpecifierSet(text)
    except InvalidSpecifier:
        return str(found)
    return text


def _is_outsized(text: str) -> bool:
    return len(text) > _LONGEST_TEXT or _LONG_NUMBER.search(text) is not None


def _corrected(text: str) -> str:
    for pattern, replacement in _CORRECTIONS:
        text = pattern.sub(replacement, text)
    return text.strip()
