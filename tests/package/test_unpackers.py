"""Packages are unpacked in processes beside this one, with the same results and errors."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import threading
import time
from pathlib import Path

import pytest
from tests.support.faults import run_killed_at
from tests.support.packages import PackageBuilder

from minicon.errors import HashMismatch, UnsafeArchive
from minicon.models.reporter import SilentReporter, SilentTask
from minicon.package.cache.cache_folder import cache_key
from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.preparation import prepare_package, unpack_with_manifest
from minicon.package.prepare.unpackers import Unpackers, Unpacking
from minicon.package.validate import verify_package

pytestmark = pytest.mark.skipif(
    not Path("/proc/self/task").is_dir() or os.cpu_count() == 1,
    reason="processes are used on Linux with several processors",
)
MANY = 5_000_000


def alone(action):
    """Run an action in a process without other threads, as that of a command is."""
    run_killed_at(10**9, action)


def make_packages(folder):
    """Two archives with their records; the records list sizes that are worth processes."""
    builders = [
        PackageBuilder(name).file("lib/data", os.urandom(1 << 16)).file("lib/a.py", "x = 1\n" * 9)
        for name in ("first", "second")
    ]
    archives = [builder.build(folder / "channel", ".conda") for builder in builders]
    return {b.record(path): path for b, path in zip(builders, archives, strict=True)}


def worth(records):
    for record in records:
        record.data["size"] = MANY
    return list(records)


class Collected(SilentReporter, SilentTask):
    def __init__(self):
        self.warnings, self.advanced = [], 0

    def warn(self, text):
        self.warnings.append(text)

    def advance(self, amount):
        self.advanced += amount


def unpack_by(process, record, folder, *, seen=None, check=bool):
    seen = seen or Collected()
    directory = folder / "package"
    directory.mkdir(exist_ok=True)
    work = Unpacking(record, folder, directory, False, seen, seen)
    return process.unpack(work, check=check)


@contextlib.contextmanager
def one_process(records, unpack):
    with Unpackers(worth(records), unpack) as unpackers, unpackers.turn() as process:
        assert process is not None
        yield process


def test_the_cache_gets_the_same_package(tmp_path):
    packages = make_packages(tmp_path)
    parent = os.getpid()

    def unpack(work):
        assert os.getpid() != parent
        unpack_with_manifest(work)

    def fill(folder, unpackers):
        cache = PackageCache([folder], durable=False)
        for record, path in packages.items():
            prepare = prepare_package(
                lambda _, target, path=path: shutil.copyfile(path, target),
                record,
                fetch_verifies=True,
                unpackers=unpackers,
            )
            made = cache.ensure(record, prepare)
            assert not verify_package(made.directory)
            assert made.manifest.has_its_sizes(made.directory)

    def action():
        sizes = [record.data["size"] for record in packages]
        with Unpackers(worth(packages), unpack) as unpackers:
            for record, size in zip(packages, sizes, strict=True):
                record.data["size"] = size
            fill(tmp_path / "side-by-side", unpackers)
        fill(tmp_path / "here", None)

    alone(action)
    trees = [
        {
            path.relative_to(tmp_path / name): path.read_bytes()
            for path in (tmp_path / name).rglob("*")
            if path.is_file()
        }
        for name in ("side-by-side", "here")
    ]
    assert trees[0] == trees[1]
    assert not list((tmp_path / "side-by-side/.work").iterdir())


@pytest.mark.parametrize(
    ("break_it", "error"),
    [
        (lambda data: data[:-30] + b"x" * 30, HashMismatch),
        (lambda data: data[:-200], HashMismatch),
    ],
)
def test_errors_are_those_of_this_process(tmp_path, break_it, error):
    packages = make_packages(tmp_path)

    def action():
        with Unpackers(worth(packages), unpack_with_manifest) as unpackers:
            for record, path in packages.items():
                record.data["size"] = path.stat().st_size
                path.write_bytes(break_it(path.read_bytes()))
                prepare = prepare_package(
                    lambda _, target, path=path: shutil.copyfile(path, target),
                    record,
                    unpackers=unpackers,
                )
                with pytest.raises(error):
                    PackageCache([tmp_path / "pkgs"]).ensure(record, prepare)
                assert not list((tmp_path / "pkgs/.work").iterdir())

    alone(action)


def test_an_unsafe_archive_is_refused(tmp_path):
    builder = PackageBuilder("evil").link("lib/data", "../../outside")
    path = builder.build(tmp_path / "channel", ".conda")
    record = builder.record(path)

    def action():
        other = make_packages(tmp_path)
        with Unpackers(worth([record, *other]), unpack_with_manifest) as unpackers:
            record.data["size"] = path.stat().st_size
            prepare = prepare_package(
                lambda _, target: shutil.copyfile(path, target), record, unpackers=unpackers
            )
            with pytest.raises(UnsafeArchive, match="leads outside"):
                PackageCache([tmp_path / "pkgs"]).ensure(record, prepare)

    alone(action)


def test_a_process_that_is_killed_is_no_error(tmp_path):
    packages = make_packages(tmp_path)

    def unpack(work):
        work.directory.mkdir()
        (work.directory / "half").touch()
        os.kill(os.getpid(), signal.SIGKILL)

    def action():
        unpackers = Unpackers(worth(packages), unpack)
        record = next(iter(packages))
        for _ in range(2):
            with unpackers.turn() as process:
                assert not unpack_by(process, record, tmp_path)
        with unpackers.turn() as process:
            assert process is None  # this process unpacks from now on
        unpackers.close()
        assert not list((tmp_path / "package").iterdir())
        assert not list(tmp_path.glob("package.*"))

    alone(action)


def test_progress_and_warnings_arrive(tmp_path):
    packages = make_packages(tmp_path)

    def unpack(work):
        work.directory.mkdir()
        work.reporter.warn(f"{work.record.name} is odd\n")
        for _ in range(30):
            work.task.advance(1 << 17)

    def action():
        with one_process(packages, unpack) as process:
            seen = Collected()
            record = next(iter(packages))
            assert unpack_by(process, record, tmp_path, seen=seen)
            assert seen.warnings == [f"{record.name} is odd\n"]
            assert seen.advanced == 24 << 17

    alone(action)


def test_cancelled_work_leaves_nothing(tmp_path):
    packages = make_packages(tmp_path)

    def unpack(work):
        work.directory.mkdir()
        (work.directory / "half").touch()
        time.sleep(60)

    def action():
        cancelled = threading.Event()

        def check():
            if (half := list(tmp_path.glob("package.*/half"))) and not cancelled.is_set():
                cancelled.set()
            if cancelled.is_set():
                raise KeyboardInterrupt(half)

        with one_process(packages, unpack) as process:
            with pytest.raises(KeyboardInterrupt):
                unpack_by(process, next(iter(packages)), tmp_path, check=check)
            assert not process.is_running
        assert not list(tmp_path.glob("package.*"))
        with pytest.raises(ChildProcessError):
            os.waitpid(-1, 0)

    alone(action)


def test_nothing_is_inherited_but_two_pipes(tmp_path):
    """A lock of this process would be held on by a process that outlives it."""
    packages = make_packages(tmp_path)

    def unpack(work):
        work.directory.mkdir()
        opened = [os.readlink(entry) for entry in Path("/proc/self/fd").iterdir() if entry.exists()]
        (work.directory / "opened").write_text("\n".join(opened))

    def action():
        with open(tmp_path / "lock", "w"), one_process(packages, unpack) as process:
            unpack_by(process, next(iter(packages)), tmp_path)
            opened = (tmp_path / "package/opened").read_text().splitlines()
            pipes = [name for name in opened if name.startswith("pipe:")]
            assert len(pipes) == 2
            assert {*opened} - {*pipes} <= {os.devnull, f"/proc/{process._process}/fd"}

    alone(action)


@pytest.mark.parametrize("busy", [False, True])
def test_processes_end_with_the_one_that_forked_them(tmp_path, busy):
    """Also in the middle of a package; and they clean nothing, which may be another's by then."""
    packages = make_packages(tmp_path)

    def unpack(work):
        work.directory.mkdir()
        (work.directory / "process").write_text(str(os.getpid()))
        try:
            while busy:
                work.task.advance(1 << 20)
                time.sleep(0.01)
        finally:
            (work.directory / "process").unlink()

    def action():
        with one_process(packages, unpack) as process:
            (tmp_path / "forked").write_text(str(process._process))

            def check():
                if list(tmp_path.glob("package.*/process")) and busy:
                    os.kill(os.getpid(), signal.SIGKILL)

            unpack_by(process, next(iter(packages)), tmp_path, check=check)
            os.kill(os.getpid(), signal.SIGKILL)

    child = os.fork()
    if not child:
        with contextlib.suppress(BaseException):
            action()
        os._exit(3)
    assert os.waitstatus_to_exitcode(os.waitpid(child, 0)[1]) == -signal.SIGKILL
    forked = int((tmp_path / "forked").read_text())
    until = time.monotonic() + 10
    while is_running(forked):
        assert time.monotonic() < until
        time.sleep(0.01)
    assert len(list(tmp_path.glob("package.*/process"))) == busy


