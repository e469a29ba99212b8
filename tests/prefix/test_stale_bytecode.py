"""Bytecode goes with the package that it was compiled from."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, executor, extract, python_package

from minicon.prefix.link.bytecode import FOLDER, BytecodeCompiler, stale_bytecode


def test_bytecode_is_stale_once_its_package_is_gone_or_another(tmp_path: Path) -> None:
    cache = tmp_path / "pkgs"
    pure = PackageBuilder("pure").noarch("python").file("site-packages/pure.py", b"x = 1\n")
    packages = [extract(python_package(), cache), extract(pure, cache)]
    apply(tmp_path / "env", *packages, executor=executor(compile_bytecode=BytecodeCompiler()))
    (compiled,) = (cache / FOLDER).iterdir()
    half = cache / FOLDER / f".{compiled.name}.1a2b3c4d"
    half.mkdir()
    assert stale_bytecode(cache) == [half]
    assert stale_bytecode(cache, gone=[packages[1].directory]) == [half, compiled]
    half.rmdir()
    assert stale_bytecode(cache) == []
    shutil.rmtree(packages[1].directory)
    assert stale_bytecode(cache) == [compiled]
    extract(pure, cache)  # extracted again: its files have other times
    assert stale_bytecode(cache) == [compiled]
    assert stale_bytecode(tmp_path / "elsewhere") == []
