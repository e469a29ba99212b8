"""What a lock is made from: files, specs and channels, read once for each target.

::

    LockInputs + LockTarget ─ read_inputs ─> TargetInputs ─┬─ content_hash ─> still up to date?
                                                           └─ request ─> solve
"""

from __future__ import annotations

import hashlib
import json

from minicon.api.input_files import channel_in, read_files
from minicon.api.lock.lock_mismatches import not_required, unsatisfied
from minicon.api.plan.environment_requests import make_request
from minicon.api.plan.platforms import services_for
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.environment_files.lockfile import VARIABLE
from minicon.models.records import VirtualPackage
from minicon.redaction import redact, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.api.input_files import FileContents
    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import Lockfile
    from minicon.pypi.requirements.requirements import RequirementSet

_FACTS, _CHANNELS, _OVERRIDE = "virtual_packages ", "named_channels", "override_channels"
_HASHED_BY = "content_hash_by"


@dataclass(frozen=True, slots=True, kw_only=True)
class LockTarget:
    """A kind of machine to lock for.

    Attributes:
        platform: Subdir.
        virtual_packages: Virtual packages that replace or add to the platform's usual minimum.
    """

    platform: str
    virtual_packages: tuple[VirtualPackage, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class LockInputs:
    """What a lock is made from.

    Attributes:
        files: Environment files.
        folder: Folder of the lock file; its ``sources`` are relative to it.
        specs: Further specs.
        channels: Channels of the command line, before those of the files.
        override_channels: Leave configured channels out.
    """

    files: tuple[Path, ...]
    folder: Path
    specs: tuple[str, ...] = ()
    channels: tuple[str, ...] = ()
    override_channels: bool = False


def targets_of(lock: Lockfile) -> tuple[LockTarget, ...]:
    """Return the targets that a lock was made for."""
    return tuple(
        LockTarget(
            platform=platform,
            virtual_packages=tuple(
                VirtualPackage.from_text(text)
                for text in lock.metadata.get(f"{_FACTS}{platform}", "").split()
            ),
        )
        for platform in lock.platforms
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class TargetInputs:
    """The inputs of a lock as they are for one target.

    Attributes:
        services: Services that see the target instead of this machine.
        request: A request of all packages, those of all groups included.
        contents: Contents of the files; selectors in them depend on the platform.
    """

    target: LockTarget
    services: Services
    request: ChangeRequest
    contents: FileContents

    @property
    def written_channels(self) -> tuple[str, ...]:
        """The channels as written: a path that is relative to its file is not made absolute."""
        files = self.contents.environments
        written = {channel_in(folder, c): c for folder, spec in files for c in spec.channels}
        return tuple(written.get(channel, channel) for channel in self.request.channels)

    @property
    def content_hash(self) -> str:
        """SHA-256 of everything that is requested; secrets are left out."""
        packages = self.request.packages
        data = {
            "channels": [without_secrets(channel) for channel in self.written_channels],
            "platform": self.target.platform,
            "specs": sorted(map(without_secrets, packages.texts)),
            "pip": sorted(_requirement_texts(packages.from_pip)),
            "groups": {
                name: [sorted(group.dependencies), sorted(map(redact, group.pip))]
                for _, spec in self.contents.environments
                for name, group in sorted(spec.groups.items())
            },
            "virtual_packages": _facts(self.target),
        }
        if self.request.variables:
            data["variables"] = self.request.variables
        return hashlib.sha256(json.dumps(data, sort_keys=True).encode()).hexdigest()


def read_inputs(services: Services, inputs: LockInputs, target: LockTarget) -> TargetInputs:
    """Read the inputs of a lock for one target.

    Raises:
        SpecError: A file cannot be read, or is a lock itself.
    """
    target_services = services_for(services, target.platform, target.virtual_packages)
    contents = read_files(target_services, inputs.files)
    if contents.lock or contents.explicit:
        raise SpecError(
            "already-locked",
            "the file names exact packages already",
            hint="give an environment.yml with -f",
        )
    groups = sorted({name for _, spec in contents.environments for name in spec.groups})
    request = make_request(
        target_services,
        "create",
        services.settings.root / "lock",
        inputs.specs,
        contents,
        groups,
        channels=inputs.channels,
        override_channels=inputs.override_channels,
    )
    return TargetInputs(target=target, services=target_services, request=request, contents=contents)


def stale_platforms(services: Services, inputs: LockInputs, lock: Lockfile) -> tuple[str, ...]:
    """Return the platforms whose inputs have changed since the lock was made.

    Other lock tools hash their inputs in other ways. A lock of theirs is up to date if it has the
    channels that are requested, packages that satisfy the requests, and no others.
    """
    return tuple(
        target.platform
        for target in targets_of(lock)
        if _is_stale(read_inputs(services, inputs, target), lock)
    )


def _is_stale(read: TargetInputs, lock: Lockfile) -> bool:
    platform = read.target.platform
    if lock.content_hash.get(platform) == read.content_hash:
        return False
    if _HASHED_BY in lock.metadata:
        return True
    channels = tuple(name for name in read.request.channels if name != "nodefaults")
    if channels and channels != lock.channels:
        return True
    packages = read.request.packages
    requests = (packages.specs, packages.requirements)
    return any(unsatisfied(lock, platform, *requests)) or bool(
        not_required(lock, platform, *requests)
    )


def _requirement_texts(requirements: RequirementSet) -> Iterator[str]:
    """Yield what lines for pip require, those of the files that they name included."""
    for each in (*requirements.requirements, *requirements.constraints):
        file = each.direct
        location = f"{redact(file.url)} {file.sha256 or ''}".rstrip() if file else ""
        yield f"{each.requirement} {location} {' '.join(sorted(each.hashes))}".strip()
    yield from map(str, requirements.pip_requirements)


def input_metadata(inputs: LockInputs, read: Sequence[TargetInputs]) -> dict[str, str]:
    """Return what to save in a lock beside packages: options, and the variables of the files.

    With its options, locking again need not repeat them.
    """
    targets = [each.target for each in read]
    found = {f"{_FACTS}{t.platform}": _facts(t) for t in targets if t.virtual_packages}
    found[_HASHED_BY] = "minicon"
    if inputs.channels:
        found[_CHANNELS] = " ".join(without_secrets(channel) for channel in inputs.channels)
        found |= {_OVERRIDE: "true"} if inputs.override_channels else {}
    variables = {each.target.platform: each.request.variables for each in read}
    for platform, values in variables.items():
        for name, value in values.items():
            everywhere = all(other.get(name) == value for other in variables.values())
            found[f"{VARIABLE}{name}" + ("" if everywhere else f" {platform}")] = value or ""
    return found


def named_channels(lock: Lockfile) -> tuple[tuple[str, ...], bool]:
    """Return the saved channels of the command line, and whether configured ones were left out."""
    return tuple(lock.metadata.get(_CHANNELS, "").split()), _OVERRIDE in lock.metadata


def _facts(target: LockTarget) -> str:
    facts: Mapping[str, VirtualPackage] = {fact.name: fact for fact in target.virtual_packages}
    return " ".join(f"{name}={facts[name].version}={facts[name].build}" for name in sorted(facts))
