"""Make a bundle of a lock file or an environment.

::

    lock file, environment ─> Lockfile ─> packages downloaded, verified ─> minicon.travel.bundle
    minicon and the packages it needs, of this installation ────────────┘
"""

from __future__ import annotations

import json
import re
from importlib import metadata
from pathlib import Path

import minicon
from minicon.api.lock.locked_packages import locked_package
from minicon.envs.locks.conda_lock import format_conda_lock
from minicon.envs.locks.lock_files import read_lock_file
from minicon.errors import SpecError
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.lockfile import Lockfile
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages
from minicon.publish.reading.package_entry import read_entry
from minicon.travel.bundle import LOCK, Member, write_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping
    from typing import Any

    from minicon.api.services import Services
    from minicon.models.environment_files.lockfile import LockedPackage

#: Suffixes of modules and data of minicon's dependencies that are needed at run time.
_NEEDED = (".py", ".so", ".pyd", ".pem", ".typed", ".json", ".txt", "METADATA", "RECORD")


def lock_of_environment(path: Path, platform: str) -> Lockfile:
    """Return a lock with the packages of an environment.

    Raises:
        SpecError: ``no-hash``: a package was built here, or its origin is not recorded.
    """
    prefix = Prefix(path).require()
    platform = prefix.subdir or platform
    records = [installed.record for installed in installed_packages(prefix)]
    for record in records:
        if record.source != "interpreter" and not record.url:
            raise SpecError(
                "no-hash",
                f"{record.dist_name} was built here, or its origin is not recorded",
                hint="pack the environment instead (minicon pack)",
            )
    packages = tuple(locked_package(record, platform) for record in records)
    channels = tuple(dict.fromkeys(r.channel for r in records if r.source == "conda"))
    return Lockfile(packages=packages, platforms=(platform,), channels=channels)


def lock_of_file(path: Path, platforms: Collection[str], platform: str) -> Lockfile:
    """Read a lock file, for some of its platforms; none means all.

    Raises:
        SpecError: It is no lock file, or has no packages for a platform.
    """
    lock = read_lock_file(path, platform=platform)
    if lock is None:
        raise SpecError("not-a-lock", f"{path} is not a lock file", hint="minicon lock makes one")
    locked = {package.platform for package in lock.packages}
    for each in platforms:
        if each not in locked:
            raise SpecError(
                "platform-not-locked",
                f"{path} has no packages for {each}, only for {', '.join(sorted(locked))}",
                hint=f"minicon lock --platform {each}",
            )
    kept = tuple(p for p in lock.packages if not platforms or p.platform in platforms)
    return replace(lock, packages=kept, platforms=tuple(sorted({p.platform for p in kept})))


def bundle(
    services: Services, lock: Lockfile, output: Path, *, name: str, script: bool, folder: Path
) -> int:
    """Download the packages of a lock and write the bundle.

    Args:
        services: Network.
        lock: The packages.
        output: The file to write.
        name: Default name of the environment.
        script: Whether the bundle starts as a shell script.
        folder: A directory for downloads.

    Returns:
        The number of packages.

    Raises:
        ChannelError, HashMismatch: A package cannot be fetched.
        SpecError: A package must be built by pip.
    """
    members = [Member(LOCK, format_conda_lock(lock).encode()), *library_members()]
    repodata: dict[str, dict[str, Any]] = {"noarch": {}}
    found: dict[str, Path] = {}
    for package in lock.packages:
        if package.is_host:
            continue
        subdir = "pypi" if package.manager == "pip" else package.to_record().subdir
        if f"{subdir}/{package.fn}" in found:
            continue
        path = found[f"{subdir}/{package.fn}"] = _download(services, package, folder / subdir)
        if package.manager == "conda":
            entry = json.loads(read_entry(path, subdir, modified=0, now=0).record)
            entry.pop("indexed_timestamp", None)
            entry["depends"] = list(package.depends)  # as the channel has patched it
            repodata.setdefault(subdir, {})[package.fn] = entry
    members += [Member(name, path) for name, path in found.items()]
    for subdir, entries in repodata.items():
        path = folder / f"repodata-{subdir}.json"
        path.write_bytes(_repodata(subdir, entries))
        members.append(Member(f"{subdir}/repodata.json", path))
    write_bundle(output, name, lock.platforms, members, script=script)
    return len(found)


def _download(services: Services, package: LockedPackage, folder: Path) -> Path:
    from minicon.fs import operations
    from minicon.net.download import download, reported

    if package.manager == "pip" and not package.is_wheel:
        raise SpecError(
            "cannot-be-bundled",
            f"{package.name} must be built by pip, which needs a network",
            hint="build a wheel of it, or pack the environment instead (minicon pack)",
        )
    operations.make_directory(folder)
    target = folder / package.fn
    fetcher = services.index_fetcher if package.manager == "pip" else services.fetcher
    with reported(services.reporter, package.name, package.size) as task:
        download(
            fetcher,
            package.url,
            target,
            sha256=package.sha256,
            md5=package.md5,
            size=package.size,
            task=task,
        )
    return target


def _repodata(subdir: str, entries: Mapping[str, dict[str, Any]]) -> bytes:
    document = {
        "info": {"subdir": subdir},
        "packages": {fn: e for fn, e in entries.items() if not fn.endswith(".conda")},
        "packages.conda": {fn: e for fn, e in entries.items() if fn.endswith(".conda")},
        "removed": [],
        "repodata_version": 1,
    }
    return json.dumps(document, sort_keys=True).encode()


def library_members() -> Iterator[Member]:
    """Yield the files of minicon and of the packages that it needs, as installed here."""
    root = Path(minicon.__path__[0])
    for path in sorted(root.rglob("*")):
        if path.is_file() and "__pycache__" not in path.parts:
            yield Member(f"lib/minicon/{path.relative_to(root).as_posix()}", path)
    for name in _required_distributions():
        for file in metadata.files(name) or ():
            inside = file.as_posix()
            if inside.startswith("..") or "__pycache__" in inside or "/tests/" in inside:
                continue
            if inside.endswith(_NEEDED):
                yield Member(f"lib/{inside}", Path(str(file.locate())))


def _required_distributions() -> list[str]:
    """Return minicon's run-time dependencies, with theirs."""
    from packaging.requirements import Requirement

    found: dict[str, None] = {}
    waiting = ["minicon"]
    for name in waiting:  # grows while it is walked
        for text in metadata.requires(name) or ():
            requirement = Requirement(text)
            key = re.sub(r"[-_.]+", "-", requirement.name).lower()
            is_used = requirement.marker is None or requirement.marker.evaluate({"extra": ""})
            if is_used and key not in found:
                found[key] = None
                waiting.append(key)
    return list(found)
