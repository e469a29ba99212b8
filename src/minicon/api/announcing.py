"""What a plan does beyond moving files: whose code it runs, and which programs it leaves behind."""

from __future__ import annotations

from functools import partial

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path

    from minicon.api.request import Plan
    from minicon.api.services import Services
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.package.package_cache import CachedPackage
    from minicon.prefix.link_scripts import LinkScript
    from minicon.prefix.processes import RunningProcess


@dataclass(frozen=True, slots=True, kw_only=True)
class Announcement:
    """What users should know before they agree to a plan.

    Attributes:
        scripts: Packages' scripts that will be run, in their order.
        are_complete: Whether these are all; packages that are not fetched yet may have others.
        menus: Packages that bring entries for the desktop's menu, which minicon does not make
            (ADR 10); as far as they are fetched.
        processes: Programs that run from the environment, and keep its old files.
    """

    scripts: tuple[LinkScript, ...] = ()
    are_complete: bool = True
    menus: tuple[RepodataRecord, ...] = ()
    processes: tuple[RunningProcess, ...] = ()


def announce(services: Services, plan: Plan) -> Announcement:
    """Find it out. Costs a look into the cache per package, and one at each process."""
    transaction = plan.transaction
    processes = _processes_in(plan.prefix) if transaction.unlink else ()
    platform = transaction.platform
    fetched = set(plan.fetch)
    found = ((r, services.package_cache.find(r)) for r in _may_bring_scripts(plan) - fetched)
    cached = {record: package for record, package in found if package is not None}
    menus = tuple(record for record in transaction.link if _brings_menu(cached.get(record)))
    if not services.settings.link_scripts:
        return Announcement(processes=processes, menus=menus)
    leaving = partial(leaving_scripts, transaction.unlink, platform=platform)
    coming = partial(_coming_scripts, transaction.link, cached, platform=platform)
    return Announcement(
        scripts=(
            *leaving("pre-unlink"),
            *coming("pre-link"),
            *leaving("post-unlink"),
            *coming("post-link"),
        ),
        are_complete=not _may_bring_scripts(plan) & fetched,
        menus=menus,
        processes=processes,
    )


def announce_removal(services: Services, path: Path) -> Announcement:
    """The same for the removal of a whole environment."""
    from minicon.prefix.prefix import Prefix

    prefix = Prefix(path)
    records = prefix.readable_records() if services.settings.link_scripts else ()
    scripts = leaving_scripts(records, "pre-unlink", platform=prefix.subdir or "")
    return Announcement(scripts=tuple(scripts), processes=_processes_in(path))


def announce_switch(path: Path) -> Announcement:
    """The same for what moves an environment as a whole: going back, renaming. No scripts run."""
    return Announcement(processes=_processes_in(path))


def tell_fetched_scripts(
    services: Services, plan: Plan, packages: Mapping[RepodataRecord, CachedPackage]
) -> None:
    """Name what the plan could not, since the packages had to be fetched: scripts and menus."""
    for record in plan.fetch:
        if _brings_menu(packages.get(record)):
            services.reporter.note(menu_text(record))
    if services.settings.link_scripts:
        for action in ("pre-link", "post-link"):
            platform = plan.transaction.platform
            for script in _coming_scripts(plan.fetch, packages, action, platform=platform):
                services.reporter.note(f"will run: {script_text(script)}")


def script_text(script: LinkScript) -> str:
    """``post-link of NAME-VERSION-BUILD``."""
    return f"{script.action} of {script.record.dist_name}"


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
    from minicon.prefix.processes import processes_in

    return processes_in(prefix)


def _brings_menu(package: CachedPackage | None) -> bool:
    folder = package.directory / "Menu" if package is not None else None
    return folder is not None and folder.is_dir() and any(folder.glob("*.json"))


def leaving_scripts(
    unlink: Iterable[PrefixRecord], action: str, *, platform: str
) -> list[LinkScript]:
    """Scripts of packages that go, for an action."""
    records = list(unlink)
    if not records:
        return []
    from minicon.prefix.link_scripts import scripts_of_record

    return [each for record in records for each in scripts_of_record(record, action, platform)]


def _may_bring_scripts(plan: Plan) -> set[RepodataRecord]:
    """Only packages of channels have link scripts."""
    return {record for record in plan.transaction.link if record.source == "conda"}


def _coming_scripts(
    records: Iterable[RepodataRecord],
    packages: Mapping[RepodataRecord, CachedPackage],
    action: str,
    *,
    platform: str,
) -> Iterator[LinkScript]:
    from minicon.prefix.link_scripts import LinkScript, script_path

    for record in records:
        package = packages.get(record)
        path = script_path(record.name, action, platform)
        if package is not None and (package.directory / path).is_file():
            yield LinkScript(record, action, path, package.directory / path)
