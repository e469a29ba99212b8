"""Environments that link to an interpreter of this machine (``host_python: link``)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.interpreters import machine

from minicon.machine.host_packages.layout import PORTABLE, layout_for

pytestmark = pytest.mark.skipif(os.name != "posix", reason="links to POSIX interpreters")

MINOR = "{}.{}".format(*sys.version_info)


@pytest.fixture
def linking(tmp_path: Path) -> QuickWorkspace:
    """A workspace whose only source is this machine; pythons that could be copied are linked."""
    if not any(layout_for(f) == PORTABLE and f.minor == MINOR for f in machine().interpreters):
        pytest.skip(f"no python {MINOR} here that could be copied")
    return QuickWorkspace(
        tmp_path,
        {
            "MINICON_CHANNELS": "host",
            "MINICON_HOST_PYTHON": "link",
            "MINICON_OFFLINE": "true",
            "MINICON_USE_PYPI": "false",
            "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
            "PIP_CONFIG_FILE": os.devnull,
        },
    )


def create(workspace: QuickWorkspace, name: str = "e") -> Path:
    workspace.run("create", "-y", "-n", name, f"python={MINOR}").ok()
    return workspace.environment(name)


def record(prefix: Path) -> Path:
    (path,) = (prefix / "conda-meta").glob("python-*.json")
    return path


def test_an_environment_is_a_virtual_environment_of_a_few_files(linking: QuickWorkspace) -> None:
    prefix = create(linking)
    files = [p for p in prefix.rglob("*") if not p.is_dir() and "conda-meta" not in p.parts]
    assert len(files) <= 8
    assert (prefix / "pyvenv.cfg").read_text().startswith("home = ")
    look = (
        "import sys, sysconfig; print(sys.prefix, sys.base_prefix, sysconfig.get_path('purelib'))"
    )
    environ = {"HOME": str(linking.home), "PATH": "/usr/bin:/bin"}
    command = [prefix / "bin/python", "-c", look]
    out = subprocess.check_output(command, text=True, env=environ).split()
    assert (out[0], out[2]) == (str(prefix), f"{prefix}/lib/python{MINOR}/site-packages")
    assert out[1] != str(prefix)


def test_it_is_healthy_copied_renamed_and_goes_back(linking: QuickWorkspace) -> None:
    prefix = create(linking)
    for command in ("verify", "status", "doctor"):
        assert "no " in linking.run(command, "-n", "e").ok().out
    linking.run("create", "-y", "-n", "twin", "--clone", "e").ok()
    linking.run("rename", "-n", "twin", "other").ok()
    other = linking.environment("other")
    out = subprocess.check_output([other / "bin/python", "-c", "import sys; print(sys.prefix)"])
    assert out.decode().strip() == str(other)
    linking.run("remove", "-y", "-n", "e", "python").ok()
    assert not (prefix / "bin/python").exists()
    linking.run("undo", "-y", "-n", "e").ok()
    subprocess.run([prefix / "bin/python", "-c", ""], check=True)
    file, lock = linking.folder / "environment.yml", linking.folder / "conda-lock.yml"
    linking.run("export", "-n", "e", "-f", str(file)).ok()
    assert f"python={MINOR}" in file.read_text()
    linking.run("lock", "-f", str(file), "-o", str(lock)).ok()
    linking.run("create", "-y", "-n", "locked", "-f", str(lock)).ok()
    assert os.readlink(linking.environment("locked") / f"bin/python{MINOR}").startswith("/")


def test_an_update_of_python_follows_the_setting_and_can_be_undone(
    linking: QuickWorkspace,
) -> None:
    prefix = create(linking)
    linking.environ["MINICON_HOST_PYTHON"] = "copy"
    linking.run("install", "-y", "-n", "e", f"python={MINOR}").ok()
    assert "_host_portable" in record(prefix).name
    assert not (prefix / "pyvenv.cfg").read_text().startswith("home")
    linking.run("undo", "-y", "-n", "e").ok()
    assert "_host_venv" in record(prefix).name
    subprocess.run([prefix / "bin/python", "-c", ""], check=True)


def test_an_interpreter_that_went_is_reported_everywhere(linking: QuickWorkspace) -> None:
    prefix = create(linking)
    link = prefix / "bin" / f"python{MINOR}"
    link.unlink()
    link.symlink_to("/gone/bin/python3")
    text = "links to /gone/bin/python3, which is missing"
    assert text in linking.run("list", "-n", "e").ok().err
    status = linking.run("status", "-n", "e", "--exit-code", "--json")
    assert status.code == 1
    assert text in status.json["interpreter"]
    problems = linking.run("verify", "-n", "e", "--json").json["problems"]
    assert "vanished-interpreter" in [each["kind"] for each in problems]
    linking.run("doctor", "-n", "e", "--fix").ok()
    subprocess.run([prefix / "bin/python", "-c", ""], check=True)
    assert linking.run("list", "-n", "e").ok().err == ""


def test_an_updated_interpreter_is_reported_and_recorded(linking: QuickWorkspace) -> None:
    prefix = create(linking)
    path = record(prefix)
    data = json.loads(path.read_text())
    version = data["version"]
    older = f"{MINOR}.0"  # as if the interpreter had been updated since
    path.unlink()
    data.update(version=older, fn=data["fn"].replace(version, older))
    path.with_name(path.name.replace(version, older)).write_text(json.dumps(data))
    os.utime(path.with_name(path.name.replace(version, older)), (0, 0))
    text = f"python {older} links to {data['interpreter']}, which is {version} now"
    assert text in linking.run("list", "-n", "e").ok().err
    assert text in linking.run("status", "-n", "e").ok().out
    found = linking.run("doctor", "-n", "e", "--json").json["findings"]
    assert [f["text"] for f in found if f["kind"] == "changed-interpreter"] == [text]
    linking.run("doctor", "-n", "e", "--fix").ok()
    assert version in record(prefix).name
    linking.run("verify", "-n", "e").ok()
