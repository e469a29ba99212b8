"""Mutated files of an environment: every command reports what is wrong."""

from __future__ import annotations

import json
import os
import signal
import sys
import zlib

import pytest
from hypothesis import given
from tests.support.command_line import CommandLine
from tests.support.mutations import fuzz, mutated_json, mutated_text

NAME = "thing-1.0-0.json"
RECORD = {
    "name": "thing",
    "version": "1.0",
    "build": "0",
    "build_number": 0,
    "channel": "https://example.org/c",
    "subdir": "linux-64",
    "fn": "thing-1.0-0.conda",
    "url": "https://example.org/c/linux-64/thing-1.0-0.conda",
    "depends": ["python >=3.11"],
    "constrains": ["other <3"],
    "track_features": "slow",
    "features": "mkl",
    "flags": ["cuda"],
    "license": "MIT",
    "size": 100,
    "timestamp": 1_700_000_000_000,
    "files": ["bin/thing", "lib/thing.txt"],
    "paths_data": {
        "paths_version": 1,
        "paths": [
            {
                "_path": "bin/thing",
                "path_type": "hardlink",
                "sha256": "a" * 64,
                "sha256_in_prefix": "b" * 64,
                "size_in_bytes": 5,
                "prefix_placeholder": "/opt/x",
                "file_mode": "text",
            },
            {"_path": "lib/thing.txt", "path_type": "softlink", "sha256": "c" * 64},
        ],
    },
    "link": {"source": "/nowhere/thing-1.0-0", "type": 1},
    "extracted_package_dir": "/nowhere/thing-1.0-0",
    "package_tarball_full_path": "",
    "requested_spec": "thing",
    "requested_specs": ["thing"],
}
PYTHON = {
    **{key: RECORD[key] for key in ("channel", "subdir", "build_number", "link")},
    "name": "python",
    "version": "3.11.7",
    "build": "0",
    "fn": "python-3.11.7-0.conda",
    "url": "https://example.org/c/linux-64/python-3.11.7-0.conda",
    "depends": [],
    "files": [],
    "paths_data": {"paths_version": 1, "paths": []},
    "python_site_packages_path": "lib/python3.11/site-packages",
}
HISTORY = b"""==> 2024-01-01 10:00:00 <==
# cmd: minicon create -n e thing
# conda version: 26.7.0
# minicon version: 0.1.0
# minicon revision: 1
+https://example.org/c/linux-64::python-3.11.7-0
+https://example.org/c/linux-64::thing-1.0-0
# update specs: ['thing', 'python >=3.11']
==> 2024-01-02 10:00:00 <==
-https://example.org/c/linux-64::old-1.0-0
# remove specs: ["old"]
# neutered specs: thing,python
"""
STATE = {"version": 1, "env_vars": {"A": "1", "B": "two"}, "minicon": {"files": ["a"]}}
MARK = {
    "version": 1,
    "number": 2,
    "stage": "stage-0123456789abcdef",
    "previous": 1,
    "created": 1_700_000_000.0,
    "command": "minicon create",
}
COMMANDS = (
    "list -p {}",
    "list --json -p {}",
    "list --explicit -p {}",
    "list --revisions -p {}",
    "history -p {}",
    "export -p {}",
    "env export --from-history -p {}",
    "status -p {}",
    "verify -p {}",
    "doctor -p {}",
    "tree -p {}",
    "why thing -p {}",
    "env config vars list -p {}",
    "info --json -p {}",
    "du -p {}",
    "remove --dry-run --offline -y -p {} thing",
    "install --dry-run --offline -y --override-channels -c file:///nowhere -p {} thing",
)


@pytest.fixture
def minicon(tmp_path, monkeypatch, capsys):
    return CommandLine(tmp_path, monkeypatch, capsys)


@pytest.fixture
def prefix(minicon):
    path = minicon.folder / "e"
    meta = path / "conda-meta"
    meta.mkdir(parents=True)
    (meta / "history").write_bytes(HISTORY)
    (meta / NAME).write_text(json.dumps(RECORD))
    (meta / "python-3.11.7-0.json").write_text(json.dumps(PYTHON))
    (meta / "state").write_text(json.dumps(STATE))
    (path / "bin").mkdir()
    (path / "bin" / "thing").write_text("hello")
    return path


def look(minicon, prefix, name: str, data: bytes) -> None:
    """Run one command on an environment of which one file has this content."""
    before = {path.name for path in minicon.folder.iterdir()}
    path = prefix / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(data)
    command = COMMANDS[zlib.crc32(data) % len(COMMANDS)].format(prefix)
    done = minicon(command)
    assert "internal error" not in done.out + done.err, f"{command}\n{done.err}"
    assert done.code in (0, 1, 2), command
    done.out.encode()
    assert {path.name for path in minicon.folder.iterdir()} <= before | {"root"}
    assert prefix.is_dir()


@pytest.mark.parametrize("command", COMMANDS)
def test_the_environment_that_is_mutated_is_good(minicon, prefix, command):
    done = minicon(command.format(prefix))
    assert "internal error" not in done.out + done.err


@fuzz(75)
@given(mutated_json(RECORD))
def test_records(minicon, prefix, data):
    look(minicon, prefix, f"conda-meta/{NAME}", data)


@fuzz(40)
@given(mutated_json(PYTHON))
def test_the_record_of_python(minicon, prefix, data):
    look(minicon, prefix, "conda-meta/python-3.11.7-0.json", data)


@fuzz(40)
@given(mutated_text(HISTORY))
def test_histories(minicon, prefix, data):
    look(minicon, prefix, "conda-meta/history", data)


@fuzz(40)
@given(mutated_json(STATE))
def test_state_files(minicon, prefix, data):
    look(minicon, prefix, "conda-meta/state", data)


@fuzz(40)
@given(mutated_json(MARK))
def test_generation_metadata(minicon, prefix, data):
    look(minicon, prefix, "conda-meta/generation", data)


METADATA = "lib/python3.11/site-packages/other-1.0.dist-info"
READ_BACK = (
    f"conda-meta/{NAME}",
    "conda-meta/history",
    "conda-meta/state",
    "conda-meta/generation",
    "conda-meta/pinned",
    "conda-meta/frozen",
    "etc/conda/env_vars.d/other.json",
    f"{METADATA}/METADATA",
    f"{METADATA}/RECORD",
)


@pytest.mark.skipif(sys.platform == "win32", reason="needs named pipes and /dev")
@pytest.mark.parametrize("name", READ_BACK)
@pytest.mark.parametrize("kind", ["pipe", "endless"])
def test_endless_files_do_not_block_commands(minicon, prefix, name, kind):
    (prefix / METADATA).mkdir(parents=True)
    (prefix / METADATA / "METADATA").write_text("Name: other\nVersion: 1.0\n")
    path = prefix / name
    path.unlink(missing_ok=True)
    path.parent.mkdir(parents=True, exist_ok=True)
    if kind == "pipe":
        os.mkfifo(path)
    else:
        path.symlink_to("/dev/zero")
    signal.alarm(20)  # ends the command, which would never end otherwise
    for command in COMMANDS[::2]:
        done = minicon(command.format(prefix))
        assert "internal error" not in done.out + done.err, f"{command}\n{done.err}"
    signal.alarm(0)
