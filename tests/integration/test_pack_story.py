"""Packed environments work where the original does not exist, with and without minicon."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tarfile
from pathlib import Path

import pytest
from tests.support.commands import Workspace
from tests.support.packages import PREFIX_PLACEHOLDER, PackageBuilder, build_channel

from minicon.errors import FileError
from minicon.travel.formats import open_writer

LONG = PREFIX_PLACEHOLDER + "_placeholder" * 18
BINARY = b"\x7fELF\0" + f"{LONG}/lib:{LONG}/share".encode() + b"\0" + LONG.encode() + b"/x\0end\0"

TOOL = f"#!{LONG}/bin/python -E\nprint('tool')\n"


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Packages with each kind of file that contains the path of its environment."""
    script = "#!/bin/sh\nexec cat '%s/share/greeting' '%s/share/made'\n"
    parts = (
        PackageBuilder("parts")
        .file("bin/greet", script.replace("%s", LONG), prefix=LONG)
        .file("share/greeting", "hello\n")
        .file("share/text", f"at {LONG}\n", prefix=LONG)
        .file("lib/libparts.so.1", BINARY, prefix=LONG, mode="binary")
        .link("lib/libparts.so", "libparts.so.1")
        .link("lib64", "lib")
        .file("share/first", "same content\n")
        .hard_link("share/second", "share/first")
        .empty_folder("var/empty")
        .file("share/naïve ☃", "unicode\n")
        .script("post-link", '#!/bin/sh\necho "made in $PREFIX" > "$PREFIX/share/made"\n')
        .file("etc/conda/activate.d/parts.sh", "export PARTS=$CONDA_PREFIX/share\n")
        .file("etc/conda/deactivate.d/parts.sh", "unset PARTS\n")
        .file("etc/conda/env_vars.d/parts.json", '{"PARTS_HOME": "1"}')
    )
    pure = (
        PackageBuilder("pure")
        .noarch("python")
        .depends("python >=3.8")
        .file("site-packages/pure/__init__.py", "def main():\n    print('pure python')\n")
        .file("python-scripts/tool", TOOL, prefix=LONG, executable=True)
        .entry_point("pure-command = pure:main")
    )
    return build_channel(tmp_path_factory.mktemp("parts"), [parts, pure])


@pytest.fixture
def project(workspace: Workspace, parts: Path) -> Workspace:
    workspace.environ["MINICON_CHANNELS"] = f"{parts.as_uri()},host"
    return workspace


@pytest.fixture
def small(project: Workspace) -> Workspace:
    """An environment ``a`` without Python."""
    project.run("create", "-y", "-n", "a", "parts").ok()
    project.run("env", "config", "vars", "set", "-n", "a", "COLOUR=it's blue").ok()
    return project


def hide(workspace: Workspace) -> None:
    """Rename the directory of the environments, so that no file of ``a`` exists any more."""
    (workspace.root / "envs").rename(workspace.root / "elsewhere")


