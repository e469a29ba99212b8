"""Environments of tools: made for one command, and kept in the cache for its next run."""

from __future__ import annotations

import hashlib
import json

from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.plan.request import Plan
    from minicon.api.services import Services

#: Seconds after which a tool's environment is made again, with newer versions.
_KEEP_SECONDS = 7 * 24 * 3600
FOLDER = "tools-v1"


def tool_environment_path(
    services: Services, specs: Sequence[str], channels: Sequence[str]
) -> Path:
    """Return the path of the environment for these specs; its name is a hash of the request."""
    request = json.dumps([sorted(specs), list(channels), services.settings.platform])
    key = hashlib.sha256(request.encode()).hexdigest()[:16]
    return services.cache_dir / FOLDER / key


def is_fresh(services: Services, path: Path) -> bool:
    """Whether an environment exists and is recent enough to use."""
    if not is_environment(path):
        return False
    age = services.now() - (path / "conda-meta" / "history").stat().st_mtime
    return services.settings.offline or 0 <= age < _KEEP_SECONDS


def plan_tool_environment(
    services: Services, path: Path, specs: Sequence[str], channels: Sequence[str], *, override: bool
) -> Plan:
    """Plan a tool's environment.

    Args:
        services: Sources, caches and settings.
        path: Of :func:`tool_environment_path`.
        specs: MatchSpecs and ``pypi:`` requirements.
        channels: In order of priority.
        override: Leave configured channels out.

    Raises:
        MiniconError: As :func:`minicon.api.plan.planning.make_plan`.
    """
    from minicon.api.plan.environment_requests import make_request
    from minicon.api.plan.planning import make_plan

    request = make_request(
        services, "create", path, specs, channels=tuple(channels), override_channels=override
    )
    return make_plan(services, request)


def make_tool_environment(services: Services, plan: Plan, command_line: Sequence[str]) -> None:
    """Carry the plan out; the environment is not registered, so that it is not listed."""
    from minicon.api.change.applying import apply_plan

    settings = replace(services.settings, register_envs=False, keep_generations=0)
    apply_plan(services.with_settings(settings), plan, command_line=command_line)
