"""What resolvelib resolves: requirements and candidates of all sources, as values.

==================  ========================  =============================================
identifier          requirements              candidates
==================  ========================  =============================================
``@conda``          CondaRequirement          Model: a whole model of the conda side
``pypi:numpy``      ProjectRequirement        CondaBuilds, Wheel, InstalledWheel, SourceOnly
``pypi:dask[all]``  ProjectRequirement        the same, and what the extra needs
==================  ========================  =============================================
"""

from __future__ import annotations

from typing import NamedTuple

from packaging.utils import canonicalize_name

from minicon.lean_dataclasses import dataclass, field
from minicon.models.match_spec.condition import holds

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import TypeAlias

    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.models.wheel_index import DistributionFile, Release, WheelIndex
    from minicon.solver.search.conda_subproblem import CondaModel

    AnyRequirement: TypeAlias = "CondaRequirement | ProjectRequirement"
    Choice: TypeAlias = "CondaBuilds | Wheel | InstalledWheel | SourceOnly"
    AnyCandidate: TypeAlias = "Model | Choice | WithExtra"

CONDA = "@conda"


def project_identifier(name: str, extra: str = "") -> str:
    """``pypi:name`` or ``pypi:name[extra]``."""
    return f"pypi:{name}[{extra}]" if extra else f"pypi:{name}"


def project_and_extra(identifier: str) -> tuple[str, str]:
    """The project of an identifier and its extra, which may be empty."""
    name, _, extra = identifier.removeprefix("pypi:").partition("[")
    return name, extra.removesuffix("]")


def project_of(conda_name: str, wheels: WheelIndex | None) -> str:
    """The project that a conda package's name stands for."""
    return canonicalize_name(wheels.pypi_name(conda_name) if wheels is not None else conda_name)


@dataclass(frozen=True, slots=True)
class CondaRequirement:
    """The conda side must leave a package in a domain. Without a name: there must be a model.

    Attributes:
        name: Conda package.
        allowed: Domain, see :mod:`minicon.solver.candidates.candidates`.
        text: What this means, for explanations.
    """

    name: str = ""
    allowed: int = 0
    text: str = ""

    @property
    def identifier(self) -> str:
        """What it is on."""
        return CONDA


@dataclass(frozen=True, slots=True)
class ProjectRequirement:
    """A Python project must be there, in some versions.

    Attributes:
        name: Normalised project name.
        text: As its author wrote it, for explanations.
        specifier: PEP 440 versions, or None.
        spec: A MatchSpec that versions must match instead (a conda spec that no channel meets).
        extra: The extra that is meant, or an empty text for the project itself.
        choice: The very candidate that it must be (an extra goes with its project), or None.
    """

    name: str
    text: str
    specifier: SpecifierSet | None = None
    spec: MatchSpec | None = None
    extra: str = ""
    choice: Choice | None = None

    @property
    def identifier(self) -> str:
        """What it is on."""
        return project_identifier(self.name, self.extra)

    @property
    def asks_for_prereleases(self) -> bool:
        """Whether pre-releases are welcome (PEP 440: only if a specifier names one)."""
        if self.spec is not None:
            return self.spec.version is not None and any(map(str.isalpha, str(self.spec.version)))
        return self.specifier is not None and bool(self.specifier.prereleases)

    def accepts(self, version: Version) -> bool:
        """Whether a version, pre-release or not, will do."""
        if self.spec is not None:
            spec = self.spec
            build = spec.build is None or spec.build.matches("pypi_0")
            return build and (spec.version is None or spec.version.contains(str(version)))
        return self.specifier is None or self.specifier.contains(version, prereleases=True)


class PythonMinor(NamedTuple):
    """A python that wheels may be chosen for.

    Attributes:
        text: For instance ``3.11``.
        version: The newest full version among its candidates.
        allowed: Candidates of the conda side's python that are of this minor.
    """

    text: str
    version: str
    allowed: int


@dataclass(frozen=True, slots=True)
class Model:
    """Candidate of ``@conda``. Equal to another if it answers the same demands.

    Attributes:
        demands: What was demanded of the conda side beyond the request itself.
        model: The answer.
    """

    demands: tuple[tuple[str, int], ...]
    model: CondaModel = field(compare=False)

    def holds(self, spec: MatchSpec) -> bool:
        """Whether a spec's condition holds in it."""
        return spec.when is None or holds(spec.when, self.model.has)

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return CONDA


@dataclass(frozen=True, slots=True)
class CondaBuilds:
    """A project, provided by conda builds of it.

    Attributes:
        name: Project name.
        conda_name: The conda package.
        allowed: Its builds that meet the requirements and are for python.
        text: The requirements, for explanations.
    """

    name: str
    conda_name: str
    allowed: int
    text: str = field(default="", compare=False)

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A project, provided by a wheel for one python minor."""

    name: str
    version: Version
    minor: PythonMinor
    release: Release = field(compare=False)
    file: DistributionFile = field(compare=False)

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    """A project, provided by the wheel that the environment has already."""

    name: str
    version: Version
    record: RepodataRecord

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class SourceOnly:
    """A project that pip has to build in the environment: no wheel fits."""

    name: str
    version: Version
    minor: PythonMinor

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class WithExtra:
    """An extra of a project, for one way to provide the project.

    Attributes:
        extra: Name of the extra.
        choice: How the project is provided.
        minor: The python that the extra's own requirements were read for.
        needs: Those requirements (PEP 508, markers not yet evaluated).
    """

    extra: str
    choice: Choice
    minor: PythonMinor
    needs: tuple[Requirement, ...] = field(compare=False)

    @property
    def identifier(self) -> str:
        """What it is a candidate for."""
        return project_identifier(self.choice.name, self.extra)
