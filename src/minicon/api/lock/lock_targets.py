"""Choose the targets of a lock: platforms, machine profiles, virtual packages."""

from __future__ import annotations

from minicon.api.input_files import read_files
from minicon.api.lock.lock_inputs import LockTarget, targets_of
from minicon.errors import SpecError
from minicon.fs.plain_file import read_named_file
from minicon.models.records import VirtualPackage
from minicon.models.strict_json import check_shape, read_object
from minicon.models.subdir import check_subdir
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.lock.lock_inputs import LockInputs
    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import Lockfile

_LARGEST_PROFILE = 100_000


def machine_profile(services: Services) -> dict[str, Any]:
    """Return this machine's platform and virtual packages, as ``lock --for`` reads them."""
    return {
        "platform": services.settings.platform,
        "virtual_packages": [
            f"{fact.name}={fact.version}={fact.build}" for fact in services.virtual_packages
        ],
    }


def read_profile(path: Path) -> LockTarget:
    """Read a file with the result of :func:`machine_profile`.

    Raises:
        SpecError: ``invalid-profile``.
    """
    try:
        data = read_object(read_named_file(path, _LARGEST_PROFILE))
        check_shape(data, {"platform": str, "virtual_packages": [str]})
        return LockTarget(
            platform=check_subdir(data["platform"]),
            virtual_packages=tuple(map(_virtual_package, data["virtual_packages"])),
        )
    except (OSError, ValueError, SpecError) as error:
        raise SpecError(
            "invalid-profile",
            f"{path} is not a machine profile: {error}",
            hint="create it on that machine: minicon info --profile > machine.json",
        ) from None


def choose_targets(
    services: Services,
    inputs: LockInputs,
    *,
    platforms: Sequence[str] = (),
    profiles: Sequence[Path] = (),
    virtual_packages: Sequence[str] = (),
    before: Lockfile | None = None,
) -> tuple[LockTarget, ...]:
    """Return the targets of a lock, by platform.

    Args:
        services: Settings.
        inputs: Their files may name platforms.
        platforms: Subdirs that the user named.
        profiles: Files of machine profiles.
        virtual_packages: Virtual packages of all targets.
        before: The existing lock; its targets are used if no others are named.

    Raises:
        SpecError: A platform, profile or virtual package is invalid.
    """
    facts = tuple(map(_virtual_package, virtual_packages))
    if "noarch" in platforms:
        hint = "name platforms: noarch packages are locked for each of them"
        raise SpecError("invalid-subdir", "noarch is not a platform to lock for", hint=hint)
    found = {name: LockTarget(platform=check_subdir(name)) for name in platforms}
    for target in map(read_profile, profiles):
        found[target.platform] = target
    if not found and before is not None:
        found = {target.platform: target for target in targets_of(before)}
    if not found:
        found = {name: LockTarget(platform=name) for name in _platforms_of(services, inputs)}
    return tuple(
        LockTarget(platform=name, virtual_packages=_merged(found[name].virtual_packages, facts))
        for name in sorted(found)
    )


def _platforms_of(services: Services, inputs: LockInputs) -> Iterable[str]:
    contents = read_files(services, inputs.files)
    named = [name for _, spec in contents.environments for name in spec.platforms]
    return named or [services.settings.platform]


def _merged(
    own: Sequence[VirtualPackage], facts: Sequence[VirtualPackage]
) -> tuple[VirtualPackage, ...]:
    return tuple({fact.name: fact for fact in (*own, *facts)}.values())


def _virtual_package(text: object) -> VirtualPackage:
    valid = isinstance(text, str) and len(text) < 100 and text.isascii() and " " not in text
    parts = str(text).split("=")
    if not valid or not 1 <= len(parts) <= 3 or not parts[0].strip("_"):
        raise SpecError(
            "invalid-virtual-package",
            f"{shortened(str(text), 80)!r} is not a virtual package",
            hint="write NAME=VERSION, for instance __glibc=2.36",
        )
    return VirtualPackage.from_text(str(text))
