"""The built site in a browser (``./dev test --site``): every page, its links, and the search."""

from __future__ import annotations

import functools
import http.server
import os
import threading
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import unquote, urldefrag, urljoin, urlsplit

import pytest
from tests.support.browser import CHROMIUM, Browser, open_browser

SITE = Path(os.environ.get("MINICON_SITE", "no-site"))
PAGES = sorted(str(page.relative_to(SITE)) for page in SITE.rglob("*.html"))

pytestmark = [
    pytest.mark.skipif(not PAGES, reason="no site was built (./dev test --site)"),
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed"),
    pytest.mark.slow,
]
_LINKS = "[...document.querySelectorAll('a[href], img[src]')].map(a => a.href || a.src)"
_ANCHORS = "[...document.querySelectorAll('[id]')].map(each => each.id)"


class _Quiet(http.server.SimpleHTTPRequestHandler):
    def log_message(self, *_arguments: object) -> None:
        return


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    handler = functools.partial(_Quiet, directory=str(SITE))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with open_browser() as opened:
        yield opened


@pytest.fixture(scope="module")
def read(browser: Browser, address: str) -> dict[str, tuple[list[str], set[str], list[str], int]]:
    """Links, anchors, foreign requests and width on a phone of every page, each visited once."""
    browser.resize(360, phone=True)
    found = {}
    for page in PAGES:
        if page == "index.html":  # leads to another page while it is read
            continue
        url = f"{address}/{page}"
        browser.visit(url)
        foreign = [each for each in browser.requested if not each.startswith((address, "data:"))]
        width = browser.evaluate("document.documentElement.scrollWidth")
        links = [urljoin(url, link) for link in browser.evaluate(_LINKS)]
        found[page] = (links, set(browser.evaluate(_ANCHORS)), foreign, width)
    return found


def test_pages_show_no_errors_and_load_nothing_from_elsewhere(browser: Browser, read: dict) -> None:
    assert len(read) > 50
    assert not browser.problems
    assert not {page: foreign for page, (_, _, foreign, _) in read.items() if foreign}


def test_the_site_starts_with_the_index() -> None:
    assert "url=docs/index.html" in (SITE / "index.html").read_text()


def test_no_link_is_dead(address: str, read: dict) -> None:
    dead = []
    for page, (links, _, _, _) in read.items():
        for link in links:
            url, anchor = urldefrag(link)
            if not url.startswith(f"{address}/"):
                continue
            path = unquote(urlsplit(url).path).lstrip("/") or "index.html"
            if not (SITE / path).is_file():
                dead.append(f"{page}: {link}")
            elif anchor and path in read and unquote(anchor) not in read[path][1]:
                dead.append(f"{page}: {link}: no such anchor")
    assert not dead


def test_pages_fit_a_phone(read: dict) -> None:
    assert not {page: width for page, (_, _, _, width) in read.items() if width > 360}


def test_pictures_are_readable_on_a_phone(browser: Browser, address: str, read: dict) -> None:
    assert read
    browser.resize(360, phone=True)
    browser.visit(f"{address}/docs/screens.html")
    widths = browser.evaluate(
        "[...document.querySelectorAll('article img')].filter(i => i.checkVisibility())"
        ".map(i => i.width)"
    )
    assert widths
    assert min(widths) > 600  # they scroll by themselves
    assert browser.evaluate("document.documentElement.scrollWidth") == 360


@pytest.mark.parametrize(
    ("words", "page"),
    [("undo", "how-to"), ("plan-is-old", "reference/errors"), ("generation", "internals")],
)
def test_the_search_finds(browser: Browser, address: str, words: str, page: str) -> None:
    browser.resize(1200)
    browser.visit(f"{address}/search.html?q={words}")
    browser.wait_for("/found/.test(document.querySelector('.search-summary')?.innerText)")
    found = browser.evaluate(
        "[...document.querySelectorAll('.search li a')].map(each => each.pathname)"
    )
    assert any(page in path for path in found)


