"""Xonsh and nu as real shells; PowerShell and cmd.exe as text."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.shells import OTHERS, ShellHome, shells

from minicon.errors import ShellError
from minicon.shell.activation import ActivationChange
from minicon.shell.commands import shell_context
from minicon.shell.init import apply_changes, plan_init
from minicon.shell.shells import get_shell
from minicon.shell.start_files import autorun_after

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
def test_values_are_preserved_and_restored(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    one = shell_home.environment("one", state={**VALUES, "OLD": "new"})
    two = shell_home.environment("two words", state={"A": "two"})
    script = "dump 0\nminicon activate one\ndump 1\nminicon activate --stack 'two words'\ndump 2\n"
    script += "minicon deactivate\ndump 3\nminicon deactivate\ndump 4\n"
    done = shell_home.run(shell, script, OLD="old")
    assert done.returncode == 0, done.stderr
    inside = shell_home.dumped("1")
    assert {name: inside.get(name) for name in VALUES} == VALUES
    assert inside["OLD"] == "new"
    assert inside["PATH"].split(":")[0] == f"{one}/bin"
    stacked = shell_home.dumped("2")
    assert stacked["PATH"].split(":")[:2] == [f"{two}/bin", f"{one}/bin"]
    assert (stacked["A"], stacked["CONDA_SHLVL"]) == ("two", "2")
    assert shell_home.dumped("3") == inside
    assert shell_home.dumped("4") == shell_home.dumped("0")
    assert shell_home.canaries() == []


@shells(*OTHERS)
def test_other_commands_reach_the_program(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    shell_home.environment("data")
    script = "minicon list -n 'two words'\nminicon activate data\nminicon install x\n"
    done = shell_home.run(shell, script)
    assert done.stdout.decode().split("\n")[:2] == [
        "program: list -n two words",
        "program: install x",
    ]
    assert (
        shell_home.program_calls()[-1] == "shell.nu reactivate"
        if shell == "nu"
        else "shell.xonsh reactivate"
    )


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


def cmd_reads(line: str) -> list[str]:
    """What cmd.exe makes of a line of a batch file: its commands, after % and ^ and quotes."""
    line = line.replace("%%", "\0")
    assert "%" not in line  # a single one would be taken for a variable
    commands, quoted, position = [""], False, 0
    while position < len(line):
        letter = line[position]
        if letter == "^" and not quoted:
            position += 1
            letter = line[position]
        elif letter == '"':
            quoted = not quoted
        elif letter in "&|<>" and not quoted:
            commands.append("")
            position += 1
            continue
        commands[-1] += letter
        position += 1
    return [command.replace("\0", "%") for command in commands]


@given(st.text(st.sampled_from("ab \"%^&|<>()!'\u00fc="), max_size=12))
def test_cmd_values_are_preserved(value: str) -> None:
    (command,) = cmd_reads(get_shell("cmd.exe").export("K", value).removeprefix("@"))
    word, _, rest = command.partition(" ")
    assert word == "SET"
    if rest.startswith('"'):  # SET "K=V": everything up to the last quote
        rest = rest[1 : rest.rindex('"')]
    assert rest == f"K={value}"


@pytest.mark.parametrize("end", ["\n", "\r\n", "\x1a"])
def test_cmd_values_are_cut_at_line_breaks(end: str) -> None:
    text = get_shell("cmd.exe").export("K", f'a{end}" & calc')
    assert text in ('@SET "K=a"', "@SET K=a")


@given(st.text(st.sampled_from("ab '\u2018\u2019\u201a\u201b\"$`\n;{}()"), max_size=12))
def test_powershell_values_are_preserved(value: str) -> None:
    """Its rule: between quotes, two quotes of any kind are one, the second of them."""
    text = get_shell("powershell").quote(value)
    assert (text[0], text[-1]) == ("'", "'")
    inside, read, position = text[1:-1], "", 0
    while position < len(inside):
        if inside[position] in "'\u2018\u2019\u201a\u201b":
            position += 1
            assert inside[position] in "'\u2018\u2019\u201a\u201b"  # else the text would end here
        read += inside[position]
        position += 1
    assert read == value


HOOK = "C:\\Users\\x y\\minicon\\shell\\hook.bat"
OURS = f'(IF EXIST "{HOOK}" CALL "{HOOK}")'


@pytest.mark.parametrize(
    ("before", "after", "reversed_"),
    [
        (None, OURS, None),
        ("", OURS, None),
        ("echo x", f"echo x & {OURS}", "echo x"),
        (OURS, OURS, None),
        (OURS.lower().replace("x y", "old"), OURS, None),
        (f"{OURS} & echo x", f"echo x & {OURS}", "echo x"),
        (f"a & {OURS} & b", f"a & b & {OURS}", "a & b"),
        ('if exist "c:\\conda_hook.bat" "c:\\conda_hook.bat"', None, None),
    ],
)
def test_the_registry_s_command_line(
    before: str | None, after: str | None, reversed_: str | None
) -> None:
    if after is None:
        after, reversed_ = f"{before} & {OURS}", before
    assert autorun_after(before, HOOK) == after
    assert autorun_after(after, HOOK) == after
    assert autorun_after(before, HOOK, reverse=True) == reversed_


def test_the_registry_is_used_only_on_windows(tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    context = shell_context(shell_home.variables(), home=str(shell_home.home), cwd="/")
    with pytest.raises(ShellError, match="only Windows"):
        plan_init(["cmd.exe"], context=context, executable="C:\\minicon.exe")
    with pytest.raises(ShellError, match="cannot be part of"):
        autorun_after(None, 'C:\\a"b\\shell\\hook.bat')


def test_init_writes_powershell_s_profile(tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "it's here")
    context = shell_context(shell_home.variables(), home=str(shell_home.home), cwd="/")
    apply_changes(plan_init(["powershell"], context=context, executable="/x/minicon"))
    hook = str(shell_home.root / "shell" / "hook.ps1").replace("'", "''")
    profile = (shell_home.home / ".config" / "powershell" / "profile.ps1").read_text()
    assert f"If (Test-Path '{hook}') {{ . '{hook}' }}" in profile.splitlines()
    text = (shell_home.root / "shell" / "hook.ps1").read_text()
    assert text.startswith("$Env:MINICON_EXE = '/x/minicon'\n")
    for opening, closing in ("{}", "()", "[]"):
        assert text.count(opening) == text.count(closing)


def test_every_shell_has_a_hook_with_its_program(tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    for shell in ("bash", "zsh", "fish", "tcsh", "xonsh", "powershell", "cmd.exe", "nu"):
        assert str(shell_home.program) in shell_home.hook(shell).read_text()
