"""Lock files from end to end: lock, create, install, sync, merge by git, all by the program."""

from __future__ import annotations

import hashlib
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.commands import Workspace


@pytest.fixture
def project(workspace: Workspace, channel: Path) -> Workspace:
    """An environment file with a conda part, a pip part with a variable, and a group."""
    workspace.environ["TOP"] = "top"
    write(
        workspace,
        f"channels: [{channel.as_uri()}, host]",
        "dependencies: [python, hello, {pip: ['${TOP}']}]",
        "groups: {loud: [greeting]}",
    )
    return workspace


def write(workspace: Workspace, *lines: str, name: str = "environment.yml") -> Path:
    path = workspace.folder / name
    path.write_text("\n".join(lines) + "\n")
    return path


def installed(workspace: Workspace, name: str = "a") -> dict[str, str]:
    listed = workspace.run("list", "-n", name, "--json").ok().json
    return {package["name"]: package["version"] for package in listed}


def test_lock_then_create_then_sync(project: Workspace, channel: Path) -> None:
    output = project.run("lock", "--json").ok().json
    assert output["packages"] == {"linux-64": 5}
    assert project.run("lock", "--check").code == 0
    text = (project.folder / "conda-lock.yml").read_text()
    assert text.count("\n- name: ") == 5
    plan = project.run("create", "-n", "a", "-f", "conda-lock.yml", "-d", "--json").ok().json
    link = {entry["name"]: entry for entry in plan["actions"]["LINK"]}
    assert link["top"]["source"] == "pypi"
    assert link["leaf"]["sha256"] in text
    project.run("create", "-y", "-n", "a", "-f", "conda-lock.yml").ok()
    assert project.run("run", "-n", "a", "top-command").ok().out == "top runs\n"
    assert project.run("run", "-n", "a", "hello").ok().out.startswith("hello 2.0")
    before = installed(project)
    assert before["leaf"] == "2.0"
    assert "already" in project.run("sync", "-n", "a", "-y").ok().out

    project.run("install", "-y", "-n", "a", "-c", channel.as_uri(), "shout", "pypi:leaf==1.0").ok()
    assert "shout" in installed(project)
    dry = project.run("sync", "-n", "a", "--dry-run", "--json").ok().json
    assert {entry["name"] for entry in dry["actions"]["UNLINK"]} == {"shout", "hello", "leaf"}
    assert "shout" in installed(project)
    project.run("sync", "-n", "a", "-y").ok()
    assert installed(project) == before


def test_records_of_a_locked_environment_are_complete(project: Workspace) -> None:
    project.run("lock").ok()
    project.run("create", "-y", "-n", "a", "-f", "conda-lock.yml").ok()
    text = (project.environment("a") / "conda-meta" / "hello-2.0-0.json").read_text()
    for part in ('"build_number": 0', '"timestamp"', '"subdir": "linux-64"', '"greeting >=1"'):
        assert part in text


def test_groups_of_files_and_locks(project: Workspace, channel: Path) -> None:
    write(
        project,
        f"channels: [{channel.as_uri()}]",
        "dependencies: [greeting]",
        "groups: {hi: [hello=1], shout: [shout]}",
    )
    project.run("create", "-y", "-n", "a", "-f", "environment.yml").ok()
    assert set(installed(project)) == {"greeting"}
    project.run("install", "-y", "-n", "a", "-f", "environment.yml", "--with", "hi,shout").ok()
    assert set(installed(project)) == {"greeting", "hello", "shout"}
    project.run("lock").ok()
    project.run("sync", "-y", "-n", "a", "--with", "hi").ok()
    assert set(installed(project)) == {"greeting", "hello"}
    project.run("sync", "-y", "-n", "a").ok()
    assert set(installed(project)) == {"greeting"}
    refused = project.run("create", "-n", "b", "-f", "environment.yml", "--with", "nope")
    assert refused.code == 1
    assert "hi, shout" in refused.err


def test_check_and_update(project: Workspace, channel: Path) -> None:
    missing = project.run("lock", "--check")
    assert missing.code == 1
    project.run("lock").ok()
    write(project, f"channels: [{channel.as_uri()}]", "dependencies: [hello=1]")
    stale = project.run("lock", "--check", "--json")
    assert (stale.code, stale.json["stale"]) == (1, ["linux-64"])
    assert project.run("lock", "--update", "greeting", "--dry-run").ok()
    assert project.run("lock", "--check").code == 1
    output = project.run("lock", "--keep", "--json").ok().json
    changed = {change["name"]: change["after"] for change in output["changes"]}
    assert changed["hello"] == "1.0 0"
    assert changed["top"] is None
    assert project.run("lock", "--check").code == 0


