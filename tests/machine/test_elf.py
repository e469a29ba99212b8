from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.elf_files import PATH_AT, STRINGS, make_elf

from minicon.machine.host_packages.elf import MAGIC, ElfError, ElfFile


@pytest.mark.parametrize("order", ["<", ">"])
@pytest.mark.parametrize("bits", [32, 64])
def test_every_class_and_byte_order(bits: int, order: str) -> None:
    data = make_elf(bits=bits, order=order)
    assert ElfFile(data).needed == ("libc.so.6",)
    assert ElfFile(data).search_path == "/opt/python/lib"
    changed = ElfFile(data).with_search_path("$ORIGIN/../lib")
    assert len(changed) == len(data)
    assert ElfFile(changed).search_path == "$ORIGIN/../lib"
    assert ElfFile(changed).needed == ("libc.so.6",)
    assert sum(a != b for a, b in zip(data, changed, strict=True)) <= len("/opt/python/lib")


def test_longer_path_is_refused() -> None:
    with pytest.raises(ElfError, match="longer"):
        ElfFile(make_elf()).with_search_path("/opt/python/lib/")


def test_shared_tail_is_refused() -> None:
    shared = PATH_AT + len("/opt/python/")
    with pytest.raises(ElfError, match="shares"):
        ElfFile(make_elf(symbol=shared)).with_search_path("$ORIGIN")
    own = STRINGS.index(b"symbol")
    assert ElfFile(make_elf(symbol=own)).with_search_path("$ORIGIN")


def test_text_elsewhere_in_the_file_is_left_alone() -> None:
    data = make_elf() + b"/opt/python/lib\0"
    assert ElfFile(data).with_search_path("$ORIGIN").endswith(b"/opt/python/lib\0")


@pytest.mark.parametrize("data", [b"", b"MZ" * 40, MAGIC, MAGIC + b"\x09" * 80])
def test_other_files_are_refused(data: bytes) -> None:
    with pytest.raises(ElfError):
        ElfFile(data)


@given(st.integers(0, 400), st.binary(max_size=8))
def test_damaged_files_are_read_or_refused(position: int, damage: bytes) -> None:
    data = bytearray(make_elf())
    data[position : position + len(damage)] = damage
    try:
        elf = ElfFile(bytes(data[: len(make_elf())]))
        _ = elf.needed, elf.search_path
        changed = elf.with_search_path("$ORIGIN")
    except ElfError:
        return
    assert len(changed) == min(len(data), len(make_elf()))


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126), max_size=15))
def test_any_shorter_path_can_be_read_back(path: str) -> None:
    assert ElfFile(ElfFile(make_elf()).with_search_path(path)).search_path == path


def real_files() -> list[Path]:
    folder = Path(sys.base_prefix, "lib")
    files = [Path(os.path.realpath(sys.executable)), *sorted(folder.glob("libpython*.so*"))]
    files += sorted(folder.glob(f"python3.{sys.version_info[1]}/lib-dynload/*.so"))[:10]
    return [file for file in files if file.read_bytes()[:4] == MAGIC]


@pytest.mark.skipif(not shutil.which("readelf"), reason="readelf is the oracle")
def test_real_files_as_readelf_sees_them(tmp_path: Path) -> None:
    for file in real_files():
        elf = ElfFile(file.read_bytes())
        listing = subprocess.run(["readelf", "-dW", file], capture_output=True, text=True).stdout
        assert list(elf.needed) == re.findall(r"\(NEEDED\).*\[(.*)\]", listing)
        paths = re.findall(r"\((?:RUNPATH|RPATH)\).*\[(.*)\]", listing)
        assert elf.search_path == (paths[0] if paths else "")
        if len(elf.search_path) >= len("$ORIGIN/../lib"):
            copy = tmp_path / file.name
            copy.write_bytes(elf.with_search_path("$ORIGIN/../lib"))
            after = subprocess.run(["readelf", "-dW", copy], capture_output=True, text=True).stdout
            assert after == listing.replace(f"[{elf.search_path}]", "[$ORIGIN/../lib]").replace(
                str(file), str(copy)
            )
