"""Mutated archives: an unchanged tree or a PackageError, with both decoders.

The oracle for what is accepted is the standard library's tarfile and libarchive's own tar
reader: if they read the bytes differently than minicon, minicon must have refused them.
"""

from __future__ import annotations

import bz2
import hashlib
import io
import random
import tarfile
from unittest import mock

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from tests.support.packages import PackageBuilder
from tests.support.tar_parts import END, entry, folder, gnu_long, hard, pax, symbolic

from minicon.archive import tar_reader
from minicon.archive.extraction import ExtractionLimits
from minicon.archive.libarchive_decoder import libarchive_version
from minicon.archive.package_archive import open_archive
from minicon.archive.tar_reader import TarReader, plain_path
from minicon.errors import PackageError
from minicon.package.prepare.extract import extract

READERS = ["native", *(["libarchive"] if libarchive_version() else [])]
SMALL = (
    PackageBuilder("small")
    .file("bin/x", b"#!/bin/sh\necho hello\n")
    .file("share/data", bytes(range(256)) * 8)
    .link("bin/y", "x")
    .hard_link("bin/z", "bin/x")
)


def tree_of(path, reader):
    """Return the content of an archive, or None if it is refused."""
    try:
        with open_archive(path, reader=reader) as archive:
            return [
                (m.path, m.kind, m.mode, m.modified_ns, m.target, m.component, m.read())
                for m in archive.members()
            ]
    except PackageError:
        return None


def all_trees(path):
    trees = [tree_of(path, reader) for reader in READERS]
    assert all(tree == trees[0] for tree in trees)
    return trees[0]


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_every_truncation_is_refused(tmp_path, kind):
    data = SMALL.archive_bytes(kind)
    path = tmp_path / f"small{kind}"
    for size in range(0, len(data), 3):
        path.write_bytes(data[:size])
        assert all_trees(path) is None, size


@pytest.mark.parametrize("kind", [".conda", ".tar.bz2"])
def test_flipped_bits_never_change_the_tree(tmp_path, kind):
    data = SMALL.archive_bytes(kind)
    path = tmp_path / f"small{kind}"
    path.write_bytes(data)
    good = all_trees(path)
    assert good is not None
    choose = random.Random(7)
    for _ in range(250):
        position, bit = choose.randrange(len(data)), 1 << choose.randrange(8)
        path.write_bytes(data[:position] + bytes([data[position] ^ bit]) + data[position + 1 :])
        assert all_trees(path) in (None, good), (position, bit)


NAMES = st.sampled_from(
    ["a", "b", "a/b", "./a", "a/", "../a", "/a", "a//b", "", ".", "a/../b", "x" * 101, "ü", "A"]
)
DATA = st.sampled_from([b"", b"x", b"y" * 511, b"z" * 512, b"w" * 1500, entry("hidden", b"h")])
KEYS = st.sampled_from(["path", "linkpath", "size", "mtime", "comment", "GNU.sparse.size"])
VALUES = st.sampled_from(["a", "", "5", "0", "-1", "1.5", "../a", "c/d", "ü" * 60])
MEMBERS = st.one_of(
    st.builds(entry, NAMES, DATA),
    st.builds(entry, NAMES, DATA, kind=st.sampled_from([b"\0", b"7", b"3", b"S", b"1", b"5"])),
    st.builds(entry, NAMES, DATA, size=st.sampled_from([0, 1, 512, 4096])),
    st.builds(entry, NAMES, DATA, magic=st.sampled_from([b"ustar  \0", b"\0" * 8, b"garbage!"])),
    st.builds(entry, NAMES, DATA, prefix=st.sampled_from([b"p", b"..", b"/", b"p/q"])),
    st.builds(symbolic, NAMES, NAMES),
    st.builds(hard, NAMES, NAMES),
    st.builds(folder, NAMES),
    st.builds(pax, st.dictionaries(KEYS, VALUES, max_size=3), kind=st.sampled_from([b"x", b"g"])),
    st.builds(gnu_long, NAMES, kind=st.sampled_from([b"L", b"K"])),
    st.just(bytes(512)),
)


def read_natively(data):
    stream = io.BytesIO(data)
    try:
        return [
            (m.path, m.kind, m.target if m.kind.endswith("link") else "", m.read())
            for m in TarReader(stream.readinto, "x.tar.bz2")
        ]
    except PackageError:
        return None


