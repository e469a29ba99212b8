from __future__ import annotations

from pathlib import Path

import pytest
from tests.support.elf_files import make_elf

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.machine.host_packages.elf import ElfFile
from minicon.machine.host_packages.relocation import Relocation, bundled_libraries

SYSCONFIG = "lib/python3.11/_sysconfigdata__linux_x86_64-linux-gnu.py"


@pytest.mark.parametrize(
    ("before", "after"),
    [
        ("'/usr/local/lib'", "'@/lib'"),
        ("prefix=/usr/local", "prefix=@"),
        ("-I/usr/local/include -L/usr/local/lib", "-I@/include -L@/lib"),
        ("-Wl,-rpath,/usr/local/lib", "-Wl,-rpath,@/lib"),
        ("#!/usr/local/bin/python3.11", "#!@/bin/python3.11"),
        ("/usr/local:/usr/local", "@:@"),
    ],
)
def test_the_prefix_becomes_the_placeholder(before: str, after: str) -> None:
    changed = Relocation(("/usr/local",)).text(SYSCONFIG, before.encode())
    assert changed == after.replace("@", PREFIX_PLACEHOLDER).encode()


@pytest.mark.parametrize(
    "text", ["/usr/locale/x", "/opt/usr/local/x", "/usr/local-2/x", "/usr/local.d", "/usr"]
)
def test_longer_names_are_other_paths(text: str) -> None:
    assert Relocation(("/usr/local",)).text(SYSCONFIG, text.encode()) is None


def test_only_files_that_are_known_to_carry_it() -> None:
    relocation = Relocation(("/usr/local",))
    for path in ("lib/python3.11/mimetypes.py", "include/python3.11/pyconfig.h", "pyvenv.cfg"):
        assert relocation.text(path, b"/usr/local/etc") is None
    for path in (
        "lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile",
        "lib/python3.14/build-details.json",
        "lib/pkgconfig/python-3.11.pc",
        "bin/pydoc3.11",
    ):
        assert relocation.text(path, b"/usr/local/etc")
    assert relocation.text("bin/python3.11", b"\x7fELF\0/usr/local/lib") is None


def test_build_prefix_is_replaced_too() -> None:
    relocation = Relocation(("/home/me/uv/cpython", "/install"))
    text = relocation.text(SYSCONFIG, b"'/install/lib' '/home/me/uv/cpython' '/installed'")
    assert text == f"'{PREFIX_PLACEHOLDER}/lib' '{PREFIX_PLACEHOLDER}' '/installed'".encode()


@pytest.mark.parametrize(
    ("path", "expected"),
    [
        ("bin/python3.11", "$ORIGIN/../lib"),
        ("lib/libpython3.11.so.1.0", "$ORIGIN"),
        ("lib/x/y.so", "$ORIGIN/.."),
    ],
)
def test_search_path_becomes_relative_to_the_file(path: str, expected: str) -> None:
    changed = Relocation(("/opt/python",)).binary(path, make_elf())
    assert ElfFile(changed).search_path == expected


def test_search_path_of_the_system_stays() -> None:
    assert Relocation(("/opt/pyth",)).binary("bin/python", make_elf()) == make_elf()


def test_libraries_of_the_installation_are_found(tmp_path: Path) -> None:
    prefix = tmp_path / "python"
    (prefix / "lib").mkdir(parents=True)
    data = make_elf(path=b"$ORIGIN/../lib")
    source = str(prefix / "bin" / "python")
    assert list(bundled_libraries(source, data, str(prefix))) == []
    (prefix / "lib" / "libc.so.6").touch()
    found = list(bundled_libraries(source, data, str(prefix)))
    assert found == [str(prefix / "lib" / "libc.so.6")]
    assert list(bundled_libraries(source, data, str(tmp_path / "other"))) == []
