"""Records of packages whose files were rewritten: editing in pieces equals editing at once."""

from __future__ import annotations

import json
import tracemalloc

import pytest

from minicon.models import package_files
from minicon.prefix.link import rewritten_records
from minicon.prefix.link.rewritten_records import Rewritten, updated_record

NEW = Rewritten("b" * 64, 7)


def entry(path: str, **others: object) -> dict[str, object]:
    known = {"_path": path, "path_type": "hardlink", "sha256": "a" * 64, "size_in_bytes": 5}
    return {**known, **others}


def record(paths: list[dict[str, object]]) -> dict[str, object]:
    return {
        "name": "x",
        "url": "https://example.org/t/secret/x-1-0.conda",
        "files": [each["_path"] for each in paths],
        "paths_data": {"paths_version": 1, "paths": paths},
        "link": {"source": "/home/me/pkgs/x", "type": 1},
    }


def installed(path: str) -> str:
    return path.replace("site-packages/", "lib/python3.11/site-packages/")


@pytest.mark.parametrize("piece", [1, 400, 1 << 17])
@pytest.mark.parametrize("indent", [None, 2])
@pytest.mark.parametrize("further", [{}, {"x": {"paths": []}}, {"y": 'a }], "paths": [] b'}])
def test_hashes_are_replaced_wherever_the_record_is_cut(
    monkeypatch: pytest.MonkeyPatch, piece: int, indent: int | None, further: dict[str, object]
) -> None:
    monkeypatch.setattr(package_files, "_PIECE", piece)
    data = record(
        [
            entry("bin/kept", note='"paths": []'),
            entry("bin/plain"),
            entry("bin/dropped"),
            entry("site-packages/moved", sha256_in_prefix="a" * 64),
            entry("lib/binary", prefix_placeholder="/p", file_mode="binary"),
        ]
    )
    data.update(further)
    changed = ("bin/plain", "lib/python3.11/site-packages/moved", "lib/binary")
    pieces = updated_record(
        json.dumps(data, indent=indent).encode(),
        installed,
        dict.fromkeys(changed, NEW),
        left_out={"bin/dropped"},
        link={"source": "", "type": 1},
    )
    expected = record(
        [
            entry("bin/kept", note='"paths": []'),
            entry("bin/plain", sha256=NEW.sha256, size_in_bytes=7),
            entry("site-packages/moved", sha256_in_prefix=NEW.sha256, size_in_bytes=7),
            entry(
                "lib/binary",
                prefix_placeholder="/p",
                file_mode="binary",
                sha256_in_prefix=NEW.sha256,
            ),
        ]
    )
    expected.update(further, files=data["files"], url="https://example.org/x-1-0.conda")
    expected["link"] = {"source": "", "type": 1}
    found = json.loads(b"".join(pieces))
    assert found == expected
    assert list(found) == list(expected)


@pytest.mark.parametrize("paths_data", [None, {}, {"paths_version": 1, "paths": []}])
def test_a_record_without_entries_stays(paths_data: object) -> None:
    data = {"name": "x", "paths_data": paths_data}
    assert json.loads(b"".join(updated_record(json.dumps(data).encode(), str, {}))) == data


def test_all_entries_can_be_left_out() -> None:
    text = json.dumps(record([entry("a"), entry("b")])).encode()
    found = json.loads(b"".join(updated_record(text, str, {}, left_out={"a", "b"})))
    assert found["paths_data"] == {"paths_version": 1, "paths": []}


def test_entries_are_parsed_only_where_one_changes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_files, "_PIECE", 1000)
    paths = [entry(f"lib/{number}") for number in range(100)]
    paths[50]["_path"] = "lib/\xe9"
    text = json.dumps({**record(paths), "files": []}).encode()
    parsed: list[int] = []
    original = rewritten_records.read_json
    monkeypatch.setattr(
        rewritten_records, "read_json", lambda data: parsed.append(len(data)) or original(data)
    )
    pieces = updated_record(text, str, {"lib/\xe9": NEW, "lib/10": NEW})
    found = json.loads(b"".join(pieces))["paths_data"]["paths"]
    changed = [each["_path"] for each in found if each["sha256"] == NEW.sha256]
    assert changed == ["lib/10", "lib/\xe9"]
    assert len(parsed) == 4  # the rest of the record, two pieces with changes, the last one
    assert sum(parsed) < len(text) / 3


def test_it_takes_little_more_memory_than_both_texts(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(package_files, "_PIECE", 1 << 14)
    paths = [entry(f"lib/file-{number}") for number in range(3000)]
    text = json.dumps({**record(paths), "files": []}).encode()
    updated_record(text, str, {})
    tracemalloc.start()
    try:
        updated_record(text, str, {})
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert peak < 1.7 * len(text)
