"""The solver's tables on disk: complete or missing, whatever happens to their files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from minicon.models.indexes.table_cache import StoredTable
from minicon.repodata.index.table_store import FOLDER, TableStore

GROUP = "1234-5678"


def entry(table: bytes, records: bytes = b"") -> StoredTable:
    return StoredTable("content", "state", table, records)


def files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER / GROUP).glob("*"))


def test_saved_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    TableStore(tmp_path).save(GROUP, {"a": entry(b"table", b"records"), "b": entry(b"")})
    store = TableStore(tmp_path)
    assert store.load(GROUP, "a") == entry(b"table", b"records")
    assert store.load(GROUP, "b") == entry(b"")
    assert store.load(GROUP, "c") is None
    assert store.load("other-group", "a") is None


def test_the_last_saved_table_is_loaded(tmp_path: Path) -> None:
    for number in range(30):
        TableStore(tmp_path).save(GROUP, {"a": entry(b"%d" % number), f"n{number}": entry(b"x")})
    store = TableStore(tmp_path)
    assert store.load(GROUP, "a") == entry(b"29")
    assert all(store.load(GROUP, f"n{number}") == entry(b"x") for number in range(30))
    assert len(files(tmp_path)) <= 9, "segments are merged"


@pytest.mark.parametrize("keep", [0, 3, 15, 20, 60])
def test_truncated_files_count_as_missing(tmp_path: Path, keep: int) -> None:
    TableStore(tmp_path).save(GROUP, {"a": entry(b"t" * 50, b"r" * 50)})
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert TableStore(tmp_path).load(GROUP, "a") is None
    TableStore(tmp_path).save(GROUP, {"a": entry(b"new")})
    assert TableStore(tmp_path).load(GROUP, "a") == entry(b"new")


def test_altered_bytes_are_detected(tmp_path: Path) -> None:
    TableStore(tmp_path).save(GROUP, {"a": entry(b"t" * 50, b"r" * 50)})
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    for position in range(len(whole)):
        path.write_bytes(whole[:position] + bytes([whole[position] ^ 1]) + whole[position + 1 :])
        assert TableStore(tmp_path).load(GROUP, "a") in (None, entry(b"t" * 50, b"r" * 50))


@pytest.mark.skipif(os.name == "nt", reason="folders of a profile are private there")
@pytest.mark.parametrize("which", ["", GROUP])
def test_a_directory_that_others_can_write_to_is_not_used(tmp_path: Path, which: str) -> None:
    TableStore(tmp_path).save(GROUP, {"a": entry(b"t", b"r")})
    (tmp_path / FOLDER / which).chmod(0o777)
    assert TableStore(tmp_path).load(GROUP, "a") is None
    TableStore(tmp_path).save(GROUP, {"a": entry(b"t", b"r")})
    assert len(files(tmp_path)) == 1


def test_what_cannot_be_written_is_not_an_error(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    store = TableStore(tmp_path)
    store.save(GROUP, {"a": entry(b"t", b"r")})
    assert store.load(GROUP, "a") is None


def test_tables_that_were_unused_for_long_are_removed(tmp_path: Path) -> None:
    for group in ("old", "older"):
        TableStore(tmp_path).save(group, {"a": entry(b"t", b"r")})
        os.utime(tmp_path / FOLDER / group, (1, 1))
    (tmp_path / "tables-v0/group").mkdir(parents=True)
    os.utime(tmp_path / "tables-v0/group", (1, 1))
    TableStore(tmp_path).save("recent", {"a": entry(b"t", b"r")})
    TableStore(tmp_path).save("new", {"a": entry(b"t", b"r")})
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"recent", "new"}
    assert not list((tmp_path / "tables-v0").iterdir())


def test_concurrent_writers_lose_no_table_that_matters(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for turn in range(6):
            TableStore(tmp_path).save(GROUP, {f"n{number}": entry(b"%d" % turn)})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = TableStore(tmp_path)
    for number in range(4):
        assert store.load(GROUP, f"n{number}") in {entry(b"%d" % turn) for turn in range(6)} | {
            None
        }
