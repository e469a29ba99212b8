"""What a plan does beyond moving files: whose code it runs, and which programs it leaves behind."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence
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
        processes: Programs that run from the environment, and keep its old files.
    """

    scripts: tuple[LinkScript, ...] = ()
    are_complete: bool = True
    processes: tuple[RunningProcess, ...] = ()


def announce(services: Services, plan: Plan) -> Announcement:
    """Find it out. Costs a look into the cache per package, and one at each process."""
    transaction = plan.transaction
    processes = _processes_in(plan.prefix) if transaction.unlink else ()
    if not services.settings.link_scripts:
        return Announcement(processes=processes)
    platform = transaction.platform
    leaving = _leaving_scripts(transaction.unlink, platform)
    fetched = set(plan.fetch)
    found = ((r, services.package_cache.find(r)) for r in _may_bring_scripts(plan) - fetched)
    cached = {record: package for record, package in found if package is not None}
    return Announcement(
        scripts=(*leaving, *_post_link_scripts(transaction.link, cached, platform)),
        are_complete=not _may_bring_scripts(plan) & fetched,
        processes=processes,
    )


def tell_fetched_scripts(
    services: Services, plan: Plan, packages: Mapping[RepodataRecord, CachedPackage]
) -> None:
    """Name the scripts that the plan could not, since their packages had to be fetched."""
    if services.settings.link_scripts:
        for script in _post_link_scripts(plan.fetch, packages, plan.transaction.platform):
            services.reporter.note(f"will run: {script_text(script)}")


def script_text(script: LinkScript) -> str:
    """``post-link of NAME-VERSION-BUILD``."""
    return f"{script.action} of {script.record.dist_name}"


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


def _leaving_scripts(unlink: Sequence[PrefixRecord], platform: str) -> list[LinkScript]:
    if not unlink:
        return []
    from minicon.prefix.link_scripts import scripts_of_record

    return [each for record in unlink for each in scripts_of_record(record, "pre-unlink", platform)]


def _may_bring_scripts(plan: Plan) -> set[RepodataRecord]:
    """Only packages of channels have link scripts."""
    return {record for record in plan.transaction.link if record.source == "conda"}


def _post_link_scripts(
    records: Iterable[RepodataRecord],
    packages: Mapping[RepodataRecord, CachedPackage],
    platform: str,
) -> Iterator[LinkScript]:
    from minicon.prefix.link_scripts import LinkScript, script_path

    for record in records:
        package = packages.get(record)
        path = script_path(record.name, "post-link", platform)
        if package is not None and (package.directory / path).is_file():
            yield LinkScript(record, "post-link", path, package.directory / path)