def run(*command: str | Path, shell: str = "") -> str:
    done = subprocess.run(
        ["env", "-i", "PATH=/usr/bin:/bin", *map(str, command)] if not shell else
        ["env", "-i", "PATH=/usr/bin:/bin", *map(str, command), "-c", shell],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done.stdout


def assert_complete(prefix: Path, old: Path) -> None:
    assert run(prefix / "bin" / "greet") == f"hello\nmade in {prefix}\n"
    assert (prefix / "share" / "text").read_text() == f"at {prefix}\n"
    new = str(prefix).encode()
    assert (prefix / "lib" / "libparts.so").read_bytes() == (
        b"\x7fELF\0" + (new + b"/lib:" + new + b"/share").ljust(len(LONG) * 2 + 12, b"\0")
        + new + b"/x" + b"\0" * (1 + len(LONG) - len(new)) + b"end\0"
    )  # fmt: skip
    assert os.readlink(prefix / "lib64") == "lib"
    assert (prefix / "share" / "naïve ☃").read_text() == "unicode\n"
    for folder, _, names in os.walk(prefix):
        for name in names:
            path = Path(folder, name)
            if path.name != "history" and path.is_file():
                data = path.read_bytes()
                assert str(old).encode() not in data, path
                assert (
                    PREFIX_PLACEHOLDER.encode() not in data
                    or path.name == "conda-unpack"
                    or (
                        path.suffix == ".json"  # records of files name their placeholders
                    )
                ), path


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "tar.bz2", "tar", "zip", "squashfs", ""])
def test_formats(small: Workspace, tmp_path: Path, kind: str) -> None:
    """Extracted by the usual programs and completed by conda-unpack, a shell script here."""
    tool = {"zip": "unzip", "squashfs": "mksquashfs"}.get(kind)
    if tool and not shutil.which(tool):
        pytest.skip(f"needs {tool}")
    old = small.environment("a")
    output = tmp_path / (f"packed.{kind}" if kind else "packed")
    document = small.run("pack", "-n", "a", "-o", str(output), "--json").ok().json
    assert document["format"] == (kind or "no-archive")
    hide(small)
    target = tmp_path / "a target" / "env"
    target.mkdir(parents=True)
    if kind.startswith("tar"):
        run("tar", "xf", output, "-C", target)
    elif kind == "zip":
        run("unzip", "-q", output, "-d", target)
    elif kind == "squashfs":
        run("unsquashfs", "-q", "-n", "-f", "-d", target, output)
    else:
        target.rmdir()
        output.rename(target)
    assert not list(tmp_path.glob(".*"))
    run(target / "bin" / "conda-unpack")
    run(target / "bin" / "conda-unpack")  # a second time has no effect
    assert_complete(target, old)
    first, second = target / "share" / "first", target / "share" / "second"
    assert kind == "zip" or first.samefile(second)


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "tar.bz2", "tar", "zip"])
def test_unpack(small: Workspace, tmp_path: Path, kind: str) -> None:
    old, output = small.environment("a"), tmp_path / f"packed.{kind}"
    small.run("pack", "-n", "a", "-o", str(output)).ok()
    hide(small)
    new = tmp_path / "a target" / ("long" * 40) / "env"
    small.run("unpack", str(output), str(new)).ok()
    assert_complete(new, old)
    assert not (new / "bin" / "conda-unpack").exists()
    small.run("verify", "-p", str(new)).ok()
    assert str(new) in (small.home / ".conda" / "environments.txt").read_text().splitlines()
    shown = 'echo "$COLOUR $PARTS $PARTS_HOME"'
    assert small.run("run", "-p", str(new), "sh", "-c", shown).ok().out == (
        f"it's blue {new}/share 1\n"
    )
    again = small.run("pack", "-p", str(new), "-o", str(tmp_path / f"again.{kind}")).ok()
    assert "changed" not in again.err
    small.run("remove", "-y", "-p", str(new), "parts").ok()
    assert not (new / "bin" / "greet").exists()


def test_unpacked_environments_have_names(small: Workspace, tmp_path: Path) -> None:
    small.run("pack", "-n", "a").ok()
    hide(small)
    small.run("unpack", "a.tar.zst", "-n", "b").ok()
    assert_complete(small.environment("b"), small.environment("a"))
    refused = small.run("unpack", "a.tar.zst", "-n", "b")
    assert "exists already" in refused.err
    assert small.left_behind() == []


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "zip", "squashfs"])
def test_the_same_environment_gives_the_same_bytes(
    small: Workspace, tmp_path: Path, kind: str
) -> None:
    if kind == "squashfs" and not shutil.which("mksquashfs"):
        pytest.skip("needs mksquashfs")
    small.environ["SOURCE_DATE_EPOCH"] = "1600000000"
    outputs = []
    for name in ("x", "y"):
        outputs.append(tmp_path / f"{name}.{kind}")
        small.run("pack", "-n", "a", "-o", str(outputs[-1])).ok()
        os.utime(small.environment("a") / "share" / "greeting")
    assert outputs[0].read_bytes() == outputs[1].read_bytes()
    small.environ["SOURCE_DATE_EPOCH"] = "yesterday"
    assert "SOURCE_DATE_EPOCH" in small.run("pack", "-n", "a", "-o", "z.zip").err


def test_a_known_destination_is_written(small: Workspace, tmp_path: Path) -> None:
    """And other paths are possible later."""
    target = tmp_path / "destination"
    for words in (("--dest-prefix", str(target)), ("--prefix", str(target))):
        small.run("pack", "-n", "a", "-o", "a.tar.gz", "--force", *words).ok()
        with tarfile.open(tmp_path / "a.tar.gz") as archive:
            assert "bin/conda-unpack" not in archive.getnames()
            archive.extractall(target, filter="tar")
        assert_complete(target, small.environment("a"))
        shutil.rmtree(target)
    small.run("unpack", "a.tar.gz", "other").ok()
    assert_complete(tmp_path / "other", target)
    too_long = small.run("pack", "-n", "a", "-o", "b.tar.gz", "-d", "/" + "long/" * 60)
    assert "no room" in too_long.err
    assert not list(tmp_path.glob("*b.tar.gz*"))


