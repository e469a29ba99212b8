"""Readers see one generation or the other, whole, whenever the environment is switched."""

from __future__ import annotations

import json
import threading
from pathlib import Path

from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.prefix.environment.prefix import Prefix


def make_tree(folder: Path, names: list[str]) -> None:
    meta = folder / "conda-meta"
    meta.mkdir(parents=True)
    (meta / "history").write_text("")
    for name in names:
        record = {"name": name, "version": "1", "build": "0", "build_number": 0, "files": []}
        (meta / f"{name}-1-0.json").write_text(json.dumps(record))


def test_records_are_those_of_one_generation(tmp_path: Path) -> None:
    states = [[f"old{n}" for n in range(12)], [f"new{n}" for n in range(9)]]
    env = tmp_path / "env"
    make_tree(env, states[0])
    stop = threading.Event()

    def switch() -> None:
        turn = 0
        while not stop.is_set():
            turn += 1
            stage = tmp_path / f"stage-{turn}"
            make_tree(stage, states[turn % 2])
            operations.exchange(stage, env)
            remove_tree(stage)

    thread = threading.Thread(target=switch)
    thread.start()
    try:
        seen = [sorted(r.name for r in Prefix(env).records()) for _ in range(300)]
    finally:
        stop.set()
        thread.join()
    expected = [sorted(names) for names in states]
    assert all(names in expected for names in seen)


def test_an_unreadable_or_missing_folder_has_no_records(tmp_path: Path) -> None:
    assert Prefix(tmp_path / "nowhere").records() == ()
    (tmp_path / "conda-meta").write_text("a file")
    assert Prefix(tmp_path).records() == ()
