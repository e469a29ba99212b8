"""`minicon init`: start files are changed between two markers, and back, byte for byte."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.shells import RUNNERS, ShellHome, shells

from minicon.cli.completion.scripts import SCRIPTS, script_facts
from minicon.errors import ShellError, UsageError
from minicon.shell.commands import ShellContext, shell_context
from minicon.shell.init import END, START, FileChange, apply_changes, plan_init, refresh_hooks


@pytest.fixture
def shell_home(tmp_path: Path) -> ShellHome:
    return ShellHome(tmp_path / "it's here")


def context(shell_home: ShellHome, **environ: str) -> ShellContext:
    return shell_context({**shell_home.variables(), **environ}, home=str(shell_home.home), cwd="/")


def init(shell_home: ShellHome, *names: str, **options: Any) -> list[FileChange]:
    changes = plan_init(
        names, context=context(shell_home), executable=str(shell_home.program), **options
    )
    apply_changes(changes)
    return changes


@shells("bash", "zsh", "fish", "tcsh")
def test_a_new_shell_has_the_function(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data")
    init(shell_home, shell)
    options = {"bash": ["-i"], "zsh": ["-i"], "fish": ["-i"], "tcsh": ["-i"]}[shell]
    done = subprocess.run(
        [RUNNERS[shell][0], *options, "-c", "minicon activate data; env"],
        env={**shell_home.variables(), "TERM": "dumb"},
        capture_output=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    assert f"CONDA_PREFIX={shell_home.root}/envs/data" in done.stdout.decode().splitlines(), done


def test_init_twice_changes_nothing_and_reverse_restores_the_file(shell_home: ShellHome) -> None:
    start = shell_home.home / ".bashrc"
    start.write_bytes(b"alias x=y\n# caf\xe9\n")
    os.chmod(start, 0o600)
    first = init(shell_home, "bash")
    assert [c.action for c in first] == ["created"] * 3 + ["modified"]
    assert start.stat().st_mode & 0o777 == 0o600
    assert START.encode() in start.read_bytes()
    assert "+# >>> minicon initialize >>>" in first[-1].diff()
    assert [c.action for c in init(shell_home, "bash")] == ["unchanged"] * 4
    assert [c.action for c in init(shell_home, "bash", reverse=True)] == ["modified"]
    assert start.read_bytes() == b"alias x=y\n# caf\xe9\n"
    assert [c.action for c in init(shell_home, "bash", reverse=True)] == ["unchanged"]


@given(st.text(st.sampled_from("ab \n\r#>é"), max_size=20))
def test_reverse_undoes_init_for_any_file(shell_home: ShellHome, text: str) -> None:
    start = shell_home.home / ".zshrc"
    start.write_text(text, newline="")
    init(shell_home, "zsh")
    init(shell_home, "zsh", reverse=True)
    with start.open(newline="") as reader:
        after = reader.read()
    assert after in (text, text + "\n")  # a last line without its end gets one


def test_the_block_is_updated_where_it_is(shell_home: ShellHome) -> None:
    start = shell_home.home / ".bashrc"
    start.write_text(f"before\n{START}\nold lines\n{END}\nafter\n{START}\nx\n{END}\nlast\n")
    init(shell_home, "bash")
    text = start.read_text()
    assert text.startswith(f"before\n{START}\n")
    assert text.endswith(f"{END}\nafter\nlast\n")
    assert text.count(START) == 1
    assert "old lines" not in text


@pytest.mark.parametrize("text", [f"{START}\n", f"x\n{END}\n", f"{END}\n{START}\n"])
def test_half_a_block_is_an_error(shell_home: ShellHome, text: str) -> None:
    start = shell_home.home / ".bashrc"
    start.write_text(text)
    with pytest.raises(ShellError) as caught:
        init(shell_home, "bash")
    assert caught.value.reference == "broken-start-file"
    assert start.read_text() == text


def test_programs_have_their_own_marks(shell_home: ShellHome) -> None:
    """``conda init`` replaces the block of another installation, ``minicon init`` keeps it."""
    start = shell_home.home / ".bashrc"
    foreign = "# >>> conda initialize >>>\nother\n# <<< conda initialize <<<\n"
    start.write_text(f"first\n{foreign}last\n")
    init(shell_home, "bash")
    assert foreign in start.read_text()
    init(shell_home, "bash", program="conda")
    text = start.read_text()
    assert "other" not in text
    assert START not in text
    assert text.startswith("first\n# >>> conda initialize >>>\n# !! ")
    init(shell_home, "bash", program="micromamba")
    assert "conda initialize" not in start.read_text()
    init(shell_home, "bash", reverse=True)
    assert start.read_text() == "first\nlast\n"


def test_the_block_of_mamba_follows_a_line_break(shell_home: ShellHome) -> None:
    """Its clients look for that."""
    init(shell_home, "bash", program="mamba")
    text = (shell_home.home / ".bashrc").read_text()
    assert text.startswith("\n# >>> mamba initialize >>>\n")


def test_a_symbolic_link_is_kept(shell_home: ShellHome) -> None:
    real = shell_home.base / "dotfiles" / "zshrc"
    real.parent.mkdir()
    real.write_text("mine\n")
    (shell_home.home / ".zshrc").symlink_to(real)
    init(shell_home, "zsh")
    assert (shell_home.home / ".zshrc").is_symlink()
    assert START in real.read_text()


@shells("bash", "zsh", "fish")
def test_completion_is_read_on_first_use(shell_home: ShellHome, shell: str) -> None:
    shell_home.environment("data two")
    script = SCRIPTS[shell](script_facts(str(shell_home.program), [shell_home.root / "envs"]))
    changes = plan_init(
        [shell],
        context=context(shell_home),
        executable=str(shell_home.program),
        completions={shell: script},
    )
    apply_changes(changes)
    ask = {
        "bash": "complete -p minicon; COMP_WORDS=(minicon create -n da); COMP_CWORD=3\n"
        "COMP_LINE='minicon create -n da' COMP_POINT=20\n"
        "declare -F _minicon; __minicon_completion; printf '%s\\n' \"${COMPREPLY[@]}\"",
        "zsh": "echo $_comps[minicon] $+functions[_minicon]\n"
        "compadd() { eval 'print -rl -- $'$2; }; words=(minicon create -n da); CURRENT=4\n"
        "__minicon_completion",
        "fish": "functions -q _minicon; complete -C 'minicon create -n da'",
    }[shell]
    if shell == "zsh":
        (shell_home.home / ".zshenv").write_text("autoload -U compinit; compinit -D\n")
    done = subprocess.run(
        [RUNNERS[shell][0], "-i", "-c", ask],
        env={**shell_home.variables(), "TERM": "dumb"},
        capture_output=True,
        text=True,
        check=False,
        stdin=subprocess.DEVNULL,
    )
    expected = {
        "bash": ["complete -F __minicon_completion minicon", "data\\ two"],
        "zsh": ["__minicon_completion 0", "data two"],
        "fish": ["data two"],
    }
    lines = [line.partition("\t")[0] for line in done.stdout.splitlines()]
    assert lines == expected[shell], done.stderr


def test_dry_run_is_planning_without_applying(shell_home: ShellHome) -> None:
    changes = plan_init(
        ["bash", "zsh", "fish", "tcsh", "xonsh", "nu", "powershell"],
        context=context(shell_home),
        executable="/x/minicon",
    )
    assert {c.shell for c in changes} >= {"bash", "zsh", "fish"}
    assert list(shell_home.home.iterdir()) == []
    paths = {Path(c.path).name for c in changes}
    assert {".bashrc", ".zshrc", "config.fish", ".cshrc", ".xonshrc", "config.nu"} <= paths


def test_a_shell_without_start_file_is_refused(shell_home: ShellHome) -> None:
    with pytest.raises(UsageError) as caught:
        plan_init(["dash"], context=context(shell_home), executable="/x")
    assert caught.value.reference == "no-start-file"


def test_hooks_are_brought_up_to_date(shell_home: ShellHome) -> None:
    init(shell_home, "bash")
    program = str(shell_home.program)
    assert refresh_hooks(context(shell_home), program) == []
    changed = refresh_hooks(context(shell_home, MINICON_ENV_PROMPT="<{name}> "), program)
    assert [Path(c.path).name for c in changed] == ["activate.sh"]
