"""Convert a ``pylock.toml`` (PEP 751), which has files for many pythons, to a solution.

::

    files ─ markers, tags ─> compatible pythons ─> solve for python ─> best file of each ─> Solution
"""

from __future__ import annotations

from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker

from minicon.api.plan.solutions.exact_solutions import needs_pip, solution_from
from minicon.envs.locks.pylock import DEFAULT_GROUPS, EXTRAS, GROUPS
from minicon.errors import SpecError, UsageError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.models.version import python_minor
from minicon.pypi.wheels.filenames import split_wheel_name
from minicon.pypi.wheels.wheel_tags import PYTHON_MINORS, WheelTags
from minicon.redaction import shortened
from minicon.solver.joint.markers import marker_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from collections.abc import Set as AbstractSet

    from minicon.api.plan.request import LockSelection
    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import LockedPackage
    from minicon.solver.request import Solution

    #: Solves one spec of python; returns python and its dependencies.
    SolvePython = Callable[[MatchSpec], Solution]


def python_lock_solution(
    services: Services, selection: LockSelection, solve_python: SolvePython
) -> Solution:
    """Return the packages of a ``pylock.toml`` for the settings' platform, and a python.

    Args:
        services: Platform and virtual packages.
        selection: The lock, its groups, and the requested python.
        solve_python: Solves one spec of python.

    Raises:
        SpecError: No python is compatible with all packages, or a marker is invalid.
        SolveError: No source has a compatible python.
    """
    platform = services.settings.platform
    tags = WheelTags(platform, services.virtual_packages)
    projects: dict[str, list[LockedPackage]] = {}
    for package in selection.lock.packages:
        projects.setdefault(package.name, []).append(package)
    groups, extras = _groups_and_extras(selection)
    machine = _Machine(tags, platform, groups, extras)
    allowed = tags.minors(selection.lock.requires_python)
    minors = [m for m in PYTHON_MINORS if m in allowed and not _unfit(projects, m, machine)]
    wanted = [m for m in PYTHON_MINORS if _may_be(selection.python, m)]
    if not {*minors} & {*wanted}:
        raise _no_python_fits(selection, projects, wanted, machine)
    python = solve_python(_python_spec(selection, minors))
    version = next(record.version for record in python.records if record.name == "python")
    for _, marker, message in selection.lock.refused:
        if _marker_applies(marker or None, version, machine):
            hint = "lock again, or install it with pip afterwards"
            raise SpecError("invalid-lock-file", message, hint=hint)
    chosen = [_best_file(files, version, machine) for files in projects.values()]
    kept = [package for package in chosen if package is not None]
    minor = python_minor(version)
    records = {record.name: record for record in python.records}
    records |= {p.name: p.to_record(minor) for p in kept if not needs_pip(p)}
    found = solution_from(records.values(), sources=[p for p in kept if needs_pip(p)])
    return replace(found, requested={**found.requested, "python": ("python",)})


def _python_spec(selection: LockSelection, minors: Sequence[str]) -> MatchSpec:
    """Return the requested python, limited to the minors that the lock has files for."""
    spec = selection.python
    allowed = "|".join(f"{minor}.*" for minor in minors)
    if spec is None:
        return MatchSpec.from_fields(name="python", version=allowed)
    if spec.exact_name != "python":
        message = f"'{spec}' cannot be added to a lock"
        raise UsageError("mixed-files", message, hint="install it afterwards")
    version = f"({allowed}),({spec.version})" if spec.version is not None else allowed
    return MatchSpec.from_fields(name="python", version=version)


class _Machine(NamedTuple):
    """The machine that files are chosen for, without its python, and the requested parts."""

    tags: WheelTags
    platform: str
    groups: frozenset[str]
    extras: frozenset[str]


