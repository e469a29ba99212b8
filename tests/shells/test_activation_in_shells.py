"""Activation in real shells: earlier values are restored, and no process is started."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.support.shells import POSIX, ShellHome, have, shells

from minicon.shell.activation_files import write_activation_files
from minicon.shell.commands import hook_text, shell_context
from minicon.shell.environment_facts import read_facts
from minicon.shell.shells import get_shell

STRICT = {"bash": "-eu", "dash": "-eu", "zsh": "-eu"}


@pytest.fixture
def shell_home(tmp_path: Path) -> ShellHome:
    return ShellHome(tmp_path / "here")


def without_state(environ: dict[str, str]) -> dict[str, str]:
    return {k: v for k, v in environ.items() if not k.startswith(("CONDA_", "__CONDA", "_MINICON"))}


@shells()
def test_activate_sets_and_deactivate_restores_exactly(shell_home: ShellHome, shell: str) -> None:
    prefix = shell_home.environment("data", state={"NEW": "n", "OLD": "in data"})
    done = shell_home.run(
        shell,
        "dump before\nminicon activate data\ndump inside\nminicon deactivate\ndump after\n",
        OLD="before",
    )
    assert done.returncode == 0, done.stderr
    assert done.stderr == b""
    inside, before = shell_home.dumped("inside"), shell_home.dumped("before")
    assert inside["PATH"] == f"{prefix}/bin:{before['PATH']}"
    assert inside["CONDA_PREFIX"] == str(prefix)
    assert inside["CONDA_DEFAULT_ENV"] == "data"
    assert inside["CONDA_SHLVL"] == "1"
    assert inside["CONDA_PROMPT_MODIFIER"] == "(data) "
    assert (inside["NEW"], inside["OLD"]) == ("n", "in data")
    assert shell_home.dumped("after") == before
    if shell != "tcsh":  # csh has no functions: the program runs
        assert shell_home.program_calls() == []


@shells()
def test_nested_environments_come_back_one_by_one(shell_home: ShellHome, shell: str) -> None:
    one = shell_home.environment("one", state={"SHARED": "1", "ONLY_ONE": "x"})
    two = shell_home.environment("two", state={"SHARED": "2", "ONLY_TWO": "y"})
    three = shell_home.environment("three", state={"SHARED": "3"})
    done = shell_home.run(
        shell,
        """
        dump 0
        minicon activate one
        dump 1
        minicon activate two
        dump 2
        minicon activate --stack three
        dump 3
        minicon deactivate
        dump 2again
        minicon deactivate
        dump 1again
        minicon deactivate
        dump 0again
        minicon deactivate
        dump still
        """,
        SHARED="0",
    )
    assert (done.returncode, done.stderr) == (0, b"")
    base = shell_home.dumped("0")
    assert shell_home.dumped("1")["PATH"] == f"{one}/bin:{base['PATH']}"
    second = shell_home.dumped("2")
    assert second["PATH"] == f"{two}/bin:{base['PATH']}"
    assert second["CONDA_PREFIX_1"] == str(one)
    assert second["SHARED"] == "2"
    assert "ONLY_ONE" not in second
    third = shell_home.dumped("3")
    assert third["PATH"] == f"{three}/bin:{two}/bin:{base['PATH']}"
    assert third["CONDA_STACKED_3"] == "true"
    assert (third["SHARED"], third["ONLY_TWO"]) == ("3", "y")
    assert shell_home.dumped("2again") == second
    assert shell_home.dumped("1again") == shell_home.dumped("1")
    assert shell_home.dumped("0again") == base
    assert shell_home.dumped("still") == base


@shells()
def test_the_program_and_the_shell_leave_the_same_environment(
    shell_home: ShellHome, shell: str, tmp_path: Path
) -> None:
    """Compare a home without activation files, where the program runs, with one that has them."""
    dumps = []
    for texts in (True, False):
        home = ShellHome(tmp_path / "asks" / "here", {"OLD": "o"})
        for name in ("one", "two"):
            home.environment(name, state={"OLD": name, name.upper(): "v"}, texts=texts)
            if not texts:  # they cannot be written: the program runs every time
                (home.root / "envs" / name / "conda-meta" / "minicon").write_text("in the way")
        script = "minicon activate one\ndump 1\nminicon activate --stack two\ndump 2\n"
        script += "minicon deactivate\ndump 3\nminicon deactivate\ndump 4\n"
        assert home.run(shell, script).returncode == 0
        assert bool(home.program_calls()) == (not texts or shell == "tcsh")
        dumps.append([home.dumped(str(n)) for n in (1, 2, 3, 4)])
        (tmp_path / "asks").rename(tmp_path / f"was-{texts}")
    assert dumps[0] == dumps[1]


@shells()
def test_scripts_run_in_order_in_the_activated_environment(
    shell_home: ShellHome, shell: str
) -> None:
    suffix = {"fish": "fish", "tcsh": "csh"}.get(shell, "sh")
    say = 'echo {0} "$CONDA_DEFAULT_ENV"\n'
    scripts = {
        f"{phase}.d/{name}.{suffix}": say.format(f"{phase}-{name}")
        for phase in ("activate", "deactivate")
        for name in ("a-x", "a_x", "~last", "B")
    } | {"activate.d/other.wrong": "exit 9\n"}
    shell_home.environment("data", scripts=scripts)
    done = shell_home.run(shell, "minicon activate data\nminicon deactivate\n")
    assert done.stderr == b""
    expected = ["B", "a-x", "a_x", "~last"]  # as Python sorts, in every locale
    assert done.stdout.decode().split("\n")[:-1] == [
        *(f"activate-{n} data" for n in expected),
        *(f"deactivate-{n} data" for n in reversed(expected)),
    ]


@shells(*POSIX)
def test_strict_shells_survive(shell_home: ShellHome, shell: str) -> None:
    scripts = {
        "activate.d/a.sh": "false\necho $NOWHERE sees $#\nset -eu\n",
        "deactivate.d/a.sh": "unset NOTHING; return 3\n",
    }
    shell_home.environment("data", scripts=scripts)
    shell_home.environment("slow", scripts=scripts, texts=False)
    script = "minicon activate data; minicon activate slow; minicon deactivate; echo on $-\n"
    done = shell_home.run(shell, script, STRICT[shell])
    assert done.returncode == 0, done.stderr
    assert b"sees 0" in done.stdout
    flags = done.stdout.decode().splitlines()[-1].removeprefix("on ")
    assert {"e", "u"} <= set(flags)
    loose = shell_home.run(shell, "minicon activate data; false; echo on $-\n")
    assert not {"e", "u"} & set(loose.stdout.decode().splitlines()[-1].removeprefix("on "))


@pytest.mark.parametrize(
    ("shell", "options"),
    [
        ("bash", ["-f"]),
        ("bash", ["-O", "failglob", "-O", "nullglob", "-O", "dotglob"]),
        ("bash", ["--posix"]),
        ("zsh", ["-o", "ksharrays", "-o", "shwordsplit", "-o", "warncreateglobal"]),
        ("zsh", ["-o", "noglob", "-o", "globsubst", "-o", "nullglob", "-o", "cshjunkiequotes"]),
        ("zsh", ["-o", "kshglob", "-o", "shfileexpansion", "-o", "allexport"]),
        ("zsh", ["-o", "posixbuiltins", "-o", "noposixargzero", "-o", "extendedglob"]),
        ("dash", ["-f"]),
    ],
    ids=lambda v: v if isinstance(v, str) else " ".join(v),
)
def test_options_of_the_user_make_no_difference(
    shell_home: ShellHome, shell: str, options: list[str]
) -> None:
    if not have(shell):
        pytest.skip(f"no {shell}")
    prefix = shell_home.environment("a b", state={"STAR": "* ? [a] ~ $HOME"})
    script = "dump 0\nminicon activate 'a b'\ndump 1\nminicon deactivate\ndump 2\n"
    done = shell_home.run(shell, script, *options)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.dumped("1")["STAR"] == "* ? [a] ~ $HOME"
    assert shell_home.dumped("1")["CONDA_PREFIX"] == str(prefix)
    assert shell_home.dumped("2") == shell_home.dumped("0")


@shells()
def test_paths_name_environments_too(shell_home: ShellHome, shell: str, tmp_path: Path) -> None:
    prefix = shell_home.environment("", path=tmp_path / "some where" / "env")
    for text in (f"{prefix}", f"{prefix}/", "./env", "../some where//env/.", "./x/../env"):
        script = f"cd '{prefix.parent}'\nminicon activate '{text}'\ndump 1\n"
        done = shell_home.run(shell, script)
        assert (done.returncode, done.stderr) == (0, b""), text
        assert shell_home.dumped("1")["CONDA_PREFIX"] == str(prefix)
        assert shell_home.dumped("1")["CONDA_DEFAULT_ENV"] == str(prefix)


@shells()
def test_an_unknown_name_is_a_clear_error_and_changes_nothing(
    shell_home: ShellHome, shell: str
) -> None:
    shell_home.environment("data")
    status = "$status" if shell in ("fish", "tcsh") else "$?"
    script = f"dump 0\nminicon activate dta\necho rc={status}\ndump 1\n"
    done = shell_home.run(shell, script)
    assert b"rc=1" in done.stdout
    assert b"no environment named 'dta'" in done.stderr
    assert b"did you mean 'data'?" in done.stderr
    assert shell_home.dumped("0") == shell_home.dumped("1")


@shells("bash", "dash", "zsh", "fish")
def test_other_commands_reach_the_program_and_changes_are_seen(
    shell_home: ShellHome, shell: str
) -> None:
    prefix = shell_home.environment("data", state={"V": "1"})
    rewrite = 'printf \'%s\' \'{"env_vars": {"V": "2"}}\' > ' + f"{prefix}/conda-meta/state"
    status = "$status" if shell == "fish" else "$?"
    script = f"""
        minicon list -n data 'two words'
        minicon activate data
        {rewrite}
        minicon install x
        dump 1
        minicon deactivate
        dump 2
    """
    done = shell_home.run(shell, script)
    assert done.stdout == b"program: list -n data two words\nprogram: install x\n"
    assert shell_home.dumped("1")["V"] == "2"
    assert "V" not in shell_home.dumped("2")
    failed = shell_home.run(shell, f"minicon remove x\necho {status}\n", PROGRAM_EXIT="7")
    assert failed.stdout.decode().split() == ["program:", "remove", "x", "7"]


@shells("bash", "dash", "zsh", "fish")
def test_an_outdated_activation_file_is_not_used(shell_home: ShellHome, shell: str) -> None:
    suffix = "fish" if shell == "fish" else "sh"
    prefix = shell_home.environment("data", scripts={f"activate.d/a.{suffix}": "echo a\n"})
    (prefix / "etc/conda/activate.d" / f"b.{suffix}").write_text("echo b\n")
    done = shell_home.run(shell, "minicon activate data\n")
    assert done.stdout == b"a\nb\n"
    assert len(shell_home.program_calls()) == 1
    again = shell_home.run(shell, "minicon activate data\n")  # the program rewrote it
    assert again.stdout == b"a\nb\n"
    assert len(shell_home.program_calls()) == 1


@shells("bash", "dash", "zsh", "fish")
@pytest.mark.parametrize("gone", ["conda-meta/state", "etc/conda/env_vars.d"])
def test_variables_of_a_removed_file_are_unset(
    shell_home: ShellHome, shell: str, gone: str
) -> None:
    prefix = shell_home.environment(
        "data", state={"OWN": "1"}, packages={"p.json": {"PACKAGE": "1"}}
    )
    (prefix / gone).rename(prefix / "away")
    assert shell_home.run(shell, "minicon activate data\ndump 1\n").returncode == 0
    seen = {"OWN", "PACKAGE"} & set(shell_home.dumped("1"))
    assert seen == ({"PACKAGE"} if gone.endswith("state") else {"OWN"})
    assert len(shell_home.program_calls()) == 1


def test_later_changes_are_newer_than_the_activation_file(shell_home: ShellHome) -> None:
    """Many times, since a clock that goes in steps would show it only now and then."""
    prefix = shell_home.environment("data", state={"V": "0"})
    text = prefix / "conda-meta/minicon/activation.sh"
    state = prefix / "conda-meta/state"
    for number in range(1, 40):
        state.write_text(json.dumps({"env_vars": {"V": str(number)}}))
        assert state.stat().st_mtime_ns > text.stat().st_mtime_ns
        assert read_facts(str(prefix)).variables == {"V": str(number)}
        write_activation_files(prefix)
        assert state.stat().st_mtime_ns <= text.stat().st_mtime_ns
        assert read_facts(str(prefix)).variables == {"V": str(number)}


def test_an_input_from_the_future_makes_the_file_outdated(shell_home: ShellHome) -> None:
    prefix = shell_home.environment("data", state={"V": "0"})
    os.utime(prefix / "conda-meta/state", (4e9, 4e9))
    write_activation_files(prefix)
    for _ in range(2):
        assert shell_home.run("bash", "minicon activate data\ndump 1\n").stderr == b""
        assert shell_home.dumped("1")["V"] == "0"
    assert len(shell_home.program_calls()) == 2


@shells("bash", "dash", "zsh", "fish")
def test_changed_settings_are_seen(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data")
    other = shell_home.environment("", path=shell_home.base / "elsewhere" / "data")
    script = "minicon activate data\ndump 1\nminicon deactivate\ndump 2\n"
    done = shell_home.run(shell, script, MINICON_ENVS_DIRS=str(other.parent))
    assert done.returncode == 0
    assert shell_home.dumped("1")["CONDA_PREFIX"] == str(other)
    assert "CONDA_PREFIX" not in shell_home.dumped("2")


@shells("bash", "dash", "zsh", "fish")
def test_path_changes_of_the_session_survive(shell_home: ShellHome, shell: str) -> None:
    prefix = shell_home.environment("data")
    put = "set -gx PATH /mine $PATH" if shell == "fish" else "PATH=/mine:$PATH"
    other = shell_home.environment("other")
    script = f"minicon activate data\n{put}\nminicon activate other\ndump 1\n"
    script += "minicon deactivate\nminicon deactivate\ndump 2\n"
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stderr) == (0, b"")
    path = shell_home.variables()["PATH"]
    assert shell_home.dumped("1")["PATH"] == f"/mine:{other}/bin:{path}"
    assert shell_home.dumped("2")["PATH"] == f"/mine:{path}"
    assert str(prefix) not in shell_home.dumped("2")["PATH"]


@shells("bash", "dash", "zsh", "fish")
def test_a_removed_environment_can_be_deactivated(shell_home: ShellHome, shell: str) -> None:
    prefix = shell_home.environment("data", state={"V": "1"})
    script = f"dump 0\nminicon activate data\nmv '{prefix}' '{prefix}.gone'\n"
    script += "minicon deactivate\ndump 1\n"
    done = shell_home.run(shell, script, V="0")
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.dumped("0") == shell_home.dumped("1")


@shells(*POSIX)
def test_an_environment_activated_by_conda_can_be_deactivated(
    shell_home: ShellHome, shell: str
) -> None:
    """conda does not record names of variables; the files of the environment list them."""
    prefix = shell_home.environment("data", state={"V": "1"})
    script = f"""
        export CONDA_PREFIX='{prefix}' CONDA_SHLVL=1 CONDA_DEFAULT_ENV=data
        export CONDA_PROMPT_MODIFIER='(data) ' V=1 __CONDA_SHLVL_0_V=0 PATH='{prefix}'/bin:"$PATH"
        minicon deactivate
        dump 1
    """
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.dumped("1")["V"] == "0"
    assert shell_home.dumped("1")["PATH"] == shell_home.variables()["PATH"]
    assert "CONDA_PREFIX" not in shell_home.dumped("1")


@shells(*POSIX)
@pytest.mark.parametrize("level", ["", "x", "-1", "08", "1;touch canary", "999999999999", "0"])
def test_an_invalid_level_counts_as_0(shell_home: ShellHome, shell: str, level: str) -> None:
    shell_home.environment("data")
    script = 'cd "$HOME"\ndump 0\nminicon activate data\ndump 1\nminicon deactivate\ndump 2\n'
    done = shell_home.run(shell, script, CONDA_SHLVL=level)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.dumped("1")["CONDA_SHLVL"] == "1"
    assert shell_home.dumped("2") == shell_home.dumped("0")
    assert shell_home.canaries() == []


@shells(*POSIX)
def test_the_prompt_shows_the_environment_and_comes_back(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("one")
    shell_home.environment("two")
    script = """
        PS1='[\\u] $ '
        minicon activate one; printf '%s\\n' "$PS1"
        minicon activate two; printf '%s\\n' "$PS1"
        minicon deactivate; printf '%s\\n' "$PS1"
        minicon deactivate; printf '%s\\n' "$PS1"
        PS1='x POWERLINE_COMMAND'; minicon activate one; printf '%s\\n' "$PS1"
    """
    done = shell_home.run(shell, script)
    assert done.stdout.decode().splitlines() == [
        "(one) [\\u] $ ",
        "(two) [\\u] $ ",
        "(one) [\\u] $ ",
        "[\\u] $ ",
        "x POWERLINE_COMMAND",
    ]


@shells("bash", "dash", "zsh", "fish")
def test_prompt_templates(shell_home: ShellHome, shell: str) -> None:
    one, _ = shell_home.environment("one"), shell_home.environment("two")
    template = "<it's {default_env}|{name}|{prefix}|{stacked_env}> "
    shell_home.extra["MINICON_ENV_PROMPT"] = template
    script = (
        "minicon activate one\nminicon activate --stack two\ndump 1\nminicon deactivate\ndump 2\n"
    )
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stderr, shell_home.program_calls()) == (0, b"", [])
    two = shell_home.root / "envs" / "two"
    assert shell_home.dumped("1")["CONDA_PROMPT_MODIFIER"] == f"<it's two|two|{two}|two,one> "
    assert shell_home.dumped("2")["CONDA_PROMPT_MODIFIER"] == f"<it's one|one|{one}|one> "


@shells("bash", "dash", "zsh", "fish")
def test_implicit_stacking_and_the_default_environment(shell_home: ShellHome, shell: str) -> None:
    one, two = shell_home.environment("one"), shell_home.environment("two")
    shell_home.extra |= {"MINICON_AUTO_STACK": "1", "MINICON_DEFAULT_ACTIVATION_ENV": "one"}
    done = shell_home.run(shell, "minicon activate\nminicon activate two\ndump 1\n")
    assert (done.returncode, done.stderr, shell_home.program_calls()) == (0, b"", [])
    assert shell_home.dumped("1")["PATH"].startswith(f"{two}/bin:{one}/bin:")


@shells(*POSIX)
def test_every_temporary_name_is_forgotten(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data", state={"A": "b"})
    script = "minicon activate data; minicon deactivate; minicon activate nope; set\n"
    done = shell_home.run(shell, script)
    assert not [line for line in done.stdout.split(b"\n") if line.startswith(b"__mc_")]


@shells(*POSIX)
def test_what_was_not_exported_is_not_exported_afterwards(
    shell_home: ShellHome, shell: str
) -> None:
    shell_home.environment("one", state={"OLD": "1", "SHOWN": "1"})
    shell_home.environment("two", state={"OLD": "2"})
    script = """
        OLD="it's mine"; SHOWN=yes; export SHOWN
        minicon activate one; dump 1
        minicon activate two; dump 2
        minicon deactivate; minicon deactivate; dump 3
        echo "$OLD"
    """
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stderr, shell_home.program_calls()) == (0, b"", [])
    assert (shell_home.dumped("1")["OLD"], shell_home.dumped("2")["OLD"]) == ("1", "2")
    assert "OLD" not in shell_home.dumped("3")
    assert shell_home.dumped("3")["SHOWN"] == "yes"
    assert done.stdout == b"it's mine\n"


@shells()
def test_help_is_printed_by_the_program(shell_home: ShellHome, shell: str) -> None:
    done = shell_home.run(shell, "minicon activate --help\nminicon deactivate -h\n")
    assert done.returncode == 0
    assert [line.partition(" -")[0] for line in shell_home.program_calls()] == [
        "activate",
        "deactivate",
    ]


@shells()
def test_the_hook_is_a_success(shell_home: ShellHome, shell: str) -> None:
    source = "." if shell in POSIX else "source"
    status = "$status" if shell in ("fish", "tcsh") else "$?"
    done = shell_home.run(shell, f"{source} {shell_home.hook(shell)}\necho {status}\n")
    assert (done.stdout, done.stderr) == (b"0\n", b"")


@shells(*POSIX)
def test_the_hook_can_be_evaluated_as_a_whole(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data", state={"V": "1"})
    context = shell_context(shell_home.variables(), home=str(shell_home.home), cwd="/")
    text = hook_text(shell, str(shell_home.program), context=context)
    script = f"unset -f minicon; __minicon_have=''; eval {get_shell(shell).quote(text)}\n"
    script += "dump 0\nminicon activate data\ndump 1\nminicon deactivate\ndump 2\n"
    done = shell_home.run(shell, script, PS1="$ ")
    assert (done.returncode, done.stderr, shell_home.program_calls()) == (0, b"", [])
    assert shell_home.dumped("1")["V"] == "1"
    assert shell_home.dumped("2") == shell_home.dumped("0")


@shells(*POSIX)
def test_files_of_the_hook_may_change_or_vanish_under_a_running_shell(
    shell_home: ShellHome, shell: str
) -> None:
    shell_home.environment("data", state={"V": "1"})
    away = f"rm {shell_home.base}/activate.sh {shell_home.base}/change.sh\n"
    end = "minicon activate data\ndump 1\nminicon deactivate\ndump 2\n"
    done = shell_home.run(shell, away + end)
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.program_calls() == ["shell.posix hook"]
    assert shell_home.dumped("1")["V"] == "1"
    update = "__minicon_made=older\nminicon() { echo older; }\n"
    older = update + "__minicon_read activate.sh\n" + end
    done = shell_home.run(shell, older)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert "V" not in shell_home.dumped("2")


@shells("bash", "zsh")
def test_aliases_do_not_reach_into_the_hook(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data", state={"V": "1"})
    aliases = '[ -z "${BASH_VERSION-}" ] || shopt -s expand_aliases\n'
    aliases += "".join(f"alias {n}='echo alias'\n" for n in ("unset", "export", "eval", "set"))
    script = aliases + "minicon activate data\n\\unalias unset export eval set\ndump 1\n"
    done = shell_home.run(shell, script)
    assert (done.returncode, done.stdout, done.stderr) == (0, b"", b"")
    assert shell_home.dumped("1")["V"] == "1"