def test_lock_for_a_machine(project: Workspace, channel: Path) -> None:
    write(project, f"channels: [{channel.as_uri()}]", "dependencies: [hello, __cuda>=12]")
    assert project.run("lock").code == 1
    project.environ["CONDA_OVERRIDE_CUDA"] = "12.4"
    profile = project.run("info", "--profile").ok()
    assert "__cuda=12.4=0" in profile.json["virtual_packages"]
    (project.folder / "machine.json").write_text(profile.out)
    del project.environ["CONDA_OVERRIDE_CUDA"]
    project.run("lock", "--for", "machine.json").ok()
    assert project.run("lock", "--check").code == 0
    project.run("lock").ok()
    bad = project.run("lock", "--virtual-package", "a b")
    assert bad.code == 1
    assert "NAME=VERSION" in bad.err


def test_installing_a_lock_keeps_the_rest_and_pruning_does_not(
    project: Workspace, channel: Path
) -> None:
    write(project, f"channels: [{channel.as_uri()}]", "dependencies: [hello]")
    project.run("lock").ok()
    project.run("create", "-y", "-n", "a", "-c", "host", "python").ok()
    project.run("install", "-y", "-n", "a", "-f", "conda-lock.yml").ok()
    assert {"python", "hello", "greeting"} <= set(installed(project))
    project.run("env", "update", "-n", "a", "-f", "conda-lock.yml", "--prune").ok()
    assert set(installed(project)) == {"hello", "greeting"}
    mixed = project.run("install", "-n", "a", "-f", "conda-lock.yml", "shout", "--json")
    assert (mixed.code, mixed.json["reference"]) == (2, "mixed-files")
    clone = project.run("create", "-n", "b", "--clone", "a", "shout", "--json")
    assert (clone.code, clone.json["reference"]) == (2, "mixed-clone")
    assert project.run("lock", "--platform", "noarch").code == 1
    assert project.run("lock", "--platform", "../x").code == 2


def test_lock_refuses_to_overwrite_another_file(project: Workspace) -> None:
    path = write(project, "precious: true", name="notes.yml")
    refused = project.run("lock", "-o", "notes.yml")
    assert refused.code == 1
    assert path.read_text() == "precious: true\n"


def test_a_lock_that_lacks_a_dependency_is_refused(project: Workspace) -> None:
    project.run("lock").ok()
    lock = project.folder / "conda-lock.yml"
    blocks = lock.read_text().split("- name: ")
    lock.write_text("- name: ".join(b for b in blocks if not b.startswith("greeting")))
    refused = project.run("create", "-n", "a", "-f", "conda-lock.yml", "-y")
    assert refused.code == 1
    assert "hello but not greeting" in refused.err


def test_a_changed_package_is_refused(project: Workspace) -> None:
    project.run("lock").ok()
    lock = project.folder / "conda-lock.yml"
    text = lock.read_text()
    digest = text.partition("sha256: ")[2].split("\n")[0].strip("'")
    lock.write_text(text.replace(digest, "0" * 64))
    refused = project.run("create", "-n", "a", "-f", "conda-lock.yml", "-y")
    assert refused.code == 1
    assert not project.environment("a").exists()


def test_pylock_and_pixi_lock(project: Workspace, wheelhouse: Path, channel: Path) -> None:
    def wheel(name: str, version: str) -> str:
        path = wheelhouse / f"{name}-{version}-py3-none-any.whl"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        return f'{{ url = "{path.as_uri()}", hashes = {{ sha256 = "{digest}" }} }}'

    write(
        project,
        'lock-version = "1.0"',
        *(f'[[packages]]\nname = "{n}"\nversion = "{v}"\nwheels = [{wheel(n, v)}]'
          for n, v in (("top", "1.0"), ("leaf", "1.0"))),
        name="pylock.toml",
    )  # fmt: skip
    project.run("create", "-y", "-n", "p", "-f", "pylock.toml", "-c", "host").ok()
    found = installed(project, "p")
    assert (found["top"], found["leaf"]) == ("1.0", "1.0")
    assert project.run("run", "-n", "p", "top-command").ok().out == "top runs\n"

    url = f"{channel.as_uri()}/linux-64/hello-2.0-0.conda"
    digest = hashlib.sha256((channel / "linux-64" / "hello-2.0-0.conda").read_bytes()).hexdigest()
    write(
        project,
        "version: 6",
        f"environments: {{default: {{channels: [], packages: {{linux-64: [conda: {url}]}}}}}}",
        f"packages: [{{conda: '{url}', sha256: {digest}}}]",
        name="pixi.lock",
    )
    project.run("create", "-y", "-n", "x", "-f", "pixi.lock").ok()
    assert installed(project, "x") == {"hello": "2.0"}


