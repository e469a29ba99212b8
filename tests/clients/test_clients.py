"""Clients do their job with minicon's shims, and what they make has the right contents."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest
from tests.clients.conftest import MINICON, PYTHON, VENV, Site
from tests.support.channel_server import ChannelServer
from tests.support.packages import PackageBuilder, build_channel

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
        out = site.run("nox", *options, cwd=tmp_path, **site.offline)
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


@slow
def test_snakemake_archive(site: Site, tmp_path: Path) -> None:
    """Packages are archived with the workflow, and installed from the archive without channels."""
    (tmp_path / "work").mkdir()
    work = write(tmp_path / "work", {
        "Snakefile": 'rule a:\n    output: "o"\n    conda: "e.yaml"\n    shell: "hello > {output}"',
        "e.yaml": "channels: [conda-forge]\ndependencies: [hello]\n",
        ".gitignore": ".snakemake\n",
    })  # fmt: skip
    site.run("git", "init", "-q", ".", cwd=work)
    site.run("git", "add", ".", cwd=work)
    snakemake = ("snakemake", "--cores", "1", "--sdm", "conda")
    site.run(*snakemake, "--archive", tmp_path / "all.tar.gz", cwd=work)
    (tmp_path / "other").mkdir()
    site.run("tar", "xf", tmp_path / "all.tar.gz", "-C", tmp_path / "other")
    out = site.run(*snakemake, cwd=tmp_path / "other", MINICON_OFFLINE="true")
    assert "Installing archived conda packages" in out
    assert "hello from" in (tmp_path / "other" / "o").read_text()


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
def test_conda_lock_with_python(site: Site, tmp_path: Path) -> None:
    """A python of a channel is locked; an interpreter of the machine is refused by its name."""
    text = "channels: [conda-forge]\ndependencies: [python, greeting]\nplatforms: [linux-64]\n"
    write(tmp_path, {"environment.yml": text})
    command = (
        "conda-lock",
        "lock",
        "-f",
        "environment.yml",
        "--conda",
        site.root / "bin" / "conda",
    )
    assert "_host_portable' not found" in site.run(*command, cwd=tmp_path, code=1)
    python = PackageBuilder("python").version("3.12.9").file("share/python", "x\n")
    python = python.index(timestamp=1).subdir("linux-64")
    with ChannelServer(build_channel(tmp_path / "channel", [python])) as server:
        named = json.loads(site.variables["MINICON_CUSTOM_MULTICHANNELS"])
        named["conda-forge"].insert(0, server.url)
        variables = {"MINICON_CUSTOM_MULTICHANNELS": json.dumps(named)}
        site.run(*command, cwd=tmp_path, **variables)
        assert f"url: {server.url}/linux-64/python-3.12.9-0.conda" in (
            (tmp_path / "conda-lock.yml").read_text()
        )
        own = ("--conda", site.root / "bin" / "conda", "-p", tmp_path / "made")
        site.run("conda-lock", "install", *own, cwd=tmp_path, **variables)
    assert (tmp_path / "made" / "share" / "python").exists()


@slow
def test_conda_pack(site: Site, tmp_path: Path) -> None:
    """An archive works in another directory, and fixes its paths."""
    site.run("conda", "create", "-y", "-n", "packed", f"python={PYTHON}", "six")
    site.run("conda-pack", "-q", "-n", "packed", "-o", tmp_path / "env.tar")
    (tmp_path / "unpacked").mkdir()
    site.run("tar", "xf", tmp_path / "env.tar", "-C", tmp_path / "unpacked")
    script = f'. unpacked/bin/activate && conda-unpack && python -c "{SHOW}"'
    assert str(tmp_path / "unpacked") in site.run("bash", "-c", script, cwd=tmp_path)
    site.run(MINICON, "unpack", tmp_path / "env.tar", tmp_path / "again")
    python = tmp_path / "again" / "bin" / "python"
    assert str(tmp_path / "again") in site.run(python, "-c", SHOW)


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


@slow
def test_hatch_conda(site: Site, tmp_path: Path) -> None:
    """Environments are found, created, used by scripts, and removed."""
    for program in ("conda", "micromamba"):
        project = write(tmp_path / program, {
            "pyproject.toml": '[project]\nname = "demo"\nversion = "1"\n[tool.hatch.envs.check]\n'
            f'type = "conda"\ncommand = "{program}"\npython = "{PYTHON}"\nskip-install = true\n'
            f"conda-forge = true\n[tool.hatch.envs.check.scripts]\nshow = '''python -c "
            "'import sys; print(sys.prefix)'\n'''",
        })  # fmt: skip
        site.run("hatch", "env", "create", "check", cwd=project)
        out = site.run("hatch", "run", "check:show", cwd=project)
        assert str(site.root / "envs" / f"demo_check_{PYTHON}") in out
        site.run("hatch", "env", "remove", "check", cwd=project)
        assert not (site.root / "envs" / f"demo_check_{PYTHON}").exists()


@slow
def test_conda_project(site: Site, tmp_path: Path) -> None:
    """A project is locked, its environment created, and its commands run in it."""
    write(tmp_path, {
        "environment.yml": "name: demo\nchannels: [conda-forge]\ndependencies: [hello]\n"
        "platforms: [linux-64]\n",
        "conda-project.yml": "name: demo\nenvironments:\n  default: [environment.yml]\n"
        "commands:\n  greet: hello\n",
    })  # fmt: skip
    variables = {"CONDA_EXE": str(site.root / "bin" / "conda"), "CONDA_ROOT": str(site.root)}
    site.run("conda-project", "install", cwd=tmp_path, **variables)
    prefix = tmp_path / "envs" / "default"
    assert (prefix / "share" / "hello").read_text() == "2\n"
    assert f"hello from {prefix}" in site.run(
        "conda-project", "run", "greet", cwd=tmp_path, **variables
    )
    site.run("conda-project", "clean", cwd=tmp_path, **variables)
    assert not (prefix / "share").exists()


@slow
@pytest.mark.parametrize("variable", ["CONDA_EXE", ""])
def test_mlflow(site: Site, tmp_path: Path, variable: str) -> None:
    """A project runs in an environment that is created once, and activated by both ways."""
    write(tmp_path, {
        "MLproject": "name: demo\nconda_env: conda.yaml\nentry_points:\n  main:\n"
        '    command: "python show.py > out.txt"\n',
        "conda.yaml": f"channels: [conda-forge]\ndependencies: [python={PYTHON}, six]\n",
        "show.py": "import six, sys\nprint(sys.prefix)\n",
    })  # fmt: skip
    command = ("mlflow", "run", "--env-manager", "conda", "--experiment-id", "0", ".")
    variables = {"CONDA_EXE": str(site.root / "bin" / "conda")} if variable else {}
    variables["MLFLOW_TRACKING_URI"] = (tmp_path / "runs").as_uri()
    variables["MLFLOW_ALLOW_FILE_STORE"] = "true"
    site.run(*command, cwd=tmp_path, **variables)
    prefix = Path((tmp_path / "out.txt").read_text().strip())
    assert prefix.parent == site.root / "envs"
    assert prefix.name.startswith("mlflow-")
    assert "already exists" in site.run(*command, cwd=tmp_path, **variables)


@slow
def test_metaflow(site: Site, tmp_path: Path) -> None:
    """Packages are solved and downloaded, and an environment is made of their URLs."""
    script = """
        from metaflow.plugins.pypi.micromamba import Micromamba
        found = Micromamba()
        platform = found.platform()
        packages = found.solve("one", {"hello": "2.0"}, None, platform)
        found.download("one", packages, None, platform)
        found.create("one", packages, None, platform)
        print(platform, found.path_to_environment("one"))
        """
    write(tmp_path, {"show.py": "\n".join(line[8:] for line in script.splitlines())})
    out = site.run(VENV / "bin" / "python", "show.py", cwd=tmp_path, METAFLOW_HOME=str(tmp_path))
    platform, path = out.split()
    assert platform == "linux-64"
    assert path.endswith("/envs/metaflow/linux-64/one")
    assert (Path(path) / "share" / "hello").read_text() == "2\n"


@slow
@pytest.mark.parametrize("variable", ["CONDA_EXE", ""])
def test_ipython(site: Site, variable: str) -> None:
    """``%conda`` installs into the environment of the running IPython."""
    site.run("conda", "create", "-y", "-n", "notebook", f"python={PYTHON}", "pypi:ipython")
    prefix = site.root / "envs" / "notebook"
    variables = {"CONDA_EXE": str(site.root / "bin" / "conda")} if variable else {}
    ipython = (prefix / "bin" / "python", "-m", "IPython", "--no-banner", "-c")
    site.run(*ipython, "%conda install -y hello", **variables)
    assert (prefix / "share" / "hello").exists()
    out = site.run(*ipython, "%micromamba list", **variables)
    assert "hello" in out


@slow
@pytest.mark.parametrize("runner", ["nb_conda_kernels", "conda run"])
def test_kernels(site: Site, tmp_path: Path, runner: str) -> None:
    """A kernel of an environment runs, started as nb_conda_kernels and VS Code do."""
    name = f"kernel-{len(runner)}"
    site.run("conda", "create", "-y", "-n", name, f"python={PYTHON}", "pypi:ipykernel", "hello")
    facts = json.loads(site.run("conda", "info", "--json"))
    (prefix,) = (path for path in facts["envs"] if path.endswith(f"/{name}"))
    start = ["python", "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    if runner == "nb_conda_kernels":
        activate = f"{facts['conda_prefix']}/bin/activate"
        argv = ["bash", "-c", f". '{activate}' '{prefix}' && exec {' '.join(start)}"]
    else:
        argv = ["conda", "run", "-p", prefix, "--no-capture-output", *start]
    spec = {"argv": argv, "display_name": name, "language": "python"}
    script = """
        from jupyter_client.manager import start_new_kernel
        manager, client = start_new_kernel(kernel_name="demo")
        client.execute_interactive("import os, sys; print(sys.prefix, os.environ['HELLO_SCRIPT'])")
        client.stop_channels()
        manager.shutdown_kernel(now=True)
        """
    write(tmp_path, {
        "show.py": "\n".join(line[8:] for line in script.splitlines()),
        "kernels/demo/kernel.json": json.dumps(spec),
    })  # fmt: skip
    out = site.run(VENV / "bin" / "python", "show.py", cwd=tmp_path, JUPYTER_PATH=str(tmp_path))
    assert f"{prefix} sourced" in out


@slow
def test_direnv(site: Site, tmp_path: Path) -> None:
    """``layout anaconda`` creates the environment of the directory, and activates it."""
    write(tmp_path, {
        ".envrc": "layout anaconda\n",
        "environment.yml": "name: direnv-demo\nchannels: [conda-forge]\ndependencies: [hello]\n",
    })  # fmt: skip
    if shutil.which("direnv") is None:
        pytest.skip("direnv is not installed")
    site.run("direnv", "allow", cwd=tmp_path)
    prefix = site.root / "envs" / "direnv-demo"
    for _ in range(2):
        out = site.run("direnv", "exec", ".", "hello", cwd=tmp_path)
        assert f"hello from {prefix}" in out
