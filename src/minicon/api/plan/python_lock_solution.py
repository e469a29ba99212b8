"""Convert a ``pylock.toml`` (PEP 751), which has files for many pythons, to a solution.

::

    files ─ markers, tags ─> compatible pythons ─> solve for python ─> best file of each ─> Solution
"""

from __future__ import annotations

from typing import NamedTuple

from packaging.markers import InvalidMarker, Marker

from minicon.api.plan.exact_solutions import needs_pip, solution_from
from minicon.envs.locks.pylock import DEFAULT_GROUPS
from minicon.errors import SpecError, UsageError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
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
    groups = selection.groups or selection.lock.metadata.get(DEFAULT_GROUPS, "").split()
    machine = _Machine(tags, platform, frozenset(groups))
    allowed = tags.minors(selection.lock.requires_python)
    minors = [m for m in PYTHON_MINORS if m in allowed and _fits_all(projects, m, machine)]
    if not minors:
        raise SpecError(
            "no-python-fits",
            f"there is no python for which all packages of the lock have a file on {platform}",
            hint="lock again for this platform",
        )
    python = solve_python(_python_spec(selection, minors))
    version = next(record.version for record in python.records if record.name == "python")
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
    """The machine that files are chosen for, without its python."""

    tags: WheelTags
    platform: str
    groups: frozenset[str]


def _fits_all(
    projects: Mapping[str, Sequence[LockedPackage]], minor: str, machine: _Machine
) -> bool:
    version = f"{minor}.99"
    return all(
        not _applicable(files, version, machine) or _best_file(files, version, machine)
        for files in projects.values()
    )


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
        "extras": machine.groups,
        "dependency_groups": machine.groups,
    }
    try:
        return Marker(text).evaluate(environment, context="lock_file")
    except (InvalidMarker, TypeError) as error:
        raise SpecError(
            "invalid-lock-file", f"the marker {shortened(text, 80)!r} is invalid: {error}"
        ) from None
