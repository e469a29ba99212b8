"""Repair the problems that :mod:`minicon.api.upkeep.health` finds.

::

    findings ─> packages ─> cached copy verified (else fetched again) ─> Transaction ─> applied
"""

from __future__ import annotations

import shlex

from minicon.api.change.applying import apply_plan
from minicon.api.package_preparation import prepare_packages
from minicon.api.plan.request import ChangeRequest, Plan
from minicon.api.upkeep.cleaning import sweep_leftovers
from minicon.api.upkeep.health import INTERPRETER_KINDS, RELINKED_KINDS, stale_registrations
from minicon.errors import MiniconError
from minicon.models.version import python_minor
from minicon.package.validate import verify_package
from minicon.prefix.environment.environments_txt import unregister_environment
from minicon.prefix.environment.history import channel_of
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover
from minicon.prefix.repair import Problem, make_repair
from minicon.prefix.rollback import generations
from minicon.solver.request import Solution

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.api.upkeep.health import Finding
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord


def repair_environment(
    services: Services, path: Path, findings: Iterable[Finding], *, command_line: Sequence[str]
) -> list[str]:
    """Repair one environment, as one revision that can be undone.

    Packages with damaged files or records are linked again from the package cache. The cached
    package is verified first and fetched again if it is damaged too: with hard links, both are
    the same file.

    Args:
        services: Caches and network.
        path: The environment.
        findings: Of :func:`minicon.api.upkeep.health.check_environment`.
        command_line: The user's command, for the history.

    Returns:
        Sentences about what was repaired and what could not be.

    Raises:
        MiniconError: A package is not available, or the file system refuses; the environment is
            unchanged then.
    """
    recover(path)
    prefix = Prefix(path)
    lost, unknown = _lost_records(services, prefix)
    pythons = _other_interpreter(services, prefix, findings)
    relinked_kinds = RELINKED_KINDS | (INTERPRETER_KINDS if pythons else frozenset())
    by_pip = {record.name for record in prefix.readable_records() if not _has_origin(record)}
    problems = [
        Problem(finding.package, finding.path, finding.kind)
        for finding in findings
        if finding.kind in relinked_kinds and finding.package and finding.package not in by_pip
    ]
    duplicates = () if unknown else prefix.duplicate_records()
    # The files of an unreadable, unknown record may belong to any package: nothing is changed.
    relinked = (
        [] if unknown else _relink(services, prefix, problems, [*lost, *pythons], command_line)
    )
    damaged = {finding.package for finding in findings if finding.kind in RELINKED_KINDS}
    return [
        *(f"removed the older record {record.file_name}" for record in duplicates),
        *(f"linked {dist} again" for dist in relinked),
        *(f"{name} was built by pip: repair it with pip" for name in sorted(by_pip & damaged)),
        *(
            f"{name} cannot be read and its package is unknown: remove that file, then install "
            "the package"
            for name in unknown
        ),
    ]


def _has_origin(record: PrefixRecord) -> bool:
    return bool(record.record.url) or record.record.source == "interpreter"


def repair_machine(services: Services) -> list[str]:
    """Remove leftovers and stale lines of ``environments.txt``; return what was done."""
    done = [f"removed {path}" for path in sweep_leftovers(services)]
    file = services.registry.environments_txt
    stale = stale_registrations(file)
    for line in stale[:1]:  # removing one line removes all stale ones
        unregister_environment(file, Prefix(line).path)
    return [*done, *(f"removed {line} from environments.txt" for line in stale)]


def _relink(
    services: Services,
    prefix: Prefix,
    problems: Sequence[Problem],
    others: Sequence[RepodataRecord],
    command_line: Sequence[str],
) -> list[str]:
    """Link packages again; ``others`` replace the installed packages of the same name."""
    if not (problems or others or prefix.duplicate_records()):
        return []
    transaction = make_repair(prefix, problems, platform=services.settings.platform, lost=others)
    for record in transaction.link:
        _refresh_cached(services, record)
    request = ChangeRequest(action="install", prefix=prefix.path)
    solution = Solution(records=())
    plan = Plan(request=request, transaction=transaction, solution=solution, fetch=())
    apply_plan(services, plan, command_line=command_line)
    return [record.dist_name for record in transaction.link]


def _refresh_cached(services: Services, record: RepodataRecord) -> None:
    """Remove a damaged package from the cache, and prepare it before anything is changed."""
    cache = services.package_cache
    cached = cache.find(record)
    if cached is not None and verify_package(cached.directory):
        services.reporter.note(f"the cached {record.dist_name} is damaged too: it is replaced")
        cache.remove(cached)
    prepare_packages(services, [record])


def _lost_records(services: Services, prefix: Prefix) -> tuple[list[RepodataRecord], list[str]]:
    """Find the packages of unreadable records: in a kept generation, the cache or a channel."""
    found, unknown = [], []
    for path in prefix.broken_records():
        dist_name = path.name.removesuffix(".json")
        record = (
            _in_generations(prefix, dist_name)
            or _in_cache(services, dist_name)
            or _in_channels(services, prefix, dist_name)
        )
        if record is None:
            unknown.append(path.name)
        else:
            found.append(record)
    return found, unknown


def _in_generations(prefix: Prefix, dist_name: str) -> RepodataRecord | None:
    for generation in reversed(generations(prefix.path)):
        for record in Prefix(generation.path).readable_records():
            if record.record.dist_name == dist_name:
                return record.record
    return None


def _in_cache(services: Services, dist_name: str) -> RepodataRecord | None:
    entries = services.package_cache.entries()
    return next((e.record for e in entries if e.record.dist_name == dist_name), None)


def _in_channels(services: Services, prefix: Prefix, dist_name: str) -> RepodataRecord | None:
    """Search the channel that the history names for a package."""
    from minicon.api.inspect.searching import search

    for revision in reversed(prefix.revisions()):
        for line in (*revision.added, *revision.state):
            if line.rpartition("::")[2] == dist_name:
                name, version, build = dist_name.rsplit("-", 2)
                channels = (channel_of(line),)
                try:
                    result = search(services, f"{name}=={version}={build}", channels=channels)
                except MiniconError:
                    return None
                return next(reversed(result.records), None)
    return None


def _other_interpreter(
    services: Services, prefix: Prefix, findings: Iterable[Finding]
) -> list[RepodataRecord]:
    """Find an interpreter of the same minor version for one that vanished or was updated."""
    python = prefix.record("python")
    lost = [f for f in findings if f.kind in INTERPRETER_KINDS and f.is_problem]
    if python is None or not lost:
        return []
    minor = python_minor(python.record.version)
    offered = services.host_index.records_for("python")
    same = [record for record in offered if python_minor(record.version) == minor]
    if not same:
        services.reporter.warn(
            f"this machine has no other python {minor}; to install another version: "
            f"minicon install -p {shlex.quote(str(prefix.path))} python"
        )
        return []
    return [max(same, key=lambda record: tuple(map(int, record.version.split("."))))]
