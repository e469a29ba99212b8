"""The scanner against Python's own JSON parser, on valid, odd and truncated texts."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.channels import make_record

from minicon.repodata.index import scanner
from minicon.repodata.index.scanner import InvalidRepodataError, RepodataScanner

NASTY = st.sampled_from(
    [
        '},"',
        '{"',
        "}}",
        'a"b',
        "\\",
        "\n",
        "ü",
        "\u2028",
        "😀",
        '},"a-1-0.conda":{',
        '"name":"x"',
        "",
    ]
)
TEXTS = NASTY | st.text(max_size=8)
NAMES = st.sampled_from(["a", "a-b", "b", "numpy", "numpy-base", "x.y"])
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | TEXTS,
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(TEXTS, inner, max_size=3),
    max_leaves=5,
)


@st.composite
def sections(draw, extension):
    members = {}
    for number in range(draw(st.integers(0, 12))):
        fn, record = make_record(f"{draw(NAMES)}-{number}-0{extension}")
        record.update(draw(st.dictionaries(TEXTS, VALUES, max_size=2)))
        record["name"] = fn.rsplit("-", 2)[0]
        members[fn] = record
    return members


@st.composite
def documents(draw):
    document = {
        "info": {"subdir": "linux-64"},
        "packages": draw(sections(".tar.bz2")),
        "packages.conda": draw(sections(".conda")),
        "removed": draw(st.lists(NAMES.map(lambda name: f"{name}-9-0.conda"), max_size=3)),
        "repodata_version": 1,
        "signatures": draw(VALUES),
        "v3": {"conda": draw(sections("")), "odd": draw(VALUES)},
    }
    keys = draw(st.permutations(sorted(document)))
    return {key: document[key] for key in keys}


@st.composite
def styles(draw):
    indent = draw(st.sampled_from([None, 0, 1]))
    separators = (",", ":") if draw(st.booleans()) else None
    return {"indent": indent, "separators": separators, "ensure_ascii": draw(st.booleans())}


def runs_of(reader):
    """Section, name and text of each run."""
    for block in reader.blocks():
        for name, begin, end in zip(block.names, block.begins, block.ends, strict=True):
            yield block.section, name, block.text[begin:end]


def gather(chunks):
    """Section → members, as the runs yield them."""
    reader = RepodataScanner(chunks)
    found: dict[str, dict | list] = {}
    for section, name, payload in runs_of(reader):
        if section == "removed":
            found.setdefault(section, []).extend(json.loads(b"[%b]" % payload))
            continue
        members = json.loads(b"{%b}" % payload)
        assert all(record["name"].encode() == name for record in members.values())
        assert not set(members) & set(found.get(section, ()))
        found.setdefault(section, {}).update(members)
    return reader, found


def cut(text: bytes, size: int) -> list[bytes]:
    return [text[at : at + size] for at in range(0, len(text), size)]


@pytest.fixture(params=[(1 << 22, 1 << 12, 1 << 14), (300, 40, 64)], ids=["real", "tiny"])
def blocks(request):
    """Real block sizes, and tiny ones, so that boundaries fall at every position of a record."""
    names = ("_BLOCK", "_SMALLEST_BLOCK", "_WINDOW")
    before = [getattr(scanner, name) for name in names]
    for name, value in zip(names, request.param, strict=True):
        setattr(scanner, name, value)
    yield
    for name, value in zip(names, before, strict=True):
        setattr(scanner, name, value)


def test_runs_hold_exactly_what_a_parser_finds(blocks) -> None:
    @given(documents(), styles(), st.sampled_from([7, 100, 10_000]))
    def check(document, style, size) -> None:
        text = json.dumps(document, **style).encode("utf-8", "surrogatepass")
        reader, found = gather(cut(text, size))
        for section in ("packages", "packages.conda"):
            assert found.get(section, {}) == document[section]
        assert found.get("v3.conda", {}) == document["v3"]["conda"]
        assert sorted(found.get("removed", [])) == sorted(document["removed"])
        assert reader.meta == {"info": {"subdir": "linux-64"}, "repodata_version": 1}
        total = sum(map(len, (document["packages"], document["packages.conda"])))
        assert reader.records == total + len(document["v3"]["conda"])

    check()


def test_a_truncated_text_is_refused(blocks) -> None:
    members = dict(make_record(f"a-{n}-0") for n in range(3))
    document = {"info": {}, "packages": {}, "packages.conda": members, "removed": ["a-9-0.conda"]}
    for style in ({"separators": (",", ":")}, {"indent": 1}):
        text = json.dumps(document, **style).encode()
        for end in range(len(text) - 1):
            with pytest.raises(InvalidRepodataError):
                gather([text[:end]])


@pytest.mark.parametrize(
    "text",
    [
        *("", "   ", "[]", "7", "null", "{", "<html>", "{}x", '{"a":1,}', '{"packages"'),
        *('{"packages":{"a":{}', '{"packages":{,}}', '{"packages":{7:{}}}'),
        '{"packages":{"a-1-0.conda"{}}}',
    ],
)
def test_what_is_not_repodata_is_refused(text) -> None:
    with pytest.raises(InvalidRepodataError):
        gather([text.encode()])


@pytest.mark.parametrize("text", ["{}", '{"packages":null}', '{"packages":[]}', '{"removed":7}'])
def test_odd_but_harmless(text) -> None:
    assert gather([text.encode()])[1] == {}


def test_invalid_records_are_kept_for_the_warning() -> None:
    text = b'{"packages":{"a-1-0.conda":7,"b-1-0.conda":{"name":5},"c-1-0.conda":{"name":"d"}}}'
    names = [name for _, name, _ in runs_of(RepodataScanner([text]))]
    assert names == [b"a", b"b", b"d"]


def test_bytes_that_are_not_utf8_stay_with_their_record() -> None:
    text = b'{"packages":{"a-1-0.conda":{"name":"a","x":"\xff\\n"},"b-1-0.conda":{"name":"b"}}}'
    payloads = [payload for _, _, payload in runs_of(RepodataScanner([text]))]
    assert payloads[0] == b'"a-1-0.conda":{"name":"a","x":"\xff\\n"}'
    assert json.loads(b"{%b}" % payloads[1]) == {"b-1-0.conda": {"name": "b"}}


def test_long_runs_of_blanks_are_fast() -> None:
    with pytest.raises(InvalidRepodataError):
        gather([b" " * (1 << 20)] * 100)


@pytest.mark.skipif("MINICON_SHARED_DATA" not in os.environ, reason="needs MINICON_SHARED_DATA")
def test_real_channels_are_read_as_a_parser_reads_them() -> None:
    paths = sorted(Path(os.environ["MINICON_SHARED_DATA"]).glob("channels/**/repodata.json"))
    assert paths
    for path in paths:
        text = path.read_bytes()
        _, found = gather(cut(text, 1 << 16))
        document = json.loads(text)
        for section in ("packages", "packages.conda"):
            assert found.get(section, {}) == document.get(section, {}), path


def test_a_record_that_cannot_be_cut_has_only_its_neighbours_parsed(monkeypatch) -> None:
    members = dict(make_record(f"n{number:05}-1-0") for number in range(20_000))
    for number in (5_000, 15_000):
        members[f"n{number:05}-1-0.conda"]["nested"] = {"a": {"b": 1}}
    text = json.dumps({"packages.conda": members}, separators=(",", ":")).encode()
    parsed = []
    member_at = scanner.member_at
    monkeypatch.setattr(scanner, "member_at", lambda *args: parsed.append(0) or member_at(*args))
    _, found = gather([text])
    assert found == {"packages.conda": members}
    assert len(parsed) < 250
