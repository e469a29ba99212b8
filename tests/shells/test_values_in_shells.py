"""Random names, values and prefixes through real shells: each arrives as it is, none is run.

Many values go through one shell, so that many examples cost few processes.
"""

from __future__ import annotations

import json
import os
import tempfile
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.shells import RUNNERS, ShellHome, shells

from minicon.shell.activation import ActivationChange
from minicon.shell.shells import get_shell

#: Texts that some shell gives a meaning to; `canary` is a file that must never appear.
NASTY = [
    "'", '"', "\\", "\\'", "''", "$HOME", "${HOME}", "$(touch canary)", "`touch canary`", "!!",
    "!touch", "a!b", "^a^b", "~", "~root", "*", "?", "[a-z]", "{a,b}", ";touch canary", "|cat",
    "&", "&&touch canary", "\ntouch canary\n", "a\nb", "\n", "\r\n", "\t", " lead", "trail ",
    "-n", "-e", "--", "%s", "%%", "%PATH%", "#x", "=(ls)", "<(ls)", "\x1b[31m", "\x7f", "\x01",
    "it's $HOME\\'", "';touch canary;'", "\";touch canary;\"", "\\\n", "a'b\\'c\\\\'d", "ünï",
    "\u202e", "日本", "\udcff", "\u2018quoted\u2019", "", "a" * 5000, "x=y", "$'\\n'",
    "\\x41", "(a b)",
]  # fmt: skip

VALUES = st.one_of(
    st.sampled_from(NASTY),
    st.lists(st.sampled_from(NASTY), min_size=2, max_size=4).map("".join),
    st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=30),
)
MODEST = settings(max_examples=6)


def batch(values: list[str]) -> dict[str, object]:
    return {f"V{number}": value for number, value in enumerate(values)}


