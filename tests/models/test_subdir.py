"""Platforms: of a machine, in channels, in selectors."""

from __future__ import annotations

import pytest

from minicon.errors import SpecError
from minicon.models import subdir as subdirs


@pytest.mark.parametrize(
    ("system", "machine", "bits", "subdir"),
    [
        ("Linux", "x86_64", 64, "linux-64"),
        ("linux", "x86_64", 32, "linux-32"),
        ("Linux", "aarch64", 64, "linux-aarch64"),
        ("Linux", "arm64", 64, "linux-aarch64"),
        ("Linux", "ppc64le", 64, "linux-ppc64le"),
        ("Linux", "i686", 32, "linux-32"),
        ("Linux", "riscv64", 64, "linux-riscv64"),
        ("Darwin", "x86_64", 64, "osx-64"),
        ("Darwin", "arm64", 64, "osx-arm64"),
        ("Windows", "AMD64", 64, "win-64"),
        ("Windows", "ARM64", 64, "win-arm64"),
        ("win32", "x86", 32, "win-32"),
        ("FreeBSD", "amd64", 64, "freebsd-64"),
    ],
)
def test_current(system: str, machine: str, bits: int, subdir: str) -> None:
    assert subdirs.current_subdir(system, machine, pointer_bits=bits) == subdir
    assert subdirs.check_subdir(subdir) == subdir


def test_families() -> None:
    assert subdirs.is_windows("win-64")


@pytest.mark.parametrize(
    "text", ["", "../x", "linux", "linux/64", "LINUX-64", "a-" + "b" * 40, "linux-64\n"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(SpecError, match="is not a platform"):
        subdirs.check_subdir(text)


@pytest.mark.parametrize(
    ("text", "meant"),
    [
        *[("linux64", "linux-64"), ("linux-x86_64", "linux-64"), ("LINUX-64", "linux-64")],
        *[("linux-arm64", "linux-aarch64"), ("linux-46", "linux-64"), ("osx64", "osx-64")],
        *[("macos-arm64", "osx-arm64"), ("osx-amd64", "osx-64"), ("darwin-aarch64", "osx-arm64")],
        *[("win-amd64", "win-64"), ("win32", "win-32"), ("windows_64", "win-64")],
        *[("linux-64", ""), ("noarch", ""), ("acme-riscv128", ""), ("linux", ""), ("x" * 99, "")],
    ],
)
def test_other_spellings_of_platforms(text: str, meant: str) -> None:
    assert subdirs.platform_hint(text) == (f"did you mean {meant}?" if meant else "")


@pytest.mark.parametrize(
    ("expression", "subdir", "expected"),
    [
        ("linux", "linux-64", True),
        ("linux64", "linux-64", True),
        ("osx or win", "linux-64", False),
        ("not win", "linux-64", True),
        ("unix and not (osx or linux)", "linux-64", False),
        ("arm64", "osx-arm64", True),
        ("arm64", "linux-aarch64", False),
        ("linux-64", "linux-64", True),
        ("x86_64", "win-64", True),
        ("testing", "linux-64", None),
        ("linux linux", "linux-64", None),
        ("linux and", "linux-64", None),
        ("(linux", "linux-64", None),
        ("", "linux-64", None),
        ("(" * 5000, "linux-64", None),
        ("linux; import os", "linux-64", None),
    ],
)
def test_selectors(expression: str, subdir: str, expected: bool | None) -> None:
    assert subdirs.selects(expression, subdir) is expected
