"""Parse requirements (PEP 508) and version specifiers (PEP 440), also those of older tools.

The one parser of ``Requires-Dist``, ``Requires-Python`` and requirement lines. Thousands of wheels
carry requirements that today's standards forbid, and a published file never changes. Each
correction below has exactly one meaning; what stays ambiguous stays an error.
"""

from __future__ import annotations

from contextlib import suppress

from packaging.requirements import InvalidRequirement, Requirement
from packaging.specifiers import InvalidSpecifier, SpecifierSet

from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_names import normalize_pypi_name
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_CORRECTIONS = (
    # `>=3.6.*`: a wildcard means nothing to an ordered comparison.
    (lazy_pattern(r"((?:>=|<=|>|<|~=)\s*\d+(?:\.\d+)*)\.\*"), r"\1"),
    # `>=2.7 <4`, `>=2.7!=3.0.*`: the comma is missing.
    (lazy_pattern(r"(\d|\*)\s*((?:>=|<=|~=|!=|==|>|<)\s*\d)"), r"\1,\2"),
    # `>='2.7'`: quoted as in a marker.
    (lazy_pattern(r"((?:>=|<=|~=|!=|==|>|<)\s*)['\"](\d[^'\"]*)['\"]"), r"\1\2"),
    # `>=1.0,`, `>=1.0,)` and `(,>=1.0)`: one comma too many.
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


class _NoRelease(SpecifierSet):
    """Versions of a requirement by URL: none that an index could have; its text is the URL."""

    def __init__(self, url: str) -> None:
        super().__init__("==0,!=0")
        self._url = url

    def __str__(self) -> str:
        return f" @ {self._url}"


class RequirementByUrl(Requirement):
    """A requirement on the file at one URL: no release of an index or channel meets it (PEP 508).

    A package index must not stand in for a URL: anyone can register the name there.
    """

    def __init__(self, text: str) -> None:
        """Parse a requirement that has a URL. Raises InvalidRequirement."""
        super().__init__(text)
        self._text = text
        self.specifier = _NoRelease(str(self.url))

    def __str__(self) -> str:
        """Return the text as it was written."""
        return self._text


def parse_specifiers(text: str) -> SpecifierSet:
    """Return the version specifiers that a text means. Raises InvalidSpecifier."""
    if _is_outsized(text):
        raise InvalidSpecifier(f"Invalid specifier: {shortened(text, 40)!r}…")
    try:
        return SpecifierSet(text)
    except InvalidSpecifier:
        return SpecifierSet(_corrected(text))


def parse_requirement(text: str) -> Requirement:
    """Return the requirement that a text means, its project's name normalized (PEP 503).

    Raises:
        InvalidRequirement: The text is not a requirement.
    """
    if _is_outsized(text):
        raise InvalidRequirement(f"{shortened(text, 40)!r}… is too long")
    try:
        try:
            requirement = Requirement(text)
        except InvalidRequirement:
            body, semicolon, marker = text.partition(";")
            requirement = Requirement(_corrected(body) + semicolon + marker)
    except InvalidRequirement:
        raise
    except (ValueError, RecursionError) as error:  # of its versions, or its brackets
        raise InvalidRequirement(f"{shortened(text, 40)!r}: {str(error)[:80]}") from error
    requirement.name = normalize_pypi_name(requirement.name)
    return requirement


def valid_requirements(texts: Iterable[str]) -> Iterator[Requirement]:
    """Parse the values of ``Requires-Dist`` of an installed package; invalid ones are skipped."""
    for text in texts:
        with suppress(InvalidRequirement):
            yield parse_requirement(text)


def normalized_requires_python(text: str) -> str | None:
    """Return a ``Requires-Python`` in the form of PEP 440; None if it cannot be parsed."""
    try:
        found = parse_specifiers(text)
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
