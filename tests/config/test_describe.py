"""The reference page holds the table that the code has."""

from __future__ import annotations

from pathlib import Path

from minicon.config.describe import default_text, markdown_table
from minicon.config.keys import KEYS

PAGE = Path(__file__).parent.parent.parent / "docs" / "reference" / "configuration.md"


def test_the_page_is_up_to_date() -> None:
    text = PAGE.read_text()
    missing = [line for line in markdown_table().splitlines() if line not in text.splitlines()]
    assert not missing, "paste markdown_table() into the page:\n" + "\n".join(missing)


def test_every_key_has_a_meaning() -> None:
    assert all(key.meaning and len(key.meaning) < 80 for key in KEYS.values())
    assert default_text(KEYS["channel_priority"]) == "strict"