def test_groups_and_markers_of_a_pylock(project: Workspace, wheelhouse: Path) -> None:
    def package(name: str, version: str, marker: str) -> str:
        path = wheelhouse / f"{name}-{version}-py3-none-any.whl"
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
        wheel = f'{{ url = "{path.as_uri()}", hashes = {{ sha256 = "{digest}" }} }}'
        head = f'[[packages]]\nname = "{name}"\nversion = "{version}"\n'
        return f'{head}marker = "{marker}"\nwheels = [{wheel}]'

    write(
        project,
        'lock-version = "1.0"',
        'dependency-groups = ["dev", "base", "both"]\ndefault-groups = ["base"]',
        'extras = ["fast", "both", "slow"]',
        package("leaf", "1.0", "'dev' in dependency_groups or 'fast' in extras"),
        '[[packages]]\nname = "own"\nmarker = "\'slow\' in extras"\ndirectory = { path = "." }',
        package("top", "1.0", "'base' in dependency_groups and 'both' not in extras"),
        name="pylock.toml",
    )
    words = ("--dry-run", "--json", "-f", "pylock.toml", "-c", "host")
    plan = project.run("create", "-n", "p", *words).ok().json
    assert {entry["name"] for entry in plan["actions"]["LINK"]} == {"python", "top"}
    for groups, added in (("dev", {"leaf", "top"}), ("Fast", {"leaf", "top"}), ("both", set())):
        plan = project.run("create", "-n", "p", *words, "--with", groups).ok().json
        assert {entry["name"] for entry in plan["actions"]["LINK"]} == {"python", *added}
    unknown = project.run("create", "-n", "p", *words, "--with", "devel").json
    assert (unknown["reference"], unknown["hint"]) == (
        "no-such-group", "its groups and extras are: base, both, dev, fast, slow"
    )  # fmt: skip
    directory = project.run("create", "-n", "p", *words, "--with", "slow").json
    assert "package 'own': it is locked as a directory" in directory["message"]
    refused = project.run("create", "-n", "p", *words, "python=2.5").json
    assert refused["reference"] == "no-python-fits"
    file = project.folder / "pylock.toml"
    file.write_text(file.read_text().replace("[[pack", 'requires-python = ">=3.9"\n[[pack', 1))
    refused = project.run("create", "-n", "p", *words, "python=3.8").json
    assert "requires python >=3.9, which 'python 3.8.*' is not" in refused["message"]
    file.write_text(file.read_text().replace("version = \"1.0\"\nmarker", 'version = "1.0"\n'
                    'requires-python = "<3"\nmarker'))  # fmt: skip
    refused = project.run("create", "-n", "p", *words).json
    assert refused["message"].endswith("the lock: top 1.0 requires python <3")
    mixed = project.run("create", "-n", "p", *words, "numpy", "python")
    assert (mixed.code, mixed.json["reference"]) == (2, "mixed-files")


def test_a_lock_that_this_machine_cannot_run_is_refused(project: Workspace) -> None:
    url = "https://h.test/c/linux-64/x-1-0.conda"
    write(
        project,
        "version: 1",
        "metadata: {platforms: [linux-64]}",
        "package:",
        f"- {{name: x, version: '1', manager: conda, platform: linux-64, url: '{url}',",
        f"   hash: {{sha256: '{'0' * 64}'}}, dependencies: {{__cuda: '>=99'}}}}",
        name="conda-lock.yml",
    )
    refused = project.run("create", "-n", "x", "-f", "conda-lock.yml", "--dry-run", "--json")
    assert (refused.code, refused.json["reference"]) == (1, "machine-does-not-fit")
    project.environ["CONDA_OVERRIDE_CUDA"] = "99.1"
    project.run("create", "-n", "x", "-f", "conda-lock.yml", "--dry-run").ok()


@pytest.mark.skipif(not Path("/usr/bin/git").exists(), reason="needs git")
def test_git_merges_locks(project: Workspace, channel: Path) -> None:
    def git(*words: str, check: bool = True) -> subprocess.CompletedProcess[str]:
        done = subprocess.run(
            ["git", "-c", "user.name=x", "-c", "user.email=x@y.test", *words],
            cwd=project.folder, env=project.variables, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert done.returncode == 0 or not check, done.stderr + done.stdout
        return done

    def commit(*dependencies: str) -> None:
        # Lines apart from each other, so that git can merge the environment file by itself.
        lines = [line for name in dependencies for line in (f"- {name}", "#", "#", "#")]
        write(project, "channels:", f"- {channel.as_uri()}", "dependencies:", *lines)
        project.run("lock", "--keep").ok()
        git("add", "environment.yml", "conda-lock.yml", ".gitattributes")
        git("commit", "-qm", "x")

    git("init", "-q", "-b", "main", ".")
    write(project, "conda-lock.yml merge=minicon-lock", name=".gitattributes")
    driver = f"{sys.executable} -m minicon lock merge %O %A %B --path %P"
    git("config", "merge.minicon-lock.driver", driver)
    commit("hello=1.0")
    git("checkout", "-qb", "theirs")
    commit("hello=1.0", "shout")
    git("checkout", "-q", "main")
    commit("greeting", "hello=1.0")
    git("merge", "-q", "--no-edit", "theirs")
    assert "<<<<" not in (project.folder / "conda-lock.yml").read_text()
    text = (project.folder / "conda-lock.yml").read_text()
    assert {"greeting", "hello", "shout"} <= {b.split("\n")[0] for b in text.split("- name: ")}
