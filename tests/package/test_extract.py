"""Extraction writes a package's files, links, modes and times, and reports what is wrong."""

from __future__ import annotations

import bz2
import errno
import hashlib
import json
import os
import stat
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
from tests.support.faults import failing_at
from tests.support.packages import MODIFIED, PackageBuilder
from tests.support.tar_parts import entry

from minicon.archive import libarchive_decoder
from minicon.archive.libarchive_decoder import libarchive_version
from minicon.archive.package_archive import open_archive, read_info_file, read_info_files
from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import FileError, HashMismatch, PackageError, UsageError
from minicon.models.package_files import EntryPoint, PathType
from minicon.models.records import RepodataRecord
from minicon.package.info_files import read_package_files
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.extract import extract
from minicon.package.validate import verify_package

FIXTURES = Path(__file__).parent.parent.parent / "fixtures" / "packages"
RECORDS = json.loads((FIXTURES / "records.json").read_text())
SHARED = os.environ.get("MINICON_SHARED_DATA")

TOOL = (
    PackageBuilder("tool")
    .version("2.0")
    .noarch("python")
    .file("site-packages/tool/__init__.py", "print('hello')\n")
    .file("bin/tool", f"#!{PREFIX_PLACEHOLDER}/bin/python\n", prefix=PREFIX_PLACEHOLDER)
    .file("lib/libtool.so", b"\x7fELF" + bytes(300_000), prefix="/old", mode="binary", no_link=True)
    .file("share/big", bytes(range(256)) * 4000)
    .link("lib/libtool.so.1", "libtool.so")
    .hard_link("bin/tool2", "bin/tool")
    .entry_point("tool-main = tool.cli:main")
)


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
@pytest.mark.parametrize("legacy", [False, True])
def test_a_package_is_extracted_completely(tmp_path, kind, legacy):
    builder = TOOL.legacy() if legacy else TOOL
    path = builder.build(tmp_path, kind)
    seen = []

    class Task:
        def advance(self, amount):
            seen.append(amount)

        def finish(self):
            pass

    expected = ExpectedArchive.of_record(builder.record(path))
    files = extract(path, tmp_path / "out", expected=expected, task=Task())
    out = tmp_path / "out"
    assert (out / "share/big").read_bytes() == bytes(range(256)) * 4000
    assert os.readlink(out / "lib/libtool.so.1") == "libtool.so"
    assert os.path.samefile(out / "bin/tool", out / "bin/tool2")
    umask = os.umask(0)
    os.umask(umask)
    assert stat.S_IMODE((out / "bin/tool").stat().st_mode) == 0o755 & ~umask
    assert stat.S_IMODE((out / "share/big").stat().st_mode) == 0o644 & ~umask
    assert (out / "share/big").stat().st_mtime == MODIFIED
    assert files == read_package_files(out)
    assert verify_package(out) == []
    assert files.noarch == "python"
    assert files.entry_points == (EntryPoint("tool-main", "tool.cli", "main"),)
    entries = {entry.path: entry for entry in files.paths}
    assert entries["lib/libtool.so.1"].path_type == PathType.SOFTLINK
    assert entries["bin/tool"].prefix_placeholder == PREFIX_PLACEHOLDER
    assert entries["bin/tool"].file_mode == "text"
    assert entries["lib/libtool.so"].prefix_placeholder == "/old"
    assert entries["lib/libtool.so"].file_mode == "binary"
    assert entries["lib/libtool.so"].no_link
    assert sum(seen) <= path.stat().st_size
    assert sum(seen) > path.stat().st_size * 0.5


