"""Parsed configuration files are kept: never secrets, and only where nobody else writes."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from minicon.config.load import load_settings

FOLDER = "configuration-v1"


class Home:
    def __init__(self, base: Path) -> None:
        self.path = base
        self.cache = base / "root" / "cache"
        self.rc = base / ".condarc"

    def load(self) -> Any:
        environ = {"MINICON_ROOT": str(self.cache.parent)}
        return load_settings(environ=environ, home=self.path, working_directory=self.path)

    def kept(self) -> list[Path]:
        folder = self.cache / FOLDER
        return sorted(folder.iterdir()) if folder.is_dir() else []


@pytest.fixture
def home(tmp_path: Path) -> Home:
    home = Home(tmp_path)
    home.cache.mkdir(parents=True)
    return home


def test_a_file_is_parsed_once(home: Home, monkeypatch: pytest.MonkeyPatch) -> None:
    home.rc.write_text(
        "channels:  #!final\n  - mine\n  - last  #!bottom\npinned_packages: [numpy 1.*]\n"
        "always_yes: yes\nremote_max_retries: 7\nchannel_alias: https://example.org\n"
    )
    first = home.load()
    monkeypatch.setitem(__import__("sys").modules, "yaml", None)
    assert home.load() == first
    assert first.settings.channels == ("mine", "last")
    assert first.settings.remote_max_retries == 7


def test_a_changed_file_is_parsed_again(home: Home) -> None:
    for number in (1, 2, 1):
        home.rc.write_text(f"remote_max_retries: {number}\n")
        assert home.load().settings.remote_max_retries == number


def test_the_same_text_in_another_file_names_that_file(home: Home) -> None:
    text = "remote_max_retries: 3\n"
    home.rc.write_text(text)
    home.load()
    home.rc.unlink()
    other = home.path / ".conda" / "condarc"
    other.parent.mkdir()
    other.write_text(text)
    assert home.load().settings.sources["remote_max_retries"] == str(other)


def test_reading_creates_no_cache(home: Home) -> None:
    home.cache.rmdir()
    home.rc.write_text("always_yes: true\n")
    home.load()
    assert not home.cache.exists()


@pytest.mark.parametrize(
    "text",
    [
        "channels: [https://user:hunter2@example.org/c]\n",
        "channels: [https://example.org/t/hunter2/c]\n",
        "proxy_servers: {https: 'http://me:hunter2@proxy:80'}\n",
        "aws_secret_access_key: hunter2\n",
        "anaconda_token: hunter2\n",
    ],
)
def test_no_copy_of_a_secret_is_kept(home: Home, text: str) -> None:
    home.rc.write_text(text)
    home.load()
    assert not home.kept()


@pytest.mark.parametrize("text", ["unknown: 2026-01-01\n", "unknown: {1: one}\n", "x: .nan\n"])
def test_what_json_cannot_hold_is_not_kept(home: Home, text: str) -> None:
    home.rc.write_text(text)
    assert home.load() == home.load()
    assert not home.kept()


@pytest.mark.parametrize(
    "data",
    [
        *(b"", b"[]", b"{", b"\xff", b'{"always_yes": true}', b'{"always_yes": "abc"}'),
        *(b'{"always_yes": [true, 1, {}]}', b'{"always_yes": [true, false, {"a": 1}]}'),
    ],
)
def test_a_damaged_copy_is_ignored(home: Home, data: bytes) -> None:
    home.rc.write_text("always_yes: true\n")
    home.load()
    (kept,) = home.kept()
    kept.write_bytes(data)
    assert home.load().settings.always_yes
    assert json.loads(kept.read_bytes()) == {"always_yes": [True, False, {}]}


def test_copies_that_others_could_write_are_ignored(home: Home) -> None:
    home.rc.write_text("always_yes: true\n")
    home.load()
    (kept,) = home.kept()
    kept.write_text('{"always_yes": [false, false, {}]}')
    assert not home.load().settings.always_yes
    kept.parent.chmod(0o777)
    assert home.load().settings.always_yes
