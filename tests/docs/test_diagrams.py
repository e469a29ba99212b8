"""Drawings name what is in the code, fit their frames, and are described on their pages."""

from __future__ import annotations

import re
import sys
from pathlib import Path

import pytest

DOCS = Path(__file__).parent.parent.parent / "docs"
SOURCE = DOCS.parent / "src" / "minicon"
sys.path.insert(0, str(DOCS))
import diagrams  # noqa: E402
import drawing  # noqa: E402

sys.path.remove(str(DOCS))

PICTURES = sorted(path for path in DOCS.rglob("*.svg") if "site" not in path.parts)
PAGES = [page.read_text() for page in [*DOCS.rglob("*.md"), DOCS.parent / "README.md"]]


def test_types_of_the_flow_are_those_of_their_folders() -> None:
    for name, _, folder in diagrams.FLOW:
        texts = [module.read_text() for module in (SOURCE / folder).rglob("*.py")]
        assert texts
        assert any(re.search(rf"\b{name}\b", text) for text in texts), (name, folder)


@pytest.mark.parametrize("draw", diagrams.PICTURES.values(), ids=diagrams.PICTURES)
def test_words_fit_into_diagrams(draw) -> None:
    svg = draw()
    width = float(re.search(r'viewBox="0 0 (\d+)', svg).group(1))
    for x, rest, words in re.findall(r'<text x="(\d+)" y="\d+"([^>]*)>([^<]*)<', svg):
        length = 7.3 * len(words) * (0.5 if "middle" in rest else 1)
        assert float(x) + length <= width, words


@pytest.mark.parametrize("picture", PICTURES, ids=lambda path: path.stem)
def test_pictures_are_shown_with_a_description(picture: Path) -> None:
    shown = re.compile(rf"!\[[^\]]{{12,}}\]\([^)]*\b{re.escape(picture.name)}\)")
    assert any(shown.search(page) for page in PAGES)
    assert not re.search(r"""(href|src)=["']|@import|<script""", picture.read_text())


def _luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(2 * each for each in digits) if len(digits) == 3 else digits
    parts = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    linear = [
        part / 12.92 if part <= 0.03928 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    ]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Return the ratio of contrast of two colours (WCAG 2)."""
    low, high = sorted((_luminance(one), _luminance(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_of_drawings_are_readable_on_every_background() -> None:
    for at, scheme in ((0, drawing.LIGHT), (2, drawing.DARK)):
        grounds = [scheme["page"], *(colours[at] for colours in drawing.KINDS.values())]
        for ground in grounds:
            assert contrast(scheme["ink"], ground) >= 7
            assert contrast(scheme["soft"], ground) >= 4.5
        for ground, colour in ((c[at], c[at + 1]) for c in drawing.KINDS.values()):
            assert contrast(ground, colour) >= 3.8
