"""Specs requested earlier, as an environment's history records them, and what a removal means."""

from __future__ import annotations

from minicon.api.plan.requested_packages import RequestedPackages, parse_packages
from minicon.constants import PYPI_PREFIX
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Container, Iterable, Iterator, Mapping

    from packaging.requirements import Requirement

    from minicon.api.plan.context import PlanningContext
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord


def history_of(context: PlanningContext) -> RequestedPackages:
    """Return earlier requests that still apply: not those that this request repeats or removes."""
    request = context.request
    if request.action == "create":
        return RequestedPackages()
    replaced = {spec.exact_name for spec in request.packages.specs}
    replaced |= {requirement.name for requirement in request.packages.requirements}
    versions = {each.name: each.record.version for each in context.present}
    return parse_packages(
        # The file of a wheel that was named by its path may be gone; what it installed is not.
        f"{PYPI_PREFIX}{name}=={versions[name]}"
        if text.startswith(PYPI_PREFIX) and "/" in text and name in versions
        else text
        for name, text in requested_before(context).items()
        if name not in replaced and (name in context.own.kept or not request.prune)
    )


def requested_before(context: PlanningContext) -> Mapping[str, str]:
    """Return the specs requested earlier, by package name.

    Where the tool that made the environment recorded none, every package that no other needs
    counts as requested: else removing one package later would remove those as unneeded.
    """
    recorded = context.recorded
    present = {record.name for record in context.present}  # without what pip uninstalled
    if not context.installed:
        return {name: text for name, text in recorded.items() if name in present}
    from minicon.prefix.environment.origins import requested_specs

    texts = requested_specs(context.prefix, context.installed, recorded)
    texts = {name: text for name, text in texts.items() if name in present}
    if recorded:
        return texts
    from minicon.api.dependency_graph import DependencyGraph

    platform = context.services.settings.platform
    orphans = DependencyGraph(context.installed, platform=platform).orphans()
    from_pypi = {record.name for record in context.installed if record.record.source == "pypi"}
    assumed = {name: f"{PYPI_PREFIX}{name}" if name in from_pypi else name for name in orphans}
    return {**assumed, **texts}


def weakened(
    recorded: Mapping[str, str], records: Iterable[RepodataRecord], own: Container[str]
) -> Iterator[tuple[str, str]]:
    """Yield earlier requests that an environment does not satisfy any more, and what they become.

    As in conda, an update of everything goes beyond the versions that were requested earlier,
    also those of wheels; from then on, their names alone count.

    Args:
        recorded: Specs requested earlier, by package name.
        records: Packages of the environment.
        own: Names of packages that came from a directory, a file or a repository.
    """
    for record in records:
        text = "" if record.name in own else recorded.get(record.name, "")
        if text.startswith(PYPI_PREFIX):
            from minicon.pypi.wheels.filenames import parse_version

            (requirement,) = parse_packages([text]).requirements
            version = parse_version(record.version)
            if version is not None and not requirement.specifier.contains(version, True):
                extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
                yield text, f"{PYPI_PREFIX}{requirement.name}{extras}"
        elif text:
            spec = MatchSpec(text)
            wanted = {"name": record.name, "build": None} if record.source == "pypi" else {}
            if not spec.replace(channel=None, **wanted).matches(record):
                from minicon.solver.search.demands import by_name

                yield text, str(by_name(spec))


def removals_of(context: PlanningContext) -> tuple[MatchSpec, ...]:
    """Return what to remove; a PyPI requirement stands for the package that provides it.

    The file of a package, by path or URL, stands for the package, wherever it was installed from.
    What pip uninstalled is left out: only its request has to end.
    """
    packages = context.request.packages
    named = (each.replace(url=None, fn=None) if each.url else each for each in packages.specs)
    specs = tuple(_with_names_of_wheels(named, context.present))
    installed = {normalize_pypi_name(each.name): each.name for each in context.present}
    specs += tuple(_spec_of_provider(each, installed) for each in packages.requirements)
    gone = set(map(normalize_pypi_name, context.recorded)) - installed.keys()
    return tuple(each for each in specs if normalize_pypi_name(each.exact_name or "") not in gone)


def _with_names_of_wheels(
    specs: Iterable[MatchSpec], installed: Iterable[PrefixRecord]
) -> Iterator[MatchSpec]:
    """Give specs that spell a wheel's name differently (``typing_extensions``) its own name."""
    from minicon.prefix.environment.site_packages import installed_name

    records = {each.name: each for each in installed}
    for spec in specs:
        written = spec.exact_name or ""
        name = installed_name(written, records)
        yield spec if name == written else spec.replace(name=name)


def _spec_of_provider(requirement: Requirement, installed: Mapping[str, str]) -> MatchSpec:
    """Turn a requirement into a spec of the installed package that provides it.

    Args:
        requirement: Of the request.
        installed: Names of installed packages by their normalised form (PEP 503).
    """
    from minicon.models.package_names import NameMap

    names = (requirement.name, *NameMap.built_in().conda_names(requirement.name))
    name = next((installed[each] for each in names if each in installed), requirement.name)
    return MatchSpec.from_fields(name=name, version=str(requirement.specifier) or None)
