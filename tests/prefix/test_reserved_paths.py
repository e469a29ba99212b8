"""Python packages leave the interpreter, and what describes other projects, alone."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import MINOR, Extracted, apply, extract, python_package, snapshot
from tests.support.wheels import WheelBuilder

from minicon.errors import MiniconError, PackageError
from minicon.models.package_files import EntryPoint
from minicon.models.package_names import is_interpreter_name
from minicon.models.records import RepodataRecord
from minicon.package.cache.package_cache import CachedPackage
from minicon.package.info_files import parse_entry_point
from minicon.package.prepare.wheel import prepare_wheel
from minicon.prefix.environment.python_layout import PythonLayout
from minicon.prefix.plan.file_layout import plan_package

SITE = f"lib/python{MINOR}/site-packages"
EVIL = "#!python\nprint('evil')\n"


def cached(wheel: WheelBuilder, folder: Path) -> CachedPackage:
    archive = wheel.build(folder)
    data = {"name": wheel.name, "version": "1.0", "build": "pypi_0", "build_number": 0}
    data |= {"depends": ["python"], "size": archive.stat().st_size}
    record = RepodataRecord(
        data, channel="pypi", subdir="noarch", fn=wheel.filename, url="", source="pypi"
    )
    target = folder / f"{wheel.name}-1.0"
    target.mkdir()
    prepare_wheel(archive, record, target)
    return CachedPackage(record, target)


@pytest.fixture
def python(tmp_path: Path) -> Extracted:
    builder = python_package().file(f"lib/python{MINOR}/os.py", "").file("share/own", "")
    return extract(builder, tmp_path / "pkgs")


def demo() -> WheelBuilder:
    return WheelBuilder("demo").file("demo.py", "def main():\n    print('demo')\n")


WHEELS: dict[str, Callable[[WheelBuilder], WheelBuilder]] = {
    "entry point": lambda w: w.entry_point("python = demo:main"),
    "entry point with its minor": lambda w: w.entry_point(f"python{MINOR} = demo:main"),
    "entry point in capitals": lambda w: w.entry_point("PYTHON3 = demo:main"),
    "graphical entry point": lambda w: w.entry_point("pythonw = demo:main", "gui_scripts"),
    "script": lambda w: w.data("scripts", "python", EVIL),
    "script for Windows": lambda w: w.data("scripts", "Python3.exe", EVIL),
    "data": lambda w: w.data("data", f"bin/python{MINOR}", EVIL),
    "data in other letters": lambda w: w.data("data", f"BIN/Python{MINOR}", EVIL),
    "data for Windows": lambda w: w.data("data", "Scripts/python.exe", EVIL),
    "standard library": lambda w: w.data("data", f"lib/python{MINOR}/os.py", "evil = 1\n"),
    "another's RECORD": lambda w: w.data("purelib", "other-1.0.dist-info/RECORD", "x"),
    "another's METADATA": lambda w: w.data("platlib", "other-1.0.dist-info/METADATA", "x"),
    "another's through data": lambda w: w.data("data", f"{SITE}/other-1.0.dist-info/RECORD", "x"),
    "another's in capitals": lambda w: w.data("data", f"{SITE}/Other-1.0.DIST-INFO/RECORD", "x"),
    "another's capital folders": lambda w: w.data("data", f"{SITE.upper()}/o-1.dist-info/R", "x"),
    "another's in like letters": lambda w: w.data("data", f"{SITE}/o-1.di\u017ft-info/R", "x"),
    "another version of its own": lambda w: w.data("purelib", "demo-2.0.dist-info/METADATA", "x"),
    "another's egg-info": lambda w: w.file("other.egg-info/PKG-INFO", "x"),
    "another's egg-info file": lambda w: w.file("other-1.0-py3.11.egg-info", "x"),
    "another's egg-link": lambda w: w.file("other.egg-link", "/somewhere\n"),
    "a record": lambda w: w.data("data", "conda-meta/other-1.0-0.json", "{}"),
    "a record in capitals": lambda w: w.data("data", "Conda-Meta/history", "x"),
}


@pytest.mark.parametrize("what", WHEELS)
def test_wheels_that_take_what_is_not_theirs_are_refused(
    what: str, tmp_path: Path, python: Extracted
) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, python)
    before = snapshot(tmp_path / "envs")
    with pytest.raises(PackageError) as caught:
        apply(env, python, cached(WHEELS[what](demo()), tmp_path))
    assert caught.value.reference in ("unsafe-path", "unsafe-entry-point", "unsafe-wheel")
    assert "demo" in caught.value.message
    assert snapshot(tmp_path / "envs") == before


def test_what_only_looks_like_it_is_linked(tmp_path: Path, python: Extracted) -> None:
    wheel = (
        demo()
        .entry_point("python-demo = demo:main")
        .entry_point("ptpython3 = demo:main")
        .data("scripts", "python3-demo-config", "#!/bin/sh\n")
        .data("data", "share/python", "no command\n")
        .file("demo/_vendor/other-1.0.dist-info/METADATA", "of what is vendored\n")
        .file("demo.egg-info/PKG-INFO", "its own\n")
        .file("README.txt", "python has one, too\n")
    )
    env = tmp_path / "envs" / "data"
    apply(env, python, cached(wheel, tmp_path))
    assert (env / "bin/python-demo").is_file()
    record = (env / SITE / "demo-1.0.dist-info/RECORD").read_text()
    assert "demo/_vendor/other-1.0.dist-info/METADATA" in record


@pytest.mark.parametrize("folder", ["bin", "python-scripts"])
def test_noarch_packages_cannot_replace_the_interpreter(
    folder: str, tmp_path: Path, python: Extracted
) -> None:
    builder = PackageBuilder("pure").noarch("python")
    package = extract(builder.file(f"{folder}/python{MINOR}", EVIL), tmp_path / "pkgs")
    with pytest.raises(PackageError, match="does not belong to it") as caught:
        apply(tmp_path / "envs" / "data", python, package)
    assert caught.value.reference == "unsafe-path"
    assert not (tmp_path / "envs" / "data").exists()


def test_entry_points_are_checked_when_read_and_when_planned(
    tmp_path: Path, python: Extracted
) -> None:
    """A manifest that an earlier version wrote was not looked at by this one's reader."""
    with pytest.raises(ValueError, match="interpreter"):
        parse_entry_point("python3 = pure:main")
    builder = PackageBuilder("pure").noarch("python").entry_point("Python3 = pure:main")
    package = extract(builder, tmp_path / "pkgs")
    assert package.files.entry_points == (EntryPoint("Python3", "pure", "main"),)
    with pytest.raises(MiniconError) as caught:
        apply(tmp_path / "envs" / "data", python, package)
    assert caught.value.reference == "unsafe-entry-point"


@pytest.mark.parametrize("path", ["python.exe", "Pythonw.EXE", "Scripts/python.bat", "python3.EXE"])
def test_on_windows_the_interpreter_is_at_the_top_of_the_prefix(path: str, tmp_path: Path) -> None:
    python = RepodataRecord(
        {"name": "python", "version": "3.11.7", "build": "0"},
        channel="c",
        subdir="win-64",
        fn="p.conda",
        url="",
    )
    layout = PythonLayout.from_record(python, "win-64")
    package = cached(demo().data("data", path, EVIL), tmp_path)
    with pytest.raises(PackageError, match="does not belong to it"):
        plan_package(package.record, package, layout, "C:/env")


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        *((n, True) for n in ("python", "Python", "python2", "python3.13t", "python.exe.")),
        *((n, True) for n in ("pythonw.exe", "PYTHON.CMD", "python-script.py", "python3.11.14")),
        *((n, False) for n in ("python-config", "python3.11-config", "pythonic", "bpython")),
        *((n, False) for n in ("pythonwin.exe", "python.app", "python_build", "xpython3")),
    ],
)
def test_names_of_interpreters(name: str, expected: bool) -> None:
    assert is_interpreter_name(name) is expected
