"""The executor makes and changes environments; what it refuses, it refuses before it begins."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import time
from pathlib import Path

import pytest
from tests.prefix.test_clobber import Notes
from tests.support.packages import PackageBuilder
from tests.support.prefixes import Extracted, apply, executor, extract, snapshot

from minicon.constants import GENERATIONS, PREFIX_PLACEHOLDER
from minicon.errors import FileError, PackageError, PrefixError, PrefixLocked
from minicon.models.package_files import PackageFiles, PathsEntry
from minicon.models.prefix_record import LinkType
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.change import locked
from minicon.prefix.generations.recovery import recover
from minicon.prefix.generations.store import GenerationStore

LONG_PLACEHOLDER = "/" + "p" * 254


def hello() -> PackageBuilder:
    return (
        PackageBuilder("hello")
        .file("bin/hello", f"#!{PREFIX_PLACEHOLDER}/bin/sh\n", prefix=PREFIX_PLACEHOLDER)
        .file("share/hello/a.txt", b"a")
        .file("share/hello/copied", b"c", no_link=True)
        .file(
            "lib/binary",
            f"{LONG_PLACEHOLDER}/x\0end".encode(),
            prefix=LONG_PLACEHOLDER,
            mode="binary",
        )
        .link("share/hello/b.txt", "a.txt")
        .link("lib/dangling", "nowhere")
    )


def test_link_then_remove_leaves_nothing(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(hello(), tmp_path / "pkgs")
    before = snapshot(tmp_path / "pkgs")
    prefix = apply(env, package)
    assert (env / "bin/hello").read_text() == f"#!{env}/bin/sh\n"
    assert stat.S_IMODE((env / "bin/hello").stat().st_mode) == 0o755
    assert (env / "share/hello/b.txt").read_bytes() == b"a"
    assert os.readlink(env / "lib/dangling") == "nowhere"
    record = prefix.records()[0]
    assert sorted(record.files) == sorted(entry.path for entry in record.paths)
    assert sorted(record.files) == sorted(
        path for path, (kind, _, _) in snapshot(env, metadata=False).items() if kind != "d"
    )
    entries = {entry.path: entry for entry in record.paths}
    assert entries["bin/hello"].sha256 != entries["bin/hello"].sha256_in_prefix
    assert record.link == {"source": str(package.directory), "type": LinkType.HARDLINK}
    apply(env)
    assert snapshot(env, metadata=False) == {}
    assert snapshot(tmp_path / "pkgs") == before


def test_what_is_shared_with_the_cache_and_what_is_not(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(hello(), tmp_path / "pkgs")
    apply(env, package)
    for path, shared in [
        ("share/hello/a.txt", True),
        ("share/hello/copied", False),
        ("bin/hello", False),
        ("lib/binary", False),
    ]:
        assert os.path.samefile(env / path, package.directory / path) is shared, path


@pytest.mark.parametrize("link_type", [LinkType.COPY, LinkType.SOFTLINK])
def test_other_ways_to_link(tmp_path: Path, link_type: int) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(hello(), tmp_path / "pkgs")
    prefix = apply(env, package, executor=executor(options={"link_type": link_type}))
    target = env / "share/hello/a.txt"
    assert target.read_bytes() == b"a"
    assert target.is_symlink() is (link_type == LinkType.SOFTLINK)
    source = package.directory / "share/hello/a.txt"
    assert target.stat().st_mtime_ns == source.stat().st_mtime_ns
    assert source.stat().st_nlink == 1
    assert prefix.records()[0].link["type"] == link_type
    assert not (env / "bin/hello").is_symlink()
    apply(env)
    assert snapshot(env, metadata=False) == {}


def test_a_package_without_files_is_a_package(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    prefix = apply(env, extract(PackageBuilder("meta"), tmp_path / "pkgs"))
    assert [record.files for record in prefix.records()] == [()]
    apply(env)
    assert Prefix(env).records() == ()


def test_a_prefix_too_long_for_a_binary_is_refused_at_once(tmp_path: Path) -> None:
    env = tmp_path / ("x" * 150) / ("y" * 150)
    with pytest.raises(PrefixError, match=r"too long for hello-1\.0-0") as caught:
        apply(env, extract(hello(), tmp_path / "pkgs"))
    assert caught.value.reference == "prefix-too-long"
    assert not env.exists()


@pytest.mark.parametrize(
    "path",
    [
        "../x", "/x", "a/../../x", "a//b", "./x", "a/.", "", "a/", "..", "a\\b", "a\0b",
        "a\nb/../c", "conda-meta/x.json", "conda-meta/history", "Conda-Meta/x", "conda-meta",
    ],
)  # fmt: skip
def test_paths_that_are_not_the_packages_own_are_refused(tmp_path: Path, path: str) -> None:
    good = extract(PackageBuilder("evil").file("good", "x"), tmp_path / "pkgs")
    files = PackageFiles(paths=(PathsEntry("good"), PathsEntry(path)))
    with pytest.raises(PackageError, match="evil") as caught:
        apply(tmp_path / "envs" / "data", Extracted(good.record, good.directory, files))
    assert caught.value.reference == "unsafe-path"
    assert not (tmp_path / "envs" / "data").exists()


def test_folders_with_files_become_environments_and_keep_them(tmp_path: Path) -> None:
    env = tmp_path / "project" / "env"
    env.mkdir(parents=True)
    (env / "notes.txt").write_text("mine")
    env.chmod(0o750)
    apply(env, extract(hello(), tmp_path / "pkgs"))
    assert (env / "notes.txt").read_text() == "mine"
    assert (env / "bin/hello").exists()
    assert (env.parent / GENERATIONS / ".gitignore").read_text() == "*\n"


def test_unowned_files_of_every_kind_are_carried(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    first = extract(PackageBuilder("first").file("x", "1"), tmp_path / "pkgs")
    apply(env, first)
    (env / "link").symlink_to("/etc")
    (env / "dangling").symlink_to("nowhere")
    os.mkfifo(env / "pipe")
    (env / "private").mkdir(mode=0o700)
    (env / "private/secret").write_text("s")
    (env / "private/secret").chmod(0o600)
    (env / "a/b/c").mkdir(parents=True)
    before = snapshot(env, metadata=False)
    inode = (env / "private/secret").stat().st_ino
    apply(env, first, extract(PackageBuilder("second").file("y", "2"), tmp_path / "pkgs"))
    after = snapshot(env, metadata=False)
    assert after.pop("y")
    assert after == before
    assert (env / "private/secret").stat().st_ino == inode


def test_what_programs_write_during_a_change_is_not_lost(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    builders = (PackageBuilder("tool").version(v).file("lib/tool.py", v) for v in "12")
    old, new = (extract(builder, tmp_path / "pkgs") for builder in builders)
    apply(env, old)
    (env / "log").write_text("a")
    (env / "rewritten").write_text("a")
    (env / "lib/__pycache__").mkdir()

    def write(_stage: object, final: Path) -> None:
        with (final / "log").open("a") as stream:
            stream.write("b")
        (final / "temporary").write_text("new")
        (final / "temporary").replace(final / "rewritten")
        (final / "runtime/deep").mkdir(parents=True)
        (final / "runtime/deep/file").write_text("x")
        (final / "lib/__pycache__/tool.cpython-311.pyc").write_text("stale")

    apply(env, new, before_switch=[write])
    assert (env / "log").read_text() == "ab"
    assert (env / "rewritten").read_text() == "new"
    assert (env / "runtime/deep/file").read_text() == "x"
    assert (env / "lib/tool.py").read_text() == "2"
    assert not (env / "lib/__pycache__/tool.cpython-311.pyc").exists()


def test_a_shell_in_the_previous_directory_is_warned(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(hello(), tmp_path / "pkgs")
    apply(env, package)
    monkeypatch.chdir(env / "share")
    notes = Notes()
    apply(env, reporter=notes)
    assert "run cd ." in notes.warnings[0]


def test_an_environment_that_contains_another_is_refused(tmp_path: Path) -> None:
    root = tmp_path / "root"
    package = extract(PackageBuilder("first").file("x", "1"), tmp_path / "pkgs")
    apply(root, package)
    apply(root / "envs" / "inner", package)
    before = snapshot(root)
    with pytest.raises(PrefixError, match="contains another environment"):
        apply(root)
    assert snapshot(root) == before


def test_a_prefix_that_is_a_link(tmp_path: Path) -> None:
    real, link = tmp_path / "disk" / "data", tmp_path / "envs" / "data"
    link.parent.mkdir()
    real.parent.mkdir()
    link.symlink_to(real)
    package = extract(hello(), tmp_path / "pkgs")
    apply(link, package)
    assert link.is_symlink()
    assert (real / "bin/hello").read_text() == f"#!{link}/bin/sh\n"
    apply(link)
    assert link.is_symlink()
    assert not (real / "bin").exists()


def test_what_cannot_be_switched_is_refused_early(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = extract(hello(), tmp_path / "pkgs")
    (tmp_path / "file").write_text("")
    with pytest.raises(PrefixError, match="is a file"):
        apply(tmp_path / "file", package)
    parent = tmp_path / "readonly"
    parent.mkdir()
    access = os.access
    monkeypatch.setattr(os, "access", lambda p, m: Path(p) != parent and access(p, m))
    with pytest.raises(PrefixError, match=r"neither it nor .*readonly is writable"):
        apply(parent / "env", package)
    assert list(parent.iterdir()) == []


def test_a_held_lock_names_its_holder(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    package = extract(hello(), tmp_path / "pkgs")
    apply(env, package)
    with (
        locked(GenerationStore(env), 1.0),
        pytest.raises(PrefixLocked, match=f"being changed by process {os.getpid()}"),
    ):
        apply(env, executor=executor(lock_timeout=0.05))
    assert (env / "bin/hello").exists()


def test_readers_do_not_wait_for_a_change(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    env = tmp_path / "envs" / "data"
    apply(env, extract(hello(), tmp_path / "pkgs"))
    store = GenerationStore(env)
    stage = store.new_stage()
    with locked(store, 1.0):
        assert recover(env) is False
    with monkeypatch.context() as patch:
        patch.setattr(os, "access", lambda *_: False)
        assert recover(env) is False
    assert stage.exists()
    assert recover(env) is True
    assert not stage.exists()


ROUND = """
import sys
from pathlib import Path
from minicon.errors import PrefixError
from tests.prefix.test_clobber import Notes
from tests.support.packages import PackageBuilder
from tests.support.prefixes import apply, executor, extract
root, me = Path(sys.argv[1]), sys.argv[2]
mine = extract(PackageBuilder("p" + me).file("f" + me, me), root / "pkgs")
base = extract(PackageBuilder("base").file("base", "b"), root / ("pkgs" + me))
for turn in range(6):
    try:
        apply(root / "envs/data", *((base, mine) if turn % 2 else (base,)))
    except PrefixError as error:
        assert error.reference == "environment-changed", error
