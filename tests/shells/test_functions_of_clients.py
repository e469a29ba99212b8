"""The functions conda, mamba and micromamba in real shells, and the files that clients source."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.shells import RUNNERS, shells

from minicon.shell.hook import read_script
from minicon.shell.shims import make_shims

SHELLS = ("bash", "dash", "zsh", "fish", "tcsh", "xonsh", "nu")
#: How each shell evaluates the hook of a program, and what it sources instead.
HOOKS = {
    "fish": "'<root>/bin/<program>' shell.fish hook | source",
    "tcsh": "eval \"`'<root>/bin/<program>' shell.tcsh hook`\"",
    # what 'conda init xonsh' writes into the start file of xonsh
    "xonsh": "import types\nmodule = types.ModuleType('xontrib.conda')\n__xonsh__.execer.exec("
    "$('<root>/bin/<program>' shell.xonsh hook), glbs=module.__dict__, filename='x')",
    "nu": 'source "<root>/hook.nu"',
}
FILES = {
    "fish": "source '<root>/etc/fish/conf.d/conda.fish'",
    "tcsh": "source '<root>/etc/profile.d/conda.csh'",
    "xonsh": "source '<root>/etc/profile.d/conda.xsh'",
    "nu": 'source "<root>/hook.nu"',
}
#: Print a variable; "unset" if it is not set.
PRINTS = {
    "fish": "set -q {0}; and echo {0}=${0}; or echo {0} unset",
    "tcsh": "if ( $?{0} ) then\necho {0}=${0}\nelse\necho {0} unset\nendif",
    "xonsh": "print('{0}=' + ${0} if '{0}' in __xonsh__.env else '{0} unset', flush=True)",
    "nu": 'print (if "{0}" in $env {{ $"{0}=($env.{0})" }} else {{ "{0} unset" }})',
}
POSIX_PRINT = 'if [ -n "${{{0}+x}}" ]; then echo "{0}=${0}"; else echo "{0} unset"; fi'


@pytest.fixture(scope="module")
def root(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A root prefix with shims and two environments; HOME lies beside it."""
    folder = tmp_path_factory.mktemp("it is here")
    (folder / "home").mkdir()
    for name in ("e", "two words"):
        history = folder / "root" / "envs" / name / "conda-meta" / "history"
        history.parent.mkdir(parents=True)
        history.touch()
    program = Path(sys.executable).with_name("minicon")
    variables = {"HOME": str(folder / "home"), "MINICON_ROOT": str(folder / "root"), "PATH": "/bin"}
    subprocess.run([program, "shims"], env=variables, check=True, capture_output=True)
    return folder / "root"


