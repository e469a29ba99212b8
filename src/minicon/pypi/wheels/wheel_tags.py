"""WheelTags: which wheels run on a target platform, and which of them fits best.

The target need not be this machine, so nothing is probed here: the platform folder and the
virtual packages (``__glibc``, ``__osx``) say all there is to know. The order is that of pip,
which is packaging's: a tag's rank is (python and abi, then platform), best first.
"""

from __future__ import annotations

from packaging.specifiers import InvalidSpecifier, SpecifierSet
from packaging.tags import compatible_tags, cpython_tags, mac_platforms

from minicon.pypi.requirements.lenient import lenient_specifiers

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minicon.models.virtual_package import VirtualPackage

#: Python minors that may exist, newest first. Those beyond today's cost nothing: a solver only
#: looks for pythons that some source has.
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

#: manylinux1, 2010 and 2014 by the glibc minor that they stand for (PEP 600).
_LEGACY_MANYLINUX = {5: "manylinux1", 12: "manylinux2010", 17: "manylinux2014"}
#: The oldest glibc minor that a manylinux tag names, per machine.
_OLDEST_GLIBC = {"x86_64": 5, "i686": 5}
#: Stands for "any platform of the target" while packaging enumerates python and abi tags.
_PLATFORM = "PLATFORM"

Rank = tuple[int, int]


def platform_tags(subdir: str, virtual_packages: Iterable[VirtualPackage] = ()) -> tuple[str, ...]:
    """Platform tags that run on a target, best first; ``any`` is not among them.

    Args:
        subdir: For instance ``linux-64``. An unknown one has no tags: only pure wheels fit.
        virtual_packages: Facts of the target. Without ``__glibc`` no manylinux wheel fits;
            without ``__osx`` the oldest system of that machine is taken.
    """
    facts = {package.name: package.version for package in virtual_packages}
    if subdir in _LINUX_MACHINES:
        return tuple(_linux_tags(_LINUX_MACHINES[subdir], facts.get("__glibc")))
    if subdir in _MAC_MACHINES:
        machine = _MAC_MACHINES[subdir]
        oldest = "11.0" if machine == "arm64" else "10.13"
        return tuple(mac_platforms(_two_numbers(facts.get("__osx") or oldest), machine))
    return (_WINDOWS_TAGS[subdir],) if subdir in _WINDOWS_TAGS else ()


def may_fit_platform(subdir: str, tag: str) -> bool:
    """Whether a platform tag could fit some machine of this platform, whatever its age.

    Coarser than :class:`WheelTags` on purpose: it decides what is worth keeping of an index
    page, and the same kept page serves every glibc.
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
    """Judges wheels for one target. Cheap to ask: every distinct tag text is judged once."""

    def __init__(self, subdir: str, virtual_packages: Iterable[VirtualPackage] = ()) -> None:
        """Make the judge of one target; arguments as in :func:`platform_tags`."""
        self.platforms = platform_tags(subdir, virtual_packages)
        self._platform_ranks = {tag: rank for rank, tag in enumerate(self.platforms)}
        self._python_ranks: dict[str, dict[tuple[str, str, bool], int]] = {}
        self._ranks: dict[tuple[str, str], Rank | None] = {}
        self._minors: dict[str | None, frozenset[str]] = {}
        self._specifiers: dict[str, SpecifierSet | None] = {}

    def rank(self, tags: str, minor: str) -> Rank | None:
        """How well a wheel fits a python; lower is better, None if it does not.

        Args:
            tags: ``python-abi-platform`` of the file name, parts perhaps compressed.
            minor: Python minor, for instance ``3.11``.
        """
        key = (tags, minor)
        if key not in self._ranks:
            self._ranks[key] = min(self._ranks_of(tags, minor), default=None)
        return self._ranks[key]

    def accepts_python(self, requires_python: str | None, version: str) -> bool:
        """Whether ``requires-python`` allows a full python version; nonsense allows all."""
        if not requires_python:
            return True
        specifiers = self._parsed(requires_python)
        return specifiers is None or specifiers.contains(version, prereleases=True)

    def minors(self, requires_python: str | None) -> frozenset[str]:
        """The minors of which some patch release satisfies ``requires-python``."""
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
                self._specifiers[text] = lenient_specifiers(text)
            except InvalidSpecifier:
                self._specifiers[text] = None
        return self._specifiers[text]

    def _ranks_of(self, tags: str, minor: str) -> Iterator[Rank]:
        pythons, abis, platforms = (part.split(".") for part in tags.split("-"))
        known = self._python_ranks.get(minor)
        if known is None:
            known = self._python_ranks[minor] = _python_ranks(minor)
        for platform in platforms:
            place = 0 if platform == "any" else self._platform_ranks.get(platform)
            if place is None:
                continue
            for python in pythons:
                for abi in abis:
                    rank = known.get((python, abi, platform == "any"))
                    if rank is not None:
                        yield rank, place


#: Patch releases to try for "some patch of this minor": ends first, since one nearly always fits.
_PATCHES = (0, 99, *range(1, 30))


def _python_ranks(minor: str) -> dict[tuple[str, str, bool], int]:
    """Rank by (python tag, abi tag, whether the platform is ``any``) of CPython MINOR.

    packaging yields python-and-abi in the outer loop and platforms in the inner one, so that
    one stand-in platform is enough to learn the outer order.
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
    """The ABI of the ordinary build; up to 3.7 its name had an ``m`` (pymalloc)."""
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
