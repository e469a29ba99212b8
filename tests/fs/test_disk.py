"""Free space is checked before anything is written; the error says how much is missing."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from minicon.errors import FileError
from minicon.fs.disk import require_space


def test_what_fits_is_accepted(tmp_path: Path) -> None:
    require_space(tmp_path / "not" / "there" / "yet", 1, "a file")


def test_what_does_not_fit_is_refused_with_path_and_size(tmp_path: Path) -> None:
    needed = shutil.disk_usage(tmp_path).total + (64 << 20)
    with pytest.raises(FileError, match="are missing on the disk of") as caught:
        require_space(tmp_path / "pkgs", needed, "the packages to download")
    assert caught.value.reference == "disk-full"
    assert str(tmp_path) in caught.value.message
    assert "not enough disk space for the packages to download" in caught.value.message
