"""The commands of the pages about packing, bundles, images and clusters, typed into bash.

``/opt`` and ``/tmp/me`` are directories of the test, registries are one on this machine, and what
is typed on another machine has another root and no channel.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from tests.docs.test_walked_pages import Typed, assert_shown, read_page
from tests.support.commands import Workspace
from tests.support.images import needs_busybox, write_base
from tests.support.oci_registry import OciRegistry, needs_registry
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder, build_channel

HOW_TO = Path(__file__).parents[2] / "docs" / "how-to"
_END = "end of a command"
#: Commands of programs that tests do not have, or that other tests run.
_SKIPPED = ("spark-submit", "apptainer", "/shared/data/bin/dask", "export PYSPARK")
#: What is typed on another machine starts with one of these.
_ELSEWHERE = ("minicon unpack", "python data.pyz", "sh data.sh", "minicon create", "minicon search")


@pytest.fixture
def user(workspace: Workspace, tmp_path: Path) -> Workspace:
    """Someone with an environment ``data``, whose python starts the one of the tests."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    python = (
        PackageBuilder("python")
        .version(f"{version}.0")
        .file(
            f"bin/python{version}",
            f'#!/bin/sh\nexec {sys._base_executable} "$@"\n',
            executable=True,
        )
        .link("bin/python", f"python{version}")
    )
    text = f"#!/bin/sh\necho {PREFIX_PLACEHOLDER}\n"
    numpy = PackageBuilder("numpy").noarch().file("bin/where", text, prefix=PREFIX_PLACEHOLDER)
    channel = build_channel(tmp_path / "channel", [python, numpy])
    workspace.environ["MINICON_CHANNELS"] = channel.as_uri()
    workspace.environ["MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY"] = "false"
    workspace.run("create", "-y", "-n", "data", "python", "numpy").ok()
    (tmp_path / "job.py").write_text("print('a job')\n")
    for name in ("opt", "tmp", "shared"):
        (tmp_path / name).mkdir()
    return workspace


def walk(user: Workspace, name: str, *before: str, replaced: dict[str, str] | None = None) -> None:
    """Type the commands of a page; each succeeds and prints what the page shows."""
    steps = [Typed(command) for command in before]
    steps += read_page((HOW_TO / f"{name}.md").read_text())
    steps = [step for step in steps if not step.command.startswith(_SKIPPED)]
    script = [f"PATH={Path(sys.executable).parent}:$PATH"]
    for step in steps:
        command = step.command
        output = re.search(r"minicon (?:pack|bundle|image) .*-o (\S+)", command)
        targets = re.findall(r"/(?:opt|shared)/data", command) if "unpack " in command else []
        targets += re.findall(r"(?<=-p )/opt/data|(?<=mkdir )/opt/data", command)
        for path in (*(output.groups() if output else ()), *targets):
            script.append(f"rm -rf {path}")
        if command.startswith(_ELSEWHERE):
            script.append('rm -rf "$HOME/elsewhere"')
            command = (
                f'MINICON_CHANNELS=file:///nowhere MINICON_ROOT="$HOME/elsewhere" {command} -y'
            )
            command = command if "create" in command else command.removesuffix(" -y")
        script.append(f"{command}\necho '{_END}' $?")
    text = "\n".join(script)
    for old, new in {
        "/opt/data": f"{user.folder}/opt/data",
        "/tmp/me": f"{user.folder}/tmp/me",
        "/shared/": f"{user.folder}/shared/",
        **(replaced or {}),
    }.items():
        text = text.replace(old, new)
    done = subprocess.run(
        ["bash", "--norc"], input=text, env=user.variables, cwd=user.folder, check=False,
        text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, timeout=240,
    )  # fmt: skip
    parts = re.split(rf"{_END} (\d+)\n", done.stdout)
    assert len(parts) == 2 * len(steps) + 1, done.stdout
    for step, printed, code in zip(steps, parts[::2], parts[1::2], strict=False):
        assert code == "0", f"$ {step.command}\n{printed}"
        assert_shown(step, printed)


def test_packing(user: Workspace) -> None:
    walk(user, "pack")


def test_bundles(user: Workspace) -> None:
    file = "printf 'name: data\\ndependencies: [numpy]\\n' > environment.yml"
    lock = "minicon lock --platform linux-64 --platform linux-aarch64"
    walk(user, "bundle", file, lock)


@needs_registry
@needs_busybox
@pytest.mark.skipif(shutil.which("skopeo") is None, reason="needs skopeo")
def test_images(user: Workspace, tmp_path: Path) -> None:
    with OciRegistry(tmp_path / "registry") as registry:
        base = f"oci:{write_base(tmp_path / 'base')}"
        target = f"docker://{registry.host}/debian:stable-slim"
        copy = f"skopeo --insecure-policy copy --dest-tls-verify=false {base} {target}"
        hosts = {"docker.io": registry.host, "registry.example.org": registry.host}
        walk(user, "image", copy, replaced=hosts)


def test_clusters(user: Workspace) -> None:
    if not all(map(shutil.which, ("squashfuse", "fusermount3", "mksquashfs"))):
        pytest.skip("needs squashfuse, fusermount3 and mksquashfs")
    if not os.access("/dev/fuse", os.R_OK | os.W_OK):
        pytest.skip("/dev/fuse is not accessible")
    walk(user, "clusters", "minicon pack -n data -o data.tar.zst")
