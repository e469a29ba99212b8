"""Pictures of solutions: columns, arrows, and solutions that are odd."""

from __future__ import annotations

import re

import pytest

pytest.importorskip("aiohttp")

from minicon.serve.pages.graph import draw_graph


def package(name: str, *needed_by: str, size: int | None = 100) -> dict:
    return {
        "name": name,
        "version": "1.0",
        "size": size,
        "needed_by": list(needed_by),
        "requested": [] if needed_by else [name],
    }


def arrows(picture: str) -> set[tuple[str, str]]:
    return set(re.findall(r'data-from="([^"]+)" data-to="([^"]+)"', picture))


def test_arrows_that_others_replace_are_left_out() -> None:
    picture = draw_graph([package("a"), package("b", "a"), package("c", "a", "b")], "label")
    assert arrows(picture) == {("a", "b"), ("b", "c")}
    assert "<title>label</title>" in picture


def test_what_is_needed_is_to_the_right() -> None:
    picture = draw_graph(
        [package("d", "c", "a"), package("c", "b"), package("b", "a"), package("a")], "label"
    )
    boxes = re.findall(r'data-name="(\w)">?.*?<rect x="([\d.]+)"', picture)
    found = {
        name: float(x)
        for x, name in re.findall(r'<rect x="([\d.]+)"[^>]*rx="8"/>.*?<text[^>]*>(\w)<', picture)
    }
    assert found["a"] < found["b"] < found["c"] < found["d"], boxes


def test_circles_are_drawn_once() -> None:
    loop = [package("a"), package("b", "a", "c"), package("c", "b"), package("d", "d", "c")]
    assert arrows(draw_graph(loop, "label")) == {("a", "b"), ("b", "c"), ("c", "d")}
    both = [package("python", "pip"), package("pip", "python")]
    assert len(arrows(draw_graph(both, "label"))) == 1


def test_odd_solutions_have_pictures_too() -> None:
    unknown = [package("a", size=None), package("b", "a", "gone", size=None)]
    assert arrows(draw_graph(unknown, "label")) == {("a", "b")}
    evil = '<b>"&'
    picture = draw_graph([package(evil), package("x" * 99, evil)], evil)
    assert "<b>" not in picture
    assert "x" * 99 not in picture.replace(f"{'x' * 99} 1.0", "").replace(f'"{"x" * 99}"', "")
    assert draw_graph([package("one")], "label") is None
    assert draw_graph([package(f"p{n}") for n in range(1000)], "label") is None


def test_deep_and_wide_solutions_are_drawn_quickly() -> None:
    chain = [package("p0"), *(package(f"p{n}", f"p{n - 1}") for n in range(1, 200))]
    assert len(arrows(draw_graph(chain, "label"))) == 199
    names = [f"p{n}" for n in range(200)]
    dense = [package(name, *names[:n]) for n, name in enumerate(names)]
    assert len(arrows(draw_graph(dense, "label"))) == 199
