"""Solutions that a lock file holds already: nothing is chosen.

::

    conda-lock.yml, pixi.lock ─ packages of one platform ─> Solution ─ beside what is installed
"""

from __future__ import annotations

from minicon.errors import InterpreterError, SpecError
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import parse_dependency
from minicon.models.version import python_minor, version_key
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import in_link_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.api.lock.lock_selection import LockSelection
    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import LockedPackage
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord


def lock_solution(services: Services, selection: LockSelection) -> Solution:
    """Exactly the packages of a lock for the settings' platform.

    Args:
        services: Platform, virtual packages and interpreters.
        selection: The lock and its groups.

    Raises:
        SpecError: The lock is not for this platform or these groups, or misses packages.
        InterpreterError: The lock wants a python of this machine that is not there.
    """
    packages = selection.lock.for_platform(services.settings.platform, selection.groups)
    records = lock_records(services, packages)
    _check_complete(records)
    _check_machine(records, services)
    return solution_from(records.values(), sources=[p for p in packages if needs_pip(p)])


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
    built = {each.name: each.record for each in installed if each.record.is_installed_by_pip}
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
    chosen = [package for package in packages if not needs_pip(package)]
    python = next((p for p in chosen if p.name == "python" and p.manager == "conda"), None)
    minor = python_minor(python.version) if python else None
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


def needs_pip(package: LockedPackage) -> bool:
    """Whether pip has to build it."""
    return package.manager == "pip" and not package.is_wheel


def _pip_line(package: LockedPackage) -> str:
    anchor = f"#sha256={package.sha256}" if package.sha256 else ""
    return f"{package.name} @ {package.url}{anchor}"


def _host_record(services: Services, package: LockedPackage) -> RepodataRecord:
    """The python of this machine that a lock means: the same version, else the same minor."""
    offered = services.host_index.records_for("python")
    minor = python_minor(package.version)
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


def _check_machine(records: Mapping[str, RepodataRecord], services: Services) -> None:
    """Refuse what this machine cannot run, as a solve would."""
    facts = {fact.name: fact.as_record() for fact in services.virtual_packages}
    for record in records.values():
        for text in record.depends:
            spec = parse_dependency(text)
            name = spec.exact_name or ""
            if not name.startswith("__") or (name in facts and spec.matches(facts[name])):
                continue
            here = f"{name} {facts[name].version}" if name in facts else f"no {name}"
            variable = f"CONDA_OVERRIDE_{name.strip('_').upper()}"
            raise SpecError(
                "machine-does-not-fit",
                f"the lock's {record.name} needs {text}, and this machine has {here}",
                hint=f"lock for this machine with --for; or set {variable} if you know better",
            )