def test_another_destination_of_conda_unpack(small: Workspace, tmp_path: Path) -> None:
    small.run("pack", "-n", "a", "-o", "tree").ok()
    target = tmp_path / "later"
    run(tmp_path / "tree" / "bin" / "conda-unpack", "--dest-prefix", target)
    (tmp_path / "tree").rename(target)
    assert_complete(target, small.environment("a"))


SHELLS = [shell for shell in ("bash", "dash", "zsh", "ksh") if shutil.which(shell)]


@pytest.mark.parametrize("shell", SHELLS)
def test_activation(small: Workspace, tmp_path: Path, shell: str) -> None:
    small.run("pack", "-n", "a", "-o", "tree").ok()
    tree = tmp_path / "tree"
    run(tree / "bin" / "conda-unpack")
    lines = (
        "COLOUR=before", "export COLOUR", f". '{tree}/bin/activate'",
        'echo "$CONDA_PREFIX|$COLOUR|$PARTS|$PARTS_HOME|$(command -v greet)"',
        f". '{tree}/bin/activate'",
        f". '{tree}/bin/deactivate'",
        'echo "${CONDA_PREFIX-none}|$COLOUR|${PARTS-none}|${PARTS_HOME-none}|$PATH"',
    )  # fmt: skip
    active, after = run(shell, shell="set -u\n" + "\n".join(lines)).splitlines()
    assert active == f"{tree}|it's blue|{tree}/share|1|{tree}/bin/greet"
    assert after == "none|before|none|none|/usr/bin:/bin"


def test_activation_in_fish(small: Workspace, tmp_path: Path) -> None:
    if not shutil.which("fish"):
        pytest.skip("needs fish")
    small.run("pack", "-n", "a", "-o", "tree").ok()
    tree = tmp_path / "tree"
    script = (
        f"source '{tree}/bin/activate.fish'; echo $CONDA_PREFIX $COLOUR (command -v greet)\n"
        "deactivate; set -q CONDA_PREFIX; or echo none $PATH"
    )
    active, after = run("HOME=/nonexistent", "fish", shell=script).splitlines()
    assert active == f"{tree} it's blue {tree}/bin/greet"
    assert after == "none /usr/bin /bin"


def test_python_environment(project: Workspace, tmp_path: Path) -> None:
    """Commands of conda packages and wheels run before and after conda-unpack, and with minicon."""
    project.run("create", "-y", "-n", "a", "parts", "python", "pure", "pypi:top").ok()
    old = project.environment("a")
    if os.path.isabs(
        os.readlink(old / "bin" / "python") if (old / "bin/python").is_symlink() else ""
    ):
        pytest.skip("needs a self-contained python")
    done = project.run("pack", "-n", "a", "-o", "a.tar.zst")
    if "python of this machine" in done.err:
        pytest.skip("needs a self-contained python")
    done.ok()
    hide(project)
    tree = tmp_path / "a target"
    tree.mkdir()
    run("tar", "xf", tmp_path / "a.tar.zst", "-C", tree)
    (tmp_path / "linked-command").symlink_to(tree / "bin" / "top-command")
    for _ in range(2):
        assert run(tree / "bin" / "pure-command") == "pure python\n"
        assert run(tree / "bin" / "tool") == "tool\n"
        assert run(tmp_path / "linked-command") == "top runs\n"
        run(tree / "bin" / "conda-unpack")
    assert_complete(tree, old)
    assert "conda-unpack" in run(tree / "bin" / "conda-unpack", "--version")
    prefix = "import sys, sysconfig; print(sys.prefix, sysconfig.get_config_var('prefix'))"
    assert run(tree / "bin" / "python", "-c", prefix) == f"{tree} {tree}\n"
    new = tmp_path / "unpacked"
    project.run("unpack", "a.tar.zst", str(new)).ok()
    assert_complete(new, old)
    project.run("verify", "-p", str(new)).ok()
    assert project.run("run", "-p", str(new), "top-command").ok().out == "top runs\n"
    wheel = next(new.glob("lib/python*/site-packages/top-1.0.dist-info/RECORD")).read_text()
    assert "bin/top-command,sha256=" in wheel


