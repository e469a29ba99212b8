"""Solutions that a lock file holds already: nothing is chosen but, where it has none, a python.

::

    conda-lock.yml, pixi.lock ─ packages of one platform ──────────────┐
    pylock.toml ─ files ─> pythons that fit ─> solve python alone ─────┴─> Solution
"""

from __future__ import annotations

from dataclasses import replace

from packaging.markers import InvalidMarker, Marker

from minicon.api.pruning import is_by_pip
from minicon.errors import InterpreterError, SpecError, UsageError
from minicon.models.match_spec import MatchSpec, parse_dependency
from minicon.models.version import version_key
from minicon.pypi.filenames import split_wheel_name
from minicon.pypi.wheel_tags import PYTHON_MINORS, WheelTags
from minicon.solver.link_order import in_link_order
from minicon.solver.markers import marker_environment
from minicon.solver.request import Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from minicon.api.lock_selection import LockSelection
    from minicon.api.services import Services
    from minicon.models.lockfile import LockedPackage
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

    #: Solves for one spec of python; gives python's own records.
    SolvePython = Callable[[MatchSpec], Solution]


def lock_solution(
    services: Services, selection: LockSelection, solve_python: SolvePython
) -> Solution:
    """Exactly the packages of a lock for the settings' platform.

    Args:
        services: Platform, virtual packages and interpreters.
        selection: The lock and its groups.
        solve_python: Called for a lock without a python of its own (PEP 751).

    Raises:
        SpecError: The lock is not for this platform or these groups, or misses packages.
        InterpreterError: The lock wants a python of this machine that is not there.
    """
    if selection.lock.kind == "pylock":
        return _python_lock_solution(services, selection, solve_python)
    packages = selection.lock.for_platform(services.settings.platform, selection.groups)
    records = lock_records(services, packages)
    _check_complete(records)
    return solution_from(records.values(), sources=[p for p in packages if _needs_pip(p)])


def beside_installed(
    solution: Solution, installed: Sequence[PrefixRecord], *, keep_others: bool
) -> Solution:
    """A lock's solution as an environment takes it up.

    What pip built before and the lock still wants is not built again.

    Args:
        solution: Of the lock.
        installed: What the environment holds.
        keep_others: Whether packages that the lock does not name stay.
    """
    records = {record.name: record for record in solution.records}
    built = {each.name: each.record for each in installed if is_by_pip(each.record)}
    lines = {line: _built_from(line, built) for line in solution.pip_requirements}
    records |= {record.name: record for record in lines.values() if record is not None}
    if keep_others:
        records |= {each.name: each.record for each in installed if each.name not in records}
    return replace(
        solution,
        records=in_link_order(records),
        pip_requirements=tuple(line for line, record in lines.items() if record is None),
    )


def _built_from(line: str, built: Mapping[str, RepodataRecord]) -> RepodataRecord | None:
    """What pip built earlier from the source that a line names, or None."""
    record = built.get(line.partition(" @ ")[0])
    fits = record is not None and f"-{record.version}." in line.rpartition("/")[2]
    return record if fits else None


def lock_records(
    services: Services, packages: Iterable[LockedPackage]
) -> dict[str, RepodataRecord]:
    """Records of a lock's packages by name; what pip has to build is left out."""
    chosen = [package for package in packages if not _needs_pip(package)]
    python = next((p for p in chosen if p.name == "python" and p.manager == "conda"), None)
    minor = ".".join(python.version.split(".")[:2]) if python else None
    records: dict[str, RepodataRecord] = {}
    for package in chosen:
        record = _host_record(services, package) if package.is_host else package.to_record(minor)
        records.setdefault(record.name, record)
    return records


def solution_from(
    records: Iterable[RepodataRecord], sources: Sequence[LockedPackage] = ()
) -> Solution:
    """A solution of these packages.

    A lock does not tell what was asked for: python, and what no other package needs, count as
    such, but for pip, which python brings along.
    """
    by_name = {record.name: record for record in records}
    needed = {
        parse_dependency(text).exact_name
        for record in by_name.values()
        for text in record.depends
        if parse_dependency(text).exact_name != record.name
    }
    return Solution(
        records=in_link_order(by_name),
        requested={
            name: (name,)
            for name in sorted(by_name)
            if name == "python" or name not in (*needed, "pip")
        },
        pip_requirements=tuple(_pip_line(package) for package in sources),
    )


def _needs_pip(package: LockedPackage) -> bool:
    return package.manager == "pip" and not package.is_wheel


def _pip_line(package: LockedPackage) -> str:
    anchor = f"#sha256={package.sha256}" if package.sha256 else ""
    return f"{package.name} @ {package.url}{anchor}"


