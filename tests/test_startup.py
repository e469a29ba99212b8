"""Frequent commands import few modules."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.packages import PackageBuilder, build_channel
from tests.support.wheels import WheelBuilder

#: Third-party and slow standard modules that no frequent command needs.
HEAVY = {
    "asyncio",
    "botocore",
    "concurrent.futures",
    "http.client",
    "importlib.metadata",
    "libarchive",
    "msgpack",
    "packaging",
    "requests",
    "resolvelib",
    "ssl",
    "tqdm",
    "urllib.request",
    "yaml",
    "zstandard",
}


@pytest.fixture(scope="module")
def workspace(tmp_path_factory: pytest.TempPathFactory) -> Workspace:
    """An environment ``data`` with a conda package, a wheel, and a package that pip installed."""
    variables = {
        "MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false",
        "PIP_CONFIG_FILE": os.devnull,
        "PIP_NO_INDEX": "1",
    }
    workspace = Workspace(tmp_path_factory.mktemp("startup"), variables)
    prefix = workspace.environment("data")
    site_packages = prefix / "lib" / "python3.11" / "site-packages"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "conda-meta" / "history").write_text("==> 2026-01-01 00:00:00 <==\n+x::hello-1.0-0\n")
    for name, version, channel in (("python", "3.11.0", "host"), ("rich", "13.7.1", "pypi")):
        record = {
            "name": name,
            "version": version,
            "build": "0",
            "build_number": 0,
            "channel": channel,
            "subdir": "noarch",
            "fn": f"{name}-{version}-0",
            "url": "",
            "depends": [],
            "files": [],
        }
        path = prefix / "conda-meta" / f"{name}-{version}-0.json"
        path.write_text(json.dumps(record))
    metadata = site_packages / "byhand-1.0.dist-info" / "METADATA"
    metadata.parent.mkdir(parents=True)
    metadata.write_text("Metadata-Version: 2.1\nName: byhand\nVersion: 1.0\n")
    return workspace


def imported_by(workspace: Workspace, *arguments: str) -> set[str]:
    """Return the names of all modules that a command line imports."""
    outcome = subprocess.run(
        [sys.executable, "-X", "importtime", "-m", "minicon", *arguments],
        env=workspace.variables,
        cwd=workspace.folder,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    lines = outcome.stderr.splitlines()
    assert outcome.returncode == 0, [line for line in lines if "import time" not in line]
    return {line.rpartition("|")[2].strip() for line in lines if line.startswith("import time:")}


@pytest.mark.parametrize(
    "arguments",
    [
        "--version",
        "--help",
        "shell.bash hook",
        "shell.bash activate data",
        "shell.bash deactivate",
        "shell.fish hook",
        "run -n data true",
        "env list",
        "list -n data",
        "list -n data --json",
        "config --show",
        "info --base",
        "env config vars list -n data",
    ],
)
def test_frequent_commands_import_nothing_heavy(workspace: Workspace, arguments: str) -> None:
    assert not imported_by(workspace, *arguments.split()) & HEAVY


@pytest.mark.parametrize(
    ("arguments", "limit"),
    [("--version", 3), ("shell.bash deactivate", 20), ("shell.bash hook", 25)],
)
def test_shells_start_with_few_modules(workspace: Workspace, arguments: str, limit: int) -> None:
    """Not even argparse, dataclasses and json are imported to print code for a shell."""
    found = imported_by(workspace, *arguments.split())
    assert len({name for name in found if name.startswith("minicon")}) <= limit
    assert not found & {"argparse", "dataclasses", "inspect", "typing", "pathlib"}


@pytest.mark.parametrize("arguments", ["list -n data", "run -n data true", "env list"])
def test_no_command_pays_for_another(workspace: Workspace, arguments: str) -> None:
    """Commands, solver, network and package formats are imported only if needed."""
    found = imported_by(workspace, *arguments.split())
    commands = {name for name in found if name.startswith("minicon.cli.commands.")}
    assert len(commands) <= 3
    assert "pathlib" not in found or "list -n" in arguments
    others = (
        "minicon.solver",
        "minicon.net",
        "minicon.repodata",
        "minicon.archive.package_archive",
    )
    assert not [name for name in found if name.startswith(others)]


def test_a_dry_run_does_not_unpack(workspace: Workspace, tmp_path: Path) -> None:
    (tmp_path / "noarch").mkdir()
    empty = {"info": {"subdir": "noarch"}, "packages": {}, "packages.conda": {}}
    (tmp_path / "noarch" / "repodata.json").write_text(json.dumps(empty))
    found = imported_by(
        workspace,
        *f"remove -n data rich --dry-run --offline -c {tmp_path} --override-channels".split(),
    )
    assert not found & {"libarchive", "tqdm", "msgpack"}


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> list[str]:
    """A dry run from a channel, of a package that is not in the cache."""
    channel = build_channel(tmp_path_factory.mktemp("channel"), [PackageBuilder("tool")], ".conda")
    return f"create -n new --dry-run --no-pypi -c {channel} --override-channels tool".split()


#: Modules of the standard library that planning does without: one to seven milliseconds each.
_SLOW = {"ctypes", "dataclasses", "inspect", "platform", "shutil", "socket", "subprocess"}


def test_planning_from_a_cached_channel_needs_neither_network_nor_compiler(
    workspace: Workspace, plan: list[str]
) -> None:
    """See docs/adr/0008-start-up-time.md: each of these costs one to seven milliseconds."""
    imported_by(workspace, *plan)
    found = imported_by(workspace, *plan, "--no-pin")
    assert not found & (_SLOW | {"hashlib", "traceback"} | HEAVY - {"packaging", "resolvelib"})
    assert len({name for name in found if name.startswith("minicon")}) <= 164


def test_a_configuration_file_is_parsed_once(workspace: Workspace, plan: list[str]) -> None:
    """A file that does not change costs no import of PyYAML (config/parsed_files.py)."""
    file = workspace.folder / "condarc"
    file.write_text("channel_priority: strict\n")
    configured = Workspace(workspace.folder, {**workspace.environ, "CONDARC": str(file)})
    assert "yaml" in imported_by(configured, *plan)
    assert "yaml" not in imported_by(configured, *plan)


def test_the_same_plan_again_needs_no_solver(workspace: Workspace, plan: list[str]) -> None:
    """Its solution was kept, with the state of the channels (ADR 8)."""
    imported_by(workspace, *plan)
    found = imported_by(workspace, *plan)
    slow = {"hashlib", "traceback", "configparser", "copy", "typing", "queue"}
    assert not found & (_SLOW | HEAVY | slow)
    own = {name for name in found if name.startswith("minicon")}
    assert "minicon.config.parsed_files" not in own
    assert not [name for name in own if name.startswith(("minicon.solver.", "minicon.pypi.wheels"))
                and name != "minicon.solver.request"]  # fmt: skip
    assert len(own) <= 131


def test_the_same_plan_of_wheels_needs_no_network(workspace: Workspace) -> None:
    """That a wheel was downloaded before is looked up without what downloads."""
    links = workspace.folder / "links"
    WheelBuilder("leaf").file("leaf.py").build(links)
    own = Workspace(workspace.folder, {**workspace.environ, "PIP_FIND_LINKS": str(links)})
    channel = build_channel(workspace.folder / "pythons", [PackageBuilder("python", "3.11.0")])
    plan = f"create -n wheels --dry-run -c {channel} -c pypi --override-channels leaf".split()
    imported_by(own, *plan)
    found = imported_by(own, *plan)
    assert not found & (_SLOW | HEAVY | {"hashlib", "logging", "queue", "traceback", "typing"})
    assert len({name for name in found if name.startswith("minicon")}) <= 154
