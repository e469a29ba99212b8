"""Compatibility of wheels with a target, compared with packaging's own lists."""

from __future__ import annotations

import os
import platform

import pytest
from packaging import tags as packaging_tags

from minicon.models.records import VirtualPackage
from minicon.pypi.wheels.wheel_tags import WheelTags, may_fit_platform, platform_tags

GLIBC = [VirtualPackage("__glibc", "2.36")]


def test_linux_platforms_are_those_of_packaging_on_this_machine() -> None:
    if platform.libc_ver()[0] != "glibc" or platform.machine() != "x86_64":
        pytest.skip("needs glibc on x86_64")
    version = os.confstr("CS_GNU_LIBC_VERSION").split()[1]
    ours = platform_tags("linux-64", [VirtualPackage("__glibc", version)])
    theirs = list(packaging_tags.platform_tags())
    assert sorted(ours) == sorted(theirs)
    # Releases of packaging differ in the position of the tag of locally built wheels.
    assert [t for t in ours if t[:4] == "many"] == [t for t in theirs if t[:4] == "many"]


@pytest.mark.parametrize("minor", ["3.8", "3.11", "3.14"])
def test_order_is_that_of_packaging(minor: str) -> None:
    version = tuple(map(int, minor.split(".")))
    platforms = list(platform_tags("linux-64", GLIBC))
    interpreter = f"cp{version[0]}{version[1]}"
    oracle = [
        str(tag)
        for tag in (
            *packaging_tags.cpython_tags(version, [interpreter], platforms),
            *packaging_tags.compatible_tags(version, interpreter, platforms),
        )
    ]
    judge = WheelTags("linux-64", GLIBC)
    ranks = [judge.rank(tag, minor) for tag in oracle]
    assert None not in ranks
    assert ranks == sorted(ranks)
    assert len(set(ranks)) == len(set(oracle))


@pytest.mark.parametrize(
    ("tags", "minor", "fits"),
    [
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "3.11", True),
        ("cp311-cp311-manylinux_2_17_x86_64.manylinux2014_x86_64", "3.12", False),
        ("cp311-cp311-manylinux_2_39_x86_64", "3.11", False),
        ("cp311-cp311-musllinux_1_2_x86_64", "3.11", False),
        ("cp311-cp311-manylinux2014_aarch64", "3.11", False),
        ("cp311-cp311-win_amd64", "3.11", False),
        ("cp38-abi3-manylinux1_x86_64", "3.14", True),
        ("cp38-abi3-manylinux1_x86_64", "3.7", False),
        ("cp313-cp313t-manylinux_2_28_x86_64", "3.13", False),
        ("cp311-cp311-linux_x86_64", "3.11", True),
        ("py2.py3-none-any", "3.11", True),
        ("py2.py3-none-any", "2.7", True),
        ("py2-none-any", "3.11", False),
        ("cp37-cp37m-manylinux1_x86_64", "3.7", True),
        ("cp27-cp27mu-manylinux1_x86_64", "2.7", True),
        ("py3-none-manylinux_2_5_x86_64", "3.11", True),
        ("pp310-pypy310_pp73-manylinux_2_17_x86_64", "3.10", False),
    ],
)
def test_linux(tags: str, minor: str, fits: bool) -> None:
    assert (WheelTags("linux-64", GLIBC).rank(tags, minor) is not None) is fits


def test_without_glibc_no_manylinux_wheel_fits() -> None:
    judge = WheelTags("linux-64")
    assert judge.rank("cp311-cp311-manylinux1_x86_64", "3.11") is None
    assert judge.rank("py3-none-any", "3.11") is not None


@pytest.mark.parametrize(
    ("subdir", "facts", "tag", "fits"),
    [
        ("osx-arm64", ("__osx", "14.2"), "macosx_11_0_arm64", True),
        ("osx-arm64", ("__osx", "14.2"), "macosx_15_0_arm64", False),
        ("osx-arm64", ("__osx", "14.2"), "macosx_10_9_universal2", True),
        ("osx-arm64", ("__osx", "14.2"), "macosx_10_9_x86_64", False),
        ("osx-64", ("__osx", "10.15"), "macosx_10_9_x86_64", True),
        ("osx-64", ("__osx", "10.15"), "macosx_11_0_x86_64", False),
        ("win-64", ("__win", "10"), "win_amd64", True),
        ("win-64", ("__win", "10"), "win32", False),
        ("win-arm64", ("__win", "10"), "win_arm64", True),
        ("linux-ppc64le", ("__glibc", "2.28"), "manylinux2014_ppc64le", True),
        ("linux-aarch64", ("__glibc", "2.28"), "manylinux_2_28_aarch64", True),
        ("linux-aarch64", ("__glibc", "2.28"), "manylinux2010_aarch64", False),
    ],
)
def test_platforms(subdir: str, facts: tuple[str, str], tag: str, fits: bool) -> None:
    judge = WheelTags(subdir, [VirtualPackage(*facts)])
    assert (judge.rank(f"cp312-cp312-{tag}", "3.12") is not None) is fits
    # The coarse filter never removes a wheel that the machine could use.
    assert may_fit_platform(subdir, tag) or not fits


def test_newer_platform_is_preferred_and_pure_comes_last() -> None:
    judge = WheelTags("linux-64", GLIBC)
    tags = [
        "cp311-cp311-manylinux_2_28_x86_64",
        "cp311-cp311-manylinux2014_x86_64",
        "cp311-abi3-manylinux_2_28_x86_64",
        "cp38-abi3-manylinux_2_28_x86_64",
        "py3-none-manylinux_2_28_x86_64",
        "py3-none-any",
    ]
    ranks = [judge.rank(tag, "3.11") for tag in tags]
    assert ranks == sorted(ranks)


@pytest.mark.parametrize(
    ("text", "minors"),
    [
        (">=3.9,<3.12", {"3.9", "3.10", "3.11"}),
        (">=3.9.5,<3.10", {"3.9"}),
        (">=3.6.*,<3.8", {"3.6", "3.7"}),
        ("==3.11.4", {"3.11"}),
        ("~=3.8, <3.9", {"3.8"}),
    ],
)
def test_requires_python(text: str, minors: set[str]) -> None:
    assert WheelTags("linux-64").minors(text) == minors


def test_invalid_requires_python_allows_all() -> None:
    judge = WheelTags("linux-64")
    assert judge.accepts_python("whatever you like", "3.11.7")
    assert judge.accepts_python(None, "3.11.7")
    assert not judge.accepts_python(">=3.12", "3.11.7")
    assert judge.accepts_python(">=3.12", "3.12.0rc1") is False