def _host_record(services: Services, package: LockedPackage) -> RepodataRecord:
    """The python of this machine that a lock means: the same version, else the same minor."""
    offered = services.host_index.records_for("python")
    minor = ".".join(package.version.split(".")[:2])
    fitting = [r for r in offered if f"{r.version}.".startswith(f"{minor}.")]
    fitting.sort(key=lambda r: (r.version == package.version, version_key(r.version)))
    if not fitting:
        found = ", ".join(sorted({r.version for r in offered})) or "none"
        raise InterpreterError(
            "interpreter-missing",
            f"the lock wants python {package.version} of this machine, which is not here",
            context=f"found: {found}",
            hint="install it, or lock again with a channel that has python (-c)",
        )
    return fitting[-1]


def _check_complete(records: Mapping[str, RepodataRecord]) -> None:
    """A lock that misses a dependency would make a broken environment: say so."""
    for record in records.values():
        if record.source != "conda":
            continue
        for text in record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name
            plain = name is not None and not name.startswith("__") and spec.when is None
            if plain and name not in records and name != record.name:
                raise SpecError(
                    "incomplete-lock",
                    f"the lock has {record.name} but not {name}, which it needs",
                    hint="lock again with 'minicon lock'",
                )


def _python_lock_solution(
    services: Services, selection: LockSelection, solve_python: SolvePython
) -> Solution:
    platform = services.settings.platform
    tags = WheelTags(platform, services.virtual_packages)
    projects: dict[str, list[LockedPackage]] = {}
    for package in selection.lock.packages:
        projects.setdefault(package.name, []).append(package)
    minors = [m for m in PYTHON_MINORS if _fits_all(projects, m, selection, tags, platform)]
    if not minors:
        raise SpecError(
            "no-python-fits",
            f"no python has a file of every package in the lock on {platform}",
            hint="lock again for this platform",
        )
    python = solve_python(_python_spec(selection, minors))
    version = next(record.version for record in python.records if record.name == "python")
    chosen = [_best_file(files, version, tags, platform) for files in projects.values()]
    kept = [package for package in chosen if package is not None]
    minor = ".".join(version.split(".")[:2])
    records = {record.name: record for record in python.records}
    records |= {p.name: p.to_record(minor) for p in kept if not _needs_pip(p)}
    found = solution_from(records.values(), sources=[p for p in kept if _needs_pip(p)])
    return replace(found, requested={**found.requested, "python": ("python",)})


def _python_spec(selection: LockSelection, minors: Sequence[str]) -> MatchSpec:
    """Python as the user wants it, in one of the minors that the lock has files for."""
    asked = selection.python
    allowed = "|".join(f"{minor}.*" for minor in minors)
    if asked is None:
        return MatchSpec.from_fields(name="python", version=allowed)
    spec = MatchSpec(asked)
    if spec.exact_name != "python":
        message = f"{asked!r} cannot be added to a lock"
        raise UsageError("mixed-files", message, hint="install it afterwards")
    version = f"({allowed}),({spec.version})" if spec.version is not None else allowed
    return MatchSpec.from_fields(name="python", version=version)


def _fits_all(
    projects: Mapping[str, Sequence[LockedPackage]],
    minor: str,
    selection: LockSelection,
    tags: WheelTags,
    platform: str,
) -> bool:
    if minor not in tags.minors(selection.lock.requires_python):
        return False
    version = f"{minor}.99"
    return all(
        not _wanted(files, version, platform) or _best_file(files, version, tags, platform)
        for files in projects.values()
    )


def _wanted(files: Sequence[LockedPackage], version: str, platform: str) -> list[LockedPackage]:
    return [file for file in files if _marker_holds(file.marker, version, platform)]


def _best_file(
    files: Sequence[LockedPackage], version: str, tags: WheelTags, platform: str
) -> LockedPackage | None:
    """The best file of a project for a python: a wheel where one fits."""
    minor = ".".join(version.split(".")[:2])
    best: tuple[tuple[int, int], LockedPackage] | None = None
    source = None
    for file in _wanted(files, version, platform):
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


def _marker_holds(text: str | None, version: str, platform: str) -> bool:
    if text is None:
        return True
    environment: dict[str, object] = dict(marker_environment(version, platform))
    environment |= {"extras": frozenset(), "dependency_groups": frozenset()}
    try:
        return Marker(text).evaluate(environment, context="lock_file")  # type: ignore[arg-type]
    except (InvalidMarker, TypeError) as error:
        raise SpecError(
            "invalid-lock-file", f"the marker {text[:80]!r} cannot be read: {error}"
        ) from None
