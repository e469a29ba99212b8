"""Real interpreters of this machine, repacked, linked, run and looked at."""

from __future__ import annotations

import errno
import hashlib
import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.faults import counting, failing_at
from tests.support.interpreters import link_package, machine

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError, InterpreterError
from minicon.lean_dataclasses import replace
from minicon.machine.host_packages.bytecode import bytecode_path
from minicon.machine.host_packages.host_index import record_for_interpreter
from minicon.machine.host_packages.layout import PORTABLE, VENV, layout_for
from minicon.machine.host_packages.prepare import prepare_interpreter
from minicon.machine.interpreters.facts import InterpreterFacts
from minicon.machine.interpreters.probe import probe_interpreter
from minicon.models.package_files import PackageFiles
from minicon.models.reporter import SilentReporter
from minicon.package.cache.package_cache import PackageCache
from minicon.package.validate import verify_package

pytestmark = pytest.mark.skipif(os.name != "posix", reason="runs POSIX interpreters")

#: Prints what an environment's python thinks of itself, after importing what often breaks.
LOOK = """
import ctypes, json, site, ssl, sqlite3, subprocess, sys, sysconfig, zlib
print(json.dumps({
    "prefix": sys.prefix, "base_prefix": sys.base_prefix, "path": sys.path,
    "executable": sys.executable, "user": site.ENABLE_USER_SITE,
    "purelib": sysconfig.get_path("purelib"), "scripts": sysconfig.get_path("scripts"),
    "include": sysconfig.get_path("include"), "libdir": sysconfig.get_config_var("LIBDIR"),
    "child": subprocess.check_output(
        [sys.executable, "-c", "import sys; print(sys.prefix)"]).decode().strip(),
    "leaks": [name for name in ("leaked_from_user", "leaked_from_system", "yaml", "numpy")
              if __import__("importlib.util").util.find_spec(name)],
    "cached": [m.__name__ for m in list(sys.modules.values())
               if getattr(m, "__cached__", None) and getattr(m, "__file__", "").endswith(".py")
               and not __import__("os").path.exists(m.__cached__)],
}))
"""


def chosen(layout: str, minor: str | None = None) -> InterpreterFacts:
    for facts in machine().interpreters:
        fits = minor is None or facts.minor == minor
        if layout_for(facts) == layout and fits and facts.version_tuple >= (3, 8):
            return facts
    pytest.skip(f"no {layout} python {minor or ''} here")


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home folder whose user site-packages hold a module for every version."""
    home = tmp_path / "home"
    for minor in range(8, 16):
        folder = home / ".local" / "lib" / f"python3.{minor}" / "site-packages"
        folder.mkdir(parents=True)
        (folder / "leaked_from_user.py").touch()
    return home


def run(home: Path, *command: object) -> str:
    environ = {"HOME": str(home), "PATH": "/usr/bin:/bin", "LANG": "C.UTF-8"}
    answer = subprocess.run(
        [str(part) for part in command], env=environ, cwd=home, capture_output=True, text=True
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def paths(folder: Path) -> dict[str, dict]:
    document = json.loads((folder / "info" / "paths.json").read_bytes())
    assert document["paths_version"] == 1
    return {entry["_path"]: entry for entry in document["paths"]}


@pytest.mark.parametrize("minor", ["3.10", "3.11", "3.12", "3.13"])
def test_portable_environment_stands_alone(tmp_path: Path, home: Path, minor: str) -> None:
    facts = chosen(PORTABLE, minor)
    package, environment = tmp_path / "package", tmp_path / "environment"
    package.mkdir()
    prepare_interpreter(facts, package)
    check_package(package)
    link_package(package, environment)
    python = environment / "bin" / "python"

    seen = json.loads(run(home, python, "-c", LOOK))
    lib = environment / "lib" / f"python{minor}"
    assert seen["prefix"] == seen["base_prefix"] == seen["child"] == str(environment)
    assert seen["executable"] == str(python)
    assert seen["purelib"] == str(lib / "site-packages")
    assert seen["scripts"] == str(environment / "bin")
    assert seen["include"] == str(environment / "include" / f"python{minor}")
    assert seen["libdir"] == str(environment / "lib")
    assert all(path == "" or path.startswith(str(environment)) for path in seen["path"])
    assert seen["user"] is False
    assert seen["leaks"] == []
    assert [name for name in seen["cached"] if not name.startswith("_sysconfigdata")] == []

    run(home, python, "-m", "venv", "--without-pip", tmp_path / "inner")
    inner = tmp_path / "inner" / "bin" / "python"
    answer = run(home, inner, "-c", "import sys; print(sys.prefix, sys.base_prefix)")
    assert answer.split() == [str(tmp_path / "inner"), str(environment)]
    assert f"{environment}/lib" in run(home, environment / f"bin/python{minor}-config", "--ldflags")
    assert run(home, environment / "bin" / "pydoc", "json").startswith("Help on package json")


def check_package(folder: Path) -> None:
    """The folder holds exactly what paths.json says, and nothing of where it came from."""
    entries = paths(folder)
    on_disk = {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if (path.is_symlink() or path.is_file()) and path.relative_to(folder).parts[0] != "info"
    }
    assert set(entries) == on_disk
    index = json.loads((folder / "info" / "index.json").read_bytes())
    about = json.loads((folder / "info" / "about.json").read_bytes())
    assert (index["name"], index["subdir"]) == ("python", about["interpreter"]["platform"])
    origin = about["interpreter"]["prefix"].encode()
    for name, entry in entries.items():
        path = folder / name
        if entry["path_type"] == "softlink":
            assert path.is_symlink()
            continue
        data = path.read_bytes()
        assert entry["size_in_bytes"] == len(data)
        assert entry["sha256"] == hashlib.sha256(data).hexdigest()
        if "prefix_placeholder" in entry:
            assert entry["file_mode"] == "text"
            assert PREFIX_PLACEHOLDER.encode() in data
            assert not re.search(rb"(?<!\.)" + re.escape(origin) + rb"\b", data)
    replaced = {name for name, entry in entries.items() if "prefix_placeholder" in entry}
    assert any("_sysconfigdata" in name for name in replaced)
    tag = about["interpreter"]["cache_tag"]
    assert not {bytecode_path(name, tag) for name in replaced} & set(entries)
    stdlib = f"lib/python{'.'.join(index['version'].split('.')[:2])}"
    assert bytecode_path(f"{stdlib}/os.py", tag) in entries


@pytest.fixture(scope="module")
def cached(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The running python's base, repacked by way of the package cache."""
    facts = chosen(PORTABLE, f"3.{sys.version_info[1]}")
    cache = PackageCache([tmp_path_factory.mktemp("pkgs")])
    record = record_for_interpreter(facts)
    package = cache.ensure(record, lambda folder: prepare_interpreter(facts, folder))
    assert verify_package(package.directory) == []
    assert cache.find(record) is not None
    return package.directory


