"""A bundle creates its environment offline, without an installed minicon, and is a channel."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest
from tests.support.commands import Outcome, QuickWorkspace, Workspace
from tests.support.packages import PackageBuilder, build_channel

from minicon.models.subdir import native_subdir


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    """An environment ``a`` without Python."""
    workspace.environ["MINICON_CHANNELS"] = f"{channel.as_uri()},host"
    workspace.run("create", "-y", "-n", "a", "hello=1.0").ok()
    return workspace


@pytest.fixture(scope="module")
def made(channel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A bundle of such an environment; it takes a second, and tests change copies of it."""
    environ = {"MINICON_CHANNELS": channel.as_uri()}
    workspace = QuickWorkspace(tmp_path_factory.mktemp("bundled"), environ)
    workspace.run("create", "-y", "-n", "a", "hello=1.0").ok()
    workspace.run("bundle", "-n", "a").ok()
    return workspace.folder / "a.pyz"


@pytest.fixture
def bundle(made: Path, tmp_path: Path) -> Path:
    return shutil.copy2(made, tmp_path / "a.pyz")


@pytest.fixture
def elsewhere(tmp_path: Path) -> Workspace:
    """A machine without channels and network."""
    environ = {
        "MINICON_CHANNELS": "https://unreachable.test/channel",
        "MINICON_COMPILE_BYTECODE": "false",
        "PIP_NO_INDEX": "1",
        "PIP_CONFIG_FILE": "/dev/null",
    }
    return QuickWorkspace(tmp_path / "elsewhere", environ)


def run(machine: Workspace, bundle: Path, *words: str, shell: bool = False) -> Outcome:
    """Run a bundle with a Python that cannot import minicon."""
    command = ["sh", str(bundle)] if shell else [sys.executable, "-I", "-S", str(bundle)]
    done = subprocess.run(
        [*command, *words], env={**machine.variables, "PYTHON": sys.executable},
        cwd=machine.folder, capture_output=True, text=True, check=False,
    )  # fmt: skip
    return Outcome(done.returncode, done.stdout, done.stderr)


def test_the_environment_is_created_offline(
    project: Workspace, elsewhere: Workspace, tmp_path: Path, channel: Path
) -> None:
    project.run("install", "-y", "-n", "a", "python", "pure", "pypi:top").ok()
    document = project.run("bundle", "-n", "a", "--json").ok().json
    assert document["packages"] == 5
    bundle = tmp_path / "a.pyz"
    again = project.run("bundle", "-n", "a", "-o", "b.pyz").ok()
    assert "5 packages" in again.out
    assert bundle.read_bytes() == (tmp_path / "b.pyz").read_bytes()
    assert "exists already" in project.run("bundle", "-n", "a").err
    created = run(elsewhere, bundle).ok()
    assert "6 packages to link, all from this machine" in created.out
    assert "ownload" not in created.out + created.err
    prefix = elsewhere.environment("a")
    assert elsewhere.run("run", "-n", "a", "hello").ok().out == f"hello 1.0 from {prefix}\n"
    assert elsewhere.run("run", "-n", "a", "pure-command").ok().out == "pure python\n"
    assert elsewhere.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    (record,) = (prefix / "conda-meta").glob("hello-*.json")
    assert json.loads(record.read_text())["url"].startswith(channel.as_uri())
    run(elsewhere, bundle, "-p", str(tmp_path / "other")).ok()
    assert (tmp_path / "other" / "bin" / "hello").exists()


def test_a_bundle_is_a_channel(elsewhere: Workspace, bundle: Path) -> None:
    only = ("--override-channels", "-c", str(bundle))
    created = elsewhere.run("create", "-y", "-n", "b", *only, "hello").ok()
    assert "2 packages to link, all from this machine" in created.out
    prefix = elsewhere.environment("b")
    assert elsewhere.run("run", "-n", "b", "hello").ok().out == f"hello 1.0 from {prefix}\n"
    bundle.rename(elsewhere.folder / "a.pyz")
    found = elsewhere.run("search", "--override-channels", "-c", "a.pyz", "greeting").ok()
    assert "1.5" in found.out
    only = ("--override-channels", "-c", "missing.pyz")
    missing = elsewhere.run("create", "-y", "-n", "c", *only, "hello")
    assert missing.code == 1
    assert "Traceback" not in missing.err