@shells()
@pytest.mark.parametrize("texts", [True, False], ids=["text", "program"])
def test_special_values_are_preserved(shell: str, texts: bool, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    wanted = batch(NASTY)
    before = {name: str(value)[::-1] for name, value in wanted.items()}
    shell_home.environment("data", state=wanted, texts=texts)
    script = f"cd '{shell_home.home}'\ndump 0\nminicon activate data\ndump 1\n"
    done = shell_home.run(shell, script + "minicon deactivate\ndump 2\n", **before)
    assert (done.returncode, done.stderr) == (0, b"")
    inside = shell_home.dumped("1")
    assert {name: inside.get(name) for name in wanted} == wanted
    assert shell_home.dumped("2") == shell_home.dumped("0")
    assert shell_home.canaries() == []


@shells()
@MODEST
@given(values=st.lists(VALUES, min_size=20, max_size=60))
def test_random_values_are_preserved(shell: str, values: list[str]) -> None:
    with tempfile.TemporaryDirectory() as folder:
        shell_home = ShellHome(Path(folder) / "here")
        wanted = batch(values)
        shell_home.environment("data", state=wanted)
        script = f"cd '{shell_home.home}'\nminicon activate data\ndump 1\n"
        done = shell_home.run(shell, script + "minicon deactivate\ndump 2\n")
        assert (done.returncode, done.stderr) == (0, b"")
        inside, after = shell_home.dumped("1"), shell_home.dumped("2")
        assert {name: inside.get(name) for name in wanted} == wanted
        assert not wanted.keys() & after.keys()
        assert shell_home.canaries() == []


PREFIX_NAMES = [
    "plain", "a b", " lead", "trail ", "it's", 'say "x"', "$(touch canary)", "`touch canary`",
    "a$HOME", "a\\b", "a!b", "a;b", "a&b", "*", "?x", "[z]", "{a,b}", "ünï 日本", "-n", "--stack",
    "~x", "a\nb", "%n", "a%b", "(x)", "a#b", "'", "\udcff", "a\tb", "=x", "^x",
]  # fmt: skip


@shells("bash", "dash", "zsh", "fish")
@pytest.mark.parametrize("texts", [True, False], ids=["text", "program"])
def test_prefixes_of_any_name(shell: str, texts: bool, tmp_path: Path) -> None:
    """One shell goes through all of them, in and out."""
    shell_home = ShellHome(tmp_path / "here")
    suffix = "fish" if shell == "fish" else "sh"
    quote = get_shell(shell).quote
    lines, prefixes = [f"cd {quote(str(shell_home.home))}", "dump before"], []
    for number, name in enumerate(PREFIX_NAMES):
        prefix = shell_home.environment(
            "",
            path=shell_home.base / "envs" / name,
            state={"N": name},
            scripts={f"activate.d/a b.{suffix}": "dump script$N_NUMBER\n"},
            texts=texts,
        )
        prefixes.append(prefix)
        put = f"set -gx N_NUMBER {number}" if shell == "fish" else f"export N_NUMBER={number}"
        lines += [put, f"minicon activate {quote(str(prefix))}", f"dump {number}"]
        lines += ["minicon deactivate"]
    lines += ["set -e N_NUMBER" if shell == "fish" else "unset N_NUMBER", "dump after"]
    done = shell_home.run(shell, "\n".join(lines) + "\n")
    assert (done.returncode, done.stderr) == (0, b"")
    for number, prefix in enumerate(prefixes):
        inside = shell_home.dumped(str(number))
        assert inside["CONDA_PREFIX"] == str(prefix)
        assert inside["PATH"].startswith(f"{prefix}/bin:")
        assert inside["N"] == prefix.name
        assert shell_home.dumped(f"script{number}") == inside
    assert shell_home.dumped("after") == shell_home.dumped("before")
    assert shell_home.canaries() == []


@shells("bash", "zsh")
def test_no_name_of_an_environment_runs_in_the_prompt(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    names = ["$(touch canary)", "`touch canary`", "%(?.a.b)", "\\$(touch canary)", "a!1", "a\x1bb"]
    show = {"bash": 'x="${PS1@P}"', "zsh": "setopt promptsubst promptbang; x=${(%%)PS1}"}[shell]
    lines = [f"cd '{shell_home.home}'", "PS1='> '"]
    for name in names:
        prefix = shell_home.environment("", path=shell_home.base / "envs" / name)
        lines += [f"minicon activate {get_shell(shell).quote(str(prefix))}", show]
        lines += ['printf "%s\\n" "$x"', "minicon deactivate"]
    done = shell_home.run(shell, "\n".join(lines) + "\n")
    assert (done.returncode, done.stderr) == (0, b"")
    assert shell_home.canaries() == []
    assert done.stdout.decode().splitlines() == [
        "(?(touch canary)) > ",
        "(?touch canary?) > ",
        "(?(?.a.b)) > ",
        "(??(touch canary)) > ",
        "(a?1) > ",
        "(a?b) > ",
    ]


@shells()
@MODEST
@given(values=st.lists(VALUES, min_size=20, max_size=40))
def test_each_shell_reads_back_what_was_quoted(shell: str, values: list[str]) -> None:
    """The quoting functions alone, without hooks: `shell.X activate` may be evaluated anywhere."""
    import subprocess

    with tempfile.TemporaryDirectory() as folder:
        wanted = {name: str(value) for name, value in batch(values).items()}
        text = get_shell(shell).render(ActivationChange(export=wanted))
        script = Path(folder) / "script"
        script.write_bytes((text + "\nenv -0\n").encode("utf-8", "surrogateescape"))
        done = subprocess.run(
            [*RUNNERS[shell], str(script)],
            env={"PATH": os.environ["PATH"], "LC_ALL": "C.UTF-8"},
            cwd=folder,
            capture_output=True,
            check=True,
        )
        pairs = (each.partition(b"=") for each in done.stdout.split(b"\0") if each)
        found = {os.fsdecode(k): os.fsdecode(v) for k, _, v in pairs}
        assert {name: found.get(name) for name in wanted} == wanted
        assert os.listdir(folder) == ["script"]


@shells("bash", "dash", "zsh", "fish", "tcsh")
def test_reserved_variables_are_refused(shell: str, tmp_path: Path) -> None:
    shell_home = ShellHome(tmp_path / "here")
    forbidden = dict.fromkeys(
        ["PATH", "path", "IFS", "UID", "PROMPT_COMMAND", "CONDA_SHLVL", "_MINICON_X"], "canary"
    )
    names = {
        "a b": "x",
        "a;touch canary": "x",
        "1A": "x",
        "": "x",
        "Ä": "x",
        "a=b": "x",
        "x\n": "x",
    }
    nothing = {"N": None, "L": ["x"], "D": {}, "Z": "a\0b", "S": "\ud800", "U": "***unset***"}
    package = {"LD_PRELOAD": "/x.so", "LD_LIBRARY_PATH": "/x", "BASH_ENV": "/x", "GOOD": "yes"}
    own = {"LD_LIBRARY_PATH": "/mine", "NUMBER": 3}
    shell_home.environment(
        "data", state={**forbidden, **names, **nothing, **own}, packages={"p.json": package}
    )
    done = shell_home.run(shell, "dump 0\nminicon activate data\ndump 1\n")
    assert (done.returncode, done.stderr) == (0, b"")
    new = {k: v for k, v in shell_home.dumped("1").items() if shell_home.dumped("0").get(k) != v}
    plain = {k: v for k, v in new.items() if not k.startswith(("CONDA_", "_MINICON_", "__CONDA"))}
    assert plain.pop("PATH").startswith(str(shell_home.root))
    assert plain == {"LD_LIBRARY_PATH": "/mine", "NUMBER": "3", "GOOD": "yes"}
    assert json.dumps("canary") not in json.dumps(new)
