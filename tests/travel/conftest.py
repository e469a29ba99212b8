"""A small environment without Python, made directly."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from minicon.constants import PREFIX_PLACEHOLDER


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    prefix = tmp_path / "source"
    (prefix / "conda-meta").mkdir(parents=True)
    (prefix / "bin").mkdir()
    (prefix / "conda-meta" / "history").write_text("==> 2026-01-01 00:00:00 <==\n+x::hello-1.0-0\n")
    script = prefix / "bin" / "hello"
    script.write_text(f"#!/bin/sh\necho {prefix}\n")
    script.chmod(0o755)
    entry = {
        "_path": "bin/hello",
        "path_type": "hardlink",
        "prefix_placeholder": PREFIX_PLACEHOLDER,
        "file_mode": "text",
    }
    record = {
        "name": "hello",
        "version": "1.0",
        "build": "0",
        "build_number": 0,
        "channel": "x",
        "subdir": "linux-64",
        "fn": "hello-1.0-0.conda",
        "url": "",
        "depends": [],
        "files": ["bin/hello"],
        "paths_data": {"paths_version": 1, "paths": [entry]},
        "extracted_package_dir": "/home/me/pkgs/hello",
        "link": {"source": "/home/me/pkgs/hello", "type": 1},
    }
    (prefix / "conda-meta" / "hello-1.0-0.json").write_text(json.dumps(record))
    return prefix
