"""The public verbs: what ``import minicon`` offers.

>>> plan = minicon.create("data", ["python=3.11", "numpy"], dry_run=True)  # doctest: +SKIP
>>> [record.name for record in plan.install]                               # doctest: +SKIP
['python', 'numpy']
>>> prefix = minicon.apply(plan)                                           # doctest: +SKIP
"""

from __future__ import annotations

import os
from functools import partial
from pathlib import Path
from typing import overload

from minicon.api.plan.environment_requests import change_request, create_request
from minicon.api.services import Services
from minicon.config.load import load_settings
from minicon.errors import SolveError, UsageError
from minicon.lean_dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from typing import Any

    from minicon.api.plan.request import Action, ChangeRequest, Plan
    from minicon.config.settings import Settings
    from minicon.models.match_spec.spec import MatchSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord, VirtualPackage
    from minicon.models.reporter import Reporter
    from minicon.prefix.environment.prefix import Prefix
    from minicon.solver.request import Solution


def create(
    environment: str | os.PathLike[str],
    specs: Sequence[str] = (),
    *,
    files: Sequence[str | Path] = (),
    channels: Sequence[str] = (),
    replace_existing: bool = False,
    dry_run: bool = False,
    settings: Settings | None = None,
    reporter: Reporter | None = None,
    **options: Any,
) -> Plan:
    """Create an environment.

    Args:
        environment: A name, or a path if it holds a slash or is a Path.
        specs: MatchSpec texts, or ``pypi:REQUIREMENT`` for packages of PyPI.
        files: environment.yml files, explicit lists, lists of specs.
        channels: Sources in order of priority; none means those of the configuration.
        replace_existing: Whether an environment with packages may be replaced.
        dry_run: Return the plan without carrying it out; :func:`apply` does it later.
        settings: Instead of those of configuration files and environment variables.
        reporter: Receives progress.
        options: Further arguments of
            :func:`minicon.api.plan.environment_requests.make_request`.

    Raises:
        UsageError: ``environment-exists``, without ``replace_existing`` and ``dry_run``.
        MiniconError: The environment cannot be created; nothing is left of it.
    """
    services = _services(settings, reporter)
    name, prefix = _target(environment)
    request = create_request(
        services, name, prefix, specs=specs, files=files, channels=tuple(channels), **options
    )
    return _plan_and_apply(services, request, dry_run=dry_run, replace_existing=replace_existing)


def install(environment: str | os.PathLike[str], specs: Sequence[str] = (), **options: Any) -> Plan:
    """Install packages in an environment. Arguments and errors as for :func:`create`."""
    return _change("install", environment, specs, options)


def update(environment: str | os.PathLike[str], specs: Sequence[str] = (), **options: Any) -> Plan:
    """Update packages, or all of them if none is named. See :func:`create`."""
    if not specs:
        options["update_policy"] = "update_all"
    return _change("update", environment, specs, options)


def remove(environment: str | os.PathLike[str], specs: Sequence[str], **options: Any) -> Plan:
    """Remove packages from an environment, with those that depend on them. See :func:`create`."""
    return _change("remove", environment, specs, options)


def apply(
    plan: Plan, *, settings: Settings | None = None, reporter: Reporter | None = None
) -> Prefix:
    """Apply a plan that was made with ``dry_run=True``; return the environment."""
    from minicon.api.change.applying import apply_plan

    return apply_plan(_services(settings, reporter), plan, command_line=("apply",))


@overload
def solve(
    specs: Sequence[str | MatchSpec],
    *,
    channels: Sequence[str] = ...,
    platform: str | None = ...,
    platforms: None = None,
    virtual_packages: Iterable[str | VirtualPackage] | None = ...,
    installed: Sequence[RepodataRecord | PrefixRecord] = ...,
    pins: Sequence[str | MatchSpec] = ...,
    constraints: Sequence[str | MatchSpec] = ...,
    channel_priority: str | None = ...,
    settings: Settings | None = ...,
    reporter: Reporter | None = ...,
) -> Solution: ...


@overload
def solve(
    specs: Sequence[str | MatchSpec],
    *,
    channels: Sequence[str] = ...,
    platform: str | None = ...,
    platforms: Sequence[str],
    virtual_packages: Iterable[str | VirtualPackage] | None = ...,
    installed: Sequence[RepodataRecord | PrefixRecord] = ...,
    pins: Sequence[str | MatchSpec] = ...,
    constraints: Sequence[str | MatchSpec] = ...,
    channel_priority: str | None = ...,
    settings: Settings | None = ...,
    reporter: Reporter | None = ...,
) -> dict[str, Solution]: ...


