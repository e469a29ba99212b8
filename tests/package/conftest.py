"""Fixtures of the package tests."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path

import pytest


@pytest.fixture
def memory_path():
    """Return a directory in memory, if possible, for tests that create very many files."""
    memory = "/dev/shm" if os.access("/dev/shm", os.W_OK) else None
    with tempfile.TemporaryDirectory(prefix="minicon-test-", dir=memory) as name:
        yield Path(name)
