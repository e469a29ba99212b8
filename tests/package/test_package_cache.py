"""One directory per package content; complete or missing; prepared by one of many processes."""

from __future__ import annotations

import errno
import json
import multiprocessing
import os
import shutil
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from tests.support.faults import KILLED, counting, failing_at, run_killed_at
from tests.support.packages import PackageBuilder

from minicon.errors import FileError, HashMismatch, PackageError
from minicon.fs.lock import locked
from minicon.models.records import RepodataRecord
from minicon.package.cache.package_cache import PackageCache
from minicon.package.prepare.preparation import prepare_package
from minicon.package.validate import verify_package

HELLO = (
    PackageBuilder("hello")
    .file(
        "bin/hello",
        "#!/opt/anaconda1anaconda2anaconda3/bin/sh\n",
        prefix="/opt/anaconda1anaconda2anaconda3",
    )
    .file("share/hello/data", bytes(range(256)) * 300)
    .link("bin/hallo", "hello")
)


class Channel:
    """A directory with one package, and a fetch function that counts its calls."""

    def __init__(self, folder, builder=HELLO, kind=".conda"):
        self.path = builder.build(folder / "channel", kind)
        self.record = builder.record(self.path)
        self.log = folder / "fetches"

    def fetch(self, record, target):
        with open(self.log, "ab") as log:
            log.write(b"x")
        shutil.copyfile(self.path, target)

    @property
    def fetches(self):
        return self.log.stat().st_size if self.log.exists() else 0

    def prepare(self, **options):
        return prepare_package(self.fetch, self.record, **options)

    def ensure(self, cache):
        return cache.ensure(self.record, self.prepare())


@pytest.fixture
def channel(tmp_path):
    return Channel(tmp_path)


def leftovers(folder):
    return sorted(path.name for path in (folder / ".work").iterdir()) if folder.exists() else []


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_a_package_is_fetched_once_and_found_afterwards(tmp_path, kind):
    channel = Channel(tmp_path, kind=kind)
    cache = PackageCache([tmp_path / "pkgs"])
    assert cache.find(channel.record) is None
    cached = channel.ensure(cache)
    assert cached.directory.name == f"hello-1.0-0-{channel.record.sha256[:16]}"
    assert {entry.path for entry in cached.files.paths} == {
        "bin/hello",
        "bin/hallo",
        "share/hello/data",
    }
    assert verify_package(cached.directory) == []
    again = channel.ensure(PackageCache([tmp_path / "pkgs"]))
    assert again == cached
    assert again.files == cached.files
    assert channel.fetches == 1
    written = json.loads((cached.directory / "info/repodata_record.json").read_text())
    assert written["sha256"] == channel.record.sha256
    assert written["url"] == channel.record.url
    assert (tmp_path / "pkgs/urls.txt").read_text() == f"{channel.record.url}\n"
    assert leftovers(tmp_path / "pkgs") == []


def test_modes_follow_the_umask_but_the_work_directory_is_private(tmp_path, channel):
    cached = channel.ensure(PackageCache([tmp_path / "pkgs"]))
    umask = os.umask(0)
    os.umask(umask)
    assert cached.directory.stat().st_mode & 0o777 == 0o755 & ~umask
    assert (cached.directory / "bin/hello").stat().st_mode & 0o777 == 0o755 & ~umask
    assert (tmp_path / "pkgs/.work").stat().st_mode & 0o777 == 0o700


