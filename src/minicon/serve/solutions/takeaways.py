"""Solutions as files: environment.yml, explicit lists, and locks."""

from __future__ import annotations

from minicon.constants import HOST_CHANNEL, PYPI_PREFIX
from minicon.envs.environment_file import write_environment_file
from minicon.envs.locks.conda_lock import format_conda_lock
from minicon.models.environment_files.environment_spec import EnvironmentSpec
from minicon.models.environment_files.explicit_list import ExplicitEntry, ExplicitList
from minicon.models.environment_files.lockfile import (
    LockedPackage,
    Lockfile,
    check_package,
    sorted_packages,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.models.environment_files.lockfile import Manager


def environment_text(document: Mapping[str, Any]) -> str:
    """Return the requested specs as an environment.yml for these channels and platforms."""
    texts = document["specs"]
    packages = (each for result in document["results"] for each in result.get("packages", ()))
    uses_host = any(each["source"] == "interpreter" for each in packages)
    spec = EnvironmentSpec(
        name=document["name"] or "environment",
        channels=(*(each["url"] for each in document["channels"]), *[HOST_CHANNEL] * uses_host),
        platforms=tuple(each["platform"] for each in document["results"]),
        dependencies=tuple(text for text in texts if not text.startswith(PYPI_PREFIX)),
        pip=tuple(t.removeprefix(PYPI_PREFIX) for t in texts if t.startswith(PYPI_PREFIX)),
    )
    return write_environment_file(spec)


def explicit_text(document: Mapping[str, Any], platform: str) -> str | None:
    """Return the exact packages of a platform by URL; None if it has no such list."""
    for result in document["results"]:
        if result["platform"] == platform and result["solved"]:
            packages = result["packages"]
            if any(each["source"] != "conda" for each in packages):
                return None
            entries = (ExplicitEntry(p["url"], md5=p["md5"], sha256=p["sha256"]) for p in packages)
            return str(ExplicitList(tuple(entries), platform))
    return None


def lock_text(document: Mapping[str, Any]) -> str | None:
    """Return a ``conda-lock.yml``; None unless all platforms are solved.

    Raises:
        SpecError: A package cannot be locked: it has no hash.
    """
    if not document["solved"]:
        return None
    packages = [
        check_package(_locked(package, result["platform"]), "the solution")
        for result in document["results"]
        for package in result["packages"]
    ]
    lock = Lockfile(
        packages=sorted_packages(packages),
        platforms=tuple(result["platform"] for result in document["results"]),
        channels=tuple(each["url"] for each in document["channels"]),
        content_hash={result["platform"]: document["id"] * 2 for result in document["results"]},
    )
    return format_conda_lock(lock)


def _locked(package: Mapping[str, Any], platform: str) -> LockedPackage:
    is_host = package["source"] == "interpreter"
    manager: Manager = "pip" if package["source"] == "pypi" else "conda"
    return LockedPackage(
        name=package["name"],
        version=package["version"],
        platform=platform,
        url=package["url"],
        manager=manager,
        build=package["build"] if package["source"] == "conda" else "",
        depends=() if is_host else tuple(package["depends"]),
        sha256=None if is_host else package["sha256"],
        md5=None if is_host else package["md5"],
        size=package["size"],
    )
