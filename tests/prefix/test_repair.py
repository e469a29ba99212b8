"""Verifying environments, and the list of them that the family shares."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

import pytest
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, executor, extract, python_package, snapshot

from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError
from minicon.prefix.environment.environments_txt import (
    register_environment,
    registered_environments,
    unregister_environment,
)
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.processes import processes_in
from minicon.prefix.repair import make_repair, verify_prefix


@pytest.fixture
def env(tmp_path: Path) -> Path:
    path = tmp_path / "envs" / "data"
    tool = (
        PackageBuilder("tool")
        .file("bin/tool", f"#!{PREFIX_PLACEHOLDER}/bin/sh\n", prefix=PREFIX_PLACEHOLDER)
        .file("lib/a", "a")
        .file("lib/b", "b")
        .link("lib/c", "a")
    )
    twin = PackageBuilder("twin").file("lib/b", "twin's")
    pure = PackageBuilder("pure").noarch("python").file("site-packages/p.py", "x")
    builders = (python_package(), tool, twin, pure)
    apply(path, *(extract(builder, tmp_path / "pkgs") for builder in builders))
    return path


def problems(env: Path, *, hashes: bool = True) -> list[tuple[str, str, str]]:
    return [(p.package, p.path, p.kind) for p in verify_prefix(Prefix(env), hashes=hashes)]


def test_a_sound_environment(env: Path) -> None:
    assert problems(env) == []
    assert problems(env, hashes=False) == []


def change(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


def test_what_is_found(env: Path) -> None:
    change(env / "bin/tool", "#!/bin/sh\n")
    change(env / "lib/a", "A")
    (env / "lib/c").unlink()
    (env / "lib/c").write_text("a")
    (env / "conda-meta/bad-1-0.json").write_text("{")
    assert problems(env) == [
        ("", "conda-meta/bad-1-0.json", "corrupt-record"),
        ("tool", "bin/tool", "changed"),
        ("tool", "lib/a", "changed"),
        ("tool", "lib/c", "changed"),
    ]
    assert problems(env, hashes=False) == [
        ("", "conda-meta/bad-1-0.json", "corrupt-record"),
        ("tool", "lib/c", "changed"),
    ]
    (env / "lib/a").unlink()
    (env / "lib/b").unlink()
    found = problems(env)
    assert ("tool", "lib/a", "missing") in found
    assert ("twin", "lib/b", "missing") in found


def test_repairing(tmp_path: Path) -> None:
    path = tmp_path / "envs" / "data"
    builders = {
        "a": PackageBuilder("a").file("lib/a", "a").file("etc/a", "a").depends("b >=1"),
        "b": PackageBuilder("b").file("lib/b", "b").depends("a"),
        "c": PackageBuilder("c").file("lib/c", "c"),
    }
    packages = {name: extract(builder, tmp_path / "pkgs") for name, builder in builders.items()}
    apply(path, *packages.values())
    whole = snapshot(path, metadata=False)
    (path / "lib/a").unlink()
    change(path / "etc/a", "my own")
    (path / "lib/c").unlink()
    change(path / "conda-meta/c-1.0-0.json", '{"name": "c"')
    found = verify_prefix(Prefix(path))
    assert [problem.kind for problem in found] == ["corrupt-record", "changed", "missing"]
    repair = make_repair(Prefix(path), found, platform="linux-64", lost=[packages["c"].record])
    assert [record.name for record in repair.link] == ["a", "c"]
    executor().execute(repair, {p.record: p for p in packages.values()})
    assert verify_prefix(Prefix(path)) == ()
    now = snapshot(path, metadata=False)
    assert now.pop("etc/a.minicon-saved")
    assert now == whole


def test_the_shared_list(tmp_path: Path, env: Path) -> None:
    file = tmp_path / "home/.conda/environments.txt"
    other = tmp_path / "envs" / "other"
    apply(other)
    assert registered_environments(file) == ()
    unregister_environment(file, env)
    for path in (env, other, env, tmp_path / "placehold_pl" / "x"):
        register_environment(file, path)
    assert file.read_text() == f"{env}\n{other}\n"
    with file.open("a") as stream:
        stream.write(f"/not/there\n\n{other}\n")
    assert registered_environments(file) == (env, other)
    unregister_environment(file, env)
    assert file.read_text() == f"{other}\n"
    assert registered_environments(file) == (other,)


def test_a_list_that_cannot_be_written(tmp_path: Path, env: Path) -> None:
    (tmp_path / "home").write_text("a file")
    with pytest.raises(FileError):
        register_environment(tmp_path / "home/.conda/environments.txt", env)


@pytest.mark.skipif(not Path("/proc/self/exe").exists(), reason="needs /proc")
def test_running_processes_are_named(env: Path) -> None:
    assert processes_in(env) == ()
    process = subprocess.Popen(
        [env / "bin/python", "-c", "print(flush=True); import time; time.sleep(60)"],
        stdout=subprocess.PIPE,
    )
    try:
        assert process.stdout is not None
        process.stdout.readline()
        (found,) = processes_in(env)
        assert found.pid == process.pid
        assert found.command.startswith(f"{env}/bin/python -c")
        assert processes_in(env.parent / "dat") == ()
    finally:
        process.kill()
        process.wait()
        process.stdout.close()
    assert os.getpid() not in [p.pid for p in processes_in(env)]
