"""PYTHONPATH, PYTHONHOME and the folder that minicon is started in belong to other programs."""

from __future__ import annotations

import os
import subprocess
import sys
import sysconfig
from collections.abc import Mapping
from pathlib import Path

import pytest
from tests.support.commands import Workspace

SOURCE = Path(__file__).parents[2] / "src"
PYTHON = f"python={sys.version_info[0]}.{sys.version_info[1]}"
#: Modules that nearly every command imports.
BROKEN = ("argparse", "json", "packaging", "yaml")


@pytest.fixture
def broken(tmp_path: Path) -> Path:
    """A folder with modules that cannot be imported."""
    folder = tmp_path / "broken"
    folder.mkdir()
    for name in BROKEN:
        (folder / f"{name}.py").write_text("raise RuntimeError('broken')\n")
    return folder


@pytest.fixture
def workspace(tmp_path: Path) -> Workspace:
    return Workspace(tmp_path / "work", {"MINICON_ADD_PIP_AS_PYTHON_DEPENDENCY": "false"})


def run(workspace: Workspace, *words: str, cwd: Path, environ: Mapping[str, str]) -> str:
    """The output of a program that must succeed."""
    answer = subprocess.run(
        [sys.executable, *words],
        env={**workspace.variables, **environ},
        cwd=cwd,
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert answer.returncode == 0, answer.stderr
    return answer.stdout


def plan(workspace: Workspace, cwd: Path, **environ: str) -> None:
    """Run a command that imports all of them."""
    file = workspace.folder / "environment.yml"
    file.write_text("name: x\ndependencies: []\n")
    words = f"-m minicon env create -f {file} --dry-run --offline".split()
    run(workspace, *words, cwd=cwd, environ=environ)


def test_a_broken_module_on_pythonpath(workspace: Workspace, broken: Path) -> None:
    plan(workspace, workspace.folder, PYTHONPATH=str(broken))
    plan(workspace, broken, PYTHONPATH=os.pathsep)


def test_a_broken_module_in_the_current_directory(workspace: Workspace, broken: Path) -> None:
    plan(workspace, broken)


def test_a_broken_module_beside_the_script(workspace: Workspace, broken: Path) -> None:
    script = broken / "minicon"
    script.write_text("import sys\nfrom minicon.__main__ import command\nsys.exit(command())\n")
    run(workspace, str(script), "env", "list", "--json", cwd=workspace.folder, environ={})


def test_minicon_may_come_from_pythonpath(workspace: Workspace, broken: Path) -> None:
    path = os.pathsep.join([str(broken), str(SOURCE), sysconfig.get_path("purelib")])
    plan(workspace, workspace.folder, PYTHONPATH=path)
    plan(workspace, SOURCE, PYTHONPATH=str(broken))


def test_a_standard_library_that_pythonhome_names(
    workspace: Workspace, broken: Path, tmp_path: Path
) -> None:
    home, library = tmp_path / "other", Path(sysconfig.get_path("stdlib"))
    folder = home / library.relative_to(sys.base_prefix)
    folder.mkdir(parents=True)
    for path in library.iterdir():
        if path.stem not in BROKEN:
            (folder / path.name).symlink_to(path)
    for path in broken.iterdir():
        path.rename(folder / path.name)
    code = (
        f"import sys; sys.path.append({str(SOURCE)!r})\n"
        "from minicon.__main__ import command; sys.exit(command())"
    )
    environ = {"PYTHONHOME": str(home), "PYTHONPATH": str(broken)}
    words = ("-c", code, "config", "--show", "--json")
    run(workspace, *words, cwd=workspace.folder, environ=environ)


def test_only_the_users_programs_get_the_variables(workspace: Workspace, broken: Path) -> None:
    """Interpreters that are probed, checked and used for compiling start without them."""
    environ = {"PYTHONHOME": "/nonexistent", "PYTHONPATH": str(broken)}
    code = (
        "import os, sys; from minicon.__main__ import command\n"
        f"os.environ.update({environ!r}); sys.exit(command())"
    )
    create = ["create", "-y", "-n", "x", "--offline", "--override-channels", "-c", "host"]
    run(workspace, "-E", "-c", code, *create, PYTHON, cwd=workspace.folder, environ={})
    show = ("run", "-n", "x", "sh", "-c", "echo $PYTHONHOME:$PYTHONPATH")
    shown = run(workspace, "-E", "-c", code, *show, cwd=workspace.folder, environ={})
    assert shown == f"/nonexistent:{broken}\n"


@pytest.mark.parametrize("words", ["env list", "config --show envs_dirs", "info --json"])
def test_an_empty_home_is_not_the_root_directory(workspace: Workspace, words: str) -> None:
    home = subprocess.run(
        [sys.executable, "-c", "import os; print(os.path.expanduser('~'))"],
        env={"PATH": os.defpath},
        capture_output=True,
        text=True,
        check=True,
    ).stdout.strip()
    empty = {"HOME": "", "MINICON_ROOT": ""}
    shown = run(workspace, "-m", "minicon", *words.split(), cwd=workspace.folder, environ=empty)
    assert "/.conda/envs" not in shown or f"{home}/.conda/envs" in shown
    assert not Path("/.conda").exists()
