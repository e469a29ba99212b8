"""Wheels and bytecode: what Python and pip themselves say of an environment."""

from __future__ import annotations

import base64
import csv
import hashlib
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import MINOR, Extracted, apply, executor, extract, python_package

from minicon.fs.safe_path import is_reserved_path
from minicon.models.package_files import PathType
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import (
    installed_packages,
    pip_installed,
    uninstalled_wheels,
)
from minicon.prefix.link.bytecode import FOLDER, BytecodeCompiler

SITE = f"lib/python{MINOR}/site-packages"
METADATA = "Metadata-Version: 2.1\nName: {name}\nVersion: {version}\n{more}\n"


def wheel(name: str, version: str = "1.0", requires: str = "") -> PackageBuilder:
    info = f"site-packages/{name}-{version}.dist-info"
    more = f"Requires-Dist: {requires}\n" if requires else ""
    return (
        PackageBuilder(name)
        .version(version)
        .build_string("py3_none_any_0")
        .noarch("python")
        .file(
            f"site-packages/{name}/__init__.py",
            f"VERSION = {version!r}\ndef main(): print('ran')\n",
        )
        .file(f"site-packages/{name}/tests/test_x.py", "x = 1\n")
        .file(f"{info}/METADATA", METADATA.format(name=name, version=version, more=more))
        .file(
            f"{info}/WHEEL",
            "Wheel-Version: 1.0\nGenerator: t\nRoot-Is-Purelib: true\nTag: py3-none-any\n",
        )
        .file(f"{info}/RECORD", "stale\n")
        .file(f"{info}/INSTALLER", "another tool\n")
        .file(
            "python-scripts/script",
            f"#!/placeholder/bin/python{MINOR}\nprint('script')\n",
            prefix="/placeholder",
            mode="text",
            executable=True,
        )
        .entry_point(f"{name}-run = {name}:main")
    )


@pytest.fixture
def python(tmp_path: Path) -> Extracted:
    return extract(python_package(), tmp_path / "pkgs")


def run(env: Path, *arguments: str) -> str:
    answer = subprocess.run(
        [env / "bin/python", *arguments],
        capture_output=True,
        text=True,
        check=True,
        env={
            **os.environ,
            "PYTHONPATH": "",
            "PYTHONDONTWRITEBYTECODE": "",
            "PIP_DISABLE_PIP_VERSION_CHECK": "1",
        },
    )
    return answer.stdout


PIP = """\
import sys
sys.path.append(sys.argv[1])
from pip._internal.cli.main import main
for line in sys.argv[2:]:
    print("$", line, flush=True)
    if main(line.split()):
        sys.exit(line)
"""


def pip(env: Path, *commands: str) -> list[str]:
    """Run commands of this machine's pip on an environment, and return what each printed."""
    import pip

    printed = run(env, "-c", PIP, str(Path(pip.__file__).parents[1]), *commands)
    return [part.partition("\n")[2] for part in printed.split("$ ")[1:]]


