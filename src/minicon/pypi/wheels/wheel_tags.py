"""WheelTags: which wheels are compatible with a target platform, and which of them is best.

The target need not be this machine, so nothing is detected here: the subdir and the virtual
packages (``__glibc``, ``__osx``) describe it. The order is pip's, which is that of packaging: a
tag's rank is (python and abi, then platform), best first.
"""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import compatible_tags, cpython_tags, mac_platforms

from minicon.pypi.requirement_syntax import parse_specifiers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minicon.models.records import VirtualPackage

#: Python minors that may exist, newest first. Future ones cost nothing: a solver only considers
#: pythons that a source offers.
PYTHON_MINORS = (*(f"3.{minor}" for minor in range(20, 3, -1)), "2.7")

_LINUX_MACHINES = {
    "linux-64": "x86_64",
    "linux-32": "i686",
    "linux-aarch64": "aarch64",
    "linux-ppc64le": "ppc64le",
    "linux-s390x": "s390x",
    "linux-riscv64": "riscv64",
    "linux-armv7l": "armv7l",
    "linux-armv6l": "armv6l",
}
_MAC_MACHINES = {"osx-64": "x86_64", "osx-arm64": "arm64"}
_WINDOWS_TAGS = {"win-64": "win_amd64", "win-32": "win32", "win-arm64": "win_arm64"}

#: manylinux1, 2010 and 2014 by the glibc minor that they mean (PEP 600).
_LEGACY_MANYLINUX = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
#: The oldest glibc minor that a manylinux tag names, by machine; 17 for all others.
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
#: Placeholder for the target's platforms while packaging enumerates python and abi tags.
_PLATFORM = "PLATFORM"

Rank = tuple[int, int]


def platform_tags(subdir: str, virtual_packages: Iterable[VirtualPackage] = ()) -> tuple[str, ...]:
    """Return the platform tags that a target supports, best first, without ``any``.

    Args:
        subdir: For instance ``linux-64``. An unknown one has no tags: only pure wheels fit.
        virtual_packages: Those of the target. Without ``__glibc`` no manylinux wheel fits;
            without ``__osx``, or with the version 0, the oldest system of that machine is assumed.
    """
    facts = {package.name: package.version for package in virtual_packages}
    if subdir in _LINUX_MACHINES:
        return tuple(_linux_tags(_LINUX_MACHINES[subdir], facts.get("__glibc")))
    if subdir in _MAC_MACHINES:
        machine = _MAC_MACHINES[subdir]
        oldest = "11.0" if machine == "arm64" else "10.13"
        version = facts.get("__osx", "0")
        return tuple(mac_platforms(_two_numbers(oldest if version == "0" else version), machine))
    return (_WINDOWS_TAGS[subdir],) if subdir in _WINDOWS_TAGS else ()


def may_fit_platform(subdir: str, tag: str) -> bool:
    """Whether a platform tag can fit a machine of a platform, whatever its system's version.

    It is coarser than :class:`WheelTags`, because it decides which files of an index page are
    cached, and the cached page serves every glibc version.
    """
    if tag == "any":
        return True
    if subdir in _LINUX_MACHINES:
        return tag.endswith("_" + _LINUX_MACHINES[subdir]) and not tag.startswith("musllinux")
    if subdir in _MAC_MACHINES:
        ends = (_MAC_MACHINES[subdir], "universal2", "universal", "intel", "fat64")
        return tag.startswith("macosx_") and tag.endswith(ends)
    return tag == _WINDOWS_TAGS.get(subdir)


