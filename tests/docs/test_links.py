"""Links in Markdown files lead somewhere, and every page can be found from the start."""

from __future__ import annotations

import functools
import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
_LINK = re.compile(r"(?<!!)\[[^\]]*\]\(([^)\s]+)\)")
_FENCE = re.compile(r"^```.*?^```", re.MULTILINE | re.DOTALL)
_HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def markdown_files() -> list[Path]:
    listed = [*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md"), *(ROOT / "channels").glob("*.md")]
    return sorted(listed)


def links(path: Path) -> list[str]:
    text = _FENCE.sub("", path.read_text())
    return [link for link in _LINK.findall(text) if "://" not in link and "mailto:" not in link]


def target(path: Path, link: str) -> Path:
    file = link.partition("#")[0]
    return (path.parent / file).resolve() if file else path.resolve()


def anchors(path: Path) -> set[str]:
    """Anchors of a page's headings, as forges make them."""
    titles = _HEADING.findall(_FENCE.sub("", path.read_text()))
    kept = (re.sub(r"[^\w\- ]", "", title.lower()) for title in titles)
    return {title.strip().replace(" ", "-") for title in kept}


@pytest.mark.parametrize("path", markdown_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_links_resolve(path: Path) -> None:
    for link in links(path):
        goal = target(path, link)
        assert goal.exists(), f"{link} leads nowhere"
        anchor = link.partition("#")[2]
        if anchor and goal.suffix == ".md":
            assert anchor in anchors(goal), f"{link}: no such heading"


def test_every_page_can_be_reached() -> None:
    reached: set[Path] = set()
    waiting = [ROOT / "README.md", ROOT / "docs" / "index.md"]
    while waiting:
        page = waiting.pop().resolve()
        if page.is_dir() and page != ROOT:  # forges list what is in a folder
            waiting += page.glob("*.md")
        if page in reached or page.suffix != ".md":
            continue
        reached.add(page)
        waiting += [goal for link in links(page) if (goal := target(page, link)).exists()]
    lost = [p for p in (ROOT / "docs").rglob("*.md") if p.resolve() not in reached]
    assert not [str(page.relative_to(ROOT)) for page in lost]


_MODULE = re.compile(r"(?<![\w/.])([a-z_]+(?:/[a-z_]+)+\.py)(?!\w)")


@pytest.mark.parametrize("path", markdown_files(), ids=lambda p: str(p.relative_to(ROOT)))
def test_modules_that_pages_name_exist(path: Path) -> None:
    if path.name == "CHANGELOG.md" or path.parent.name == "adr":
        return  # they describe the day on which they were written
    source = ROOT / "src" / "minicon"
    rooms = {folder.name for folder in source.iterdir() if folder.is_dir()}
    named = {name for name in _MODULE.findall(path.read_text()) if name.split("/")[0] in rooms}
    gone = sorted(name for name in named if not (source / name).exists())
    assert not gone, "no such module of src/minicon"


_CODE = re.compile(r"`((?:\w+/)*\w+\.py)`")
_NOT_OURS = {"sitecustomize.py"}


@pytest.mark.parametrize("path", sorted((ROOT / "docs" / "internals").glob("*.md")))
def test_files_that_internals_name_are_where_they_say(path: Path) -> None:
    """Paths start at src/minicon, a folder of it, or the root; a name has the folder before it."""
    source = ROOT / "src" / "minicon"
    bases = [source, ROOT, *(each for each in source.iterdir() if each.is_dir())]
    names = _NOT_OURS | {file.name for base in ("src", "tests") for file in _code_below(base)}
    lost = []
    for cell in re.split(r"[|\n]", path.read_text()):
        folder: Path | None = None
        for name in _CODE.findall(cell):
            if "/" in name:
                found = next((base / name for base in bases if (base / name).exists()), None)
                folder = found and found.parent
                exists = found is not None
            elif folder is None or "tests" in folder.parts:
                exists = name in names
            else:
                exists = (folder / name).exists()
            lost += [] if exists else [name]
    assert not lost, "no such file there"


@functools.cache
def _code_below(folder: str) -> list[Path]:
    return list((ROOT / folder).rglob("*.py"))


def test_pages_that_the_code_names_exist() -> None:
    texts = [path.read_text() for path in (ROOT / "src").rglob("*.py")]
    named = {page for text in texts for page in re.findall(r"docs/[\w/-]+\.md", text)}
    assert named
    assert not [page for page in sorted(named) if not (ROOT / page).exists()]
