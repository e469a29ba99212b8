"""Recorded pictures are those of the commands in ``docs/site/pictures.py``, and load nothing."""

from __future__ import annotations

import html
import re
import sys
from pathlib import Path

import pytest
from tests.docs.test_examples import parse

SITE = Path(__file__).parent.parent.parent / "docs" / "site"
sys.path.insert(0, str(SITE))
import pictures  # noqa: E402
import terminal  # noqa: E402

sys.path.remove(str(SITE))


def typed(svg: str) -> list[str]:
    texts = [html.unescape(text) for text in re.findall(r"<text[^>]*>([^<]*)</text>", svg)]
    matches = (re.match(r"(?:\(\w+\) )?\$ (.+)", text) for text in texts)
    return [match.group(1) for match in matches if match]


@pytest.mark.parametrize("name", pictures.SCENES)
def test_pictures_show_the_commands_of_their_scenes(name: str) -> None:
    svg = (pictures.PICTURES / f"{name}.svg").read_text()
    title, lines, _ = pictures.SCENES[name]
    commands = [line if isinstance(line, str) else line[0] for line in lines]
    assert typed(svg) == commands, f"run ./dev docs --pictures {name}"
    assert f"<title>{html.escape(title)}</title>" in svg
    assert not re.search(r"""url\(|href|src=|@import""", svg)
    assert str(pictures.ROOT) not in svg
    assert "build/pictures" not in svg
    for command in commands:
        if command.startswith("minicon ") and "activate" not in command and "--help" not in command:
            parse(command)


def test_every_picture_has_a_scene_and_a_page() -> None:
    drawn = {path.stem for path in pictures.PICTURES.glob("*.svg")}
    assert drawn == pictures.SCENES.keys()
    page = (pictures.ROOT / "docs" / "screens.md").read_text()
    assert all(f"(pictures/{name}.svg)" in page for name in drawn)


def test_progress_that_was_cleared_is_not_drawn() -> None:
    screen = terminal.Screen(20)
    screen.feed("\x1b[?25l10 %\r\x1b[K20 %\r    \r\x1b[32mdone\x1b[0m <1\r\n$ ")
    screen.feed("ls\r\n12\x1b[A\r$ \x1b[2Kls\r\n")
    assert terminal.plain(screen)[0] == "done <1"
    svg = terminal.draw(screen, "A & B")
    assert 'class="g"' in svg
    assert "&lt;1" in svg
    assert "A &amp; B" in svg
    assert "%" not in svg


def test_moments_of_progress() -> None:
    frames = (
        "\r\x1b[KResolving · 1 s\rResolving · 3 projects · 1 s  \r\r\nplan\r\nLinking · 9 files\r"
    )
    shown = terminal._moments(f"$ minicon create\r\n{frames}\r\nInstalled 2 packages.\r\n$ ")
    assert shown.split("\r\n") == [
        "$ minicon create",
        "Resolving · 3 projects · 1 s",
        "Linking · 9 files",
        "Installed 2 packages.",
        "$ ",
    ]


def test_versions_and_sizes_are_not_compared() -> None:
    old = "<text>numpy  2.2.6   12.0 MiB</text>"
    assert pictures.words(old) == pictures.words("<text>numpy 2.10.0  1.0 KiB</text>")
    assert pictures.words(old) != pictures.words("<text>scipy 2.2.6 12.0 MiB</text>")
