"""Find the packages that an environment would have on another platform."""

from __future__ import annotations

from minicon.api.export.exporting import requested_or_independent
from minicon.api.plan.environment_requests import make_request
from minicon.api.plan.planning import make_plan
from minicon.api.plan.platforms import services_for
from minicon.models.prefix_record import PrefixRecord
from minicon.models.subdir import check_subdir
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.api.services import Services


def packages_elsewhere(
    services: Services, path: Path, platform: str, channels: Sequence[str] = ()
) -> list[PrefixRecord]:
    """Solve the requested specs of an environment for another platform.

    Args:
        services: Of this machine.
        path: The environment.
        platform: The other platform.
        channels: Channels to use before those of the environment.

    Returns:
        Records without files, by name; those that are installed, for the own platform.

    Raises:
        SpecError: The platform cannot be one.
        SolveError: The packages are not available there.
    """
    installed = Prefix(path).require().records()
    if check_subdir(platform) == services.settings.platform:
        return list(installed)
    other = services_for(services, platform)
    own = dict.fromkeys(each.record.channel for each in installed if each.record.source == "conda")
    request = make_request(
        other,
        "create",
        path.with_name(f".{path.name}-{platform}"),
        specs=list(requested_or_independent(path).values()),
        channels=(*channels, *own),
    )
    records = make_plan(other, request).solution.records
    found = [PrefixRecord(record, files=(), paths=()) for record in records]
    return sorted(found, key=lambda each: each.name)
