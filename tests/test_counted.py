"""Numbers stand beside nouns in the right form, in all texts of the code."""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

from minicon.counted import counted

SOURCE = Path(__file__).parent.parent / "src" / "minicon"
_NOUNS = (
    "archives builds candidates channels commands days directories entries environments errors "
    "files hours indexes interpreters items layers locks minutes packages paths platforms problems "
    "processes projects records releases requirements revisions rows scripts "
    "settings shards shells steps targets variables versions warnings wheels"
)
_PLURAL = re.compile(rf" (more |other |new )?({'|'.join(_NOUNS.split())})\b")


@pytest.mark.parametrize(
    ("number", "noun", "text"),
    [
        (0, "package", "0 packages"),
        (1, "package", "1 package"),
        (2, "more directory", "2 more directories"),
        (2, "day", "2 days"),
        (3, "process", "3 processes"),
        (1, "index", "1 index"),
    ],
)
def test_counted(number: int, noun: str, text: str) -> None:
    assert counted(number, noun) == text


def _counts(text: ast.JoinedStr) -> list[str]:
    """Nouns in the plural right behind a value; limits, which are constants, are not counts."""
    found = []
    for value, words in zip(text.values, text.values[1:], strict=False):
        if not isinstance(value, ast.FormattedValue) or not isinstance(words, ast.Constant):
            continue
        limit = isinstance(value.value, ast.Name) and value.value.id.lstrip("_").isupper()
        if not limit and (noun := _PLURAL.match(str(words.value))):
            found.append(noun.group(0).strip())
        if re.match(r"s\b", str(words.value)) or "(s)" in str(words.value):
            found.append(str(words.value)[:20])
    return found


def test_no_text_has_one_packages() -> None:
    found = []
    for path in SOURCE.rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.JoinedStr) and (nouns := _counts(node)):
                found.append(f"{path.relative_to(SOURCE)}:{node.lineno}: {nouns}")
    assert not found, "use counted():\n" + "\n".join(found)
