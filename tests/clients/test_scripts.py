"""Scripts of images, of actions and of editors, which call the programs line by line."""

from __future__ import annotations

import json
import re
import shutil
import sys
from pathlib import Path

import pytest
from tests.clients.conftest import MINICON, Site

#: How the action that sets up micromamba finds the lines of ``shell init``.
MAMBA_BLOCK = re.compile(
    r"\n# >>> mamba initialize >>>\n.*?# <<< mamba initialize <<<\n", re.DOTALL
)


def write(path: Path, text: str, mode: int = 0o644) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(text)
    path.chmod(mode)
    return path


@pytest.fixture
def image(machine: Site, tmp_path: Path) -> Site:
    """An image with a program of one name, /bin/micromamba, and an empty root prefix."""
    (tmp_path / "bin").mkdir()
    (tmp_path / "home").mkdir()
    (tmp_path / "bin" / "micromamba").symlink_to(MINICON)
    (tmp_path / "opt" / "conda" / "conda-meta").mkdir(parents=True)
    variables = {
        **machine.variables,
        "HOME": str(tmp_path / "home"),
        "PATH": f"{tmp_path}/bin:/usr/bin:/bin",
        "ENV_NAME": "base",
        "MAMBA_ROOT_PREFIX": f"{tmp_path}/opt/conda",
        "MAMBA_EXE": f"{tmp_path}/bin/micromamba",
    }
    write(
        tmp_path / "bin" / "_activate",
        """eval "$("$MAMBA_EXE" shell hook --shell=bash)"
        found="$(conda shell.bash hook 2>/dev/null)" || true
        if [ -n "$found" ]; then eval "$found"
        elif [ -f "$MAMBA_ROOT_PREFIX/etc/profile.d/conda.sh" ]; then
            . "$MAMBA_ROOT_PREFIX/etc/profile.d/conda.sh"
        fi
        found="$(mamba shell hook --shell bash 2>/dev/null)" || true
        if [ -n "$found" ]; then eval "$found"; fi
        if [[ "${MAMBA_SKIP_ACTIVATE-}" == 1 ]]; then return; fi
        conda activate "${ENV_NAME:-base}" 2>/dev/null ||
            mamba activate "${ENV_NAME:-base}" 2>/dev/null ||
            micromamba activate "${ENV_NAME:-base}"
        """,
    )
    for name, line in {"entrypoint": 'exec "$@"', "shell": 'exec bash -o pipefail -c "$@"'}.items():
        text = (
            f"#!/usr/bin/env bash\nset -ef -o pipefail\nsource {tmp_path}/bin/_activate\n{line}\n"
        )
        write(tmp_path / "bin" / name, text, 0o755)
    return Site(tmp_path, variables)


def test_scripts_of_images_of_micromamba(image: Site) -> None:
    """Base is active in lines of RUN and in the container, and other environments are."""
    base = f"{image.folder}/opt/conda"
    run = image.folder / "bin" / "shell"
    image.run(run, "micromamba install --yes --name base -c conda-forge hello")
    image.run(run, "micromamba create -y -n other -c conda-forge greeting && micromamba clean -ayf")
    start = image.folder / "bin" / "entrypoint"
    shown = "hello; echo $CONDA_DEFAULT_ENV $CONDA_SHLVL $HELLO_SCRIPT"
    lines = image.run(start, "sh", "-c", shown).splitlines()
    assert lines == [f"hello from {base}", "base 1 sourced"]
    other = image.run(start, "sh", "-c", "echo $CONDA_PREFIX", ENV_NAME="other").strip()
    assert (other, Path(other, "share", "greeting").exists()) == (f"{base}/envs/other", True)
    assert image.run(start, "sh", "-c", "echo $CONDA_SHLVL", MAMBA_SKIP_ACTIVATE="1").strip() == "0"
    # with all three programs in the root prefix
    image.run("env", f"MINICON_ROOT={base}", MINICON, "shims")
    lines = image.run(start, "sh", "-c", shown).splitlines()
    assert lines == [f"hello from {base}", "base 1 sourced"]


