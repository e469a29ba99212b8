"""WheelBuild: the conda package that a wheel is, by the tags in its file name (PEP 425, 600).

======================================  ==============  ==========================================
tags                                    subdir          depends
======================================  ==============  ==========================================
``py3-none-any``                        noarch          python, as ``Requires-Python`` says
``py3-none-manylinux_2_17_x86_64``      linux-64        the same, ``__glibc >=2.17``
``cp38-abi3-macosx_11_0_arm64``         osx-arm64       ``python >=3.8``, ``__osx >=11.0`` (CEP 20)
``cp311-cp311-win_amd64``               win-64          ``python >=3.11,<3.12.0a0``
======================================  ==============  ==========================================

All of them are ``noarch: python`` in form: files in ``site-packages/``, commands as entry points.
CEP 20 allows that in every subdir.
"""

from __future__ import annotations

from typing import NamedTuple

from minicon.errors import PackageError
from minicon.lazy_pattern import lazy_pattern
from minicon.models.subdir import NOARCH
from minicon.publish.wheel_dependencies import python_dependency
from minicon.pypi.wheels.filenames import split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

_MACHINES = {
    "x86_64": "64", "i686": "32", "aarch64": "aarch64", "ppc64le": "ppc64le", "s390x": "s390x",
    "riscv64": "riscv64", "armv7l": "armv7l", "armv6l": "armv6l", "loongarch64": "loongarch64",
}  # fmt: skip
_WINDOWS = {"win_amd64": "win-64", "win32": "win-32", "win_arm64": "win-arm64"}
_MAC = {
    "x86_64": ("osx-64",),
    "arm64": ("osx-arm64",),
    "universal2": ("osx-64", "osx-arm64"),
    "intel": ("osx-64",),
}
_LEGACY_GLIBC = {"manylinux1": "2.5", "manylinux2010": "2.12", "manylinux2014": "2.17"}
_MANYLINUX = lazy_pattern(r"(manylinux1|manylinux20\d\d|manylinux_(\d+)_(\d+)|linux)_(\w+)")
_MACOS = lazy_pattern(r"macosx_(\d+)_(\d+)_(\w+)")
#: The stable ABI is that of CPython with its lock (CEP 20). conda-forge's packages depend on
#: ``cpython`` and ``python-gil`` for that, which few other channels have.
_STABLE_ABI = r"python_abi * ^.*_cp3\d+$"
_CPYTHON = lazy_pattern(r"cp(\d)(\d+)")


class WheelBuild(NamedTuple):
    """One conda package of a wheel.

    Attributes:
        subdir: Platform directory.
        python: The only minor version of python that it is for, or None.
        tag: Beginning of the build string.
        depends: On python and virtual packages, as MatchSpec strings.
        constrains: On ``python_abi``: interpreters of some sources have no such package. In
            conda-forge, interpreters of other ABIs (free-threaded, PyPy) depend on it.
    """

    subdir: str
    python: str | None
    tag: str
    depends: tuple[str, ...]
    constrains: tuple[str, ...] = ()


def builds_of(filename: str, requires_python: str | None) -> list[WheelBuild]:
    """Return the packages of a wheel: one, or one for each machine that it supports.

    Args:
        filename: Of the wheel.
        requires_python: From its metadata.

    Raises:
        PackageError: ``unsupported-wheel``: no conda platform or no CPython 3 can use it.
    """
    name = split_wheel_name(filename)
    if name is None:
        raise PackageError("unsupported-wheel", f"{filename} is not named like a wheel")
    pythons, abi, platforms = (part.split(".") for part in name.tags.split("-"))
    python, tag, depends, constrains = _python_of(pythons, abi, requires_python)
    needs: dict[str, str] = {}
    for subdir, need in (found for platform in platforms for found in _platform_of(platform)):
        needs[subdir] = min(need, needs.get(subdir, need), key=_version_of)
    if not needs or not tag:
        message = f"{filename} is for no platform and python that conda packages are built for"
        raise PackageError("unsupported-wheel", message, hint="convert another wheel of it")
    return [
        WheelBuild(subdir, python, tag, (depends, *([need] if need else [])), constrains)
        for subdir, need in needs.items()
    ]


def _python_of(
    pythons: Iterable[str], abis: Iterable[str], requires_python: str | None
) -> tuple[str | None, str, str, tuple[str, ...]]:
    """Return (only minor or None, tag, dependency on python, constraints); no tag if none fits."""
    found = [match for tag in pythons if (match := _CPYTHON.fullmatch(tag)) and match[1] == "3"]
    if "none" in abis:
        if any(tag.startswith("py3") for tag in pythons):
            return None, "py", python_dependency(requires_python), ()
        abis = ["cp" + each[1] + each[2] for each in found]
    if not found:
        return None, "", "", ()
    minor = min(int(match[2]) for match in found)
    if "abi3" in abis:
        return None, "abi3", f"python >=3.{minor}", (_STABLE_ABI,)
    if f"cp3{minor}" not in abis:  # free-threaded, or another implementation
        return None, "", "", ()
    dependency = f"python >=3.{minor},<3.{minor + 1}.0a0"
    return f"3.{minor}", f"py3{minor}", dependency, (f"python_abi 3.{minor}.* *_cp3{minor}",)


def _platform_of(platform: str) -> Iterator[tuple[str, str]]:
    """Yield (subdir, dependency on the system, or an empty text) of a platform tag."""
    if platform == "any":
        yield NOARCH, ""
    if platform in _WINDOWS:
        yield _WINDOWS[platform], ""
    if (match := _MANYLINUX.fullmatch(platform)) and match[4] in _MACHINES:
        kind, major, minor, machine = match.groups()
        glibc = f"{major}.{minor}" if major else _LEGACY_GLIBC.get(kind)
        yield f"linux-{_MACHINES[machine]}", f"__glibc >={glibc}" if glibc else ""
    if match := _MACOS.fullmatch(platform):
        for subdir in _MAC.get(match[3], ()):
            oldest = (11, 0) if subdir == "osx-arm64" else (10, 9)
            version = max((int(match[1]), int(match[2])), oldest)
            yield subdir, f"__osx >={version[0]}.{version[1]}"


def _version_of(need: str) -> list[int]:
    return [int(part) for part in need.rpartition("=")[2].split(".") if part]
