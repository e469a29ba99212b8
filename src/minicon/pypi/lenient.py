"""Reading requirements that older tools wrote and PEP 440 or 508 no longer allow.

Thousands of wheels carry such lines for ever, since a published file never changes. Each
correction below has one meaning only; what stays ambiguous stays an error.
"""

from __future__ import annotations

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.lazy_pattern import lazy_pattern

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


def lenient_specifiers(text: str) -> SpecifierSet:
    """A version specifier set, corrected if need be. Raises InvalidSpecifier."""
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet(_corrected(text))


def lenient_requirement(text: str) -> Requirement:
    """A PEP 508 requirement, corrected if need be. Raises InvalidRequirement."""
    try:
        return Requirement(text)
    except InvalidRequirement:
        body, semicolon, marker = text.partition(";")
        return Requirement(_corrected(body) + semicolon + marker)


def _corrected(text: str) -> str:
    for pattern, replacement in _CORRECTIONS:
        text = pattern.sub(replacement, text)
    return text.strip()
