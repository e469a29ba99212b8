"""What ``pip:`` sections and requirement files ask for, sorted by who can answer it.

=====================================  =========================================
line                                   becomes
=====================================  =========================================
``numpy>=1.26``                        IndexRequirement: resolved with all else
``x @ https://…/x-1-py3-none-any.whl``,  IndexRequirement with ``direct``: that
``./x-1-py3-none-any.whl``             wheel and no other
``git+https://…``, ``-e .``,           PipRequirement: pip builds it in the
``./folder``, ``x-1.tar.gz``           environment afterwards
``-r more.txt``, ``-c limits.txt``     read in place
``--extra-index-url …``                IndexOptions
=====================================  =========================================
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.models.package_name import normalize_pypi_name
from minicon.pypi.requirements.index_options import IndexOptions
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet

    from minicon.models.wheel_index import DistributionFile


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexRequirement:
    """Something that wheels can answer.

    Attributes:
        requirement: Name, extras, versions, marker; never a URL.
        direct: The one wheel that is meant, or None.
        hashes: sha256 of the files that may be used, hexadecimal; empty for any.
        origin: File and line, or an empty text.
    """

    requirement: Requirement
    direct: DistributionFile | None = None
    hashes: tuple[str, ...] = ()
    origin: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PipRequirement:
    """Something that only pip can install: it has to be built first.

    Attributes:
        text: Lines of a requirement file; paths in it are absolute. May hold credentials.
        name: Normalised project name where the line tells, else None.
        is_editable: Whether it is linked rather than copied.
        origin: File and line, or an empty text.
    """

    text: str
    name: str | None = None
    is_editable: bool = False
    origin: str = ""

    def __str__(self) -> str:
        return redact(self.text)


@dataclass(frozen=True, slots=True, kw_only=True)
class RequirementSet:
    """All that some lines ask for."""

    requirements: tuple[IndexRequirement, ...] = ()
    pip_requirements: tuple[PipRequirement, ...] = ()
    constraints: tuple[IndexRequirement, ...] = ()
    options: IndexOptions = IndexOptions()

    @property
    def direct_files(self) -> tuple[DistributionFile, ...]:
        """The wheels that are named by URL or path: for :class:`PypiIndex`."""
        return tuple([r.direct for r in self.requirements if r.direct is not None])

    @property
    def limits(self) -> dict[str, SpecifierSet]:
        """Per normalised project, the versions that constraints allow: for :class:`PypiIndex`."""
        from packaging.specifiers import SpecifierSet

        found: dict[str, SpecifierSet] = {}
        for each in self.constraints:
            name = normalize_pypi_name(each.requirement.name)
            found[name] = found.get(name, SpecifierSet()) & each.requirement.specifier
        return found

    @property
    def allowed_hashes(self) -> dict[str, frozenset[str]]:
        """Per project, the only hashes its files may have: for :class:`PypiIndex`."""
        hashes: dict[str, frozenset[str]] = {}
        for entry in self.requirements:
            if entry.hashes:
                name = normalize_pypi_name(entry.requirement.name)
                hashes[name] = hashes.get(name, frozenset()) | frozenset(entry.hashes)
        return hashes

    def merged_with(self, other: RequirementSet) -> RequirementSet:
        """Both, in order; the other's index options on top."""
        return RequirementSet(
            requirements=self.requirements + other.requirements,
            pip_requirements=self.pip_requirements + other.pip_requirements,
            constraints=self.constraints + other.constraints,
            options=self.options.merged_with(other.options),
        )