"""


@pytest.mark.slow
def test_many_processes_change_one_environment(tmp_path: Path) -> None:
    env = tmp_path / "envs" / "data"
    (tmp_path / "pkgs").mkdir()
    root = Path(__file__).parents[2]
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(root), *sys.path])}
    processes = [
        subprocess.Popen([sys.executable, "-c", ROUND, tmp_path, str(n)], env=environment)
        for n in range(4)
    ]
    deadline = time.monotonic() + 60
    try:
        while any(process.poll() is None for process in processes):
            assert time.monotonic() < deadline, "a deadlock"
            # A reader sees a whole environment at every moment.
            for path in env.glob("conda-meta/*.json"):
                try:
                    files = json.loads(path.read_bytes())["files"]
                except FileNotFoundError:
                    continue
                assert files
            time.sleep(0.005)
    finally:
        for process in processes:
            process.kill()
            process.wait()
    assert [process.returncode for process in processes] == [0, 0, 0, 0]
    prefix = Prefix(env)
    owned = {path for record in prefix.records() for path in record.files}
    assert owned == set(snapshot(env, metadata=False))


def test_errors_of_the_file_system_name_the_environment(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    package = extract(hello(), tmp_path / "pkgs")
    (package.directory / "share/hello/a.txt").unlink()
    with pytest.raises(FileError, match=r"cannot change .*/envs/data: No such file"):
        apply(tmp_path / "envs" / "data", package)
    assert not (tmp_path / "envs" / "data").exists()


def test_a_failed_create_leaves_nothing(tmp_path: Path) -> None:
    env = tmp_path / "project" / "env"
    package = extract(hello(), tmp_path / "pkgs")

    def refuse(*_: object) -> None:
        raise PrefixError("refused", "refused")

    with pytest.raises(PrefixError, match="refused"):
        apply(env, package, before_switch=[refuse])
    assert list(env.parent.iterdir()) == []


def test_a_process_that_waits_for_a_failing_create_gets_the_lock(tmp_path: Path) -> None:
    env = tmp_path / "project" / "env"
    package = extract(hello(), tmp_path / "pkgs")
    waiting = threading.Thread(target=lambda: apply(env, package, executor=executor()))

    def refuse(*_: object) -> None:
        waiting.start()
        time.sleep(0.1)
        raise PrefixError("refused", "refused")

    with pytest.raises(PrefixError, match="refused"):
        apply(env, package, before_switch=[refuse])
    waiting.join(20)
    assert Prefix(env).is_environment