def test_damage_is_found_before_anything_is_written(elsewhere: Workspace, bundle: Path) -> None:
    run(elsewhere, bundle, "--verify").ok()
    with zipfile.ZipFile(bundle) as archive:
        entry = next(e for e in archive.infolist() if e.filename.startswith("linux-64/hello"))
    data = bytearray(bundle.read_bytes())
    data[entry.header_offset + 200] ^= 1
    bundle.write_bytes(data)
    refused = run(elsewhere, bundle)
    assert refused.code == 1
    assert f"{entry.filename} has another sha256" in refused.err
    assert elsewhere.is_unused()


@pytest.mark.parametrize("name", ["bundle.json", "lib/minicon/errors.py"])
def test_bytes_that_cannot_be_decompressed_are_damage(
    elsewhere: Workspace, bundle: Path, name: str
) -> None:
    with zipfile.ZipFile(bundle) as archive:
        entry = archive.getinfo(name)
    data = bytearray(bundle.read_bytes())
    start = entry.header_offset + 30 + len(name)
    data[start : start + 20] = b"\xff" * 20
    bundle.write_bytes(data)
    refused = run(elsewhere, bundle)
    assert refused.code == 1
    assert refused.err.startswith(f"error: {bundle} is damaged: {name}")
    assert elsewhere.is_unused()


def test_scripts_and_locks_of_several_platforms(
    project: Workspace, elsewhere: Workspace, tmp_path: Path
) -> None:
    (tmp_path / "environment.yml").write_text("name: x\ndependencies: [greeting]\n")
    project.run("lock", "--platform", "linux-64", "--platform", "osx-arm64").ok()
    words = ("bundle", "-f", "conda-lock.yml", "--script", "-o", "a.sh", "--json")
    assert project.run(*words).ok().json["platforms"] == ["linux-64", "osx-arm64"]
    help_text = run(elsewhere, tmp_path / "a.sh", "--help", shell=True).ok().out
    assert "[-n NAME | -p PATH]" in help_text
    run(elsewhere, tmp_path / "a.sh", "-n", "b", shell=True).ok()
    assert (elsewhere.environment("b") / "share" / "greeting").exists()
    refused = project.run("bundle", "-f", "conda-lock.yml", "--platform", "win-64", "-o", "w.pyz")
    assert "no packages for win-64" in refused.err
    assert "not a lock file" in project.run("bundle", "-f", "environment.yml").err


def test_packages_of_several_platforms(
    workspace: Workspace, elsewhere: Workspace, tmp_path: Path
) -> None:
    """Each machine gets those of its own."""
    native = native_subdir()
    other = "linux-64" if native == "osx-arm64" else "osx-arm64"
    packages = [
        PackageBuilder("tool").subdir(subdir).file("share/tool", f"for {subdir}\n")
        for subdir in (native, other)
    ]
    channel = build_channel(tmp_path / "several", packages)
    workspace.environ["MINICON_CHANNELS"] = channel.as_uri()
    (tmp_path / "environment.yml").write_text("name: x\ndependencies: [tool]\n")
    workspace.run("lock", "--platform", native, "--platform", other).ok()
    workspace.run("bundle", "-f", "conda-lock.yml", "-o", "x.pyz").ok()
    with zipfile.ZipFile(tmp_path / "x.pyz") as archive:
        names = set(archive.namelist())
    assert {f"{native}/tool-1.0-0.conda", f"{other}/tool-1.0-0.conda"} <= names
    run(elsewhere, tmp_path / "x.pyz", "-n", "b").ok()
    assert (elsewhere.environment("b") / "share" / "tool").read_text() == f"for {native}\n"
    one = ("bundle", "-f", "conda-lock.yml", "--platform", native, "-o", "one.pyz", "--json")
    assert workspace.run(*one).ok().json["platforms"] == [native]


def test_what_was_built_here_cannot_be_bundled(project: Workspace) -> None:
    (record,) = (project.environment("a") / "conda-meta").glob("hello-*.json")
    record.write_text(json.dumps({**json.loads(record.read_text()), "url": ""}))
    refused = project.run("bundle", "-n", "a")
    assert "hello-1.0-0" in refused.err
    assert "minicon pack" in refused.err
