"""The installed program and real shells: which shell runs, and what its hook changes."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.shells import ALL, OTHERS, RUNNERS, ShellHome, _dump_function, shells

from minicon.shell.shells import get_shell

PROGRAMS = Path(sys.executable).parent
EVALUATING = (*ALL, "xonsh")


def run(shell_home: ShellHome, shell: str, script: str) -> subprocess.CompletedProcess[str]:
    """Run a script with the installed program on PATH, for a user with another login shell."""
    file = shell_home.base / "script"
    file.write_text(script)
    path = os.pathsep.join([str(PROGRAMS), os.environ["PATH"]])
    return subprocess.run(
        [*RUNNERS[shell], str(file)],
        env={**shell_home.variables(), "PATH": path, "SHELL": "/bin/ksh"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )


@pytest.mark.skipif(not (PROGRAMS / "minicon").exists(), reason="minicon is not installed")
@shells(*EVALUATING, *(name for name in OTHERS if name not in EVALUATING))
def test_the_hint_is_for_the_shell_that_runs(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    data = shell_home.environment("data")
    failed = run(shell_home, shell, "minicon activate data").stderr
    hint = failed.partition("hint: ")[2].partition("\n")[0]
    assert (f"run 'minicon init {shell}'" in hint) is (shell != "dash")
    code = hint.partition("in this shell: ")[2]
    if shell not in EVALUATING:
        assert code == ""
        return
    lines = [_dump_function(shell, shell_home.base), code, "minicon activate data", "dump 1", ""]
    done = run(shell_home, shell, "\n".join(lines))
    assert shell_home.dumped("1")["CONDA_PREFIX"] == str(data), (done.stdout, done.stderr)


@pytest.mark.skipif(not (PROGRAMS / "minicon").exists(), reason="minicon is not installed")
@shells(*(name for name in (*ALL, *OTHERS) if name != "dash"))
def test_init_sets_up_the_shell_that_runs(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    done = run(shell_home, shell, "minicon init --dry-run")
    names = {"bash": ".bashrc", "zsh": ".zshrc", "fish": "config.fish", "tcsh": ".cshrc"}
    expected = names.get(shell, {"xonsh": ".xonshrc", "nu": "config.nu"}.get(shell, ""))
    start_files = [line for line in done.stdout.splitlines() if "created " in line]
    assert start_files[-1].endswith(f"/{expected}"), (done.stdout, done.stderr)


@pytest.mark.skipif(not (PROGRAMS / "minicon").exists(), reason="minicon is not installed")
@shells(*EVALUATING)
def test_changed_variables_take_effect_when_the_message_says(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    shell_home.environment("data")
    shell_home.environment("other")
    change = "minicon env config vars set"
    lines = [
        _dump_function(shell, shell_home.base),
        get_shell(shell).evaluate(f"minicon shell.{shell} hook"),
        "minicon activate data",
        f"{change} COLOUR=blue",
        "dump 1",
        f"{change} -n other COLOUR=red",
        f"sh -c '{change} -n data COLOUR=green'",
        "dump 2",
        "",
    ]
    done = run(shell_home, shell, "\n".join(lines))
    assert done.stderr.splitlines() == [
        "this shell has the change; in other shells, activate the environment again",
        "the change takes effect when the environment is activated",
        "activate the environment again for the change to take effect",
    ], done.stdout
    assert shell_home.dumped("1")["COLOUR"] == "blue"
    assert shell_home.dumped("2")["COLOUR"] == "blue"
