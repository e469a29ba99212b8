"""Convert a solution to the packages of a lock file, each in the groups that require it."""

from __future__ import annotations

from packaging.requirements import Requirement

from minicon.api.plan.requested_packages import parse_packages
from minicon.errors import SpecError
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.lockfile import MAIN, LockedPackage, check_package, host_url
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_names import normalize_pypi_name
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.api.lock.lock_inputs import TargetInputs
    from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec
    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.indexes.wheel_index import DistributionFile, WheelIndex
    from minicon.models.records import RepodataRecord
    from minicon.solver.request import Solution


def locked_packages(
    solution: Solution, wheels: WheelIndex | None, platform: str
) -> list[LockedPackage]:
    """Return the packages of a solution, with the URL and hash of each.

    Args:
        solution: The solution for one platform.
        wheels: Index with the source distributions that pip has to build.
        platform: Subdir of the solution.

    Raises:
        SpecError: A package has no hash, or a project has no file.
    """
    packages = [locked_package(record, platform) for record in solution.records]
    packages += [_of_source(each, wheels, platform) for each in solution.pip_requirements]
    return [check_package(package, f"the solution for {platform}") for package in packages]


def locked_package(record: RepodataRecord, platform: str) -> LockedPackage:
    """Return a package of a channel, an index or this machine, with its URL and hash.

    Raises:
        SpecError: ``no-hash``.
    """
    is_wheel = record.is_wheel  # also one that a channel lists: a lock names it by its URL
    if not is_wheel and record.source != "interpreter" and not (record.sha256 or record.md5):
        _refuse_without_hash(record.fn)
    if is_wheel and not record.sha256:
        _refuse_without_hash(record.fn)
    is_host = record.source == "interpreter"
    return LockedPackage(
        name=normalize_pypi_name(record.project) if is_wheel else record.name,
        version=record.version,
        platform=platform,
        url=host_url(record.version) if is_host else without_secrets(record.url),
        manager="pip" if is_wheel else "conda",
        build="" if is_wheel or is_host else record.build,
        depends=() if is_host else tuple(_depends(record)),
        sha256=None if is_host else record.sha256,
        md5=None if is_host else record.md5,
        size=record.size,
        is_direct="direct_url" in record.data or (is_wheel and record.source == "conda"),
    )


def _depends(record: RepodataRecord) -> Iterator[str]:
    """Dependencies as in the lock; those of a wheel are on projects, not on the system."""
    for text in record.depends:
        if not record.is_wheel or record.source == "pypi":
            yield text
        elif not text.startswith("__"):
            yield str(parse_dependency(text).replace(when=None, extras=None))


def _of_source(built: PipRequirement, wheels: WheelIndex | None, platform: str) -> LockedPackage:
    """Return the newest source distribution, which pip would build."""
    requirement = Requirement(built.text)
    releases = wheels.releases(normalize_pypi_name(requirement.name)) if wheels else ()
    for release in releases:
        file = next((file for file in release.files if _is_source(file)), None)
        if file is not None and requirement.specifier.contains(release.version):
            return LockedPackage(
                name=normalize_pypi_name(requirement.name),
                version=str(release.version),
                platform=platform,
                url=without_secrets(file.url),
                manager="pip",
                depends=built.depends,
                sha256=file.sha256,
                size=file.size,
            )
    raise SpecError(
        "cannot-be-locked",
        f"{requirement.name} has neither a wheel nor a source distribution to lock",
        hint="request another version",
    )


def _is_source(file: DistributionFile) -> bool:
    return not file.is_wheel and not file.yanked


def _refuse_without_hash(fn: str) -> None:
    raise SpecError(
        "no-hash",
        f"{fn} has no hash, so a lock could not detect whether it was changed",
        hint="use an index or channel that lists hashes",
    )


def categorised(
    packages: Sequence[LockedPackage],
    read: TargetInputs,
    specs: Sequence[str],
    wheels: WheelIndex | None,
) -> tuple[LockedPackage, ...]:
    """Assign packages to the groups that require them; one in ``main`` is in no other group.

    Args:
        packages: The packages of one platform, not yet in any group.
        read: The inputs of the lock, with the groups of its files.
        specs: Requested specs in addition to the files.
        wheels: Maps a project to its names in channels.
    """
    by_name = {package.name: package for package in packages}
    sections = _sections(read, specs)
    in_groups = {
        name: _needed(by_name, roots, wheels) for name, roots in sections.items() if name != MAIN
    }
    # A package that no group requires belongs to main, so that none is lost by an unknown name.
    main = _needed(by_name, sections[MAIN], wheels)
    main |= set(by_name) - main.union(*in_groups.values())
    found = [by_name[name] for name in main]
    for group, names in in_groups.items():
        found += [replace(by_name[name], category=group) for name in names - main]
    return tuple(found)


def _sections(read: TargetInputs, specs: Sequence[str]) -> dict[str, set[str]]:
    """Return the names of the packages that each group requests."""
    files = read.contents.environments
    parts: list[tuple[str, Path, EnvironmentSpec | DependencyGroup]]
    parts = [(MAIN, folder, spec) for folder, spec in files]
    parts += [
        (name, folder, group) for folder, spec in files for name, group in spec.groups.items()
    ]
    sections = {MAIN: set(parse_packages(specs).names)}
    for name, folder, part in parts:
        lines = [(line, folder) for line in part.pip]
        packages = parse_packages(part.dependencies, lines, environ=read.services.environ)
        sections.setdefault(name, set()).update(packages.names)
    return sections


def _needed(
    packages: Mapping[str, LockedPackage], roots: Iterable[str], wheels: WheelIndex | None
) -> set[str]:
    """Return the names of all packages that some roots depend on, roots included."""
    found: set[str] = set()
    pending = []
    for root in roots:
        pending += [root, normalize_pypi_name(root), *(wheels.conda_names(root) if wheels else ())]
    while pending:
        name = pending.pop()
        if name in packages and name not in found:
            found.add(name)
            depends = packages[name].depends
            pending += [parse_dependency(text).exact_name or "" for text in depends]
            if name == "python":
                pending.append("pip")
    return found
