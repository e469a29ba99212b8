"""Archives of environments are unpacked completely, or refused without effect."""

from __future__ import annotations

import bz2
import errno
import gzip
import io
import json
import lzma
import os
import tarfile
import threading
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.support.faults import every_kill, failing_at

from minicon.errors import MiniconError, PackageError, UnsafeArchive
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.recovery import recover
from minicon.prefix.moving import MoveOptions
from minicon.prefix.repair import verify_prefix
from minicon.travel.formats import open_writer
from minicon.travel.packing import PackOptions, pack_environment
from minicon.travel.unpacking import unpack_environment


def packed(environment: Path, output: Path, kind: str = "tar.gz") -> Path:
    with open_writer(output, kind) as writer:
        pack_environment(Prefix(environment), writer, PackOptions())
    return output


def unpack(archive: Path, new: Path) -> None:
    options = MoveOptions(
        command="unpack", version="1", now=1.0, finish=lambda *_: None, durable=False
    )
    unpack_environment(archive, new, options)


def tar(*members: tarfile.TarInfo | tuple[str, bytes]) -> bytes:
    buffer = io.BytesIO()
    with tarfile.open(fileobj=buffer, mode="w") as archive:
        for member in members:
            name, data = member if isinstance(member, tuple) else ("", b"")
            info = tarfile.TarInfo(name) if isinstance(member, tuple) else member
            info.size = info.size or len(data)
            archive.addfile(info, io.BytesIO(data or bytes(info.size)))
    return buffer.getvalue()


def member(name: str, kind: bytes, target: str = "") -> tarfile.TarInfo:
    info = tarfile.TarInfo(name)
    info.type, info.linkname = kind, target
    return info


