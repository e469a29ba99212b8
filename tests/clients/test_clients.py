"""Clients do their job with minicon's shims, and what they make has the right contents."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from tests.clients.conftest import PYTHON, Site

#: Five clients are tested always.
slow = pytest.mark.skipif("MINICON_CLIENTS" not in os.environ, reason="./dev test --clients")
SHOW = "import six, sys; print('six', six.__version__, sys.prefix)"


def write(folder: Path, files: dict[str, str]) -> Path:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return folder


@pytest.mark.parametrize(
    "backend", ["conda", pytest.param("mamba", marks=slow), pytest.param("micromamba", marks=slow)]
)
def test_nox(site: Site, tmp_path: Path, backend: str) -> None:
    """A session is created, reused, and created again."""
    session = f"""
        import nox

        @nox.session(venv_backend="{backend}", python="{PYTHON}")
        def check(session):
            session.conda_install("six")
            session.run("python", "-c", "{SHOW}")
        """
    lines = "\n".join(line[8:] for line in session.splitlines())
    write(tmp_path, {"noxfile.py": lines})
    for options in ((), ("-r",), ()):
        out = site.run("nox", *options, cwd=tmp_path)
        assert "six 1." in out
        assert str(tmp_path / ".nox") in out


def test_snakemake(site: Site, tmp_path: Path) -> None:
    """Environments are created, set up, activated, and found again."""
    shell = "which python > {output}; echo $CONDA_PREFIX >> {output}; python -c 'import six' "
    write(tmp_path, {
        "Snakefile": f'rule a:\n    output: "out.txt"\n    conda: "e.yaml"\n    shell: "{shell}"\n',
        "e.yaml": f"channels: [conda-forge]\ndependencies: [python={PYTHON}, six]\n",
        "e.post-deploy.sh": "touch $CONDA_PREFIX/deployed\n",
    })  # fmt: skip
    site.run("snakemake", "--cores", "1", "--sdm", "conda", cwd=tmp_path)
    python, prefix = (tmp_path / "out.txt").read_text().split()
    assert Path(python).parents[1] == Path(prefix)
    assert Path(prefix).parent == tmp_path / ".snakemake" / "conda"
    assert (Path(prefix) / "deployed").exists()
    again = site.run("snakemake", "--cores", "1", "--sdm", "conda", "-F", cwd=tmp_path)
    assert "Creating conda environment" not in again


@slow
def test_snakemake_pin_file(site: Site, tmp_path: Path) -> None:
    """A list of exact packages is installed instead of the environment file."""
    site.run("conda", "create", "-y", "-n", "pinned", "hello")
    pins = site.run("conda", "list", "--explicit", "--md5", "-n", "pinned")
    write(tmp_path, {
        "Snakefile": 'rule a:\n    output: "o"\n    conda: "e.yaml"\n'
        '    shell: "cat $CONDA_PREFIX/share/hello > {output}"\n',
        "e.yaml": "channels: [conda-forge]\ndependencies: [nothing-of-this-name]\n",
        "e.linux-64.pin.txt": pins,
    })  # fmt: skip
    site.run("snakemake", "--cores", "1", "--sdm", "conda", cwd=tmp_path)
    assert (tmp_path / "o").read_text() == "2\n"


@pytest.mark.parametrize("more", ["", "\n    additional_dependencies: [greeting]"])
def test_pre_commit(site: Site, tmp_path: Path, more: str) -> None:
    """A hook runs in its environment, with and without ``additional_dependencies``."""
    hook = write(tmp_path / "hook", {
        ".pre-commit-hooks.yaml": "- id: show\n  name: show\n  language: conda\n  verbose: true\n"
        f'  entry: python -c "{SHOW}"\n',
        "environment.yml": f"channels: [conda-forge]\ndependencies: [python={PYTHON}, six]\n",
    })  # fmt: skip
    site.run("git", "init", "-q", ".", cwd=hook)
    site.run("git", "add", ".", cwd=hook)
    site.run("git", "commit", "-qm", "hook", cwd=hook)
    revision = site.run("git", "rev-parse", "HEAD", cwd=hook).strip()
    config = f"repos:\n- repo: {hook}\n  rev: {revision}\n  hooks:\n  - id: show{more}\n"
    project = write(tmp_path / "project", {".pre-commit-config.yaml": config})
    site.run("git", "init", "-q", ".", cwd=project)
    site.run("git", "add", ".", cwd=project)
    out = site.run("pre-commit", "run", "-a", cwd=project)
    (prefix,) = (line.split()[-1] for line in out.splitlines() if line.startswith("six 1."))
    assert prefix.startswith(str(site.folder / "home"))
    assert (Path(prefix) / "share" / "greeting").exists() == bool(more)


@pytest.mark.parametrize("program", ["conda", pytest.param("micromamba", marks=slow)])
def test_conda_lock(site: Site, tmp_path: Path, program: str) -> None:
    """Packages are locked with both hashes, updated, rendered and installed."""
    text = "channels: [conda-forge]\ndependencies: [hello]\nplatforms: [linux-64]\n"
    write(tmp_path, {"environment.yml": text})
    own = ("--conda", site.root / "bin" / program)
    site.run("conda-lock", "lock", "-f", "environment.yml", *own, cwd=tmp_path)
    lock = (tmp_path / "conda-lock.yml").read_text()
    assert lock.count(" md5:") == 2
    assert lock.count("    sha256:") >= 2
    site.run("conda-lock", "lock", "-f", "environment.yml", "--update", "hello", *own, cwd=tmp_path)
    site.run("conda-lock", "install", *own, "-p", tmp_path / "made", cwd=tmp_path)
    assert (tmp_path / "made" / "share" / "hello").read_text() == "2\n"
    site.run("conda-lock", "render", "-p", "linux-64", "-k", "explicit", cwd=tmp_path)
    lines = (tmp_path / "conda-linux-64.lock").read_text().splitlines()
    names = [line.rpartition("/")[2] for line in lines if "://" in line]
    assert [name.partition("-")[0] for name in names] == ["greeting", "hello"]


@slow
def test_conda_pack(site: Site, tmp_path: Path) -> None:
    """An archive works in another directory, and fixes its paths."""
    site.run("conda", "create", "-y", "-n", "packed", f"python={PYTHON}", "six")
    site.run("conda-pack", "-q", "-n", "packed", "-o", tmp_path / "env.tar")
    (tmp_path / "unpacked").mkdir()
    site.run("tar", "xf", tmp_path / "env.tar", "-C", tmp_path / "unpacked")
    script = f'. unpacked/bin/activate && conda-unpack && python -c "{SHOW}"'
    assert str(tmp_path / "unpacked") in site.run("bash", "-c", script, cwd=tmp_path)


def test_ensureconda(site: Site) -> None:
    """Each program is found and its version accepted."""
    for name in ("conda", "mamba", "micromamba"):
        others = [f"--no-{each}" for each in ("conda", "mamba", "micromamba") if each != name]
        found = site.run("ensureconda", *others, "--no-install")
        assert found.strip().endswith(f"/bin/{name}")


@slow
def test_tox_conda(site: Site, tmp_path: Path) -> None:
    """A test environment is created with conda packages, and used again."""
    name = f"py{PYTHON.replace('.', '')}"
    write(tmp_path, {
        "tox.ini": f"[tox]\nenvlist = {name}\nskipsdist = true\n[testenv]\nconda_deps = six\n"
        f'conda_channels = conda-forge\ncommands = python -c "{SHOW}"\n'
    })  # fmt: skip
    assert f"{tmp_path}/.tox/{name}" in site.run("tox", cwd=tmp_path)
    assert "six 1." in site.run("tox", cwd=tmp_path)


@slow
def test_condax(site: Site) -> None:
    """A program is installed into its own environment, linked, and removed."""
    site.run("condax", "install", "-c", "conda-forge", "pip")
    made = site.folder / "home" / ".local" / "bin" / "pip"
    assert "pip" in site.run(made, "--version")
    site.run("condax", "remove", "pip")
    assert not made.exists()


@slow
def test_asv(site: Site, tmp_path: Path) -> None:
    """An environment with the packages of the matrix is created, and a benchmark runs in it."""
    settings = {
        "version": 1,
        "project": "x",
        "repo": ".",
        "branches": ["HEAD"],
        "environment_type": "conda",
        "conda_channels": ["conda-forge"],
        "pythons": [PYTHON],
        "matrix": {"req": {"six": []}},
        "install_command": ["python --version"],
        "build_command": ["python --version"],
        "uninstall_command": ["python --version"],
    }
    write(tmp_path, {
        "asv.conf.json": json.dumps(settings),
        "benchmarks/__init__.py": "",
        "benchmarks/b.py": "import six\n\ndef track_six():\n    return len(six.__version__)\n",
    })  # fmt: skip
    site.run("git", "init", "-q", ".", cwd=tmp_path)
    site.run("git", "add", ".", cwd=tmp_path)
    site.run("git", "commit", "-qm", "benchmarks", cwd=tmp_path)
    site.run("asv", "machine", "--yes", cwd=tmp_path)
    out = site.run("asv", "run", "--quick", "--show-stderr", "HEAD^!", cwd=tmp_path)
    assert "b.track_six" in out
    assert "failed" not in out
