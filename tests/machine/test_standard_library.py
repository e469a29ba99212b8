from __future__ import annotations

from pathlib import Path

from tests.support.interpreters import make_facts

from minicon.machine.host_packages.standard_library import planned_files

INSTALLED = """
bin/python3.11 bin/2to3-3.11 bin/pydoc3.11 bin/idle3.11 bin/python3.11-config bin/pip3.11 bin/flask
bin/python3.12 bin/python3.11-gdb.py
include/python3.11/Python.h include/python3.11/internal/pycore.h
lib/libpython3.11.so.1.0 lib/libpython3.11.a lib/libpython3.so lib/libpython3.12.so.1.0
lib/libother.so lib/tcl8.6/init.tcl lib/tclother/x
lib/pkgconfig/python-3.11.pc lib/pkgconfig/python3-embed.pc lib/pkgconfig/python-3.12.pc
lib/pkgconfig/zlib.pc
lib/python3.11/os.py lib/python3.11/EXTERNALLY-MANAGED lib/python3.11/sitecustomize.py
lib/python3.11/__pycache__/os.cpython-311.pyc lib/python3.11/json/__init__.py
lib/python3.11/test/__init__.py lib/python3.11/test/test_os.py
lib/python3.11/test/support/__init__.py lib/python3.11/idlelib/idle_test/a.py
lib/python3.11/unittest/test/a.py lib/python3.11/unittest/case.py
lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so
lib/python3.11/lib-dynload/_testcapi.cpython-311-x86_64-linux-gnu.so
lib/python3.11/site-packages/numpy/__init__.py lib/python3.11/ensurepip/_bundled/pip.whl
lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile
lib/python3.11/config-3.11-x86_64-linux-gnu/libpython3.11.a
share/terminfo/x/xterm share/man/man1/python3.11.1
"""

EXPECTED = """
bin/python3.11 bin/2to3-3.11 bin/pydoc3.11 bin/idle3.11 bin/python3.11-config
include/python3.11/Python.h include/python3.11/internal/pycore.h
lib/libpython3.11.so.1.0 lib/libpython3.so lib/tcl8.6/init.tcl
lib/pkgconfig/python-3.11.pc lib/pkgconfig/python3-embed.pc
lib/python3.11/os.py lib/python3.11/json/__init__.py
lib/python3.11/test/__init__.py lib/python3.11/test/support/__init__.py
lib/python3.11/unittest/case.py
lib/python3.11/lib-dynload/_ssl.cpython-311-x86_64-linux-gnu.so
lib/python3.11/ensurepip/_bundled/pip.whl
lib/python3.11/config-3.11-x86_64-linux-gnu/Makefile
share/terminfo/x/xterm
"""

LINKS = {
    "bin/python3": "python3.11",
    "bin/python": "python3.11",
    "bin/2to3": "2to3-3.11",
    "bin/pydoc3": "pydoc3.11",
    "bin/pydoc": "pydoc3.11",
    "bin/idle3": "idle3.11",
    "bin/idle": "idle3.11",
    "bin/python3-config": "python3.11-config",
    "bin/python-config": "python3.11-config",
    "lib/libpython3.11.so": "libpython3.11.so.1.0",
}


def install(prefix: Path, listing: str) -> None:
    for name in listing.split():
        path = prefix / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)


def test_what_belongs_into_an_environment(tmp_path: Path) -> None:
    install(tmp_path, INSTALLED)
    (tmp_path / "lib/libpython3.11.so").symlink_to("libpython3.11.so.1.0")
    planned = list(planned_files(make_facts(prefix=str(tmp_path))))
    files = {file.path for file in planned if file.link is None}
    links = {file.path: file.link for file in planned if file.link is not None}
    assert files == set(EXPECTED.split())
    assert links == LINKS
    assert all(Path(file.source).is_file() for file in planned if file.link is None)
    assert len(planned) == len(files) + len(links)


def test_shared_prefix_gives_nothing_but_python(tmp_path: Path, monkeypatch) -> None:
    install(tmp_path, INSTALLED)
    monkeypatch.setattr(
        "minicon.machine.host_packages.standard_library._SHARED_PREFIXES",
        frozenset({str(tmp_path)}),
    )
    paths = {file.path for file in planned_files(make_facts(prefix=str(tmp_path)))}
    assert not paths & {"lib/libpython3.so", "lib/tcl8.6/init.tcl", "share/terminfo/x/xterm"}
    assert "lib/libpython3.11.so.1.0" in paths


def test_free_threaded_build(tmp_path: Path) -> None:
    install(
        tmp_path,
        "bin/python3.13t bin/python3.13 bin/pydoc3.13t lib/python3.13t/os.py lib/libpython3.13t.so",
    )
    facts = make_facts(
        "3.13.1",
        prefix=str(tmp_path),
        executable=f"{tmp_path}/bin/python3.13t",
        stdlib=f"{tmp_path}/lib/python3.13t",
        platstdlib=f"{tmp_path}/lib/python3.13t",
        is_free_threaded=True,
        abiflags="t",
    )
    planned = {file.path: file.link for file in planned_files(facts)}
    assert planned == {
        "bin/python3.13t": None,
        "bin/python3.13": "python3.13t",
        "bin/python3": "python3.13t",
        "bin/python": "python3.13t",
        "bin/pydoc3.13t": None,
        "bin/pydoc3": "pydoc3.13t",
        "bin/pydoc": "pydoc3.13t",
        "lib/python3.13t/os.py": None,
        "lib/libpython3.13t.so": None,
    }


def test_windows_installation(tmp_path: Path) -> None:
    install(
        tmp_path,
        "python.exe pythonw.exe python311.dll vcruntime140.dll LICENSE.txt NEWS.txt unins.exe "
        "DLLs/_ssl.pyd DLLs/_testcapi.pyd Lib/os.py Lib/site-packages/x.py Lib/test/test_os.py "
        "Scripts/pip.exe include/Python.h libs/python311.lib tcl/tcl8.6/init.tcl",
    )
    facts = make_facts(platform="win-64", prefix=str(tmp_path))
    assert {file.path for file in planned_files(facts)} == {
        "DLLs/_ssl.pyd",
        "LICENSE.txt",
        "Lib/os.py",
        "include/Python.h",
        "libs/python311.lib",
        "python.exe",
        "python311.dll",
        "pythonw.exe",
        "tcl/tcl8.6/init.tcl",
        "vcruntime140.dll",
    }