def test_pip_finds_a_clean_installation(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    base = extract(wheel("base"), tmp_path / "pkgs", "pypi")
    user = extract(wheel("user", requires="base>=1"), tmp_path / "pkgs", "pypi")
    user.record.data["direct_url"] = {"url": "https://x.test/u.whl", "archive_info": {}}  # type: ignore[index]
    runner = executor(compile_bytecode=BytecodeCompiler())
    apply(env, python, base, user, executor=runner, requested={"user": ("user",)})
    info = env / SITE / "user-1.0.dist-info"
    assert (info / "INSTALLER").read_text() == "minicon\n"
    assert (info / "REQUESTED").read_text() == ""
    assert '"https://x.test/u.whl"' in (info / "direct_url.json").read_text()
    assert not (env / SITE / "base-1.0.dist-info/REQUESTED").exists()
    assert "script" in subprocess.run([env / "bin/script"], capture_output=True, text=True).stdout
    assert "ran" in subprocess.run([env / "bin/user-run"], capture_output=True, text=True).stdout
    listed, checked, _ = pip(
        env, f"list --path {env / SITE} --format freeze", "check", "uninstall -y user"
    )
    assert listed.split() == ["base==1.0", "user==1.0"]
    assert "No broken requirements" in checked
    left = [p for p in (env / SITE).rglob("*") if "user" in str(p.relative_to(env))]
    assert left == []
    assert not (env / "bin/user-run").exists()


def test_record_lists_every_file_with_its_hash(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(wheel("base"), tmp_path / "pkgs", "pypi")
    prefix = apply(env, python, package, executor=executor(compile_bytecode=BytecodeCompiler()))
    site = env / SITE
    with (site / "base-1.0.dist-info/RECORD").open(newline="") as lines:
        rows = {row[0]: row[1:] for row in csv.reader(lines)}
    record = prefix.record("base")
    assert record is not None
    assert {os.path.normpath(site / path) for path in rows} == {str(env / f) for f in record.files}
    for path, (digest, size) in rows.items():
        data = (site / path).read_bytes()
        if digest:
            expected = base64.urlsafe_b64encode(hashlib.sha256(data).digest()).rstrip(b"=").decode()
            assert digest == f"sha256={expected}", path
        else:
            assert path.endswith((".pyc", "/RECORD"))
        assert size == (str(len(data)) if digest else ""), path


def test_commands_of_pip_are_named_after_this_python(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    package = wheel("pip")
    for command in ("pip", "pip3", "pip2.7"):
        package = package.entry_point(f"{command} = pip:main")
    apply(env, python, extract(package, tmp_path / "pkgs", "pypi"))
    names = {path.name for path in (env / "bin").iterdir() if path.name.startswith("pip")}
    assert names == {"pip", f"pip{MINOR[0]}", f"pip{MINOR}", "pip-run"}


def test_only_folders_with_tests_have_no_bytecode(tmp_path: Path, python: Extracted) -> None:
    """``django/test`` is imported at run time."""
    env = tmp_path / "envs" / "data"
    built = wheel("web").file("site-packages/web/test/client.py", "x = 1\n")
    package = extract(built, tmp_path / "pkgs", "pypi")
    apply(env, python, package, executor=executor(compile_bytecode=BytecodeCompiler()))
    compiled = {path.name.partition(".")[0] for path in (env / SITE / "web").rglob("*.pyc")}
    assert compiled == {"__init__", "client"}


def test_bytecode_is_made_once_and_is_valid_everywhere(tmp_path: Path, python: Extracted) -> None:
    cache = tmp_path / "pkgs"
    package = extract(wheel("base"), cache)
    runner = executor(compile_bytecode=BytecodeCompiler())
    inodes = set()
    for name in ("one", "two"):
        prefix = apply(tmp_path / "envs" / name, python, package, executor=runner)
        pyc = prefix.path / SITE / f"base/__pycache__/__init__.cpython-{MINOR.replace('.', '')}.pyc"
        inodes.add(pyc.stat().st_ino)
        record = prefix.record("base")
        assert record is not None
        compiled = [e for e in record.paths if e.path_type == PathType.PYC_FILE]
        assert [e.path for e in compiled] == [str(pyc.relative_to(prefix.path))]
        before = pyc.stat().st_mtime_ns
        shown = run(prefix.path, "-v", "-c", "import base; print(base.main.__code__.co_filename)")
        assert shown.strip() == f"{prefix.path}/{SITE}/base/__init__.py"
        assert pyc.stat().st_mtime_ns == before
    assert len(inodes) == 1
    assert len(list((cache / FOLDER).iterdir())) == 1


def test_bytecode_fits_copies_too(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(wheel("base"), tmp_path / "pkgs")
    runner = executor(compile_bytecode=BytecodeCompiler(), options={"link_type": 3})
    apply(env, python, package, executor=runner)
    program = "import sys; sys.flags; import base; print(base.__cached__)"
    (env / SITE / "base").chmod(0o555)
    answer = subprocess.run(
        [env / "bin/python", "-v", "-c", program], capture_output=True, text=True, check=True
    )
    assert "code object from" in answer.stderr
    assert f"matches {env / SITE / 'base/__init__.py'}" in answer.stderr


def test_bytecode_where_the_cache_cannot_be_written(
    tmp_path: Path, python: Extracted, monkeypatch: pytest.MonkeyPatch
) -> None:
    cache, env = tmp_path / "pkgs", tmp_path / "envs" / "data"
    package = extract(wheel("base"), cache)
    access = os.access
    # Root may write everywhere: the answer is what counts.
    monkeypatch.setattr(os, "access", lambda p, mode: access(p, mode) and Path(p) != cache)
    apply(env, python, package, executor=executor(compile_bytecode=BytecodeCompiler()))
    assert list((env / SITE / "base/__pycache__").glob("*.pyc"))
    assert not (tmp_path / "pkgs" / FOLDER).exists()


def test_a_python_that_does_not_run_here_costs_only_the_bytecode(tmp_path: Path) -> None:
    foreign = (
        PackageBuilder("python").version("3.11.0").file("bin/python3.11", b"\x7fnot a program")
    )
    env = tmp_path / "envs" / "data"
    packages = (extract(foreign, tmp_path / "pkgs"), extract(wheel("base"), tmp_path / "pkgs"))
    apply(env, *packages, executor=executor(compile_bytecode=BytecodeCompiler()))
    assert (env / "lib/python3.11/site-packages/base/__init__.py").exists()
    assert not list(env.rglob("*.pyc"))


def test_stale_bytecode_is_removed_with_its_source(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, python, extract(wheel("base"), tmp_path / "pkgs"))
    run(env, "-c", "import base, base.tests.test_x")
    assert list((env / SITE).rglob("*.pyc"))
    apply(env, python)
    assert sorted(p.name for p in (env / SITE).iterdir()) == ["README.txt"]


def install_by_hand(env: Path, name: str, version: str) -> None:
    """As pip would."""
    site = env / SITE
    info = site / f"{name}-{version}.dist-info"
    info.mkdir()
    (site / name).mkdir(exist_ok=True)
    module = site / name / "__init__.py"
    module.unlink(missing_ok=True)
    module.write_text(f"VERSION = {version!r}\n")
    (info / "METADATA").write_text(METADATA.format(name=name, version=version, more=""))
    (info / "RECORD").write_text(
        f"{name}/__init__.py,,\n{info.name}/METADATA,,\n{info.name}/RECORD,,\n"
    )


def test_changes_by_pip_are_found(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(wheel("base"), tmp_path / "pkgs", "pypi")
    apply(env, python, package)
    assert pip_installed(Prefix(env)) == ()
    install_by_hand(env, "My_Tool", "2.0")
    (record,) = pip_installed(Prefix(env))
    assert (record.name, record.record.version, record.record.build) == ("my-tool", "2.0", "pypi_0")
    assert record.record.channel == "pypi"
    assert f"{SITE}/My_Tool/__init__.py" in record.files
    names = [r.name for r in installed_packages(Prefix(env))]
    assert names == ["base", "my-tool", "python"]
    shutil.rmtree(env / SITE / "base-1.0.dist-info")
    assert [r.name for r in uninstalled_wheels(Prefix(env))] == ["base"]
    assert [r.name for r in installed_packages(Prefix(env))] == ["my-tool", "python"]


def transact(env: Path, *packages: Extracted) -> Prefix:
    return apply(env, *packages, installed=installed_packages(Prefix(env)))


def test_a_record_of_pip_cannot_own_minicons_files(tmp_path: Path, python: Extracted) -> None:
    env = tmp_path / "envs" / "data"
    base = extract(wheel("base"), tmp_path / "pkgs", "pypi")
    apply(env, python, base)
    install_by_hand(env, "tool", "1.0")
    with (env / SITE / "tool-1.0.dist-info/RECORD").open("a") as lines:
        for file in (env / "conda-meta").iterdir():
            lines.write(f"../../../conda-meta/{file.name},,\n../../../Conda-Meta/{file.name},,\n")
        lines.write("../../../.minicon-states/journal,,\n")
    (record,) = pip_installed(Prefix(env))
    assert not [path for path in record.files if is_reserved_path(path)]
    transact(env, python, base)  # without the tool
    assert [r.name for r in Prefix(env).records()] == ["base", "python"]


def test_distributions_of_pip_survive_and_can_be_replaced(
    tmp_path: Path, python: Extracted
) -> None:
    env = tmp_path / "envs" / "data"
    base = extract(wheel("base"), tmp_path / "pkgs", "pypi")
    other = extract(wheel("other"), tmp_path / "pkgs", "pypi")
    apply(env, python, base)
    # pip upgrades a package of ours, and installs another
    shutil.rmtree(env / SITE / "base-1.0.dist-info")
    install_by_hand(env, "base", "9.0")
    by_hand = {r.name: r for r in installed_packages(Prefix(env))}
    assert by_hand["base"].record.version == "9.0"
    kept = Extracted(by_hand["base"].record, tmp_path, base.files)
    transact(env, python, kept, other)
    assert "9.0" in (env / SITE / "base/__init__.py").read_text()
    assert [r.name for r in Prefix(env).records()] == ["other", "python"]
    # minicon takes it over again
    transact(env, python, base, other)
    assert "1.0" in (env / SITE / "base/__init__.py").read_text()
    assert not (env / SITE / "base-9.0.dist-info").exists()
    assert not list(env.rglob("*.minicon-saved"))
    assert {r.name: r.record.version for r in installed_packages(Prefix(env))} == {
        "base": "1.0",
        "other": "1.0",
        "python": sys.version.split()[0],
    }