HISTORY = ("conda-meta/history", b"")
LINK, HARD = tarfile.SYMTYPE, tarfile.LNKTYPE
HOSTILE = {
    "traversal": [("../outside", b"x")],
    "traversal inside": [("a/../../outside", b"x")],
    "absolute": [("/tmp/outside", b"x")],
    "link out": [member("out", LINK, "../outside")],
    "absolute link": [member("out", LINK, "/etc")],
    "write through a link": [member("out", LINK, ".."), ("out/outside", b"x")],
    "hard link out": [member("out", HARD, "../outside")],
    "hard link to nothing": [member("out", HARD, "bin/nothing")],
    "device": [member("dev", tarfile.CHRTYPE)],
    "pipe": [member("pipe", tarfile.FIFOTYPE)],
    "twice": [("a", b"1"), ("a", b"2")],
    "below a file": [("a", b"1"), ("a/b", b"2")],
    "history is a link": [member("conda-meta/history", LINK, "../a"), ("a", b"")],
    "list of another path": [
        HISTORY,
        ("bin/conda-unpack", b"\n_prefix_records = [\n('../outside', '/x', 'text'),\n]\n"),
    ],
    "list that is code": [
        HISTORY,
        ("bin/conda-unpack", b"\n_prefix_records = [\n(open('/tmp/outside', 'w'), '', ''),\n]\n"),
    ],
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_archives_have_no_effect(tmp_path: Path, name: str) -> None:
    (tmp_path / "outside").write_text("untouched")
    archive = tmp_path / "hostile.tar"
    archive.write_bytes(tar(*HOSTILE[name]))
    with pytest.raises(PackageError) as refused:
        unpack(archive, tmp_path / "new")
    assert "channel" not in (refused.value.hint or "")
    assert (tmp_path / "outside").read_text() == "untouched"
    assert sorted(os.listdir(tmp_path)) == ["hostile.tar", "outside"]


def test_bombs_are_refused(tmp_path: Path) -> None:
    archive = tmp_path / "bomb.tar.bz2"
    info = tarfile.TarInfo("zeros")
    info.size = 1 << 30
    block = bz2.compress(bytes(1 << 20))
    with archive.open("wb") as file:
        file.write(bz2.compress(info.tobuf()))
        for _ in range(1 << 10):
            file.write(block)
    with pytest.raises(UnsafeArchive, match="250 times its size"):
        unpack(archive, tmp_path / "new")
    assert os.listdir(tmp_path) == ["bomb.tar.bz2"]


def test_hostile_zip_archives(tmp_path: Path) -> None:
    def refused(*entries: tuple[str, int, str]) -> str:
        archive = tmp_path / "hostile.zip"
        with zipfile.ZipFile(archive, "w") as writer:
            for name, mode, text in entries:
                info = zipfile.ZipInfo(name)
                info.external_attr = mode << 16
                writer.writestr(info, text)
        with pytest.raises(PackageError) as error:
            unpack(archive, tmp_path / "new")
        return error.value.message

    assert "leaves its directory" in refused(("../outside", 0o100644, "x"))
    assert "leads outside" in refused(("out", 0o120777, "../outside"))
    assert "kind" in refused(("device", 0o20666, ""))
    assert "lies below" in refused(("a", 0o100644, "x"), ("a/b", 0o100644, "x"))
    assert "no conda-meta/history" in refused(("a", 0o100644, "x"))


COMPRESSIONS = {"gz": gzip.compress, "bz2": bz2.compress, "xz": lzma.compress, "": bytes}


@pytest.mark.parametrize("name", COMPRESSIONS)
def test_archives_of_conda_pack(tmp_path: Path, name: str) -> None:
    """Their lists of files are read; their placeholders are those of packages."""
    script = (
        b"#!/usr/bin/env python\n_prefix_records = [\n('bin/x', '/opt/placeholder', 'text')\n]\n"
    )
    data = tar(HISTORY, ("bin/x", b"at /opt/placeholder/bin\n"), ("bin/conda-unpack", script))
    archive = tmp_path / "packed"
    archive.write_bytes(COMPRESSIONS[name](data))
    unpack(archive, tmp_path / "new")
    assert (tmp_path / "new" / "bin" / "x").read_text() == f"at {tmp_path}/new/bin\n"
    assert not (tmp_path / "new" / "bin" / "conda-unpack").exists()


def test_commands_that_conda_pack_rewrites_have_their_hash(
    environment: Path, tmp_path: Path
) -> None:
    """It replaces their first lines, and lists neither them nor their hashes."""
    record = environment / "conda-meta" / "hello-1.0-0.json"
    data = json.loads(record.read_text())
    data["paths_data"]["paths"][0].update(sha256_in_prefix="0" * 64, size_in_bytes=1)
    members = [
        HISTORY,
        ("conda-meta/hello-1.0-0.json", json.dumps(data).encode()),
        ("bin/hello", b"#!/usr/bin/env sh\n"),
        ("bin/conda-unpack", b"\n_prefix_records = [\n\n]\n"),
    ]
    (tmp_path / "packed.tar").write_bytes(tar(*members))
    unpack(tmp_path / "packed.tar", tmp_path / "new")
    assert not verify_prefix(Prefix(tmp_path / "new"))


@pytest.mark.parametrize("kind", ["tar.zst", "tar.gz", "tar.bz2", "tar", "zip"])
def test_damaged_archives(environment: Path, tmp_path: Path, kind: str) -> None:
    """A changed or missing byte is noticed wherever the format has a checksum; no part is left."""
    whole = packed(environment, tmp_path / "whole", kind).read_bytes()
    for at in range(0, len(whole), max(len(whole) // 12, 1)):
        (tmp_path / "cut").write_bytes(whole[:at])
        with pytest.raises(PackageError):
            unpack(tmp_path / "cut", tmp_path / "new")
    assert sorted(os.listdir(tmp_path)) == ["cut", "source", "whole"]


@pytest.mark.parametrize("cores", [1, 2])
def test_large_archives_are_read_ahead(
    environment: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, cores: int
) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: set(range(cores)), raising=False)
    data = os.urandom(6 << 20)
    (environment / "data").write_bytes(data)
    archive = packed(environment, tmp_path / "x.tar.gz")
    unpack(archive, tmp_path / "new")
    assert (tmp_path / "new" / "data").read_bytes() == data

    threads = threading.active_count()
    os.truncate(archive, archive.stat().st_size - 100)
    with pytest.raises(PackageError, match="cut short"):
        unpack(archive, tmp_path / "other")
    (tmp_path / "hostile").write_bytes(gzip.compress(tar(HISTORY, ("../x", data))))
    with pytest.raises(UnsafeArchive):
        unpack(tmp_path / "hostile", tmp_path / "other")
    assert threading.active_count() == threads
    assert not (tmp_path / "other").exists()


def test_a_full_disk_leaves_nothing(environment: Path, tmp_path: Path) -> None:
    archive = packed(environment, tmp_path / "packed")
    for at in steps():
        if not fails_at(at, lambda: unpack(archive, tmp_path / "new")):
            break
        left = [p.name for p in tmp_path.rglob("*") if p.name.startswith(("new", "stage", "bin"))]
        assert left in (["bin"], ["bin", "new"])  # of the source, and an empty store
    assert (tmp_path / "new" / "bin" / "hello").exists()


def test_a_killed_unpack_leaves_nothing_that_counts(environment: Path, tmp_path: Path) -> None:
    archive = packed(environment, tmp_path / "packed")
    new = tmp_path / "new"
    for _ in every_kill(lambda: unpack(archive, new)):
        recover(new)
        if new.exists():
            assert (new / "bin" / "hello").read_text() == f"#!/bin/sh\necho {new}\n"
        else:
            unpack(archive, new)
        remove(tmp_path, "new", ".minicon-generations")


@pytest.mark.parametrize("kind", ["tar.zst", "zip", "no-archive"])
def test_a_full_disk_leaves_no_archive(environment: Path, tmp_path: Path, kind: str) -> None:
    for at in steps():
        if not fails_at(at, lambda: packed(environment, tmp_path / "packed", kind)):
            break
        assert os.listdir(tmp_path) == ["source"]


def fails_at(at: int, action: Callable[[], object]) -> bool:
    """Whether an action failed, with one clear error, because the disk was full at a step."""
    try:
        with failing_at(at, OSError(errno.ENOSPC, "No space left on device")):
            action()
    except MiniconError as error:
        return error.reference == "disk-full" or pytest.fail(error.reference)
    return False


def steps() -> Iterator[int]:
    return iter(range(1, 1000))


def remove(folder: Path, *names: str) -> None:
    import shutil

    for name in names:
        path = folder / name
        if path.is_dir():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