class WheelTags:
    """Ranks wheels for one target; each distinct tag text is evaluated once.

    The arguments are those of :func:`platform_tags`.
    """

    def __init__(self, subdir: str, virtual_packages: Iterable[VirtualPackage] = ()) -> None:
        self.platforms = platform_tags(subdir, virtual_packages)
        self._platform_ranks = {tag: rank for rank, tag in enumerate(self.platforms)}
        self._python_ranks: dict[str, dict[tuple[str, str, bool], int]] = {}
        self._ranks: dict[tuple[str, str], Rank | None] = {}
        self._minors: dict[str | None, frozenset[str]] = {}
        self._specifiers: dict[str, SpecifierSet | None] = {}

    def rank(self, tags: str, minor: str) -> Rank | None:
        """Rank a wheel for a python: lower is better, None if it does not fit.

        Args:
            tags: ``python-abi-platform`` of the file name, possibly compressed (PEP 425).
            minor: Python minor, for instance ``3.11``.
        """
        key = (tags, minor)
        if key not in self._ranks:
            self._ranks[key] = min(self._ranks_of(tags, minor), default=None)
        return self._ranks[key]

    def accepts_python(self, requires_python: str | None, version: str) -> bool:
        """Whether ``requires-python`` allows a full python version; an invalid one allows all."""
        if not requires_python:
            return True
        specifiers = self._parsed(requires_python)
        return specifiers is None or specifiers.contains(version, prereleases=True)

    def minors(self, requires_python: str | None) -> frozenset[str]:
        """Return the minors of which some patch release satisfies ``requires-python``."""
        if requires_python not in self._minors:
            self._minors[requires_python] = frozenset(
                minor
                for minor in PYTHON_MINORS
                if any(self.accepts_python(requires_python, f"{minor}.{p}") for p in _PATCHES)
            )
        return self._minors[requires_python]

    def _parsed(self, text: str) -> SpecifierSet | None:
        if text not in self._specifiers:
            try:
                self._specifiers[text] = parse_specifiers(text)
            except InvalidSpecifier:
                self._specifiers[text] = None
        return self._specifiers[text]

    def _ranks_of(self, tags: str, minor: str) -> Iterator[Rank]:
        pythons, abis, platforms = (part.split(".") for part in tags.split("-"))
        known = self._python_ranks.get(minor)
        if known is None:
            known = self._python_ranks[minor] = _python_ranks(minor)
        for platform in platforms:
            platform_rank = 0 if platform == "any" else self._platform_ranks.get(platform)
            if platform_rank is None:
                continue
            for python in pythons:
                for abi in abis:
                    rank = known.get((python, abi, platform == "any"))
                    if rank is not None:
                        yield rank, platform_rank


#: Patch releases to try for "some patch of this minor": the ends first, one nearly always fits.
_PATCHES = (0, 99, *range(1, 30))


def _python_ranks(minor: str) -> dict[tuple[str, str, bool], int]:
    """Return the ranks of (python tag, abi tag, whether the platform is ``any``) for a CPython.

    packaging yields python and abi in the outer loop and platforms in the inner one, so that one
    placeholder platform is enough to get the outer order.
    """
    version = _two_numbers(minor)
    interpreter = f"cp{version[0]}{version[1]}"
    abis = ["cp27mu", "cp27m"] if version == (2, 7) else _abis(version)
    ranks: dict[tuple[str, str, bool], int] = {}
    tags = (
        *cpython_tags(version, abis, [_PLATFORM]),
        *compatible_tags(version, interpreter, [_PLATFORM]),
    )
    for rank, tag in enumerate(tags):
        ranks.setdefault((tag.interpreter, tag.abi, tag.platform == "any"), rank)
    return ranks


def _abis(version: Sequence[int]) -> list[str]:
    """Return the ABI of the default build; up to 3.7 its name has an ``m`` (pymalloc)."""
    return [f"cp{version[0]}{version[1]}" + ("m" if version[1] < 8 else "")]


def _linux_tags(machine: str, glibc: str | None) -> Iterator[str]:
    yield f"linux_{machine}"  # built on a machine like this one
    if glibc:
        major, newest = _two_numbers(glibc)
        for minor in range(newest if major == 2 else 0, _OLDEST_GLIBC.get(machine, 17) - 1, -1):
            yield f"manylinux_2_{minor}_{machine}"
            if minor in _LEGACY_MANYLINUX:
                yield f"{_LEGACY_MANYLINUX[minor]}_{machine}"


def _two_numbers(text: str) -> tuple[int, int]:
    major, _, rest = text.partition(".")
    minor = rest.partition(".")[0]
    return int(major), int(minor) if minor.isdigit() else 0