def solve(
    specs: Sequence[str | MatchSpec],
    *,
    channels: Sequence[str] = (),
    platform: str | None = None,
    platforms: Sequence[str] | None = None,
    virtual_packages: Iterable[str | VirtualPackage] | None = None,
    installed: Sequence[RepodataRecord | PrefixRecord] = (),
    pins: Sequence[str | MatchSpec] = (),
    constraints: Sequence[str | MatchSpec] = (),
    channel_priority: str | None = None,
    settings: Settings | None = None,
    reporter: Reporter | None = None,
) -> Solution | dict[str, Solution]:
    """Find a set of packages that satisfies specs, without an environment.

    Args:
        specs: What to find; ``pypi:REQUIREMENT`` for packages of PyPI.
        channels: Sources in order of priority; none means those of the configuration.
        platform: Target subdir; this machine's if left out.
        platforms: Target subdirs instead, solved one after the other.
        virtual_packages: Facts of the target such as ``__glibc=2.36``; if left out, detected, or
            for another platform conda's defaults.
        installed: Installed packages, which are preferred.
        pins: Constraints that apply only if the package is in the solution.
        constraints: The same, for this request only.
        channel_priority: ``strict``, ``flexible`` or ``disabled``.
        settings: Instead of those of configuration files and environment variables.
        reporter: Receives progress.

    Returns:
        The solution, or with ``platforms`` one for each.

    Raises:
        SolveError: There is no solution; the message says why.
        ChannelError: A source cannot be reached.
        SpecError: A spec, virtual package or platform cannot be read.
    """
    from minicon.api.plan.requested_packages import parse_packages
    from minicon.api.plan.solving import solve_packages

    packages = parse_packages(text for text in specs if isinstance(text, str))
    given = tuple(spec for spec in specs if not isinstance(spec, str))
    solve_for = partial(
        solve_packages,
        packages=replace(packages, specs=(*given, *packages.specs)),
        channels=tuple(channels),
        installed=tuple(map(_as_installed, installed)),
        pins=_parse_constraints(pins),
        constraints=_parse_constraints(constraints),
    )
    services = _services(settings, reporter)
    services = services.with_settings(
        _changed(services.settings, platform, channel_priority),
        virtual_packages=_facts(virtual_packages),
    )
    if platforms is None:
        return solve_for(services)
    return _solve_for_platforms(services, platforms, solve_for)


def _changed(settings: Settings, platform: str | None, channel_priority: str | None) -> Settings:
    return replace(
        settings,
        platform=platform or settings.platform,
        channel_priority=channel_priority or settings.channel_priority,
    )


def _parse_constraints(texts: Iterable[str | MatchSpec]) -> tuple[MatchSpec, ...]:
    from minicon.api.plan.requested_packages import parse_constraint

    return tuple(parse_constraint(each) if isinstance(each, str) else each for each in texts)


def _solve_for_platforms(
    services: Services, platforms: Sequence[str], solve_for: Callable[[Services], Solution]
) -> dict[str, Solution]:
    """Solve for several platforms, in order; the context of an error names the platform."""
    from minicon.models.subdir import check_subdir

    solutions: dict[str, Solution] = {}
    for platform in dict.fromkeys(map(check_subdir, platforms)):
        settings = replace(services.settings, platform=platform)
        try:
            solutions[platform] = solve_for(services.with_settings(settings))
        except SolveError as error:
            error.context = f"for {platform}"
            raise
    return solutions


def _facts(
    virtual_packages: Iterable[str | VirtualPackage] | None,
) -> tuple[VirtualPackage, ...] | None:
    if virtual_packages is None:
        return None
    from minicon.models.records import VirtualPackage

    return tuple(
        VirtualPackage.from_text(each) if isinstance(each, str) else each
        for each in virtual_packages
    )


def _as_installed(record: RepodataRecord | PrefixRecord) -> PrefixRecord:
    from minicon.models.prefix_record import PrefixRecord

    return record if isinstance(record, PrefixRecord) else PrefixRecord(record, files=(), paths=())


def _services(settings: Settings | None, reporter: Reporter | None) -> Services:
    if settings is None:
        settings = load_settings(
            environ=os.environ, home=Path.home(), working_directory=Path.cwd()
        ).settings
    return Services(settings, reporter)


def _target(environment: str | os.PathLike[str]) -> tuple[str | None, str | None]:
    """Return the name, or else the path, of an environment."""
    if isinstance(environment, str) and not {"/", os.sep} & set(environment):
        return environment, None
    return None, os.fspath(environment)


def _change(
    action: Action,
    environment: str | os.PathLike[str],
    specs: Sequence[str],
    options: Mapping[str, Any],
) -> Plan:
    fields = dict(options)
    services = _services(fields.pop("settings", None), fields.pop("reporter", None))
    dry_run = fields.pop("dry_run", False)
    fields["channels"] = tuple(fields.get("channels", ()))
    name, prefix = _target(environment)
    request = change_request(services, action, name, prefix, specs=specs, **fields)
    return _plan_and_apply(services, request, dry_run=dry_run)


def _plan_and_apply(
    services: Services, request: ChangeRequest, *, dry_run: bool, replace_existing: bool = False
) -> Plan:
    from minicon.api.change.attempts import plan_and_carry_out

    def carry_out(plan: Plan) -> Plan:
        if not (dry_run or plan.is_empty):
            from minicon.api.change.applying import apply_plan

            if plan.replaces_environment and not replace_existing:
                raise UsageError(
                    "environment-exists",
                    f"{plan.prefix} exists, and create replaces the environment",
                    hint="add packages with install, or pass replace_existing=True",
                )
            words = (request.action, *request.packages.texts)
            apply_plan(services, plan, command_line=words)
        return plan

    return plan_and_carry_out(services, request, carry_out, changes_prefix=not dry_run)
