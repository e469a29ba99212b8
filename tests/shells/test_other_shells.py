"""Xonsh and nu as real shells; PowerShell and cmd.exe as text."""

from __future__ import annotations

from pathlib import Path

from tests.support.shells import OTHERS, ShellHome, shells

from minicon.shell.activation import ActivationChange
from minicon.shell.shells import get_shell

VALUES = {
    "A": "it's",
    "B": 'say "x" $HOME ${HOME} `x` $(touch canary)',
    "C": "a\\b\\n",
    "D": "two\nlines\n",
    "E": "ünï \u65e5\u672c",
    "F": "%PATH% ! ~ * {a} [b] ; | & # @(1)",
    "G": "\x1b[31m\x7f",
}


@shells(*OTHERS)
def test_values_arrive_and_everything_comes_back(shell: str, tmp_path: Path) -> None:
    place = ShellHome(tmp_path / "here")
    one = place.environment("one", state={**VALUES, "OLD": "new"})
    two = place.environment("two words", state={"A": "two"})
    script = "dump 0\nminicon activate one\ndump 1\nminicon activate --stack 'two words'\ndump 2\n"
    script += "minicon deactivate\ndump 3\nminicon deactivate\ndump 4\n"
    done = place.run(shell, script, OLD="old")
    assert done.returncode == 0, done.stderr
    inside = place.dumped("1")
    assert {name: inside.get(name) for name in VALUES} == VALUES
    assert inside["OLD"] == "new"
    assert inside["PATH"].split(":")[0] == f"{one}/bin"
    stacked = place.dumped("2")
    assert stacked["PATH"].split(":")[:2] == [f"{two}/bin", f"{one}/bin"]
    assert (stacked["A"], stacked["CONDA_SHLVL"]) == ("two", "2")
    assert place.dumped("3") == inside
    assert place.dumped("4") == place.dumped("0")
    assert place.canaries() == []


@shells(*OTHERS)
def test_other_commands_reach_the_program(shell: str, tmp_path: Path) -> None:
    place = ShellHome(tmp_path / "here")
    place.environment("data")
    script = "minicon list -n 'two words'\nminicon activate data\nminicon install x\n"
    done = place.run(shell, script)
    assert done.stdout.decode().split("\n")[:2] == [
        "program: list -n two words",
        "program: install x",
    ]
    assert place.asked()[-1] == "shell.nu reactivate" if shell == "nu" else "shell.xonsh reactivate"


CHANGE = ActivationChange(
    leave_scripts=("/e/etc/conda/deactivate.d/a.ps1", "/e/etc/conda/deactivate.d/a.bat"),
    unset=("GONE",),
    set={"PS1": "(x) $P$G"},
    export={"K": "it's \u2019 $x", "P": "100%"},
    path="/e/bin",
    enter_scripts=("/e/etc/conda/activate.d/a.ps1", "/e/etc/conda/activate.d/a b.bat"),
)


def test_powershell_text() -> None:
    assert get_shell("powershell").render(CHANGE) == (
        ". '/e/etc/conda/deactivate.d/a.ps1'\n"
        "$Env:GONE = $null\n"
        "$Env:PATH = '/e/bin'\n"
        "$Env:K = 'it''s \u2019\u2019 $x'\n"
        "$Env:P = '100%'\n"
        ". '/e/etc/conda/activate.d/a.ps1'\n"
    )


def test_cmd_text() -> None:
    change = ActivationChange(
        set={"PS1": "(x) $P$G"}, export={"K": "it's\nmore", "P": "100%"}, path="C:\\e;C:\\x",
        unset=("GONE",), enter_scripts=CHANGE.enter_scripts,
    )  # fmt: skip
    assert get_shell("cmd.exe").render(change).split("\r\n") == [
        '@SET "GONE="',
        '@SET "PROMPT=(x) $P$G"',
        '@SET "PATH=C:\\e;C:\\x"',
        '@SET "K=it\'s"',
        '@SET "P=100%%"',
        '@CALL "/e/etc/conda/activate.d/a b.bat"',
        "",
    ]


def test_every_shell_has_a_hook_with_its_program(tmp_path: Path) -> None:
    place = ShellHome(tmp_path / "here")
    for shell in ("bash", "zsh", "fish", "tcsh", "xonsh", "powershell", "cmd.exe", "nu"):
        assert str(place.program) in place.hook(shell).read_text()