@pytest.mark.parametrize(
    ("archived", "extracted"),
    [
        (0o600, 0o600),
        (0o700, 0o700),
        (0o640, 0o640),
        (0o666, 0o644),
        (0o777, 0o755),
        (0o444, 0o644),
        (0o4755, 0o755),
        (0, 0o644),
    ],
)
@pytest.mark.parametrize("size", [3, 3_000_000])
def test_private_files_stay_private(tmp_path, archived, extracted, size):
    path = PackageBuilder("x").file("etc/f", bytes(size), mode=archived).build(tmp_path)
    before = os.umask(0)
    try:
        extract(path, tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out/etc/f").stat().st_mode) == extracted


def test_modes_follow_the_umask(tmp_path):
    path = TOOL.build(tmp_path)
    before = os.umask(0o077)
    try:
        extract(path, tmp_path / "out")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "out/bin/tool").stat().st_mode) == 0o700
    assert stat.S_IMODE((tmp_path / "out/lib").stat().st_mode) == 0o700


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        ({"sha256": "0" * 64}, HashMismatch, "has sha256 .*, expected 0000"),
        ({"size": 3}, HashMismatch, r"has \d+ bytes, expected 3 bytes"),
        ({"sha256": None, "md5": "0" * 32}, HashMismatch, "has md5 .*, expected 0000"),
        ({"version": "2.1"}, PackageError, "another package .* version '2.0', expected '2.1'"),
        ({"name": "other"}, PackageError, "another package"),
        ({"build": "1"}, PackageError, "another package"),
    ],
)
def test_the_archive_must_match_its_record(tmp_path, change, error, text):
    path = TOOL.build(tmp_path)
    record = RepodataRecord(
        {**TOOL.repodata_record(path), **change}, channel="c", subdir="noarch", fn=path.name, url=""
    )
    with pytest.raises(error, match=f"^{path.name} .*{text}"):
        extract(path, tmp_path / "out", expected=ExpectedArchive.of_record(record))
    assert not (tmp_path / "out").exists() or not list((tmp_path / "out").iterdir())


def test_a_directory_that_is_not_empty_is_not_changed(tmp_path):
    (tmp_path / "mine").write_text("x")
    path = TOOL.build(tmp_path / "channel")
    with pytest.raises(FileError, match="not empty"):
        extract(path, tmp_path)
    assert (tmp_path / "mine").read_text() == "x"


def test_a_missing_archive_is_a_clear_error(tmp_path):
    with pytest.raises(FileError, match=r"cannot read .*x\.conda"):
        extract(tmp_path / "x.conda", tmp_path / "out")
    with pytest.raises(FileError, match=r"cannot read .*x\.conda"):
        open_archive(tmp_path / "x.conda")


def test_a_full_disk_is_reported_with_the_directory(tmp_path):
    path = TOOL.build(tmp_path)
    error = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    with failing_at(9, error), pytest.raises(FileError, match=f"extract into {tmp_path}") as caught:
        extract(path, tmp_path / "out")
    assert caught.value.reference == "disk-full"


def test_paths_that_differ_only_in_case_are_reported(tmp_path, monkeypatch):
    path = PackageBuilder("n").file("E/x", b"1").file("e/x", b"2").build(tmp_path)
    real = os.open

    def ignoring_case(name, flags, mode=0o777, *, dir_fd=None):
        if flags & os.O_CREAT and dir_fd is not None and ignoring_case.seen:
            raise FileExistsError(errno.EEXIST, "File exists")
        ignoring_case.seen = ignoring_case.seen or (name == "x" and bool(flags & os.O_CREAT))
        return real(name, flags, mode, dir_fd=dir_fd)

    ignoring_case.seen = False
    monkeypatch.setattr(os, "open", ignoring_case)
    with pytest.raises(PackageError, match="letter case"):
        extract(path, tmp_path / "out")


def test_info_files_are_read_without_the_payload(tmp_path):
    path = TOOL.build(tmp_path)
    assert json.loads(read_info_file(path, "index.json"))["name"] == "tool"
    found = read_info_files(path, ["link.json", "no_such_file", "about.json"])
    assert set(found) == {"link.json", "about.json"}
    with pytest.raises(PackageError, match="has no info/no_such_file"):
        read_info_file(path, "no_such_file")


def test_without_libarchive_the_native_decoders_are_used(tmp_path, monkeypatch):
    monkeypatch.setattr(libarchive_decoder, "load_libarchive", lambda: None)
    assert libarchive_version() is None
    for kind in (".conda", ".tar.bz2"):
        path = TOOL.build(tmp_path, kind)
        assert extract(path, tmp_path / f"out{kind}").paths
        with pytest.raises(UsageError, match="is not installed"):
            extract(path, tmp_path / "out2", reader="libarchive")
    with pytest.raises(UsageError, match="no archive reader"):
        extract(path, tmp_path / "out3", reader="tarfile")


def test_a_missing_library_is_searched_for_once(tmp_path):
    """Nothing is printed about it, nor about functions that an old library lacks."""
    program = (
        "from minicon.archive.libarchive_decoder import load_libarchive\n"
        "assert load_libarchive() is load_libarchive() is None\n"
        "assert load_libarchive.cache_info().misses == 1\n"
    )
    environ = {**os.environ, "LIBARCHIVE": str(tmp_path / "missing.so")}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(not libarchive_version(), reason="no libarchive")
