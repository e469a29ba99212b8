"""Compare an environment with an environment file: missing packages and mismatches."""

from __future__ import annotations

from minicon.constants import PYPI_PREFIX
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from packaging.requirements import Requirement

    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

#: Conda's message when nothing differs.
SAME = (
    "Success. All the packages in the specification file are present in the environment "
    "with matching version and build string."
)


@dataclass(frozen=True, slots=True)
class Mismatch:
    """One entry of a file that an environment does not satisfy.

    Attributes:
        name: Package name.
        wanted: The entry as written.
        found: The installed package of that name, or None.
    """

    name: str
    wanted: str
    found: RepodataRecord | None = None

    @property
    def sentence(self) -> str:
        """What is installed in place of what was wanted."""
        if self.found is None:
            return f"{self.wanted} is not installed"
        return f"{self.wanted}: {self.found.name} {self.found.version} is installed"

    def __str__(self) -> str:
        """Return conda's message."""
        if self.found is None:
            return f"{self.name} not found"
        running = f"{self.found.name}=={self.found.version}={self.found.build}"
        return (
            f"{self.name} found but mismatch. "
            f"Specification pkg: {self.wanted}, Running pkg: {running}"
        )


def compare_with_spec(
    records: Sequence[PrefixRecord],
    spec: EnvironmentSpec,
    *,
    folder: Path,
    environ: Mapping[str, str],
) -> tuple[Mismatch, ...]:
    """Return the entries of an environment file that are not satisfied, in the file's order.

    Args:
        records: The installed packages.
        spec: The file; an explicit list names exact builds.
        folder: Base of relative paths in ``pip:`` lines.
        environ: Values of ``${VARIABLE}`` in them.

    Raises:
        SpecError: A ``pip:`` line cannot be parsed.
    """
    installed = {record.name: record.record for record in records}
    return (
        *_explicit_mismatches(installed, spec),
        *_conda_mismatches(installed, spec),
        *_pip_mismatches(installed, spec, folder, environ),
    )


def _explicit_mismatches(
    installed: Mapping[str, RepodataRecord], spec: EnvironmentSpec
) -> Iterator[Mismatch]:
    for entry in spec.explicit:
        stem = entry.fn.removesuffix(".conda").removesuffix(".tar.bz2")
        name = stem.rsplit("-", 2)[0]
        found = installed.get(name)
        hashes = {"sha256": entry.sha256, "md5": entry.md5}
        same = found is not None and all(
            value is None or getattr(found, key) in (None, value.lower())
            for key, value in hashes.items()
        )
        if found is None or found.dist_name != stem or not same:
            yield Mismatch(name, stem, found)


def _conda_mismatches(
    installed: Mapping[str, RepodataRecord], spec: EnvironmentSpec
) -> Iterator[Mismatch]:
    for text in spec.dependencies:
        if text.startswith(PYPI_PREFIX):
            continue
        wanted = MatchSpec(text)
        name = wanted.exact_name or str(wanted.name.text)
        found = installed.get(name) or installed.get(normalize_pypi_name(name))
        if not is_met(text, found):
            yield Mismatch(name, text, found)


def _pip_mismatches(
    installed: Mapping[str, RepodataRecord],
    spec: EnvironmentSpec,
    folder: Path,
    environ: Mapping[str, str],
) -> Iterator[Mismatch]:
    by_name = [text for text in spec.dependencies if text.startswith(PYPI_PREFIX)]
    if not by_name and not spec.pip:
        return
    from minicon.api.plan.requested_packages import parse_packages
    from minicon.models.package_names import NameMap

    names = NameMap.built_in()
    lines = [(line, folder) for line in spec.pip]
    packages = parse_packages(by_name, lines, environ=environ)
    for requirement in packages.requirements:
        candidates = (requirement.name, *names.conda_names(requirement.name))
        found = next((installed[name] for name in candidates if name in installed), None)
        if found is None or not _is_satisfied(requirement, found):
            yield Mismatch(requirement.name, str(requirement), found)
        elif not packages.from_pip.allows(found):
            yield Mismatch(requirement.name, f"{requirement} (another file)", found)


def is_met(text: str, found: RepodataRecord | None) -> bool:
    """Whether a package satisfies a spec, or a ``pypi:`` requirement.

    Args:
        text: The spec as the user wrote it.
        found: The installed package that stands for it: its name is not compared, since a wheel's
            may be spelled differently. None if there is none.
    """
    if found is None:
        return False
    if not text.startswith(PYPI_PREFIX):
        spec = MatchSpec(text)
        return (spec.replace(name=found.name) if spec.exact_name else spec).matches(found)
    from packaging.requirements import InvalidRequirement

    from minicon.pypi.requirement_syntax import parse_requirement

    try:
        return _is_satisfied(parse_requirement(text.removeprefix(PYPI_PREFIX)), found)
    except InvalidRequirement:
        return True  # a path, for instance, whose version is unknown


def _is_satisfied(requirement: Requirement, found: RepodataRecord) -> bool:
    from packaging.version import InvalidVersion

    if requirement.url:
        return True  # the version behind a URL is unknown
    try:
        return requirement.specifier.contains(found.version, prereleases=True)
    except InvalidVersion:
        return False