def _groups_and_extras(selection: LockSelection) -> tuple[frozenset[str], frozenset[str]]:
    """The dependency groups, those by default included, and the extras to install (PEP 751).

    Raises:
        SpecError: ``no-such-group``: the lock has neither a group nor an extra of a name.
    """
    metadata = selection.lock.metadata
    default, groups, extras = (
        frozenset(map(normalize_pypi_name, metadata.get(key, "").split()))
        for key in (DEFAULT_GROUPS, GROUPS, EXTRAS)
    )
    requested = frozenset(map(normalize_pypi_name, selection.groups))
    for name in sorted(requested - groups - extras - default):
        known = ", ".join(sorted(groups | extras | default)) or "none"
        raise SpecError(
            "no-such-group",
            f"the lock has no group or extra {name!r}",
            hint=f"its groups and extras are: {known}",
        )
    return default | requested - (extras - groups), requested & extras


def _may_be(python: MatchSpec | None, minor: str) -> bool:
    """Whether a requested python may be one of a minor version."""
    if python is None or python.version is None:
        return True
    return any(python.version.contains(f"{minor}.{patch}") for patch in range(100))


def _no_python_fits(
    selection: LockSelection,
    projects: Mapping[str, Sequence[LockedPackage]],
    wanted: Sequence[str],
    machine: _Machine,
) -> SpecError:
    """Return the error that names a package without a file for the newest of some pythons."""
    requires = selection.lock.requires_python
    allowed = [minor for minor in wanted if minor in machine.tags.minors(requires)]
    python = f"'{selection.python}'" if selection.python else f"python on {machine.platform}"
    if not allowed:
        limit = f"python {requires}" if requires else "a python that wheels are made for"
        message = f"the lock requires {limit}, which {python} is not"
        return SpecError("no-python-fits", message, hint="request another python")
    files = projects[_unfit(projects, allowed[0], machine) or ""]
    package = files[0]
    why = f"has no file for python {allowed[0]} on {machine.platform}"
    if allowed[0] not in machine.tags.minors(package.requires_python):
        why = f"requires python {package.requires_python}"
    return SpecError(
        "no-python-fits",
        f"no package for {python} fits all packages of the lock: "
        f"{package.name} {package.version} {why}",
        hint="request another python, or lock again for this platform",
    )


def _unfit(
    projects: Mapping[str, Sequence[LockedPackage]], minor: str, machine: _Machine
) -> str | None:
    """The first project that has no file for a python."""
    version = f"{minor}.99"
    for name, files in projects.items():
        if _applicable(files, version, machine) and not _best_file(files, version, machine):
            return name
    return None


def _applicable(
    files: Sequence[LockedPackage], version: str, machine: _Machine
) -> list[LockedPackage]:
    return [file for file in files if _marker_applies(file.marker, version, machine)]


def _best_file(
    files: Sequence[LockedPackage], version: str, machine: _Machine
) -> LockedPackage | None:
    """Return the best file of a project for a python: a wheel if one is compatible."""
    tags, minor = machine.tags, python_minor(version)
    best: tuple[tuple[int, int], LockedPackage] | None = None
    source = None
    for file in _applicable(files, version, machine):
        if minor not in tags.minors(file.requires_python):
            continue
        wheel = split_wheel_name(file.fn)
        if wheel is None:
            source = source or file
            continue
        rank = tags.rank(wheel.tags, minor)
        if rank is not None and (best is None or rank < best[0]):
            best = (rank, file)
    return best[1] if best else source


def _marker_applies(text: str | None, version: str, machine: _Machine) -> bool:
    if text is None:
        return True
    environment: dict[str, str | AbstractSet[str]] = {
        **marker_environment(version, machine.platform),
        "extras": machine.extras,
        "dependency_groups": machine.groups,
    }
    try:
        return Marker(text).evaluate(environment, context="lock_file")
    except (InvalidMarker, TypeError) as error:
        raise SpecError(
            "invalid-lock-file", f"the marker {shortened(text, 80)!r} is invalid: {error}"
        ) from None
