"""Check that the packages of a lock satisfy each other's dependencies, and requests.

Dependencies of conda packages are MatchSpecs (CEP 29), those of wheels requirements (PEP 508) with
versions of PEP 440: only for wheels is ``1.0.0b2`` the same version as ``1.0.0.beta2``.
"""

from __future__ import annotations

from contextlib import suppress

from packaging.requirements import InvalidRequirement

from minicon.models.match_spec.spec import parse_dependency
from minicon.models.package_names import NameMap, normalize_pypi_name
from minicon.pypi.requirement_syntax import parse_requirement
from minicon.solver.joint.markers import applies, marker_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from minicon.models.environment_files.lockfile import LockedPackage, Lockfile
    from minicon.models.match_spec.spec import MatchSpec

    Packages = Mapping[str, LockedPackage]


def mismatches(lock: Lockfile) -> tuple[str, ...]:
    """Return the dependencies between a lock's packages that are not satisfied, as sentences."""
    names = NameMap.built_in()
    return tuple(
        f"{problem} ({platform})"
        for platform in lock.platforms
        for problem in _mismatches(lock, platform, names)
    )


def unsatisfied(
    lock: Lockfile,
    platform: str,
    specs: Iterable[MatchSpec],
    requirements: Iterable[Requirement],
) -> Iterator[str]:
    """Yield the requests that no package of a lock satisfies, as text."""
    names = NameMap.built_in()
    locked = lock.for_platform(platform, lock.groups)
    conda = {each.name: each for each in locked if each.manager == "conda"}
    wheels = {normalize_pypi_name(each.name): each for each in locked if each.manager == "pip"}
    for spec in specs:
        name = spec.exact_name or ""
        package = conda.get(name)
        wheel = wheels.get(names.pypi_name(name) or normalize_pypi_name(name))
        if package is None and wheel is not None:
            if spec.version is None or spec.version.contains(wheel.version):
                continue
        elif package is not None and spec.matches(package.to_record()):
            continue
        yield str(spec)
    for requirement in requirements:
        project = normalize_pypi_name(requirement.name)
        candidates = (conda.get(name) for name in names.conda_names(project))
        found = wheels.get(project) or next(filter(None, candidates), None)
        if not found or not requirement.specifier.contains(found.version, prereleases=True):
            yield str(requirement)


def not_required(
    lock: Lockfile,
    platform: str,
    specs: Iterable[MatchSpec],
    requirements: Iterable[Requirement],
) -> list[str]:
    """Return the packages of a lock that neither a request nor another package names.

    Solvers add python to wheels and pip to python.
    """
    names = NameMap.built_in()
    locked = lock.for_platform(platform, lock.groups)
    needed = {"python", "pip", *(spec.exact_name or "" for spec in specs)}
    needed.update(normalize_pypi_name(each.name) for each in requirements)
    for package in locked:
        needed.update(_dependency_names(package))
    projects = set(map(names.pypi_name, needed))
    return [
        each.name
        for each in locked
        if each.name not in needed and names.pypi_name(each.name) not in projects
    ]


def _dependency_names(package: LockedPackage) -> Iterator[str]:
    for text in package.depends:
        if package.manager == "conda":
            yield parse_dependency(text).exact_name or ""
            continue
        with suppress(InvalidRequirement):
            yield parse_requirement(text).name


def _mismatches(lock: Lockfile, platform: str, names: NameMap) -> Iterator[str]:
    locked = lock.for_platform(platform, lock.groups)
    conda = {each.name: each for each in locked if each.manager == "conda"}
    wheels = {normalize_pypi_name(each.name): each for each in locked if each.manager == "pip"}
    python = conda.get("python")
    environment = marker_environment(python.version, platform) if python else None
    for package in conda.values():
        yield from _unmet_specs(package, {**wheels, **conda})
    for package in wheels.values():
        yield from _unmet_requirements(package, wheels, conda, names, environment)


def _unmet_specs(package: LockedPackage, locked: Packages) -> Iterator[str]:
    for text in package.depends:
        spec = parse_dependency(text)
        name = spec.exact_name
        if name is None or name.startswith("__") or spec.when is not None:
            continue
        found = locked.get(name)
        if found is None:
            yield f"{package.name} needs {name}"
        elif spec.version is not None and not spec.version.contains(found.version):
            yield f"{package.name} needs {text} and not {found.version}"


def _unmet_requirements(
    package: LockedPackage,
    wheels: Packages,
    conda: Packages,
    names: NameMap,
    environment: dict[str, str] | None,
) -> Iterator[str]:
    """Yield the requirements of a wheel that a locked version violates, missing ones left out."""
    for text in package.depends:
        try:
            requirement = parse_requirement(text)
        except InvalidRequirement:
            continue
        if environment is not None and not applies(requirement, environment):
            continue
        candidates = (conda.get(name) for name in names.conda_names(requirement.name))
        found = wheels.get(requirement.name) or next(filter(None, candidates), None)
        if found and not requirement.specifier.contains(found.version, prereleases=True):
            yield f"{package.name} needs {text} and not {found.version}"
