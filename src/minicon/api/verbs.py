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
from minicon.errors import ChannelError
from minicon.lean_dataclasses import replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
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
    dry_run: bool = False,
    settings: Settings | None = None,
    reporter: Reporter | None = None,
    **options: Any,
) -> Plan:
    """Make a new environment.

    Args:
        environment: A name, or a path if it holds a slash or is a Path.
        specs: MatchSpec texts; ``pypi:NAME`` asks PyPI by name.
        files: environment.yml files, explicit lists, lists of specs.
        channels: Sources in order of priority; none means what is configured.
        dry_run: Return the plan without carrying it out; :func:`apply` does it later.
        settings: Instead of what files and variables configure.
        reporter: Receives progress.
        options: Further fields of :class:`minicon.api.plan.request.ChangeRequest`.

    Raises:
        MiniconError: Anything that goes wrong; nothing is left half made.
    """
    services = _services(settings, reporter)
    name, prefix = _target(environment)
    request = create_request(
        services, name, prefix, specs=specs, files=files, channels=tuple(channels), **options
    )
    return _plan_and_apply(services, request, dry_run=dry_run)


def install(environment: str | os.PathLike[str], specs: Sequence[str] = (), **options: Any) -> Plan:
    """Add packages to an environment. Arguments and errors as for :func:`create`."""
    return _change("install", environment, specs, options)


def update(environment: str | os.PathLike[str], specs: Sequence[str] = (), **options: Any) -> Plan:
    """Bring packages to newer versions; all of them if none is named. See :func:`create`."""
    if not specs:
        options["update_policy"] = "update_all"
    return _change("update", environment, specs, options)


def remove(environment: str | os.PathLike[str], specs: Sequence[str], **options: Any) -> Plan:
    """Take packages out of an environment, with what depends on them. See :func:`create`."""
    return _change("remove", environment, specs, options)


def apply(
    plan: Plan, *, settings: Settings | None = None, reporter: Reporter | None = None
) -> Prefix:
    """Carry out a plan that was made with ``dry_run=True``; returns the environment."""
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
    """Find packages that belong together, without an environment.

    Args:
        specs: What must be there; ``pypi:NAME`` asks PyPI by name.
        channels: Sources in order of priority; none means what is configured.
        platform: Target subdir; this machine's if left out.
        platforms: Target subdirs instead, solved one after the other.
        virtual_packages: Facts of the target such as ``__glibc=2.36``; if left out, detected, or
            for another platform conda's defaults.
        installed: What is there already and is preferred.
        pins: Limits that hold for packages if they are there.
        constraints: The same, for this question only.
        channel_priority: ``strict``, ``flexible`` or ``disabled``.
        settings: Instead of what files and variables configure.
        reporter: Receives progress.

    Returns:
        The solution, or with ``platforms`` one for each.

    Raises:
        SolveError: There is no solution; the text says why and what would have one.
        ChannelError: A source cannot be asked.
    """
    from minicon.api.plan.solving import solve_for_platforms, solve_specs

    services = _services(settings, reporter)
    changes: dict[str, Any] = {}
    if platform is not None:
        changes["platform"] = platform
    if channel_priority is not None:
        changes["channel_priority"] = channel_priority
    services = Services(replace(services.settings, **changes), services.reporter)
    question = partial(
        solve_specs,
        specs=specs,
        channels=tuple(channels),
        virtual_packages=None if virtual_packages is None else tuple(virtual_packages),
        installed=installed,
        pins=pins,
        constraints=constraints,
    )
    return (
        question(services)
        if platforms is None
        else solve_for_platforms(services, platforms, question)
    )


def _services(settings: Settings | None, reporter: Reporter | None) -> Services:
    if settings is None:
        settings = load_settings(
            environ=os.environ, home=Path.home(), working_directory=Path.cwd()
        ).settings
    return Services(settings, reporter)


def _target(environment: str | os.PathLike[str]) -> tuple[str | None, str | None]:
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


def _plan_and_apply(services: Services, request: ChangeRequest, *, dry_run: bool) -> Plan:
    from minicon.api.change.applying import apply_plan
    from minicon.api.change.stale_repodata import is_worth_planning_again
    from minicon.api.plan.planning import make_plan

    plan = make_plan(services, request)
    if dry_run or plan.is_empty:
        return plan
    try:
        apply_plan(services, plan, command_line=(request.action, *request.specs))
    except ChannelError as error:
        if not is_worth_planning_again(services, request, error):
            raise
        return _plan_and_apply(services, request, dry_run=False)
    return plan