def test_a_linked_python_is_refused_with_words_that_help(
    project: Workspace, tmp_path: Path
) -> None:
    """What the hint says to type makes the environment one that can be packed."""
    venv = project.run("create", "-y", "-n", "a", "python=*[build=*venv]")
    own = ".".join(map(str, sys.version_info[:2]))
    python = project.environment("a") / "bin" / "python"
    if venv.code or f"python{own}" not in os.readlink(python):
        pytest.skip("needs a python of a distribution, of the version of these tests")
    refused = project.run("pack", "-n", "a", "-o", "a.tar")
    assert f"uses a python of this machine, {python.resolve()}" in refused.err
    (words,) = re.findall(r"minicon (install [^;]*portable\]')", refused.err)
    if project.run(*shlex.split(words), "-y").code:
        pytest.skip("needs a python that can be copied, too")
    project.run("pack", "-n", "a", "-o", "a.tar").ok()
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert archive.getmember(f"bin/python{own}").isfile()


def test_selected_files(small: Workspace, tmp_path: Path) -> None:
    def packed(*words: str) -> set[str]:
        small.run("pack", "-n", "a", "-o", "a.tar", "--force", *words).ok()
        with tarfile.open(tmp_path / "a.tar") as archive:
            return set(archive.getnames())

    everything = packed()
    words = ("--exclude", "share/*", "--include", "share/text")
    assert everything - packed(*words) == {
        path for path in everything if path.startswith("share/") and path != "share/text"
    }
    assert everything - packed(*words, "--exclude", "*text") == {
        path for path in everything if path.startswith("share/")
    }
    small.run("unpack", "a.tar", "b").ok()
    small.run("verify", "-p", "b").ok()
    slim = packed("--slim", "records")
    assert "conda-meta/history" in slim
    assert "conda-meta/parts-1.0-0.json" in everything - slim


def test_what_would_not_work_elsewhere_is_refused(small: Workspace, tmp_path: Path) -> None:
    a = small.environment("a")
    link = a / "share" / "outside"
    link.symlink_to("/etc/hostname")
    refused = small.run("pack", "-n", "a", "-o", "a.tar", "--json")
    assert refused.json["reference"] == "links-outside"
    small.run("pack", "-n", "a", "-o", "a.tar", "--exclude", "share/outside").ok()
    link.unlink()
    link.symlink_to(a / "share" / "greeting")  # absolute, but inside
    (a / "share" / "first").write_text("other content\n")
    changed = small.run("pack", "-n", "a", "-o", "a.tar", "--force").ok()
    assert "share/first (parts)" in changed.err
    with tarfile.open(tmp_path / "a.tar") as archive:
        assert archive.getmember("share/outside").linkname == "greeting"
    (a / "share" / "greeting").unlink()
    missing = small.run("pack", "-n", "a", "-o", "b.tar")
    assert "share/greeting (parts)" in missing.err
    small.run("pack", "-n", "a", "-o", "b.tar", "--ignore-missing").ok()


def test_bad_input(small: Workspace, tmp_path: Path) -> None:
    (tmp_path / "folder").mkdir()
    (tmp_path / "text.tar").write_text("no archive")
    (tmp_path / "taken.zip").touch()
    (tmp_path / "empty.tar").touch()
    with tarfile.open(tmp_path / "plain.tar", "w") as archive:
        archive.add(tmp_path / "text.tar", "some/file")
    cases = {
        ("pack", "-n", "nothing"): "no environment named 'nothing'",
        ("pack", "-p", "folder"): "no environment at",
        ("pack", "-n", "a", "-o", "a.tar.rar"): "suffix of no known format",
        ("pack", "-n", "a", "-o", "taken.zip"): "exists already",
        ("pack", "-n", "a", "-o", "nowhere/a.zip"): "does not exist",
        ("pack", "-n", "a", "-o", "/dev/full"): "exists already",
        ("pack", "-n", "a", "-o", "b.zip", "-d", "relative"): "is not absolute",
        ("pack", "-n", "a", "-o", "b.zip", "--compress-level", "3"): "level 3",
        ("pack", "-n", "a", "-o", "b.tar.gz", "--compress-level", "12"): "1 to 9",
        ("pack", "-n", "a", "-o", "b.zip", "--slim=docs"): "'docs'",
        ("pack", "-n", "a", "-o", str(small.environment("a") / "a.zip")): "inside",
        ("unpack", "text.tar", "b"): "unknown format",
        ("unpack", "taken.zip", "b"): "is empty",
        ("unpack", "plain.tar", "b"): "contains no environment",
        ("unpack", "missing.tar", "b"): "cannot read",
        ("unpack", "folder", "b"): "is a directory",
        ("unpack", "text.tar"): "needs one directory or name",
        ("unpack", "", "b"): "is empty",
        ("unpack", "empty.tar", "b"): "is empty",
        ("unpack", "text.tar", ""): "is empty",
        ("pack", "-n", "a", "-o", ""): "is empty",
        ("pack", "-n", "a", "-o", "b.zip", "-d", ""): "is not absolute",
        ("pack", "-n", "a", "--format", "rar"): "unknown format 'rar'",
        ("image", "-n", "a", "-o", ""): "is empty",
        ("bundle", "-n", "a", "-o", ""): "is empty",
        ("bundle", "-f", "", "-o", "b.pyz"): "is empty",
        ("unpack", "plain.tar", str(small.environment("a"))): "exists already",
    }
    for words, text in cases.items():
        refused = small.run(*words)
        assert refused.code in (1, 2), words
        assert text in refused.err, words
        assert refused.err.count("error:") == 1
        assert "Traceback" not in refused.err
    assert not (tmp_path / "b").exists()
    assert not list(tmp_path.glob(".*.tmp*"))