def test_a_wrong_download_leaves_nothing_behind(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"])

    def fetch(record, target):
        target.write_bytes(channel.path.read_bytes()[:-1] + b"\1")

    with pytest.raises(HashMismatch, match=r"hello-1.0-0.conda has sha256 .* expected"):
        cache.ensure(channel.record, prepare_package(fetch, channel.record))
    assert cache.find(channel.record) is None
    assert leftovers(tmp_path / "pkgs") == []


def test_an_incomplete_package_is_not_used(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"])

    def prepare(folder):
        channel.prepare()(folder)
        (folder / "share/hello/data").write_bytes(b"changed")

    with pytest.raises(PackageError, match="share/hello/data has 7 bytes instead of 76800"):
        cache.ensure(channel.record, prepare)
    assert cache.find(channel.record) is None


def test_a_directory_of_another_package_is_a_miss_and_is_replaced(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"])
    final = channel.ensure(cache).directory
    (final / "info/repodata_record.json").write_text("{")
    assert cache.find(channel.record) is None
    assert channel.ensure(cache).directory == final
    assert verify_package(final) == []
    assert channel.fetches == 2


def test_a_rebuilt_package_with_the_same_name_gets_its_own_directory(tmp_path, channel):
    other = Channel(tmp_path / "other", HELLO.file("extra", b"new"))
    cache = PackageCache([tmp_path / "pkgs"])
    assert channel.ensure(cache).directory != other.ensure(cache).directory


def test_missing_packages_are_those_that_are_not_found(tmp_path, channel):
    other = Channel(tmp_path / "other", HELLO.file("extra", b"new"))
    damaged = Channel(tmp_path / "third", HELLO.file("third", b"3"))
    records = [each.record for each in (channel, other, damaged)]
    layers = [tmp_path / "pkgs", tmp_path / "conda"]
    assert PackageCache(layers).missing(records) == tuple(records)
    own = channel.ensure(PackageCache([tmp_path / "pkgs"])).directory
    shutil.copytree(own, tmp_path / "conda" / "hello-1.0-0", symlinks=True)
    folder = damaged.ensure(PackageCache([tmp_path / "pkgs"])).directory
    (folder / "info/repodata_record.json").write_text("{")
    assert PackageCache(layers).missing(records) == (other.record, damaged.record)
    assert PackageCache(layers[1:]).missing(records[:1]) == ()


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("build", "x\\..\\..\\escaped"),
        ("build", "../../x"),
        ("version", "1/2"),
        ("name", ".."),
        ("name", ""),
        ("name", "a\0b"),
        ("sha256", "../../etc"),
        ("version", "1" * 200),
    ],
)
def test_a_record_never_becomes_a_path_outside_the_cache(tmp_path, channel, field, value):
    record = RepodataRecord(
        {**channel.record.data, field: value}, channel="c", subdir="noarch", fn="x.conda", url=""
    )
    cache = PackageCache([tmp_path / "pkgs"])
    with pytest.raises(PackageError) as caught:
        cache.ensure(record, channel.prepare())
    assert caught.value.reference == "bad-record"
    assert "index" not in (caught.value.hint or "")
    assert not (tmp_path / "pkgs").exists()


def test_condas_cache_is_a_lower_layer_for_complete_packages(tmp_path, channel):
    ours = channel.ensure(PackageCache([tmp_path / "made"])).directory
    theirs = tmp_path / "conda" / "hello-1.0-0"
    shutil.copytree(ours, theirs, symlinks=True)
    cache = PackageCache([tmp_path / "pkgs", tmp_path / "conda"])
    found = cache.find(channel.record)
    assert found is not None
    assert found.directory == theirs
    with pytest.raises(FileError, match="only read"):
        cache.remove(found)
    (theirs / "share/hello/data").write_bytes(b"cut")
    assert cache.find(channel.record) is None
    assert channel.ensure(cache).directory.parent == tmp_path / "pkgs"


def test_condas_directory_of_another_build_is_a_miss(tmp_path, channel):
    ours = channel.ensure(PackageCache([tmp_path / "made"])).directory
    theirs = tmp_path / "conda" / "hello-1.0-0"
    shutil.copytree(ours, theirs, symlinks=True)
    data = json.loads((theirs / "info/repodata_record.json").read_text())
    data["sha256"] = "0" * 64
    (theirs / "info/repodata_record.json").write_text(json.dumps(data))
    assert PackageCache([tmp_path / "pkgs", tmp_path / "conda"]).find(channel.record) is None


def test_a_cache_that_others_can_write_is_refused(tmp_path, channel):
    folder = tmp_path / "pkgs"
    folder.mkdir()
    folder.chmod(0o777)
    with pytest.raises(FileError, match="written by other users") as caught:
        PackageCache([folder])
    assert "chmod go-w" in (caught.value.hint or "")
    lower = PackageCache([tmp_path / "own", folder])
    assert channel.ensure(lower).directory.parent == tmp_path / "own"


@pytest.mark.parametrize("name", [".trash", ".work", ".locks", ".bytecode"])
def test_a_cache_whose_own_directories_are_links_is_refused(tmp_path, channel, name):
    victim = tmp_path / "victim"
    victim.mkdir()
    (victim / "precious").write_text("safe")
    folder = tmp_path / "pkgs"
    folder.mkdir()
    (folder / name).symlink_to(victim)
    with pytest.raises(FileError, match="is a link"):
        PackageCache([folder]).sweep()
    assert (victim / "precious").read_text() == "safe"
    lower = PackageCache([tmp_path / "own", folder])
    assert channel.ensure(lower).directory.parent == tmp_path / "own"


def test_entries_and_remove(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"])
    assert list(cache.entries()) == []
    cached = channel.ensure(cache)
    (entry,) = cache.entries()
    assert entry.record == channel.record
    cache.remove(entry)
    assert list(cache.entries()) == []
    assert not cached.directory.exists()
    assert cache.find(channel.record) is None


def test_a_package_without_a_hash_is_refused_and_one_with_an_md5_is_not(tmp_path, channel):
    def record(**changes):
        data = {**channel.record.data, **changes}
        return RepodataRecord(data, channel="c", subdir="linux-64", fn="x.conda", url="u")

    none = record(sha256=None, md5=None)
    cache = PackageCache([tmp_path / "pkgs"])
    with pytest.raises(PackageError, match="no hash"):
        cache.ensure(none, prepare_package(channel.fetch, none))
    weak = record(sha256=None)
    assert cache.ensure(weak, prepare_package(channel.fetch, weak))


def steps_of(action):
    with counting() as counter:
        action()
    return counter.count


@pytest.mark.slow
def test_killed_at_any_step_a_package_is_complete_or_missing(memory_path, channel):
    total = steps_of(lambda: channel.ensure(PackageCache([memory_path / "count"])))
    assert total > 10
    folder = memory_path / "pkgs"
    for at in range(1, total + 1):
        shutil.rmtree(folder, ignore_errors=True)
        assert run_killed_at(at, lambda: channel.ensure(PackageCache([folder]))) == KILLED
        found = PackageCache([folder]).find(channel.record)
        if found is not None:
            assert verify_package(found.directory) == []
        PackageCache([folder]).sweep()
        assert not folder.exists() or not (folder / ".work").exists() or leftovers(folder) == []
        cached = channel.ensure(PackageCache([folder]))
        assert verify_package(cached.directory) == []
        assert leftovers(folder) == []


@pytest.mark.slow
@pytest.mark.parametrize("number", [errno.ENOSPC, errno.EIO])
def test_failing_at_any_step_leaves_the_cache_unchanged_with_a_clear_error(
    memory_path, channel, number
):
    total = steps_of(lambda: channel.ensure(PackageCache([memory_path / "count"])))
    folder = memory_path / "pkgs"
    messages = set()
    for at in range(1, total + 1):
        shutil.rmtree(folder, ignore_errors=True)
        with failing_at(at, OSError(number, os.strerror(number))):
            try:
                channel.ensure(PackageCache([folder]))  # some steps may fail without harm
            except FileError as error:
                messages.add(error.message.rpartition(": ")[2])
        found = PackageCache([folder]).find(channel.record)
        if found is not None:
            assert verify_package(found.directory) == []
        assert verify_package(channel.ensure(PackageCache([folder])).directory) == []
    assert messages == {os.strerror(number)}


def _ensure_in_child(folder, channel, barrier, results):
    cache = PackageCache([folder])
    barrier.wait()
    try:
        results.put(str(channel.ensure(cache).directory))
    except BaseException as error:  # noqa: BLE001  # reported to the parent
        results.put(repr(error))


def test_eight_processes_fetch_once(tmp_path, channel):
    context = multiprocessing.get_context("fork")
    barrier, results = context.Barrier(8), context.Queue()
    children = [
        context.Process(
            target=_ensure_in_child, args=(tmp_path / "pkgs", channel, barrier, results)
        )
        for _ in range(8)
    ]
    for child in children:
        child.start()
    found = {results.get(timeout=30) for _ in children}
    for child in children:
        child.join()
    assert len(found) == 1
    assert Path(found.pop()).is_dir()
    assert channel.fetches == 1


def test_threads_share_a_cache(tmp_path):
    channels = [
        Channel(tmp_path / str(n), PackageBuilder(f"p{n}").file("f", b"x")) for n in range(4)
    ]
    cache = PackageCache([tmp_path / "pkgs"])
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda channel: channel.ensure(cache), channels * 4))
    assert [channel.fetches for channel in channels] == [1, 1, 1, 1]


def test_sweep_keeps_packages_in_preparation(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"])
    directory = channel.ensure(cache).directory
    work = tmp_path / "pkgs/.work"
    dead = "dead-1-0-0123456789abcdef"
    for name in (directory.name, dead):
        (work / name).mkdir()
        (work / f"{name}.archive.partial").write_bytes(b"half")
    with locked(tmp_path / f"pkgs/.locks/{directory.name}.lock"):
        removed = cache.sweep()
    assert sorted(path.name for path in removed) == [dead, f"{dead}.archive.partial"]
    mine = [work / directory.name, work / f"{directory.name}.archive.partial"]
    assert sorted(cache.sweep()) == mine
    assert cache.find(channel.record) is not None
    assert list((tmp_path / "pkgs/.locks").iterdir()) == []


def test_an_error_after_waiting_names_the_other_process(tmp_path, channel):
    cache = PackageCache([tmp_path / "pkgs"], lock_timeout=0.05)
    key = f"hello-1.0-0-{channel.record.sha256[:16]}"
    with (
        locked(tmp_path / f"pkgs/.locks/{key}.lock"),
        pytest.raises(FileError, match=f"is locked by process {os.getpid()}"),
    ):
        channel.ensure(cache)
