"""Plan for another platform than that of this machine."""

from __future__ import annotations

from minicon.lean_dataclasses import replace
from minicon.machine.facts import Machine
from minicon.machine.virtual_packages import OLDEST_MACOS, detect_virtual_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from minicon.api.services import Services
    from minicon.models.records import VirtualPackage


def services_for(
    services: Services, platform: str, virtual_packages: Iterable[VirtualPackage] = ()
) -> Services:
    """Return services that see a target instead of this machine, see :func:`target_facts`."""
    settings = replace(services.settings, platform=platform)
    overrides = settings.override_virtual_packages
    facts = target_facts(platform, virtual_packages, services.environ, overrides)
    return services.with_settings(settings, virtual_packages=facts)


def target_facts(
    platform: str,
    virtual_packages: Iterable[VirtualPackage],
    environ: Mapping[str, str],
    overrides: Mapping[str, str],
) -> tuple[VirtualPackage, ...]:
    """Return the virtual packages of a target.

    The usual minimum of its system counts, so that the result does not depend on where it is made;
    ``CONDA_OVERRIDE_*`` and the target's own virtual packages replace it.
    """
    unknown = Machine(
        platform="noarch",
        system_version=lambda: None,
        libc=lambda: None,
        microarchitecture=lambda: "",
        cuda=lambda: None,
        cuda_arch=lambda: None,
    )
    assumed = detect_virtual_packages(
        platform, environ=environ, overrides={"osx": OLDEST_MACOS, **overrides}, machine=unknown
    )
    return tuple({fact.name: fact for fact in (*assumed, *virtual_packages)}.values())