def read_by_tarfile(data):
    """Return the same as the standard library reads it."""
    kinds = {tarfile.SYMTYPE: "symbolic link", tarfile.LNKTYPE: "hard link"}
    found = []
    with tarfile.open(fileobj=io.BytesIO(data), mode="r:") as archive:
        for m in archive:
            kind = kinds.get(m.type) or ("directory" if m.isdir() else "file")
            content = b""
            if kind == "file":
                reader = archive.extractfile(m)
                content = reader.read() if reader else b""
            target = m.linkname if kind.endswith("link") else ""
            found.append((plain_path(m.name) or ".", kind, target, content))
    return found


def read_by_libarchive(data):
    """Return the same as libarchive's tar reader reads it."""
    import libarchive

    found = []
    with libarchive.memory_reader(data, format_name="tar") as archive:
        for m in archive:
            content = b"".join(bytes(block) for block in m.get_blocks())
            kind = "symbolic link" if m.issym else "hard link" if m.islnk else "file"
            kind = "directory" if m.isdir and not m.islnk else kind
            target = (m.linkpath or "") if kind.endswith("link") else ""
            found.append((plain_path(m.pathname) or ".", kind, target, content))
    return found


@settings(max_examples=300, deadline=None)
@given(st.lists(MEMBERS, max_size=6))
def test_accepted_archives_are_read_equally_by_other_readers(parts):
    data = b"".join(parts) + END
    ours = read_natively(data)
    if not ours:
        return
    assert read_by_tarfile(data) == ours
    if libarchive_version():
        # It ignores a long target if the header's field is empty (as tar-rs writes it).
        theirs = [
            (*found[:2], found[2] or mine[2], found[3])
            for found, mine in zip(read_by_libarchive(data), ours, strict=True)
        ]
        assert theirs == ours


@settings(max_examples=120, deadline=None)
@given(
    parts=st.lists(MEMBERS, max_size=5),
    mutations=st.lists(st.tuples(st.integers(0), st.integers(0, 255)), max_size=2),
)
def test_extraction_never_leaves_its_directory(tmp_path_factory, parts, mutations):
    yard = tmp_path_factory.mktemp("yard")
    payload = bytearray(b"".join(parts) + END)
    for position, value in mutations:
        payload[position % len(payload)] = value
    path = yard / "p-1-0.tar.bz2"
    index = entry("info/index.json", b"{}") + entry("info/files", b"a\nb\na/b\nA\n")
    path.write_bytes(bz2.compress(index + bytes(payload), 1))
    try:
        extract(path, yard / "in", limits=ExtractionLimits(floor=1 << 20))
    except PackageError:
        assert not (yard / "in").exists() or not any((yard / "in").iterdir())
    outside = {p.name for p in yard.iterdir()} - {"in"}
    assert outside == {path.name}
    assert hashlib.sha256(path.read_bytes()).digest()


PLAIN_NAMES = st.sampled_from(["a", "a/b.py", "lib/x-1.0/y", "x" * 99, "x" * 100, "./a", ".a", "ü"])
TIMES = st.sampled_from(["0", "1", "1.5", "1700000000.1234567", "99999999999", "-1", "1.", "x"])


@settings(max_examples=400, deadline=None)
@given(
    parts=st.lists(
        st.one_of(
            MEMBERS,
            st.builds(entry, PLAIN_NAMES, DATA),
            st.builds(entry, PLAIN_NAMES, st.binary(min_size=2000, max_size=4000)),
            st.builds(entry, PLAIN_NAMES, DATA, magic=st.just(b"ustar  \0")),
            st.builds(lambda time: pax({"mtime": time}), TIMES),
        ),
        max_size=8,
    ),
    flip=st.one_of(st.none(), st.tuples(st.integers(0, 20_000), st.integers(0, 7))),
    buffer_size=st.sampled_from([1536, 4096, 1 << 18]),
)
def test_the_fast_path_for_plain_files_agrees_with_the_full_parser(parts, flip, buffer_size):
    data = bytearray(b"".join(parts) + END)
    if flip:
        data[flip[0] % len(data)] ^= 1 << flip[1]
    with mock.patch.object(tar_reader, "_BUFFER", buffer_size):
        quick = everything_of(bytes(data))
        with mock.patch.object(TarReader, "_plain_files", return_value=()):
            assert quick == everything_of(bytes(data))


def everything_of(data):
    """Return the facts of all members; the last is the error, if any."""
    found = []
    try:
        for m in TarReader(io.BytesIO(data).readinto, "x.tar.bz2"):
            found.append((m.path, m.kind, m.size, m.mode, m.modified_ns, m.target, m.read()))
    except PackageError as error:
        found.append(str(error))
    return found