def test_environment_may_be_moved_and_pip_works_in_it(
    cached: Path, tmp_path: Path, home: Path
) -> None:
    staged, final = tmp_path / "staged", tmp_path / "final"
    link_package(cached, staged)
    staged.rename(final)
    python = final / "bin" / "python"
    assert json.loads(run(home, python, "-c", LOOK))["prefix"] == str(final)
    (tmp_path / "way").symlink_to(final)
    seen = json.loads(run(home, tmp_path / "way" / "bin" / "python", "-W", "error", "-c", LOOK))
    assert (seen["user"], seen["leaks"]) == (False, [])
    assert all(os.path.realpath(path).startswith(str(final)) for path in seen["path"] if path)
    (wheel,) = final.glob("lib/python3.*/ensurepip/_bundled/pip-*.whl")
    run(home, python, wheel / "pip", "install", "-q", "--no-index", "--no-compile", wheel)
    listed = json.loads(run(home, python, "-m", "pip", "list", "--format=json"))
    assert [package["name"] for package in listed] == ["pip"]
    (installed,) = final.glob("lib/python3.*/site-packages/pip-*.dist-info")
    assert (installed / "RECORD").is_file()


def test_build_for_another_prefix_is_repacked_too(cached: Path, tmp_path: Path, home: Path) -> None:
    """As python-build-standalone: relocatable itself, and built for ``/install``."""
    build, package, environment = tmp_path / "build", tmp_path / "package", tmp_path / "environment"
    link_package(cached, build)
    (build / "pyvenv.cfg").unlink()
    for name, entry in paths(cached).items():
        if "prefix_placeholder" in entry:
            data = (cached / name).read_bytes()
            (build / name).write_bytes(data.replace(PREFIX_PLACEHOLDER.encode(), b"/install"))
    package.mkdir()
    facts = probe_interpreter(str(build / "bin" / "python3"), environ=os.environ)
    assert facts.prefix == str(build)
    prepare_interpreter(facts, package)
    link_package(package, environment)
    seen = json.loads(run(home, environment / "bin" / "python", "-c", LOOK))
    assert (seen["prefix"], seen["libdir"]) == (str(environment), f"{environment}/lib")
    assert paths(package).keys() >= {name for name in paths(cached) if not name.endswith(".pyc")}


