"""Long lists of files are read in pieces, with the result of reading them at once."""

from __future__ import annotations

import contextlib
import json
import tracemalloc

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import PackageError
from minicon.models import package_files
from minicon.models.package_files import cut_out_paths, parse_items
from minicon.models.prefix_record import PrefixRecord
from minicon.package.info_files import parse_paths

#: What could be taken for a part of the document around it.
TRICKY = ['}], "link": {', '"paths": [{"_path"', '}, {"_path": "', "]", "}]", "\\", '"', "é", "a/b"]
NAMES = st.lists(st.sampled_from(TRICKY), min_size=1, max_size=4).map("x".join)
ENTRIES = st.lists(
    st.builds(
        lambda path, placeholder: {
            "_path": path,
            "path_type": "hardlink",
            "sha256": "0" * 64,
            "size_in_bytes": 1,
            **({"prefix_placeholder": "/opt/x", "file_mode": "text"} if placeholder else {}),
        },
        NAMES,
        st.booleans(),
    ),
    min_size=1,
    max_size=8,
)


def record(entries: list[dict[str, object]]) -> dict[str, object]:
    return {
        "name": "x",
        "version": "1",
        "build": "0",
        "fn": "x-1-0.conda",
        "files": [entry["_path"] for entry in entries],
        "paths_data": {"paths_version": 1, "paths": entries},
        "link": {"type": 1, "source": "]}"},
        "requested_specs": ["}]"],
    }


@pytest.fixture(autouse=True)
def small_pieces(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_files, "_PIECE", 150)


@given(ENTRIES, st.sampled_from([None, 2]))
def test_a_record_is_the_same_whether_its_list_is_cut_out_or_not(entries, indent) -> None:
    data = record(entries)
    text = json.dumps(data, indent=indent, sort_keys=indent is not None).encode()
    read, expected = PrefixRecord.from_bytes(text), PrefixRecord.from_json(data)
    assert read.to_json() == expected.to_json()
    with_path = [entry.path for entry in expected.paths if entry.prefix_placeholder]
    assert [entry.path for entry in read.paths_with_prefix] == with_path
    assert [entry.path for entry in expected.paths_with_prefix] == with_path


@given(ENTRIES)
def test_items_are_parsed_in_pieces(entries) -> None:
    found = cut_out_paths(json.dumps({"paths": entries, "paths_version": 1}).encode())
    if found is None:
        return
    with contextlib.suppress(ValueError):  # a string was taken for the end: read at once then
        pieces = list(parse_items(found[1]))
        if json.loads(found[0]) == {"paths": [], "paths_version": 1}:
            assert [entry for piece in pieces for entry in piece] == entries


@pytest.mark.parametrize(
    "text",
    [
        '{"paths_version": 1, "paths": [%s], "paths": []}',
        '{"paths_version": 1, "paths": [%s], "path\\u0073": []}',
        '{"path\\u0073": [], "paths_version": 1, "paths": [%s]}',
        '{"paths_version": 1, "x": {"paths": [%s]}}',
        '{"paths_version": 1, "paths": [%s], "x": [}',
        '{"paths_version": 1, "paths": [%s, 7]}',
        '[{"paths": [%s]}]',
    ],
)
def test_a_second_list_under_any_spelling_is_not_overlooked(text) -> None:
    entry = '{"_path": "a", "path_type": "hardlink", "sha256": "%s", "size_in_bytes": 1}' % (
        "0" * 64
    )
    content = (text % entry).encode()
    try:
        whole = json.loads(content)
        expected = [each["_path"] for each in whole["paths"]]
    except (ValueError, TypeError, KeyError):
        with pytest.raises(PackageError):
            parse_paths({"paths.json": content}, "x")
    else:
        assert [each.path for each in parse_paths({"paths.json": content}, "x")] == expected


def test_a_record_takes_no_more_memory_than_its_text(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_files, "_PIECE", 1 << 14)
    entries = [
        {
            "_path": f"lib/file-{n}",
            "path_type": "hardlink",
            "sha256": f"{n:064}",
            "size_in_bytes": n,
        }
        for n in range(3000)
    ]
    text = json.dumps(record(entries)).encode()
    PrefixRecord.from_bytes(text)
    tracemalloc.start()
    try:
        read = PrefixRecord.from_bytes(text)
        kept, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert kept < 1.7 * len(text)
    assert peak < 3 * len(text)
    assert len(read.paths) == 3000
