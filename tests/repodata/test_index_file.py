"""Index files: what is written can be read, and alterations are detected."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.repodata.index.index_file import IndexDamagedError, IndexFile
from minicon.repodata.index.index_writer import IndexWriter, hashes_file
from minicon.repodata.index.scanner import block_of

NAMES = st.text(st.characters(codec="utf-8", exclude_categories=["Cs"]), min_size=1, max_size=20)
SECTIONS = st.sampled_from(["packages", "packages.conda", "removed"])


def write(path, runs, meta=None):
    writer = IndexWriter()
    pieces = []
    for at in range(0, len(runs), 7):
        for section, block in itertools.groupby(runs[at : at + 7], key=lambda run: run[0]):
            _, names, payloads = zip(*block, strict=True)
            pieces.append(writer.add(block_of(section, [n.encode() for n in names], payloads)))
    path.write_bytes(b"".join([*pieces, writer.finish(meta or {})]))
    return path


@given(st.lists(st.tuples(SECTIONS, NAMES, st.binary(min_size=1, max_size=50)), max_size=40))
def test_every_segment_is_found_by_its_name(tmp_path_factory, runs) -> None:
    path = write(tmp_path_factory.mktemp("index") / "x", runs, {"info": {"a": 1}})
    index = IndexFile(path)
    assert index.meta == {"info": {"a": 1}}
    names = sorted({name for _, name, _ in runs}, key=str.encode)
    assert list(index) == list(index.names()) == names
    assert len(index) == len(names)
    for wanted in [*names, "absent", ""]:
        expected = [(section, payload) for section, name, payload in runs if name == wanted]
        assert index.segments(wanted) == expected
        assert (wanted in index) is bool(expected)


@given(
    st.lists(
        st.tuples(SECTIONS, st.text("abA.", min_size=1, max_size=4), st.binary(min_size=1)),
        max_size=30,
    ),
    st.text("abA.", max_size=3),
)
def test_names_are_found_by_a_part_and_by_their_records(tmp_path_factory, runs, part) -> None:
    index = IndexFile(write(tmp_path_factory.mktemp("index") / "x", runs))
    names = sorted({name for _, name, _ in runs}, key=str.encode)
    assert list(index.names(part)) == [name for name in names if part.lower() in name.lower()]
    starting = [name for name in names if name.startswith(part)]
    assert index.names_starting(part, 100) == starting
    assert index.names_starting(part, 2) == starting[:1] + starting[1:][-1:]
    with_part = {name for _, name, payload in runs if part.encode() in payload}
    assert list(index.names_of_records(part)) == [name for name in names if name in with_part]


@pytest.mark.parametrize("count", [0, 1, 2, 100])
def test_hashes_of_shards_are_kept_as_they_are(tmp_path, count) -> None:
    hashes = {f"name-{n}": bytes([n]) * 32 for n in range(count)}
    encoded = {name.encode(): digest for name, digest in hashes.items()}
    (tmp_path / "x").write_bytes(
        hashes_file(sorted(encoded), b"".join(encoded[n] for n in sorted(encoded)), {"info": {}})
    )
    index = IndexFile(tmp_path / "x")
    assert list(index.names()) == sorted(hashes)
    for name, digest in hashes.items():
        assert index.segments(name) == [("shard", digest)]
    assert index.segments("absent") == []


def test_every_altered_byte_is_detected(tmp_path) -> None:
    runs = [("packages", name, name.encode() * 20) for name in ("a", "b", "c")]
    whole = write(tmp_path / "x", runs).read_bytes()
    for at in range(len(whole)):
        damaged = bytearray(whole)
        damaged[at] ^= 0x55
        (tmp_path / "x").write_bytes(damaged)
        try:
            index = IndexFile(tmp_path / "x")
            found = [index.segments(name)[0][1] for name in ("a", "b", "c")]
        except IndexDamagedError:
            continue
        # the four padding bytes of the trailer have no meaning
        assert found == [payload for _, _, payload in runs], at


@pytest.mark.parametrize("size", [0, 1, 20, 60])
def test_short_files_are_not_index_files(tmp_path, size) -> None:
    (tmp_path / "x").write_bytes(b"MCINDEX1" * 8)
    (tmp_path / "x").write_bytes((tmp_path / "x").read_bytes()[:size])
    with pytest.raises(IndexDamagedError):
        IndexFile(tmp_path / "x")


def test_small_segments_are_compressed_together_and_large_ones_alone(tmp_path) -> None:
    runs = [("packages", f"n{number:03}", b"%03d" % number * 300) for number in range(100)]
    payloads = [payload for _, _, payload in runs]
    large = [b"x" * 50_000, b"y" * 50_000]
    writer = IndexWriter()
    names = [*(name.encode() for _, name, _ in runs), b"x", b"y"]
    frames = writer.add(block_of("packages", names, [*payloads, *large]))
    path = tmp_path / "x"
    path.write_bytes(frames + writer.finish({}))
    # 18 × 900 bytes are less than 16 KiB
    assert frames.count(b"\x28\xb5\x2f\xfd") == 6 + 2
    index = IndexFile(path)
    assert [index.segments(name) for name in index] == [
        [("packages", payload)] for payload in (*payloads, *large)
    ]
    assert len({index.digest(name) for name in index}) == 102