@pytest.mark.parametrize(
    ("words", "page"),
    [("docker", "how-to/questions"), ("upgrade python", "how-to/questions"),
     ("mamba", "how-to/move-from-conda"), ("offline", "how-to/work-offline")],
)  # fmt: skip
def test_pages_for_users_are_found_first(
    browser: Browser, address: str, words: str, page: str
) -> None:
    browser.resize(1200)
    browser.visit(f"{address}/search.html?q={words.replace(' ', '+')}")
    browser.wait_for("/found/.test(document.querySelector('.search-summary')?.innerText)")
    first = browser.evaluate("document.querySelector('.search li a').pathname")
    assert first == f"/docs/{page}.html"


def test_references_of_errors_lead_to_their_rows(browser: Browser, address: str) -> None:
    browser.visit(f"{address}/docs/how-to/review-a-change.html")
    browser.click("a[href$='#error-plan-is-old']", loads=True)
    assert "plan-is-old" in browser.text("tr:target")


def test_copy_buttons_copy_what_is_typed(browser: Browser, address: str) -> None:
    browser.visit(f"{address}/docs/tutorial.html")
    browser.evaluate(
        """document.addEventListener("copy", event => {
            window.copied = document.activeElement.value ?? String(getSelection());
        }) ?? 0"""
    )
    browser.click("button.copybtn")
    browser.wait_for("window.copied")
    copied = browser.evaluate("window.copied")
    assert copied.startswith("pipx install")
    assert "$ " not in copied


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_follows_the_scheme_of_the_system(
    browser: Browser, address: str, scheme: str
) -> None:
    browser.prefer(scheme)
    browser.visit(f"{address}/docs/index.html")
    colour = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(int(part) for part in colour[4:-1].split(",")[:3])
    assert (brightness > 384) == (scheme == "light")
    if folder := os.environ.get("MINICON_SCREENSHOTS"):
        _take_pictures(browser, address, Path(folder), scheme)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_drawings_follow_the_switch_of_the_page(
    browser: Browser, address: str, scheme: str
) -> None:
    browser.prefer("dark" if scheme == "light" else "light")
    browser.visit(f"{address}/docs/internals/transactions.html")
    browser.evaluate(f"document.body.dataset.theme = '{scheme}'")
    shown = browser.evaluate(
        "[...document.querySelectorAll('article img')].filter(i => i.checkVisibility())"
        ".map(i => i.src)"
    )
    assert len(shown) == 1
    assert shown[0].endswith("-dark.svg") == (scheme == "dark")
    drawn = (SITE / "_images" / shown[0].rpartition("/")[2]).read_text()
    assert "prefers-color-scheme" not in drawn


_LUMINANCE = """colour => {
    const parts = colour.match(/[\\d.]+/g).slice(0, 3).map(each => each / 255).map(
        each => each <= 0.03928 ? each / 12.92 : ((each + 0.055) / 1.055) ** 2.4);
    return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2];
}"""
_FAINT = f"""[...document.querySelectorAll('.highlight pre span')].filter(each => {{
    const luminance = {_LUMINANCE};
    const text = luminance(getComputedStyle(each).color);
    const page = luminance(getComputedStyle(each.closest('.highlight')).backgroundColor);
    return (Math.max(text, page) + 0.05) / (Math.min(text, page) + 0.05) < 4.5;
}}).map(each => each.innerText)"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_code_is_readable(browser: Browser, address: str, scheme: str) -> None:
    browser.prefer(scheme)
    for page in ("how-to/build-a-channel", "how-to/continuous-integration", "how-to/clusters"):
        browser.visit(f"{address}/docs/{page}.html")
        assert not browser.evaluate(_FAINT)


def test_options_are_shown_as_they_are_typed() -> None:
    assert "\N{EN DASH}label" not in (SITE / "docs/reference/cli.html").read_text()


def _take_pictures(browser: Browser, address: str, folder: Path, scheme: str) -> None:
    for page in ("docs/index", "README", "docs/tutorial", "docs/screens", "docs/comparison"):
        for width in (1280, 360):
            browser.resize(width, phone=width < 400)
            browser.visit(f"{address}/{page}.html")
            browser.screenshot(folder / f"{page.replace('/', '-')}-{width}-{scheme}.png")
