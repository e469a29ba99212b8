"""`run` becomes the command: exit code, input, signals and variables are the command's own."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.shells import SOURCE, ShellHome

from minicon.errors import NotAnEnvironment, ShellError
from minicon.shell.activation import ActivationOptions
from minicon.shell.run import PreparedCommand, execute, find_program, prepare_command, run

START = """
import sys
sys.path.insert(0, {source!r})
from minicon.errors import MiniconError
from minicon.shell.run import run_in_environment, run_shell
try:
    {call}
except MiniconError as error:
    sys.stderr.write(error.message)
    sys.exit(error.exit_code)
"""


@pytest.fixture
def shell_home(tmp_path: Path) -> ShellHome:
    return ShellHome(tmp_path / "here")


def started(
    shell_home: ShellHome, call: str, *, stdin: bytes = b"", **environ: str
) -> subprocess.CompletedProcess[bytes]:
    return subprocess.run(
        [sys.executable, "-IS", "-c", START.format(source=str(SOURCE), call=call)],
        input=stdin,
        capture_output=True,
        env={**shell_home.variables(), **environ},
        check=False,
    )


def tool(prefix: Path, name: str, text: str) -> None:
    (prefix / "bin" / name).write_text(text)
    (prefix / "bin" / name).chmod(0o755)


SCRIPTS = [{}, {"activate.d/a.sh": 'export FROM_SCRIPT="it\'s $CONDA_PREFIX"\nset -e\n'}]


@pytest.mark.parametrize("scripts", SCRIPTS, ids=["direct", "scripts"])
def test_the_process_is_replaced(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    prefix = shell_home.environment("data", state={"V": "a b'c\n"}, scripts=scripts)
    tool(prefix, "say", '#!/bin/sh\nread line\necho "$line|$V|$FROM_SCRIPT|$1|$2|$PPID"\nexit 7\n')
    done = started(
        shell_home,
        f"run_in_environment({str(prefix)!r}, ['say', \"it's\", '*'])",
        stdin=b"in put\n",
    )
    extra = f"it's {prefix}" if scripts else ""
    assert done.stdout.decode() == f"in put|a b'c\n|{extra}|it's|*|{os.getpid()}\n"
    assert (done.returncode, done.stderr) == (7, b"")


@pytest.mark.parametrize("scripts", SCRIPTS, ids=["direct", "scripts"])
def test_signals_are_the_command_s_own(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    prefix = shell_home.environment("data", scripts=scripts)
    done = started(
        shell_home, f"run_in_environment({str(prefix)!r}, ['sh', '-c', 'kill -TERM $$'])"
    )
    assert done.returncode == -signal.SIGTERM


@pytest.mark.parametrize("scripts", SCRIPTS, ids=["direct", "scripts"])
def test_a_missing_command_is_127(shell_home: ShellHome, scripts: dict[str, str]) -> None:
    prefix = shell_home.environment("data", scripts=scripts)
    done = started(shell_home, f"run_in_environment({str(prefix)!r}, ['no such'])")
    assert done.returncode == 127
    assert b"no such: command not found in the environment" in done.stderr
    assert b"Traceback" not in done.stderr


def test_what_cannot_be_executed_is_126(shell_home: ShellHome) -> None:
    prefix = shell_home.environment("data")
    tool(prefix, "bad", "\x7fnot a program")
    done = started(shell_home, f"run_in_environment({str(prefix)!r}, ['bad'])")
    assert done.returncode == 126
    assert b"cannot execute" in done.stderr
    folder = started(shell_home, f"run_in_environment({str(prefix)!r}, ['sh'], cwd='/no/where')")
    assert folder.returncode == 1
    assert b"cannot run in /no/where" in folder.stderr


def test_run_changes_directory_and_writes_nothing(shell_home: ShellHome) -> None:
    prefix = shell_home.environment("data", texts=False)
    before = sorted(prefix.rglob("*"))
    done = started(
        shell_home, f"run_in_environment({str(prefix)!r}, ['pwd'], cwd={str(shell_home.home)!r})"
    )
    assert done.stdout.decode().strip() == str(shell_home.home)
    assert sorted(prefix.rglob("*")) == before


def test_from_inside_another_environment(shell_home: ShellHome) -> None:
    one = shell_home.environment("one", state={"ONE": "1"})
    two = shell_home.environment("two")
    call = f"run_in_environment({str(two)!r}, ['sh', '-c', 'echo $PATH; echo $ONE $CONDA_PREFIX'])"
    done = started(
        shell_home,
        call,
        PATH=f"{one}/bin:/usr/bin:/bin",
        CONDA_PREFIX=str(one),
        CONDA_SHLVL="1",
        ONE="1",
        _MINICON_NAMES_1="ONE ",
    )
    assert done.stdout.decode() == f"{two}/bin:/usr/bin:/bin\n{two}\n"


@pytest.mark.parametrize("login_shell", ["{bin}/fish", "/bin/bash"])
def test_a_subshell(shell_home: ShellHome, tmp_path: Path, login_shell: str) -> None:
    """It is the shell that runs, here a fish, whatever the user's login shell is."""
    prefix = shell_home.environment("data", state={"V": "1"})
    tool(prefix, "fish", '#!/bin/sh\necho "$0 $1 $V $CONDA_DEFAULT_ENV"\nexit 3\n')
    folder = f"{prefix}/bin"
    (tmp_path / "fish").symlink_to("/bin/sh")
    call = START.format(source=str(SOURCE), call=f"run_shell({str(prefix)!r})")
    words = [sys.executable, "-IS", "-c", call]
    done = subprocess.run(
        [tmp_path / "fish", "-c", '"$@"; exit $?', "fish", *words],
        stdout=subprocess.PIPE,
        env={
            **shell_home.variables(),
            "PATH": f"{folder}:/usr/bin:/bin",
            "SHELL": login_shell.format(bin=folder),
        },
        check=False,
    )
    assert done.stdout.decode() == f"{folder}/fish -i 1 data\n"
    assert done.returncode == 3


