"""Thousands of small changes are made here: in memory they do not wait for other work's disk."""

from __future__ import annotations

import os
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

MEMORY = Path("/dev/shm")


@pytest.fixture
def fast_path(tmp_path: Path) -> Iterator[Path]:
    """A folder for this test alone, on a file system in memory where there is one."""
    if not os.access(MEMORY, os.W_OK):
        yield tmp_path
        return
    folder = Path(tempfile.mkdtemp(prefix="minicon-test-", dir=MEMORY))
    try:
        yield folder
    finally:
        shutil.rmtree(folder)
