"""The solver's tables on disk: whole or absent, whoever writes and whatever happens to files."""

from __future__ import annotations

import os
import threading
from pathlib import Path

import pytest

from minicon.repodata.table_store import FOLDER, TableStore

GROUP = "1234-5678"


def files(folder: Path) -> list[Path]:
    return sorted((folder / FOLDER / GROUP).glob("*"))


def test_saved_is_loaded_by_the_next_process(tmp_path: Path) -> None:
    TableStore(tmp_path).save(GROUP, {"a": (b"table", b"records"), "b": (b"", b"")})
    store = TableStore(tmp_path)
    assert store.load(GROUP, "a") == (b"table", b"records")
    assert store.load(GROUP, "b") == (b"", b"")
    assert store.load(GROUP, "c") is None
    assert store.load("other-group", "a") is None


def test_what_was_saved_last_counts(tmp_path: Path) -> None:
    for number in range(30):
        TableStore(tmp_path).save(GROUP, {"a": (b"%d" % number, b""), f"n{number}": (b"x", b"")})
    store = TableStore(tmp_path)
    assert store.load(GROUP, "a") == (b"29", b"")
    assert all(store.load(GROUP, f"n{number}") == (b"x", b"") for number in range(30))
    assert len(files(tmp_path)) <= 9, "segments are merged"


@pytest.mark.parametrize("keep", [0, 3, 15, 20, 60])
def test_cut_files_are_as_if_they_were_not_there(tmp_path: Path, keep: int) -> None:
    TableStore(tmp_path).save(GROUP, {"a": (b"t" * 50, b"r" * 50)})
    (path,) = files(tmp_path)
    path.write_bytes(path.read_bytes()[:keep])
    assert TableStore(tmp_path).load(GROUP, "a") is None
    TableStore(tmp_path).save(GROUP, {"a": (b"new", b"")})
    assert TableStore(tmp_path).load(GROUP, "a") == (b"new", b"")


def test_altered_bytes_are_noticed(tmp_path: Path) -> None:
    TableStore(tmp_path).save(GROUP, {"a": (b"t" * 50, b"r" * 50)})
    (path,) = files(tmp_path)
    whole = path.read_bytes()
    for place in range(len(whole)):
        path.write_bytes(whole[:place] + bytes([whole[place] ^ 1]) + whole[place + 1 :])
        assert TableStore(tmp_path).load(GROUP, "a") in (None, (b"t" * 50, b"r" * 50))


@pytest.mark.skipif(os.name == "nt", reason="folders of a profile are private there")
@pytest.mark.parametrize("which", ["", GROUP])
def test_a_folder_that_others_may_write_to_is_not_believed(tmp_path: Path, which: str) -> None:
    TableStore(tmp_path).save(GROUP, {"a": (b"t", b"r")})
    (tmp_path / FOLDER / which).chmod(0o777)
    assert TableStore(tmp_path).load(GROUP, "a") is None
    TableStore(tmp_path).save(GROUP, {"a": (b"t", b"r")})
    assert len(files(tmp_path)) == 1


def test_what_cannot_be_written_is_lost_quietly(tmp_path: Path) -> None:
    (tmp_path / FOLDER).write_text("a file where the folder should be")
    store = TableStore(tmp_path)
    store.save(GROUP, {"a": (b"t", b"r")})
    assert store.load(GROUP, "a") is None


def test_earlier_states_of_a_channel_are_swept(tmp_path: Path) -> None:
    for state in ("old", "older"):
        TableStore(tmp_path).save(f"place-{state}", {"a": (b"t", b"r")})
        os.utime(tmp_path / FOLDER / f"place-{state}", (1, 1))
    TableStore(tmp_path).save("elsewhere-old", {"a": (b"t", b"r")})
    os.utime(tmp_path / FOLDER / "elsewhere-old", (1, 1))
    TableStore(tmp_path).save("place-new", {"a": (b"t", b"r")})
    assert {path.name for path in (tmp_path / FOLDER).iterdir()} == {"place-new", "elsewhere-old"}


def test_many_writers_lose_nothing_that_matters(tmp_path: Path) -> None:
    def write(number: int) -> None:
        for turn in range(6):
            TableStore(tmp_path).save(GROUP, {f"n{number}": (b"%d" % turn, b"")})

    threads = [threading.Thread(target=write, args=(number,)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    store = TableStore(tmp_path)
    for number in range(4):
        assert store.load(GROUP, f"n{number}") in {(b"%d" % turn, b"") for turn in range(6)} | {
            None
        }
