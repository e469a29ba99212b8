"""Environment markers (PEP 508), evaluated for another python and platform than the running one."""

from __future__ import annotations

from minicon.models.version import python_minor

TYPE_CHECKING = False
if TYPE_CHECKING:
    from packaging.requirements import Requirement

#: Subdir's system → (os_name, sys_platform, platform_system).
_SYSTEMS = {
    "linux": ("posix", "linux", "Linux"),
    "osx": ("posix", "darwin", "Darwin"),
    "win": ("nt", "win32", "Windows"),
    "emscripten": ("posix", "emscripten", "Emscripten"),
    "freebsd": ("posix", "freebsd", "FreeBSD"),
}
#: Subdir's architecture → platform_machine, where it depends on the system.
_MACHINES = {
    ("linux", "64"): "x86_64",
    ("linux", "32"): "i686",
    ("linux", "armv7l"): "armv7l",
    ("linux", "armv6l"): "armv6l",
    ("osx", "64"): "x86_64",
    ("osx", "arm64"): "arm64",
    ("win", "64"): "AMD64",
    ("win", "32"): "x86",
    ("win", "arm64"): "ARM64",
}


def marker_environment(python_version: str, platform: str) -> dict[str, str]:
    """The values of all marker variables; release and version of the kernel are empty.

    Args:
        python_version: Full version of a CPython, for instance ``3.11.7``.
        platform: The environment's subdir, for instance ``linux-64``.
    """
    system, _, architecture = platform.partition("-")
    os_name, sys_platform, platform_system = _SYSTEMS.get(system, ("posix", system, system))
    return {
        "implementation_name": "cpython",
        "implementation_version": python_version,
        "os_name": os_name,
        "platform_machine": _MACHINES.get((system, architecture), architecture),
        "platform_python_implementation": "CPython",
        "platform_release": "",
        "platform_system": platform_system,
        "platform_version": "",
        "python_full_version": python_version,
        "python_version": python_minor(python_version),
        "sys_platform": sys_platform,
        "extra": "",
    }


def applies(requirement: Requirement, environment: dict[str, str], extra: str = "") -> bool:
    """Whether a requirement's marker is true, for a project itself or for one of its extras."""
    marker = requirement.marker
    try:
        return marker is None or marker.evaluate({**environment, "extra": extra})
    except ValueError:  # compares values that have no order: excludes nothing
        return True


def depends_on_patch(requirement: Requirement) -> bool:
    """Whether a requirement's marker depends on the patch version of python."""
    text = str(requirement.marker or "")
    return "python_full_version" in text or "implementation_version" in text
