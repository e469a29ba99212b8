"""Python packages: where their files go, and commands that really run."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import MINOR, apply, extract, python_package

from minicon.errors import PackageError, PrefixError
from minicon.models.package_files import EntryPoint, PathType
from minicon.models.records import RepodataRecord
from minicon.prefix.environment.python_layout import PythonLayout, entry_point_path
from minicon.prefix.link.entry_points import entry_point_script
from minicon.prefix.plan.reserved_paths import check_entry_point


def python_record(version: str, **fields: str) -> RepodataRecord:
    data = {"name": "python", "version": version, "build": "0", **fields}
    return RepodataRecord(data, channel="c", subdir="linux-64", fn="p.conda", url="")


PURE = (
    PackageBuilder("pure")
    .noarch("python")
    .file(
        "site-packages/pure/__init__.py",
        "def main():\n    import sys\n    print('hi', sys.argv[1])\n",
    )
    .file("python-scripts/old-style", "#!/bin/sh\necho script\n", mode=0o755)
    .entry_point("pure-hi = pure:main")
)


@pytest.mark.parametrize(
    ("version", "fields", "subdir", "expected"),
    [
        ("3.11.7", {}, "linux-64", "lib/python3.11/site-packages/a.py"),
        ("3.9.1", {}, "osx-arm64", "lib/python3.9/site-packages/a.py"),
        ("3.11.7", {}, "win-64", "Lib/site-packages/a.py"),
        (
            "3.13.0",
            {"python_site_packages_path": "lib/python3.13t/site-packages"},
            "linux-64",
            "lib/python3.13t/site-packages/a.py",
        ),
    ],
)
def test_site_packages(version: str, fields: dict[str, str], subdir: str, expected: str) -> None:
    layout = PythonLayout.from_record(python_record(version, **fields), subdir)
    assert layout.target("site-packages/a.py") == expected
    assert layout.target("share/a.py") == "share/a.py"


@pytest.mark.parametrize("path", ["../x", "/x", "a/../../x", "a//b", "lib/.."])
def test_site_packages_path_cannot_leave_the_prefix(path: str) -> None:
    with pytest.raises(PackageError, match="site_packages"):
        PythonLayout.from_record(python_record("3.13", python_site_packages_path=path), "linux-64")


@pytest.mark.parametrize(
    "text",
    [
        ("../../x", "m", "f"),
        ("/x", "m", "f"),
        (".hidden", "m", "f"),
        ("a b", "m", "f"),
        ("x", "m; import os", "f"),
        ("x", "m", "f()"),
        ("x", "", "f"),
        ("x\n", "m", "f"),
    ],
)
def test_entry_points_that_are_not_commands_are_refused(text: tuple[str, str, str]) -> None:
    with pytest.raises(PackageError) as caught:
        check_entry_point(EntryPoint(*text), "pkg-1.0-0")
    assert caught.value.reference == "unsafe-entry-point"
    assert "pkg-1.0-0" in caught.value.message


def test_windows_scripts() -> None:
    layout = PythonLayout.from_record(python_record("3.11.7"), "win-64")
    point = EntryPoint("tool", "a.b", "c.main")
    assert entry_point_path(point, layout) == "Scripts/tool-script.py"
    text = entry_point_script(point, layout, "C:\\env").decode()
    assert text.startswith("# -*- coding: utf-8 -*-\n")
    assert "from a.b import c\n" in text
    assert "sys.exit(c.main())" in text


@pytest.mark.parametrize("folder", ["data", "a folder", "x" * 140])
def test_commands_run(tmp_path: Path, folder: str) -> None:
    env = tmp_path / "envs" / folder
    prefix = apply(env, extract(python_package(), tmp_path), extract(PURE, tmp_path))
    answer = subprocess.run(
        [env / "bin" / "pure-hi", "there"], capture_output=True, text=True, check=True
    )
    assert answer.stdout == "hi there\n"
    script = subprocess.run([env / "bin/old-style"], capture_output=True, text=True, check=True)
    assert script.stdout == "script\n"
    record = prefix.record("pure")
    assert record is not None
    assert f"lib/python{MINOR}/site-packages/pure/__init__.py" in record.files
    by_path = {entry.path: entry for entry in record.paths}
    assert by_path["bin/pure-hi"].path_type == PathType.UNIX_ENTRY_POINT
    assert set(record.files) == set(by_path)


def test_the_environment_is_its_own(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, extract(python_package(), tmp_path), extract(PURE, tmp_path))
    program = "import sys, pure; print(sys.prefix, pure.__file__)"
    answer = subprocess.run(
        [env / "bin/python", "-c", program], capture_output=True, text=True, check=True
    )
    assert answer.stdout.split() == [
        str(env),
        f"{env}/lib/python{MINOR}/site-packages/pure/__init__.py",
    ]


def test_python_packages_need_a_python(tmp_path: Path) -> None:
    with pytest.raises(PrefixError, match="no python"):
        apply(tmp_path / "envs" / "data", extract(PURE, tmp_path))
    assert not (tmp_path / "envs" / "data").exists()


def test_python_packages_move_with_pythons_minor_version(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    old, new = (extract(python_package(v), tmp_path) for v in ("3.8.1", "3.9.1"))
    pure = extract(PURE, tmp_path)
    apply(env, old, pure)
    assert (env / "lib/python3.8/site-packages/pure/__init__.py").exists()
    apply(env, new, pure)
    assert (env / "lib/python3.9/site-packages/pure/__init__.py").exists()
    assert not (env / "lib/python3.8").exists()
    assert (env / "bin/pure-hi").read_text().startswith(f"#!{env}/bin/python3.9\n")