def test_lines_of_setup_micromamba(image: Site, tmp_path: Path) -> None:
    """The block of ``init`` is moved, an environment is created, and shells start in it."""
    home, root = tmp_path / "home", tmp_path / "micromamba"
    program = tmp_path / "bin" / "micromamba"
    rc = write(tmp_path / "rc" / ".condarc", "channels:\n  - conda-forge\n")
    common = ("--log-level", "warning", "--rc-file", rc)
    image.variables.pop("MAMBA_ROOT_PREFIX")
    image.variables.pop("MAMBA_EXE")
    image.run(program, "shell", "init", "-s", "bash", "-r", root, *common)
    (block,) = MAMBA_BLOCK.findall((home / ".bashrc").read_text())
    profile = write(home / ".bash_profile", block)
    file = write(tmp_path / "environment.yml", "name: ci\ndependencies: [hello]\n")
    image.run(program, "create", "-y", "-r", root, "-f", file, "-n", "ci", "greeting", *common)
    profile.write_text(profile.read_text() + "micromamba activate ci\n")
    image.variables.update(MAMBA_ROOT_PREFIX=str(root), MAMBA_EXE=str(program), CONDARC=str(rc))
    shown = image.run(program, "info", "-r", root, "-n", "ci")
    assert f"env location : {root}/envs/ci\n" in shown
    assert "hello" in image.run(program, "list", "-r", root, "-n", "ci")
    step = write(tmp_path / "step.sh", "hello\necho $CONDA_DEFAULT_ENV $HELLO_SCRIPT\n", 0o755)
    lines = image.run("bash", "-l", "-eo", "pipefail", step).splitlines()
    assert lines == [f"hello from {root}/envs/ci", "ci sourced"]
    shell = f"#!/usr/bin/env sh\nchmod +x $1\n{program} run -r {root} -n ci $1\n"
    run = write(tmp_path / "bin" / "micromamba-shell", shell, 0o755)
    assert image.run(run, step).splitlines() == lines
    image.run(program, "shell", "deinit", "-s", "bash", "-r", root, *common)
    assert not MAMBA_BLOCK.search((home / ".bashrc").read_text())
    assert not (root / "bin" / "conda").exists()  # which may be another conda


def test_lines_of_setup_miniconda(image: Site, tmp_path: Path) -> None:
    """All shells are set up, an environment is made from a file, and login shells start in it."""
    home, root = tmp_path / "home", tmp_path / "opt" / "conda"
    image.run("env", f"MINICON_ROOT={root}", MINICON, "shims")
    image.variables.update(CONDA=str(root), PATH=f"{root}/condabin:/usr/bin:/bin")
    write(
        home / ".condarc",
        "notify_outdated_conda: false\nchannels: [conda-forge]\npkgs_dirs: [~/conda_pkgs_dir]\n"
        "auto_activate_base: true\nalways_yes: true\nchangeps1: false\nchannel_priority: strict\n",
    )
    conda = root / "condabin" / "conda"
    image.run(conda, "init", "--all")
    shutil.move(home / ".bashrc", home / ".profile")
    image.run(conda, "install", "--name", "base", "conda=26.7", "greeting")
    file = write(tmp_path / "environment.yml", "dependencies:\n  - hello\n")
    image.run(conda, "env", "update", "--name", "test", "--file", file)
    lines = '\nset -eo pipefail\nconda activate "test"\n'
    for start in (home / ".profile", root / "etc" / "profile.d" / "conda.sh"):
        start.write_text(start.read_text() + lines)
    step = write(tmp_path / "step.sh", "hello\nconda info --json\n")
    first, shown = image.run("bash", "-el", step).split("\n", 1)
    assert first == f"hello from {root}/envs/test"
    facts = json.loads(shown)
    assert facts["active_prefix_name"] == "test"
    assert facts["pkgs_dirs"] == [str(home / "conda_pkgs_dir")]
    assert (home / "conda_pkgs_dir").is_dir()
    assert (root / "share" / "greeting").exists()


def test_lines_of_editors(machine: Site, tmp_path: Path) -> None:
    """As VS Code and PyCharm find environments, read their variables and open terminals in them."""
    conda, root = machine.root / "bin" / "conda", machine.root
    machine.run(conda, "create", "-y", "-n", "editor", "hello")
    facts = json.loads(machine.run(conda, "info", "--json"))
    prefix = f"{root}/envs/editor"
    assert prefix in facts["envs"]
    assert [facts["root_prefix"], facts["conda_prefix"], facts["envs_dirs"][0]] == [
        *(str(root), str(root)),
        f"{root}/envs",
    ]
    assert prefix in json.loads(machine.run(conda, "env", "list", "--json"))["envs"]
    listed = machine.run(conda, "list", "-p", prefix, "--export").splitlines()
    assert "hello=2.0=0" in listed
    code = "import json, os; print('>>>', json.dumps(dict(os.environ)), '<<<')"
    script = write(tmp_path / "print.py", code)
    options = ("-p", prefix, "--no-capture-output", "--live-stream")
    out = machine.run(conda, "run", *options, sys.executable, script)
    variables = json.loads(out.partition(">>>")[2].partition("<<<")[0])
    assert [variables["CONDA_PREFIX"], variables["HELLO_SCRIPT"]] == [prefix, "sourced"]
    lines = f"source {root}/bin/activate\nconda activate {prefix}\nhello\n"
    assert machine.run("bash", "-c", lines) == f"hello from {prefix}\n"
    lines = f"source {root}/bin/activate {prefix}\nhello\n"
    assert machine.run("bash", "-c", lines) == f"hello from {prefix}\n"
