"""Throw-away environments: made for one command, kept in the cache for the next time."""

from __future__ import annotations

import hashlib
import json

from minicon.api.plan.request import ChangeRequest
from minicon.api.services import Services
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.plan.request import Plan

#: Seconds after which a tool's environment is made anew, so that newer versions are seen.
KEEP_SECONDS = 7 * 24 * 3600
FOLDER = "tools-v1"


def tool_environment_path(
    services: Services, specs: Sequence[str], channels: Sequence[str]
) -> Path:
    """Where the environment for these specs is, or would be: named by what is asked for."""
    asked = json.dumps([sorted(specs), list(channels), services.settings.platform])
    key = hashlib.sha256(asked.encode()).hexdigest()[:16]
    return services.cache_dir / FOLDER / key


def is_fresh(services: Services, path: Path) -> bool:
    """Whether an environment is there and need not be made anew."""
    if not is_environment(path):
        return False
    age = services.now() - (path / "conda-meta" / "history").stat().st_mtime
    return services.settings.offline or 0 <= age < KEEP_SECONDS


def plan_tool_environment(
    services: Services, path: Path, specs: Sequence[str], channels: Sequence[str], *, override: bool
) -> Plan:
    """Plan a tool's environment at its path. Errors as for :func:`make_plan`."""
    from minicon.api.plan.planning import make_plan

    request = ChangeRequest(
        action="create",
        prefix=path,
        specs=tuple(specs),
        channels=tuple(channels),
        override_channels=override,
    )
    return make_plan(services, request)


def make_tool_environment(services: Services, plan: Plan, command_line: Sequence[str]) -> None:
    """Carry the plan out without registering the environment: nobody else should find it."""
    from minicon.api.change.applying import apply_plan

    settings = replace(services.settings, register_envs=False, keep_generations=0)
    apply_plan(Services(settings, services.reporter), plan, command_line=command_line)
