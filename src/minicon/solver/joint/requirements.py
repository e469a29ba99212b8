"""Requirements and candidates of all sources, as resolvelib sees them, and the outcome.

==================  ========================  ==================================================
identifier          requirements              candidates
==================  ========================  ==================================================
``@conda``          CondaRequirement          CondaCandidate: a complete set of conda packages
``pypi:numpy``      ProjectRequirement        CondaBuilds, Wheel, InstalledWheel, SourceOnly
``pypi:dask[all]``  ProjectRequirement        ExtraCandidate: one of these with an extra's needs
==================  ========================  ==================================================

This module imports nothing of :mod:`packaging`, so that requests for conda packages alone don't.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field
from minicon.models.package_names import normalize_pypi_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import TypeAlias

    from packaging.requirements import Requirement
    from packaging.specifiers import SpecifierSet
    from packaging.version import Version

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.indexes.wheel_index import DistributionFile, Release, WheelIndex
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.records import RepodataRecord
    from minicon.solver.joint.pythons import PythonMinor
    from minicon.solver.request import Reason
    from minicon.solver.search.conda_subproblem import CondaModel

    AnyRequirement: TypeAlias = "CondaRequirement | ProjectRequirement"
    Choice: TypeAlias = "CondaBuilds | Wheel | InstalledWheel | SourceOnly"
    AnyCandidate: TypeAlias = "CondaCandidate | Choice | ExtraCandidate"

CONDA = "@conda"

#: The reason for pip where no channel has it.
PIP = "pip, a dependency of python"


def project_identifier(name: str, extra: str = "") -> str:
    """``pypi:name`` or ``pypi:name[extra]``."""
    return f"pypi:{name}[{extra}]" if extra else f"pypi:{name}"


def project_and_extra(identifier: str) -> tuple[str, str]:
    """The project of an identifier and its extra, which may be empty."""
    name, _, extra = identifier.removeprefix("pypi:").partition("[")
    return name, extra.removesuffix("]")


def project_of(conda_name: str, wheels: WheelIndex | None) -> str:
    """The Python project that corresponds to a conda package's name."""
    return normalize_pypi_name(wheels.pypi_name(conda_name) if wheels is not None else conda_name)


@dataclass(frozen=True, slots=True)
class CondaRequirement:
    """A requirement on the conda packages: one of them must lie in a domain.

    Attributes:
        name: Conda package; empty to require only that there is a solution at all.
        allowed: Domain, see :mod:`minicon.solver.candidates.candidates`.
        text: The requirement as a sentence, for explanations.
    """

    name: str = ""
    allowed: int = 0
    text: str = ""

    @property
    def identifier(self) -> str:
        """The identifier that it is a requirement on."""
        return CONDA


@dataclass(frozen=True, slots=True)
class ProjectRequirement:
    """A requirement on a Python project.

    Attributes:
        name: Normalised project name.
        text: The requirement as its author wrote it, for explanations.
        specifier: PEP 440 versions, or None.
        spec: A MatchSpec instead (a conda spec whose name no channel has).
        extra: The required extra; empty for the project itself.
        choice: The only acceptable candidate (an extra requires its own project), or None.
    """

    name: str
    text: str
    specifier: SpecifierSet | None = None
    spec: MatchSpec | None = None
    extra: str = ""
    choice: Choice | None = None

    @property
    def identifier(self) -> str:
        """The identifier that it is a requirement on."""
        return project_identifier(self.name, self.extra)

    @property
    def allows_prereleases(self) -> bool:
        """Whether pre-releases are acceptable (PEP 440: only if a specifier names one)."""
        if self.spec is not None:
            return self.spec.version is not None and any(map(str.isalpha, str(self.spec.version)))
        return self.specifier is not None and bool(self.specifier.prereleases)

    def accepts(self, version: Version) -> bool:
        """Whether a version meets the requirement, pre-release or not."""
        if self.spec is not None:
            spec = self.spec
            build = spec.build is None or spec.build.matches("pypi_0")
            return build and (spec.version is None or spec.version.contains(str(version)))
        return self.specifier is None or self.specifier.contains(version, prereleases=True)


@dataclass(frozen=True, slots=True)
class CondaCandidate:
    """Candidate of ``@conda``: the best set of packages.

    Attributes:
        model: The chosen packages.
    """

    model: CondaModel

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return CONDA

    def meets_condition(self, spec: MatchSpec) -> bool:
        """Whether a spec's condition is met by these packages; True if it has none."""
        return spec.applies(self.model.has)


@dataclass(frozen=True, slots=True)
class CondaBuilds:
    """A project, provided by builds of a conda package.

    Attributes:
        name: Project name.
        conda_name: The conda package.
        allowed: Its builds for python that meet the requirements.
        text: The requirements, for explanations.
    """

    name: str
    conda_name: str
    allowed: int
    text: str = field(default="", compare=False)

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class Wheel:
    """A project, provided by a wheel for one minor version of python."""

    name: str
    version: Version
    minor: PythonMinor
    release: Release = field(compare=False)
    file: DistributionFile = field(compare=False)

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class InstalledWheel:
    """A project, provided by the wheel that is installed in the environment."""

    name: str
    version: Version
    record: RepodataRecord

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class SourceOnly:
    """A project without a compatible wheel, to be built by pip in the environment."""

    name: str
    version: Version
    minor: PythonMinor
    file: DistributionFile = field(compare=False)

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return project_identifier(self.name)


@dataclass(frozen=True, slots=True)
class ExtraCandidate:
    """An extra of a project, for one candidate of the project.

    Attributes:
        extra: Name of the extra.
        choice: The candidate that provides the project.
        minor: The python for which the extra's requirements were read.
        needs: Those requirements (PEP 508), their markers not yet evaluated.
    """

    extra: str
    choice: Choice
    minor: PythonMinor
    needs: tuple[Requirement, ...] = field(compare=False)

    @property
    def identifier(self) -> str:
        """The identifier that it is a candidate for."""
        return project_identifier(self.choice.name, self.extra)


@dataclass(frozen=True, slots=True)
class Resolved:
    """Outcome of a successful resolution.

    Attributes:
        model: The conda packages.
        wheels: Records of wheels by package name.
        names: Per Python project, the name of the package that provides it.
        reasons: Reasons in addition to those in the records' dependencies.
        pip_requirements: Requirements that pip has to build.
        notes: Sentences for the user about chosen wheels.
    """

    model: CondaModel
    wheels: Mapping[str, RepodataRecord] = field(default_factory=dict)
    names: Mapping[str, str] = field(default_factory=dict)
    reasons: Mapping[str, Sequence[Reason]] = field(default_factory=dict)
    pip_requirements: tuple[PipRequirement, ...] = ()
    notes: tuple[str, ...] = ()


def without_upper_bounds(specifier: SpecifierSet, installed: Version) -> SpecifierSet:
    """The lower bounds of a specifier, and its exclusions.

    Args:
        specifier: Versions that were requested earlier.
        installed: The installed version, which is one of them.
    """
    kept = [each for each in specifier if each.operator in (">=", ">", "!=")]
    texts = [*map(str, kept)]
    if any(each.operator in ("==", "===", "~=") for each in specifier):
        texts.append(f">={installed}")
    return type(specifier)(",".join(texts), prereleases=specifier.prereleases or None)
