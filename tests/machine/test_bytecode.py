from __future__ import annotations

import importlib.util
import os
import py_compile
import subprocess
import sys
from pathlib import Path

import pytest

from minicon.machine.host_packages.bytecode import (
    BytecodeError,
    Source,
    bytecode_path,
    compile_sources,
)

TAG = str(sys.implementation.cache_tag)


def module(folder: Path, name: str, text: str) -> Source:
    path = folder / name
    path.write_text(text)
    return Source(str(path), f"lib/{name}")


def flags(data: bytes) -> int:
    assert data[:4] == importlib.util.MAGIC_NUMBER
    return int.from_bytes(data[4:8], "little")


def test_bytecode_is_unchecked_and_outlives_its_time_stamp(tmp_path: Path) -> None:
    source = module(tmp_path, "first.py", "value = 1\ndef where(): return where.__code__\n")
    ((path, data),) = compile_sources(sys.executable, [source])
    assert (path, flags(data)) == ("lib/first.py", 1)
    assert data[8:16] == importlib.util.source_hash(Path(source.file).read_bytes())
    pyc = tmp_path / bytecode_path("first.py", TAG).lstrip("/")
    pyc.parent.mkdir()
    pyc.write_bytes(data)
    os.utime(source.file, (1, 1))
    program = (
        f"import sys; sys.path.insert(0, {str(tmp_path)!r}); import first\n"
        "print(first.__cached__, first.where().co_filename)"
    )
    answer = subprocess.run(
        [sys.executable, "-I", "-B", "-W", "error", "-X", "importtime", "-c", program],
        capture_output=True,
        text=True,
        check=True,
    )
    assert answer.stdout.split() == [str(pyc), source.file]


def test_existing_bytecode_is_taken_over_only_while_it_fits(tmp_path: Path) -> None:
    source = module(tmp_path, "first.py", "value = 'old'\n")
    py_compile.compile(source.file)
    cached = Path(importlib.util.cache_from_source(source.file))
    marked = cached.read_bytes().replace(b"old", b"OLD")
    cached.write_bytes(marked)
    ((_, taken),) = compile_sources(sys.executable, [source])
    assert b"OLD" in taken
    os.utime(source.file, (1, 1))
    ((_, compiled),) = compile_sources(sys.executable, [source])
    assert b"OLD" not in compiled
    assert b"old" in compiled


def test_hash_based_bytecode_of_another_text_is_not_taken_over(tmp_path: Path) -> None:
    source = module(tmp_path, "first.py", "value = 'old'\n")
    mode = py_compile.PycInvalidationMode.UNCHECKED_HASH
    py_compile.compile(source.file, invalidation_mode=mode)
    Path(source.file).write_text("value = 'new'\n")
    ((_, data),) = compile_sources(sys.executable, [source])
    assert b"new" in data


def test_modules_that_do_not_compile_are_left_out(tmp_path: Path) -> None:
    sources = [
        module(tmp_path, "good.py", "x = 1"),
        module(tmp_path, "bad.py", "def ("),
        Source(str(tmp_path / "missing.py"), "missing.py"),
        module(tmp_path, "warns.py", 'x = "\\d"'),
    ]
    compiled = dict(compile_sources(sys.executable, sources))
    assert sorted(compiled) == ["lib/good.py", "lib/warns.py"]


def test_many_modules_are_all_there(tmp_path: Path) -> None:
    sources = [module(tmp_path, f"m{number}.py", f"x = {number}") for number in range(250)]
    compiled = list(compile_sources(sys.executable, sources))
    assert sorted(path for path, _ in compiled) == sorted(source.path for source in sources)


@pytest.mark.skipif(os.name != "posix", reason="makes a script")
def test_interpreter_that_fails(tmp_path: Path) -> None:
    program = tmp_path / "python"
    program.write_text("#!/bin/sh\necho broken >&2\nexit 3\n")
    program.chmod(0o755)
    with pytest.raises(BytecodeError, match="broken"):
        list(compile_sources(str(program), [module(tmp_path, "a.py", "")]))