def test_what_killed_processes_left_is_removed_with_the_next_package(tmp_path):
    packages = make_packages(tmp_path)
    record, path = next(iter(packages.items()))
    cache = PackageCache([tmp_path / "pkgs"], durable=False)
    key = cache_key(record)
    work = tmp_path / "pkgs/.work"
    for name in (f"{key}.123/lib", f"{key}.archive.partial", "other-1-0-0123456789abcdef.123"):
        (work / name).mkdir(parents=True)
    prepare = prepare_package(lambda _, target: shutil.copyfile(path, target), record)
    cache.ensure(record, prepare)
    assert sorted(os.listdir(work)) == [f"{key}.archive.partial", "other-1-0-0123456789abcdef.123"]
    cache.sweep()
    assert not os.listdir(work)


def is_running(process):
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


@pytest.mark.parametrize("why", ["one package", "small", "one processor", "other threads"])
def test_this_process_unpacks_where_others_are_not_worth_it(tmp_path, monkeypatch, why):
    packages = make_packages(tmp_path)
    records = list(packages)[:1] if why == "one package" else list(packages)
    if why != "small":
        records = worth(records)
    if why == "one processor":
        monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0})

    def action():
        ended = threading.Event()
        if why == "other threads":
            threading.Thread(target=ended.wait, daemon=True).start()
        with Unpackers(records, unpack_with_manifest) as unpackers, unpackers.turn() as process:
            assert process is None
        ended.set()

    alone(action)
