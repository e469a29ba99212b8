"""Virtual packages: properties of the target machine that packages can depend on (CEP 30, 46)."""

from __future__ import annotations

from minicon.errors import ConfigError
from minicon.lazy_pattern import lazy_pattern
from minicon.machine.facts import Machine
from minicon.models.records import VirtualPackage
from minicon.models.subdir import PLATFORMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: Versions for other machines than this one: pixi's defaults, which packages of recent years
#: support; CEP 30 prescribes that of macOS, with which few packages can be installed.
_FOREIGN = {"__linux": "4.18", "__glibc": "2.28", "__osx": "0", "__win": "0"}
#: The oldest macOS that locks are made for.
OLDEST_MACOS = "13.0"
#: Names in archspec's database of the second part of a subdir.
_FOREIGN_PROCESSORS = {
    "64": "x86_64",
    "32": "x86",
    "arm64": "aarch64",
    **{name: name for name in ("aarch64", "ppc64", "ppc64le", "riscv64")},
}
#: Second parts of subdirs that are no processors of archspec (CEP 30 gives them the version 0).
_NOT_IN_ARCHSPEC = {name.partition("-")[2] for name in PLATFORMS} - {*_FOREIGN_PROCESSORS.values()}
#: Packages that CONDA_OVERRIDE_* and the setting can change.
_KNOWN = ("__linux", "__osx", "__win", "__glibc", "__cuda", "__cuda_arch", "__archspec")
#: Those that exist on every machine of their system, so that no override removes them.
_ALWAYS = ("__linux", "__osx", "__win", "__archspec")
_VERSION = lazy_pattern(r"[0-9][0-9A-Za-z_.!+]*")
#: Narrower forms of overrides.
_FORMS = {
    "__archspec": lazy_pattern(r"[0-9A-Za-z_.+]+"),
    "__cuda_arch": lazy_pattern(r"[0-9]+\.[0-9]+"),
    "__linux": lazy_pattern(r"[0-9]+\.[0-9]+(\.[0-9]+)?(\.[0-9]+)?"),
}
_EXAMPLES = {"__archspec": "x86_64_v3", "__cuda": "12.4", "__cuda_arch": "9.0", "__linux": "5.10"}
_TWO_NUMBERS = lazy_pattern(r"\d+\.\d+")
_KERNEL = lazy_pattern(r"\d+\.\d+(\.\d+)?(\.\d+)?")


def detect_virtual_packages(
    platform: str,
    *,
    environ: Mapping[str, str],
    overrides: Mapping[str, str] | None = None,
    machine: Machine | None = None,
) -> tuple[VirtualPackage, ...]:
    """The virtual packages of a platform.

    Versions are detected if the target has the operating system of the machine; otherwise default
    versions are assumed, and for another processor its generic name. ``MINICON_OVERRIDE_<NAME>``,
    then ``CONDA_OVERRIDE_<NAME>``, then ``overrides`` replace a version (for ``__archspec``, the
    build); an empty string removes ``__glibc``, ``__cuda`` and ``__cuda_arch``, and does not count
    for the others, which always exist (CEP 30). As in conda, ``__linux`` and ``__glibc`` exist
    for Linux targets only, and so on; ``__cuda`` for all, ``__cuda_arch`` only beside it.

    Args:
        platform: Target subdir, for instance ``linux-64``.
        environ: Environment variables.
        overrides: The setting ``override_virtual_packages``, by name with or without the
            underscores; an unknown name adds a package.
        machine: The machine; by default, this one.

    Cost: under a millisecond without a graphics driver, else one process.

    Raises:
        ConfigError: ``bad-virtual-package-override``: an override is not a version.
    """
    machine = machine or Machine.this(environ)
    chosen = _overrides(environ, overrides or {})
    found = {}
    for name in _names_for(platform):
        if name == "__cuda_arch" and "__cuda" not in found:
            continue
        value = chosen.pop(name) if name in chosen else _detected(name, platform, machine)
        if value:
            found[name] = value
    for name in _KNOWN:
        chosen.pop(name, None)
    found.update((name, value) for name, value in chosen.items() if value)
    return tuple(_virtual_package(name, value) for name, value in found.items())


def _names_for(platform: str) -> Iterator[str]:
    system = platform.partition("-")[0]
    if system in ("linux", "osx", "freebsd", "emscripten", "wasi"):
        yield "__unix"
    if system in ("linux", "osx", "win"):
        yield f"__{system}"
    if system == "linux":
        yield "__glibc"
    yield "__cuda"
    yield "__cuda_arch"
    if platform != "noarch":
        yield "__archspec"


def _detected(name: str, platform: str, machine: Machine) -> str | None:
    """The version (for ``__archspec`` the build) of a virtual package, or None."""
    if name == "__unix":
        return "0"
    compared = slice(None) if name == "__archspec" else slice(1)
    if platform.split("-")[compared] != machine.platform.split("-")[compared]:
        return _assumed(name, platform)
    if name == "__glibc":
        family, version = machine.libc() or ("", "")
        return version if family == "glibc" else None
    if name == "__cuda":
        return machine.cuda()
    if name == "__cuda_arch":
        return machine.cuda_arch()
    if name == "__archspec":
        return machine.microarchitecture()
    version = machine.system_version() or ""
    numbers = (_TWO_NUMBERS if name == "__osx" else _KERNEL).match(version)
    return numbers.group() if numbers else version or "0"


def _assumed(name: str, platform: str) -> str | None:
    if name != "__archspec":
        return _FOREIGN.get(name)
    if platform == "osx-arm64":
        return "m1"
    processor = platform.partition("-")[2]
    return _FOREIGN_PROCESSORS.get(processor, processor)


def _overrides(environ: Mapping[str, str], setting: Mapping[str, str]) -> dict[str, str]:
    chosen = {"__" + name.lstrip("_"): str(value).strip() for name, value in setting.items()}
    chosen.pop("__unix", None)
    for name in _KNOWN:
        for tool in ("CONDA", "MINICON"):
            value = environ.get(f"{tool}_OVERRIDE_{name.lstrip('_').upper()}")
            if value is not None:
                chosen[name] = value.strip()
    chosen = {name: value for name, value in chosen.items() if value or name not in _ALWAYS}
    for name, value in chosen.items():
        if value and not _FORMS.get(name, _VERSION).fullmatch(value):
            raise ConfigError(
                "bad-virtual-package-override",
                f"the override of {name} is not a version: {value!r}",
                hint=f"set CONDA_OVERRIDE_{name.lstrip('_').upper()} to a value such as "
                f"{_EXAMPLES.get(name, '2.28')}",
            )
    return chosen


def _virtual_package(name: str, value: str) -> VirtualPackage:
    if name != "__archspec":
        return VirtualPackage(name, value)
    return VirtualPackage(name, "0" if value in _NOT_IN_ARCHSPEC else "1", value)