def test_run_returns_to_python(shell_home: ShellHome, capfd: pytest.CaptureFixture[str]) -> None:
    prefix = shell_home.environment("data")
    environ = shell_home.variables()
    assert run("data", ["sh", "-c", "echo $CONDA_PREFIX; exit 4"], environ=environ) == 4
    assert capfd.readouterr().out == f"{prefix}\n"
    assert run(prefix, ["true"], environ=environ) == 0
    with pytest.raises(NotAnEnvironment):
        run("nope", ["true"], environ=environ)


def test_errors_name_invalid_input(shell_home: ShellHome) -> None:
    options = ActivationOptions(str(shell_home.root))
    with pytest.raises(NotAnEnvironment):
        prepare_command(shell_home.home, ["true"], environ={}, options=options)
    prefix = shell_home.environment("data")
    with pytest.raises(ShellError) as caught:
        prepare_command(prefix, ["nope"], environ={"PATH": ""}, options=options)
    assert caught.value.exit_code == 127
    assert ShellError.exit_code == 1


def test_programs_are_found_as_a_shell_would(tmp_path: Path) -> None:
    first, second = tmp_path / "1", tmp_path / "2"
    for folder in (first, second):
        folder.mkdir()
        (folder / "x").touch()
    (second / "x").chmod(0o755)
    environ = {"PATH": f"{first}:{second}"}
    assert find_program("x", environ) == str(second / "x")
    assert find_program(str(first / "x"), environ) == str(first / "x")
    assert find_program("y", environ) is None


@pytest.mark.parametrize(
    ("words", "expected"),
    [
        (["-n", "data", "sh", "-c", "echo $CONDA_PREFIX; exit 5"], 5),
        (["--no-capture-output", "-p", "{prefix}", "--", "sh", "-c", "exit 6"], 6),
        (["--cwd", "/", "-p", "{prefix}", "sh", "-c", 'exit "$(pwd | wc -c)"'], 2),
        (["-n", "data", "no-such-command"], None),
        (["-n", "nope", "true"], None),
        (["-n", "data"], None),
        (["-n", "data", "-v", "true"], None),
        (["-n", "data", "-p", "x", "true"], None),
        (["true"], None),
        ([], None),
    ],
)
def test_plain_command_lines_need_no_parser(
    shell_home: ShellHome, words: list[str], expected: int | None
) -> None:
    prefix = shell_home.environment("data")
    words = [word.format(prefix=prefix) if "{prefix}" in word else word for word in words]
    call = "import os; from minicon.cli.fast_path import answer; "
    call += f"print('answer', answer(['run', *{words!r}], os.environ))"
    done = started(shell_home, call)
    if expected is None:
        assert (done.returncode, done.stdout) == (0, b"answer None\n")
    else:
        assert done.returncode == expected
        assert b"answer" not in done.stdout


def test_the_fast_path_imports_little(shell_home: ShellHome) -> None:
    prefix = shell_home.environment("data", state={"V": "1"})
    (shell_home.home / ".condarc").write_text("channels: [x\n")
    code = (
        f"import sys; sys.path.insert(0, {str(SOURCE)!r}); import os\n"
        "import minicon.shell.run as r\n"
        "r.execute = lambda prepared, cwd=None: print(prepared.environ['V'], *sys.modules)\n"
        "from minicon.cli.fast_path import answer\n"
        f"answer(['run', '-p', {str(prefix)!r}, 'true'], os.environ)\n"
    )
    done = subprocess.run(
        [sys.executable, "-ISc", code],
        env=shell_home.variables(),
        capture_output=True,
        text=True,
        check=True,
    )
    value, *modules = done.stdout.split()
    heavy = {"json", "re", "yaml", "argparse", "dataclasses", "typing", "pathlib", "collections"}
    assert value == "1"
    assert not heavy & set(modules)


@pytest.mark.skipif(os.name != "posix", reason="other systems start a child process")
def test_a_program_that_cannot_be_executed_leaves_the_signals_as_they_were(tmp_path: Path) -> None:
    program = tmp_path / "broken"
    program.write_bytes(b"\x7fELF")
    program.chmod(0o755)
    before = signal.getsignal(signal.SIGPIPE)
    with pytest.raises(ShellError) as caught:
        execute(PreparedCommand(str(program), [str(program)], dict(os.environ)))
    assert caught.value.reference == "command-not-executable"
    assert signal.getsignal(signal.SIGPIPE) == before == signal.SIG_IGN
