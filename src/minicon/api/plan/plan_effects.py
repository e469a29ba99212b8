"""What a plan does beyond moving files: whose code it runs, and which programs it leaves behind."""

from __future__ import annotations

from functools import partial

from minicon.api.plan.package_contents import Contents, Previews
from minicon.lean_dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping
    from pathlib import Path

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.prefix.environment.processes import RunningProcess
    from minicon.prefix.scripts.link_scripts import LinkScript

#: What packages that are linked have run; the scripts for the others come with what goes.
COMING_ACTIONS = ("pre-link", "post-link")


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEffects:
    """What users should know before they agree to a plan.

    Attributes:
        scripts: Packages' scripts that will be run, in their order.
        unknown: Packages that may bring others: they are not fetched, and were not looked into.
        fetched: Packages that had to be fetched so that this is known.
        menus: Packages that bring entries for the desktop's menu, which minicon does not make
            (ADR 10); as far as they are known.
        processes: Programs that run from the environment, and keep its old files.
    """

    scripts: tuple[LinkScript, ...] = ()
    unknown: tuple[RepodataRecord, ...] = ()
    fetched: frozenset[RepodataRecord] = frozenset()
    menus: tuple[RepodataRecord, ...] = ()
    processes: tuple[RunningProcess, ...] = ()


def announce(services: Services, plan: Plan, *, look: bool = False) -> PlanEffects:
    """Find it out. Costs a look into the cache per package, and one at each process.

    Args:
        services: Network and caches.
        plan: What will be done.
        look: Also look into packages that are not fetched: for plans that somebody reads before
            they are carried out.

    Raises:
        PackageError, FileError: As :func:`minicon.api.plan.package_previews.preview_packages`.
    """
    transaction = plan.transaction
    runs_scripts = services.settings.link_scripts
    processes = _processes_in(plan.prefix) if transaction.unlink else ()
    missing = _may_bring_scripts(plan) & set(plan.fetch)
    previews = _previews(services, missing if look and runs_scripts else ())
    cached = ((r, services.package_cache.find(r)) for r in _may_bring_scripts(plan) - missing)
    contents: dict[RepodataRecord, Contents] = {
        **{r: Contents.of_package(package) for r, package in cached if package is not None},
        **{r: Contents.of_files(files) for r, files in previews.files.items()},
    }
    menus = tuple(r for r in transaction.link if r in contents and contents[r].has_menu)
    if not runs_scripts:
        return PlanEffects(processes=processes, menus=menus)
    leaving = partial(leaving_scripts, transaction.unlink, platform=transaction.platform)
    coming = partial(_coming_scripts, transaction.link, contents, platform=transaction.platform)
    return PlanEffects(
        scripts=(
            *leaving("pre-unlink"),
            *coming("pre-link"),
            *leaving("post-unlink"),
            *coming("post-link"),
        ),
        unknown=previews.unknown if look else tuple(missing),
        fetched=previews.fetched,
        menus=menus,
        processes=processes,
    )


def as_shown(plan: Plan, announcement: PlanEffects) -> Plan:
    """The plan, to be carried out only if packages bring the scripts that were shown."""
    return replace(
        plan,
        fetch=tuple(record for record in plan.fetch if record not in announcement.fetched),
        shown_scripts=shown_scripts(announcement.scripts),
    )


def shown_scripts(scripts: Iterable[LinkScript]) -> frozenset[tuple[str, str]]:
    """Package and action of those that coming packages bring; who goes is known anyhow."""
    return frozenset(
        (script.record.dist_name, script.action)
        for script in scripts
        if script.action in COMING_ACTIONS
    )


def _previews(services: Services, records: Collection[RepodataRecord]) -> Previews:
    if not records:
        return Previews()
    from minicon.api.plan.package_previews import preview_packages

    return preview_packages(services, records)


def effects_of_removal(services: Services, path: Path) -> PlanEffects:
    """The same for the removal of a whole environment."""
    from minicon.prefix.environment.prefix import Prefix

    prefix = Prefix(path)
    records = prefix.readable_records() if services.settings.link_scripts else ()
    scripts = leaving_scripts(records, "pre-unlink", platform=prefix.subdir or "")
    return PlanEffects(scripts=tuple(scripts), processes=_processes_in(path))


def effects_of_switch(path: Path) -> PlanEffects:
    """The same for what moves an environment as a whole: going back, renaming. No scripts run."""
    return PlanEffects(processes=_processes_in(path))


def tell_fetched_scripts(
    services: Services, plan: Plan, packages: Mapping[RepodataRecord, CachedPackage]
) -> None:
    """Name what the plan could not, since the packages had to be fetched: scripts and menus."""
    contents = {r: Contents.of_package(packages[r]) for r in plan.fetch if r in packages}
    was_shown = plan.shown_scripts is not None
    for record in plan.fetch:
        if record in contents and contents[record].has_menu and not was_shown:
            services.reporter.note(menu_text(record))
    if services.settings.link_scripts and not was_shown:
        for action in COMING_ACTIONS:
            platform = plan.transaction.platform
            for script in _coming_scripts(plan.fetch, contents, action, platform=platform):
                services.reporter.note(f"will run: {script_text(script)}")


def script_text(script: LinkScript) -> str:
    """``post-link of NAME-VERSION-BUILD``."""
    return f"{script.action} of {script.record.dist_name}"


def scripts_json(scripts: Iterable[LinkScript]) -> list[dict[str, str]]:
    """Link scripts as JSON."""
    return [
        {"action": script.action, "package": script.record.dist_name, "path": script.path}
        for script in scripts
    ]


def menu_text(record: RepodataRecord) -> str:
    """What to know of a package that brings menu entries."""
    return f"{record.name} brings menu entries (Menu/*.json), which minicon does not make"


def process_text(processes: Iterable[RunningProcess], *, shown: int = 3) -> str:
    """``12 (python server.py), 47 (jupyter) and 2 more``."""
    listed = list(processes)
    texts = [f"{process.pid} ({_short(process.command)})" for process in listed[:shown]]
    more = f" and {len(listed) - shown} more" if len(listed) > shown else ""
    return ", ".join(texts) + more


def _short(command: str) -> str:
    program, blank, arguments = command.partition(" ")
    return f"{program.rpartition('/')[2]}{blank}{arguments}"[:60]


def _processes_in(prefix: Path) -> tuple[RunningProcess, ...]:
    from minicon.prefix.environment.processes import processes_in

    return processes_in(prefix)


def leaving_scripts(
    unlink: Iterable[PrefixRecord], action: str, *, platform: str
) -> list[LinkScript]:
    """Scripts of packages that go, for an action."""
    records = list(unlink)
    if not records:
        return []
    from minicon.prefix.scripts.link_scripts import scripts_of_record

    return [each for record in records for each in scripts_of_record(record, action, platform)]


def _may_bring_scripts(plan: Plan) -> set[RepodataRecord]:
    """Only packages of channels have link scripts."""
    return {record for record in plan.transaction.link if record.source == "conda"}


def _coming_scripts(
    records: Iterable[RepodataRecord],
    contents: Mapping[RepodataRecord, Contents],
    action: str,
    *,
    platform: str,
) -> Iterator[LinkScript]:
    from minicon.prefix.scripts.link_scripts import LinkScript, script_of

    for record in records:
        if record not in contents:
            continue
        path = script_of(record, action, platform)
        source = contents[record].source_of(path, record) if path else None
        if path and source is not None:
            folder = contents[record].directory
            yield LinkScript(record, action, path, folder / source if folder else None)
