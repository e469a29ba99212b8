"""What a plan does beyond moving files: which link scripts it runs, which programs it affects."""

from __future__ import annotations

from functools import partial

from minicon.api.package_previews import Contents, Previews, preview_packages
from minicon.lean_dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.package.cache.package_cache import CachedPackage
    from minicon.prefix.environment.processes import RunningProcess
    from minicon.prefix.scripts.script_files import LinkScript

#: Actions of packages that are linked; the scripts of the others are in the environment already.
LINK_ACTIONS = ("pre-link", "post-link")
_SHOWN = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class PlanEffects:
    """What users should know before they agree to a plan.

    Attributes:
        scripts: Link scripts that will run, in their order.
        unknown: Packages that may have others: they are not fetched, and were not previewed.
        fetched: Packages that had to be fetched to know this.
        menus: Packages with entries for the desktop's menu, which minicon does not make
            (ADR 10); as far as they are known.
        processes: Programs that run from the environment, and keep its old files.
    """

    scripts: tuple[LinkScript, ...] = ()
    unknown: tuple[RepodataRecord, ...] = ()
    fetched: frozenset[RepodataRecord] = frozenset()
    menus: tuple[RepodataRecord, ...] = ()
    processes: tuple[RunningProcess, ...] = ()


def effects_of_plan(services: Services, plan: Plan, *, preview: bool = False) -> PlanEffects:
    """Find the effects of a plan; costs a system call per cached package and per process.

    Args:
        services: Network and caches.
        plan: What will be done.
        preview: Read the contents of packages that are not fetched too: for plans that a user
            reads before they are carried out.

    Raises:
        PackageError, FileError: As :func:`minicon.api.package_previews.preview_packages`.
    """
    transaction = plan.transaction
    runs_scripts = services.settings.link_scripts
    processes = _processes_in(plan.prefix) if transaction.unlink else ()
    # Only packages of channels have link scripts.
    linked = {record for record in transaction.link if record.source == "conda"}
    missing = linked & set(plan.fetch)
    previews = preview_packages(services, missing) if preview and runs_scripts else Previews()
    cached = ((record, services.package_cache.find(record)) for record in linked - missing)
    contents: dict[RepodataRecord, Contents] = {
        **{r: Contents.of_package(package) for r, package in cached if package is not None},
        **{r: Contents.of_preview(preview) for r, preview in previews.shown.items()},
    }
    menus = tuple(r for r in transaction.link if r in contents and contents[r].has_menu)
    if not runs_scripts:
        return PlanEffects(processes=processes, menus=menus)
    unlinked = partial(_unlink_scripts, transaction.unlink, platform=transaction.platform)
    linked_by = partial(_link_scripts, transaction.link, contents, platform=transaction.platform)
    return PlanEffects(
        scripts=(
            *unlinked("pre-unlink"),
            *linked_by("pre-link"),
            *unlinked("post-unlink"),
            *linked_by("post-link"),
        ),
        unknown=previews.unknown if preview else tuple(missing),
        fetched=previews.fetched,
        menus=menus,
        processes=processes,
    )


def effects_of_removal(services: Services, path: Path) -> PlanEffects:
    """Find the effects of removing a whole environment."""
    from minicon.prefix.environment.prefix import Prefix

    prefix = Prefix(path)
    records = prefix.readable_records() if services.settings.link_scripts else ()
    scripts = _unlink_scripts(records, "pre-unlink", platform=prefix.subdir or "")
    return PlanEffects(scripts=tuple(scripts), processes=_processes_in(path))


def effects_of_switch(path: Path) -> PlanEffects:
    """Find the effects of a rollback or rename; no scripts run."""
    return PlanEffects(processes=_processes_in(path))


def as_shown(plan: Plan, effects: PlanEffects) -> Plan:
    """Return the plan, limited to the link scripts that the user was shown."""
    return replace(
        plan,
        fetch=tuple(record for record in plan.fetch if record not in effects.fetched),
        shown_scripts=frozenset(
            (script.record.dist_name, script.action)
            for script in effects.scripts
            if script.action in LINK_ACTIONS
        ),
    )


def note_fetched_scripts(
    services: Services, plan: Plan, packages: Mapping[RepodataRecord, CachedPackage]
) -> None:
    """Report scripts and menus that the plan could not name before its packages were fetched."""
    if plan.shown_scripts is not None:
        return
    contents = {r: Contents.of_package(packages[r]) for r in plan.fetch if r in packages}
    for record in plan.fetch:
        if record in contents and contents[record].has_menu:
            services.reporter.note(menu_text(record))
    for action in LINK_ACTIONS if services.settings.link_scripts else ():
        platform = plan.transaction.platform
        for script in _link_scripts(plan.fetch, contents, action, platform=platform):
            services.reporter.note(f"will run: {script_text(script)}")


def script_text(script: LinkScript) -> str:
    """Return ``post-link of NAME-VERSION-BUILD``."""
    return f"{script.action} of {script.record.dist_name}"


def scripts_json(scripts: Iterable[LinkScript]) -> list[dict[str, str]]:
    """Return link scripts as JSON."""
    return [
        {"action": script.action, "package": script.record.dist_name, "path": script.path}
        for script in scripts
    ]


def menu_text(record: RepodataRecord) -> str:
    """Return a sentence on a package that has menu entries."""
    return f"{record.name} has menu entries (Menu/*.json), which minicon does not make"


def process_text(processes: Iterable[RunningProcess]) -> str:
    """Return ``12 (python server.py), 47 (jupyter) and 2 more``."""
    listed = list(processes)
    texts = [f"{process.pid} ({_short(process.command)})" for process in listed[:_SHOWN]]
    more = f" and {len(listed) - _SHOWN} more" if len(listed) > _SHOWN else ""
    return ", ".join(texts) + more


def _short(command: str) -> str:
    program, blank, arguments = command.partition(" ")
    return f"{program.rpartition('/')[2]}{blank}{arguments}"[:60]


def _processes_in(prefix: Path) -> tuple[RunningProcess, ...]:
    from minicon.prefix.environment.processes import processes_in

    return processes_in(prefix)


def _unlink_scripts(
    unlink: Iterable[PrefixRecord], action: str, *, platform: str
) -> list[LinkScript]:
    """Return the scripts that unlinked packages have for an action."""
    records = list(unlink)
    if not records:
        return []
    from minicon.prefix.scripts.script_files import scripts_of_record

    return [each for record in records for each in scripts_of_record(record, action, platform)]


def _link_scripts(
    records: Iterable[RepodataRecord],
    contents: Mapping[RepodataRecord, Contents],
    action: str,
    *,
    platform: str,
) -> Iterator[LinkScript]:
    """Yield the scripts that linked packages have for an action, as far as they are known."""
    from minicon.prefix.scripts.script_files import LinkScript, script_of

    for record in records:
        if record not in contents:
            continue
        path = script_of(record, action, platform)
        source = contents[record].source_of(path, record) if path else None
        if path and source is not None:
            folder = contents[record].directory
            yield LinkScript(record, action, path, folder / source if folder else None)