def test_libarchive_decompresses_in_several_threads_at_once(tmp_path):
    paths = [TOOL.build(tmp_path, kind) for kind in (".conda", ".tar.bz2")]

    def job(number):
        return extract(paths[number % 2], tmp_path / f"out-{number}").paths

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(job, range(40)))
    assert all(paths == found[0] for paths in found)


@pytest.mark.skipif(not libarchive_version(), reason="no libarchive")
@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_an_interruption_while_libarchive_reads_is_passed_on(tmp_path, kind):
    class Task:
        def advance(self, count):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        extract(TOOL.build(tmp_path, kind), tmp_path / "out", task=Task())
    assert list((tmp_path / "out").iterdir()) == []


def test_verify_reports_changes(tmp_path):
    out = tmp_path / "out"
    extract(TOOL.build(tmp_path), out)
    big = out / "share/big"
    data = bytearray(big.read_bytes())
    data[5] ^= 1
    big.write_bytes(data)
    (out / "lib/libtool.so.1").unlink()
    (out / "bin/tool2").unlink()
    (out / "bin/tool2").mkdir()
    (out / "extra").write_text("x")
    problems = {problem.path: problem.text for problem in verify_package(out)}
    assert problems["share/big"].startswith("has sha256")
    assert problems["lib/libtool.so.1"] == "is missing"
    assert problems["bin/tool2"] == "is not a hardlink"
    assert problems["extra"] == "is not listed"
    assert len(problems) == 4
    assert "share/big" not in {p.path for p in verify_package(out, hashes=False)}
    (out / "info/paths.json").write_text("{")
    assert "cannot be read" in str(verify_package(out)[0])


@pytest.mark.parametrize("name", sorted(RECORDS))
@pytest.mark.parametrize("reader", ["native", "libarchive"])
def test_real_packages(tmp_path, name, reader):
    if reader == "libarchive" and not libarchive_version():
        pytest.skip("no libarchive here")
    record = RepodataRecord(RECORDS[name], channel="c", subdir="noarch", fn=name, url="")
    expected = ExpectedArchive.of_record(record)
    files = extract(FIXTURES / name, tmp_path / "out", expected=expected, reader=reader)
    assert files == read_package_files(tmp_path / "out")
    assert verify_package(tmp_path / "out") == []


@pytest.mark.slow
@pytest.mark.skipif(not SHARED, reason="MINICON_SHARED_DATA is not set")
def test_all_real_packages_of_the_shared_data(tmp_path):
    root = Path(SHARED or "") / "packages" / "real"
    count = 0
    for repodata in sorted(root.glob("*/repodata.json")):
        document = json.loads(repodata.read_text())
        for fn, data in {**document["packages"], **document["packages.conda"]}.items():
            record = RepodataRecord(data, channel="c", subdir=repodata.parent.name, fn=fn, url="")
            expected = ExpectedArchive.of_record(record)
            extract(repodata.parent / fn, tmp_path / fn, expected=expected)
            assert verify_package(tmp_path / fn) == []
            count += 1
    assert count == 70


@pytest.mark.parametrize("reader", ["native", "libarchive"])
@pytest.mark.parametrize("known", ["sha256", "md5", None])
def test_another_download_is_advised_only_if_it_may_differ(
    tmp_path: Path, known: str | None, reader: Any
) -> None:
    if reader == "libarchive" and not libarchive_version():
        pytest.skip("no libarchive")
    path = tmp_path / "x-1.0-0.tar.bz2"
    path.write_bytes(bz2.compress(entry("x", b"y" * 5000))[:-8])
    data = path.read_bytes()
    hashes = {"sha256": hashlib.sha256(data).hexdigest(), "md5": hashlib.md5(data).hexdigest()}
    expected = ExpectedArchive(**{known: hashes[known]} if known else {})
    with pytest.raises(PackageError) as caught:
        extract(path, tmp_path / "to", expected=expected, reader=reader)
    assert caught.value.reference == "damaged-archive"
    advised = "download it again" in (caught.value.hint or "")
    assert advised is (known != "sha256")
    assert ("its copy is broken" in (caught.value.hint or "")) is (known == "sha256")