@pytest.mark.parametrize("kind", ["tar", "zip", "squashfs", "image.tar", "pyz", ""])
def test_a_limit_of_the_size_of_files(small: Workspace, tmp_path: Path, kind: str) -> None:
    """Stands for a full disk, whatever program writes: one error, and nothing is left."""
    if not shutil.which("prlimit") or (kind == "squashfs" and not shutil.which("mksquashfs")):
        pytest.skip("needs prlimit and mksquashfs")
    (small.environment("a") / "share" / "large").write_bytes(os.urandom(1 << 20))
    command = {"image.tar": "image", "pyz": "bundle"}.get(kind, "pack")
    words = [
        sys.executable,
        "-m",
        "minicon",
        command,
        "-n",
        "a",
        "-o",
        f"b.{kind}" if kind else "b",
    ]
    done = subprocess.run(
        ["prlimit", "--fsize=200000", *words], env=small.variables, cwd=tmp_path,
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 1, done.stderr
    assert "File too large" in done.stderr
    assert "Traceback" not in done.stderr
    assert not [path.name for path in tmp_path.iterdir() if "b" in path.name.split(".")]


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root reads all files")
def test_files_that_cannot_be_read(small: Workspace, tmp_path: Path) -> None:
    secret = small.environment("a") / "share" / "secret"
    secret.write_text("x")
    secret.chmod(0)
    refused = small.run("pack", "-n", "a", "-o", "b.tar")
    assert f"cannot read {secret}: Permission denied" in refused.err


def test_a_file_that_disappears_is_named(small: Workspace, tmp_path: Path) -> None:
    """As one that cannot be read, it is no failure of the output."""
    gone = small.environment("a") / "share" / "gone"
    with pytest.raises(FileError, match=f"cannot read {gone}"), open_writer(tmp_path / "b", "tar"):
        gone.read_bytes()


def test_settings_for_spark(small: Workspace, tmp_path: Path) -> None:
    lines = small.run("pack", "-n", "a", "--for", "spark").ok().out.splitlines()
    assert lines[1:] == [
        f"spark.archives={tmp_path}/a.tar.gz#environment",
        "PYSPARK_PYTHON=./environment/bin/python",
    ]


def test_editable_projects_are_refused_by_name(project: Workspace, tmp_path: Path) -> None:
    project.run("create", "-y", "-n", "a", "python", "pypi:top").ok()
    a = project.environment("a")
    site_packages = next(a.glob("lib/python*/site-packages"))
    (tmp_path / "source").mkdir()
    origin = {"url": (tmp_path / "source").as_uri(), "dir_info": {"editable": True}}
    (site_packages / "top-1.0.dist-info" / "direct_url.json").write_text(json.dumps(origin))
    record = next((a / "conda-meta").glob("top-*.json"))
    path = (site_packages / "top-1.0.dist-info" / "direct_url.json").relative_to(a).as_posix()
    content = json.loads(record.read_text())
    record.write_text(json.dumps({**content, "files": [*content["files"], path]}))
    (site_packages / "other.pth").write_text(f"# comment\nimport os\n\n{tmp_path / 'home'}\n")
    refused = project.run("pack", "-n", "a", "-o", "a.tar")
    assert f"top ({tmp_path}/source), {tmp_path}/home" in refused.err
    refused = project.run("pack", "-n", "a", "-o", "a.tar", "--ignore-editable")
    assert "not packed: top" in refused.err
