"""Files and locations that are no channel, lock or environment file are refused with the reason."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine

LOCK = (
    "version: 1\nmetadata: {content_hash: {}, channels: [], platforms: [linux-64], sources: []}\n"
)
#: Name and content of a file, and what the error says.
FILES = [
    ("environment.yml", "a: &a [*a]\ndependencies: *a\n", "line 1: an alias is inside of its own"),
    ("environment.yml", "name: x\n---\nname: y\n", "a single document in the stream but found"),
    ("conda-lock.yml", f"{LOCK}package:\n- name: 3\n", "line 4: 'manager' is missing"),
    ("pixi.lock", "", "has no 'version:'"),
    ("pixi.lock", "- 1\n", "has no 'version:'"),
    ("pixi.lock", "version: 99\n", "version 99 of pixi.lock is not supported"),
    ("list.txt", "@EXPLICIT\nfile:///no/linux-64/x-1-0.conda\n", "x-1-0.conda: file not found\n"),
]


@pytest.mark.parametrize(("name", "text", "reason"), FILES)
def test_files(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    name: str,
    text: str,
    reason: str,
) -> None:
    minicon = CommandLine(tmp_path, monkeypatch, capsys)
    (tmp_path / name).write_text(text)
    refused = minicon("create", "-d", "-n", "x", "-f", name, "--offline")
    assert refused.code == 1
    assert reason in refused.err


@pytest.mark.skipif(not os.path.exists("/dev/zero"), reason="a device of Unix")
def test_a_device_is_no_channel(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    minicon = CommandLine(tmp_path, monkeypatch, capsys)
    refused = minicon("create -d -n x lone --override-channels -c file:///dev/zero")
    assert "there is no channel at file:///dev/zero" in refused.err
