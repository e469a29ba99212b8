from __future__ import annotations

import os
from pathlib import Path

from minicon.pypi.index_inputs import IndexInput, IndexInputs


def test_a_file_is_current_until_it_is_written_or_too_old(tmp_path: Path) -> None:
    page = tmp_path / "page.json"
    missing = IndexInput.of(page)
    assert missing.is_current(0)
    page.write_text("1")
    assert not missing.is_current(0)
    read = IndexInput.of(page)
    fetched = IndexInput(read.path, read.stamp, 100.0, 200.0)
    assert [fetched.is_current(now) for now in (99, 100, 199, 200)] == [False, True, True, False]
    assert IndexInput.from_json(fetched.to_json()) == fetched
    page.write_text("2")
    os.utime(page, ns=(1, 1))
    assert not read.is_current(0)


def test_a_directory_is_all_its_files(tmp_path: Path) -> None:
    (tmp_path / "a-1.whl").write_text("1")
    inputs = IndexInputs()
    inputs.add_folder(tmp_path)
    assert len(list(inputs)) == 2
    assert all(each.is_current(0) for each in inputs)
    (tmp_path / "a-1.whl").write_text("22")
    assert not all(each.is_current(0) for each in inputs)
    inputs.add(None)
    assert not inputs.complete