def test_linked_environment_has_nothing_of_the_system(tmp_path: Path, home: Path) -> None:
    facts = chosen(VENV)
    package, environment = tmp_path / "package", tmp_path / "environment"
    package.mkdir()
    prepare_interpreter(facts, package)
    link_package(package, environment)
    seen = json.loads(run(home, environment / "bin" / "python3", "-c", LOOK))
    assert seen["prefix"] == seen["child"] == str(environment)
    assert seen["base_prefix"] == facts.prefix
    assert seen["purelib"].startswith(str(environment))
    assert seen["user"] is False
    assert seen["leaks"] == []
    assert not [path for path in seen["path"] if "dist-packages" in path]
    assert {path.suffix for path in package.rglob("*") if path.is_file()} <= {
        ".json", ".cfg", ".txt", "", f".{facts.minor.split('.')[1]}",
    }  # fmt: skip


class Listener(SilentReporter):
    def __init__(self) -> None:
        self.warnings: list[str] = []

    def warn(self, text: str) -> None:
        self.warnings.append(text)


def test_copy_that_fails_becomes_links(tmp_path: Path, home: Path) -> None:
    (tmp_path / "include").mkdir()
    (tmp_path / "include" / "broken.h").write_bytes(b"\x7fELF" + b"\xff" * 100)
    facts = replace(chosen(PORTABLE), include=str(tmp_path / "include"))
    package, environment, listener = tmp_path / "package", tmp_path / "environment", Listener()
    package.mkdir()
    prepare_interpreter(facts, package, reporter=listener)
    (warning,) = listener.warnings
    assert "cannot be copied" in warning
    about = json.loads((package / "info" / "about.json").read_bytes())
    assert about["layout"] == VENV
    assert about["reason_against_copy"]
    link_package(package, environment)
    seen = json.loads(run(home, environment / "bin" / "python", "-c", LOOK))
    assert (seen["prefix"], seen["leaks"]) == (str(environment), [])


def test_interpreter_that_changed_is_not_used(tmp_path: Path) -> None:
    facts = machine().interpreters[0]
    for changed, reference in (
        (replace(facts, identity="0" * 64), "interpreter-changed"),
        (replace(facts, executable="/nonexistent/python3"), "interpreter-missing"),
        (replace(facts, stdlib="/nonexistent/lib"), "interpreter-missing"),
    ):
        with pytest.raises(InterpreterError) as caught:
            prepare_interpreter(changed, tmp_path)
        assert caught.value.reference == reference
        assert caught.value.hint
        assert list(tmp_path.iterdir()) == []


def test_interpreter_that_fails_when_run_is_not_used(tmp_path: Path) -> None:
    facts = replace(chosen(VENV), version="3.9.1")
    with pytest.raises(InterpreterError, match=r"not 3\.9\.1"):
        prepare_interpreter(facts, tmp_path)


def test_folder_that_cannot_be_written(tmp_path: Path) -> None:
    (tmp_path / "bin").write_text("in the way")
    with pytest.raises(FileError, match=str(tmp_path)):
        prepare_interpreter(chosen(VENV), tmp_path)


def test_disk_full_at_any_step_is_named(tmp_path: Path) -> None:
    facts = chosen(VENV)
    (tmp_path / "whole").mkdir()
    with counting() as counter:
        prepare_interpreter(facts, tmp_path / "whole")
    assert counter.count > 8
    for at in range(1, counter.count + 1):
        folder = tmp_path / str(at)
        folder.mkdir()
        full = OSError(errno.ENOSPC, "No space left on device")
        with failing_at(at, full, lasting=True), pytest.raises(FileError) as caught:
            prepare_interpreter(facts, folder)
        assert caught.value.reference == "disk-full"
        assert str(folder) in caught.value.message


@pytest.mark.parametrize("at", [1, 400, 1200])
def test_disk_full_while_copying_leaves_nothing_in_the_cache(tmp_path: Path, at: int) -> None:
    facts = chosen(PORTABLE)
    cache, record = PackageCache([tmp_path]), record_for_interpreter(facts)

    def prepare(folder: Path) -> PackageFiles:
        with failing_at(at, OSError(errno.ENOSPC, "No space left on device"), lasting=True):
            return prepare_interpreter(facts, folder)

    with pytest.raises(FileError) as caught:
        cache.ensure(record, prepare)
    assert caught.value.reference == "disk-full"
    assert cache.find(record) is None
    assert not list(tmp_path.rglob("*.py"))