def run(root: Path, shell: str, script: str, program: str = "conda") -> list[str]:
    """Run a script, and return its lines."""
    variables = {"HOME": str(root.parent / "home"), "PATH": "/usr/bin:/bin"}
    if shell == "nu":
        hook = subprocess.check_output([root / "bin" / program, "shell.nu", "hook"], env=variables)
        (root / "hook.nu").write_bytes(hook)
    path = root.parent / f"script.{shell}"
    path.write_text(script.replace("<root>", str(root)).replace("<program>", program))
    done = subprocess.run(
        [*RUNNERS[shell], path], env=variables, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


def prints(shell: str, *names: str) -> str:
    return "\n".join(PRINTS.get(shell, POSIX_PRINT).format(name) for name in names)


@shells(*SHELLS)
@pytest.mark.parametrize("source", ["hook", "file"])
def test_functions_activate(root: Path, shell: str, source: str) -> None:
    """Base too; and the variables of conda are set as after its own hook."""
    if source == "hook":
        start = HOOKS.get(shell, '''eval "$('<root>/bin/<program>' shell.<shell> hook)"''')
    else:
        start = FILES.get(shell, '. "<root>/etc/profile.d/<program>.sh"')
    state = prints(shell, "CONDA_SHLVL", "CONDA_PREFIX")
    lines = [
        start.replace("<shell>", shell),
        prints(shell, "CONDA_EXE", "CONDA_PYTHON_EXE", "_CE_CONDA", "_CE_M", "CONDA_SHLVL"),
        "^sh -c 'conda info --base'" if shell == "nu" else "sh -c 'conda info --base'",
        "conda activate 'two words'\nconda activate e\nconda --version",
        state,
        "conda deactivate\nconda deactivate",
        state,
        "conda activate base",
        prints(shell, "CONDA_DEFAULT_ENV"),
        "conda deactivate",
        "mamba --version\nmicromamba --version",
    ]
    assert run(root, shell, "\n".join(lines) + "\n") == [
        f"CONDA_EXE={root}/bin/conda",
        f"CONDA_PYTHON_EXE={sys.executable}",
        "_CE_CONDA=",
        "_CE_M=",
        "CONDA_SHLVL=0",
        str(root),
        "conda 26.7.0",
        "CONDA_SHLVL=2",
        f"CONDA_PREFIX={root}/envs/e",
        "CONDA_SHLVL=0",
        "CONDA_PREFIX unset",
        "CONDA_DEFAULT_ENV=base",
        "2.5.0",
        "2.5.0",
    ]


@shells(*SHELLS)
def test_functions_of_micromamba_set_its_variables(root: Path, shell: str) -> None:
    start = HOOKS.get(shell, '''eval "$('<root>/bin/<program>' shell hook -s <shell>)"''')
    lines = [
        start.replace("<shell>", shell),
        "micromamba activate e",
        prints(shell, "MAMBA_EXE", "MAMBA_ROOT_PREFIX", "CONDA_PREFIX"),
    ]
    assert run(root, shell, "\n".join(lines) + "\n", "micromamba") == [
        f"MAMBA_EXE={root}/bin/micromamba",
        f"MAMBA_ROOT_PREFIX={root}",
        f"CONDA_PREFIX={root}/envs/e",
    ]


@shells("bash", "zsh", "fish")
def test_base_is_activated_in_the_root_prefix_of_the_shims(root: Path, shell: str) -> None:
    """Also if no variable names that: the hook sets it before it activates."""
    start = HOOKS.get(shell, '''eval "$('<root>/bin/<program>' shell.<shell> hook)"''')
    settings = root.parent / "home" / ".condarc"
    settings.write_text("auto_activate: true\n")
    try:
        lines = [start.replace("<shell>", shell), prints(shell, "CONDA_PREFIX")]
        assert run(root, shell, "\n".join(lines) + "\n") == [f"CONDA_PREFIX={root}"]
    finally:
        settings.unlink()


def test_minicon_is_itself_after_conda_in_tcsh(root: Path) -> None:
    script = "source '<root>/etc/profile.d/conda.csh'\nconda activate e\nminicon --version\n"
    assert run(root, "tcsh", script)[0].startswith("minicon ")


@pytest.mark.parametrize("word", ["source", "."])
@pytest.mark.parametrize("shell", ["bash", "zsh"])
def test_activate_is_sourced_from_path(root: Path, shell: str, word: str) -> None:
    """As old scripts do: ``source activate NAME``, ``source deactivate``."""
    script = f"PATH='<root>/bin':$PATH\n{word} activate e\necho $CONDA_DEFAULT_ENV\n"
    script += f"conda info --base\n{word} deactivate\necho $CONDA_SHLVL\n"
    assert run(root, shell, script) == ["e", str(root), "0"]


def test_base_is_made_when_it_is_first_activated(root: Path, tmp_path: Path) -> None:
    """By the programs that have it always; minicon itself has none yet."""
    (tmp_path / "micromamba").symlink_to(Path(sys.executable).with_name("minicon"))
    script = "export MAMBA_ROOT_PREFIX=$HOME\n"
    script += f'eval "$({tmp_path}/micromamba shell hook --shell=bash)"\n'
    script += "minicon activate base 2>&1 | head -n 1\n"
    script += "micromamba activate\necho $CONDA_DEFAULT_ENV $CONDA_PREFIX\n"
    first, second = run(root, "bash", script)
    assert "is not an environment" in first
    assert second == f"base {root.parent}/home"


def test_files_for_windows() -> None:
    """They start the programs beside them, and change variables in the caller's process."""
    shims = make_shims("C:\\x%y", root="C:\\r", executable="C:\\m\\minicon.exe", windows=True)
    assert {Path(path).as_posix() for path in shims.copies} == {
        f"Scripts/{name}.exe" for name in ("conda", "mamba", "micromamba", "conda-env")
    }
    files = {Path(path).as_posix(): text for path, text in shims.texts.items()}
    lines = files["condabin/conda.bat"].split("\r\n")
    assert lines[1] == '@SET "MINICON_EXE=C:\\m\\minicon.exe"'
    assert lines[2].startswith('@SET "__MINICON_AS=C:\\x%%y')
    assert lines[3].endswith('command.bat" %*')
    assert lines[4] == '@SET "__MINICON_AS=" & EXIT /B %ERRORLEVEL%'
    assert files["Scripts/activate.bat"].endswith('conda.bat" activate %*\r\n')
    assert "conda.bat" in files["condabin/conda_hook.bat"]
    assert files["condabin/minicon-shims.txt"].split("\n")[:2] == ["C:\\r", "C:\\m\\minicon.exe"]
    hook = files["shell/condabin/conda-hook.ps1"]
    assert hook.splitlines()[1].endswith("shell.powershell hook | Out-String | Invoke-Expression")
    program = "%__MINICON_PROGRAM%"
    text = read_script("command.bat")
    assert text.count(f'@CALL "{program}"') == 3
    assert "%MINICON_EXE%" not in text.replace('"__MINICON_PROGRAM=%MINICON_EXE%"', "")
