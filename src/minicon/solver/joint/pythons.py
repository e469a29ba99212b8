"""The versions of python that wheels can be chosen for."""

from __future__ import annotations

from typing import NamedTuple

from packaging.specifiers import SpecifierSet
from packaging.version import InvalidVersion, Version

from minicon.lazy_pattern import lazy_pattern
from minicon.models.version import python_minor
from minicon.solver.candidates.candidates import members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.indexes.wheel_index import DistributionFile, WheelIndex
    from minicon.solver.candidates.candidate_source import CandidateSource
    from minicon.solver.search.conda_subproblem import CondaModel

#: Builds of python that ordinary CPython wheels do not fit: free-threaded ones, PyPy, GraalPy.
_FOREIGN_BUILD = lazy_pattern(r".*(?:_cp\d+t$|pypy|graalpy)")


class PythonMinor(NamedTuple):
    """A minor version of python.

    Attributes:
        text: For instance ``3.11``.
        version: The newest full version among its candidates.
        allowed: Candidates of the conda package python that have this minor version.
    """

    text: str
    version: str
    allowed: int


class Pythons:
    """The minor versions of python that a request allows.

    Args:
        source: Candidates of all packages.
        domain: Candidates of python that are possible.
        wheels: The package index.

    Attributes:
        minors: All of them, best first.
    """

    def __init__(
        self, source: CandidateSource, domain: int, wheels: WheelIndex | None = None
    ) -> None:
        self._candidates = source.candidates("python")
        self._wheels = wheels
        self._supported: dict[tuple[str, PythonMinor], int] = {}
        table = self._candidates.table
        allowed: dict[str, int] = {}
        newest: dict[str, str] = {}
        for position in members(domain & self._candidates.all):
            if _FOREIGN_BUILD.match(table.builds[position]):
                continue
            minor = python_minor(table.versions[position])
            allowed[minor] = allowed.get(minor, 0) | 1 << position
            newest.setdefault(minor, table.versions[position])
        self.minors = [PythonMinor(text, newest[text], allowed[text]) for text in allowed]

    def of(self, model: CondaModel) -> PythonMinor:
        """The minor version of a set of packages with python."""
        bit = 1 << model.positions["python"]
        return next(each for each in self.minors if each.allowed & bit)

    def supported_by(self, file: DistributionFile, minor: PythonMinor) -> int:
        """Candidates of a minor version that a file's ``Requires-Python`` allows."""
        wheels = self._wheels
        text = file.requires_python if wheels is None else wheels.requires_python(file)
        if not text:
            return minor.allowed
        key = (text, minor)
        known = self._supported.get(key)
        if known is None:
            known = self._supported[key] = self._supporting(text, minor)
        return known

    def _supporting(self, text: str, minor: PythonMinor) -> int:
        specifier = SpecifierSet(text)
        versions = self._candidates.table.versions
        found = 0
        for position in members(minor.allowed):
            version = pep440_version(versions[position])
            if version is not None and specifier.contains(version, True):
                found |= 1 << position
        return found


def pep440_version(text: str) -> Version | None:
    """A version as PEP 440 reads it; None if it cannot be read."""
    try:
        return Version(text)
    except InvalidVersion:
        return None
