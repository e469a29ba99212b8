"""The pages in a real browser: typed into, clicked, and read; with and without scripts."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from tests.support.browser import CHROMIUM, Browser, open_browser
from tests.support.served import Served

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="Chromium is not installed (./dev web)"),
    pytest.mark.slow,
]
ENVIRONMENT = "name: mine\nchannels:\n  - team\ndependencies:\n  - app\n  - libfast >=2\n"


@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    pytest.importorskip("aiohttp")
    with open_browser() as browser:
        yield browser


@pytest.fixture
def browser(chromium: Browser, request: pytest.FixtureRequest) -> Iterator[Browser]:
    """The browser with its usual size; every test loads nothing from elsewhere, without errors.

    ``MINICON_SCREENSHOTS`` names a directory for a picture of the end of each test.
    """
    chromium.resize(1100)
    chromium.prefer("light")
    chromium.allow_scripts(True)
    chromium.problems.clear()
    yield chromium
    if folder := os.environ.get("MINICON_SCREENSHOTS"):
        chromium.screenshot(Path(folder, f"{request.node.name}.png"), whole=True)
    assert not chromium.problems
    own = chromium.evaluate("location.origin")
    assert all(url.startswith(own) for url in chromium.requested)


def test_a_person_searches_while_typing(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/team/")
    assert "6 packages" in browser.text()
    browser.click("#q")
    browser.type("fast")
    browser.wait_for("document.querySelector('.count').innerText.startsWith('1 package')")
    assert "libfast" in browser.text("#results")
    assert "engine" not in browser.text("#results")
    assert browser.evaluate("location.search") == "?q=fast"
    browser.click(".packages .name", loads=True)
    assert browser.evaluate("location.pathname") == "/team/packages/libfast"
    text = browser.text()
    assert "old-tool <2" in text
    assert "linux-64" in text
    assert f"minicon install -c {served.url}/team libfast" in text


def test_packages_lead_to_packages(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/team/packages/app")
    browser.click(".specs a", loads=True)
    assert browser.text("h1") == "engine 3.1"
    browser.click(".specs a", loads=True)
    assert browser.text("h1") == "libfast 2.0"


def test_a_person_solves_an_environment(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/solve")
    browser.click("#text")
    browser.type("app")
    browser.click("input[value=osx-arm64]")
    browser.click(".primary", loads=True)
    assert "/solve/" in browser.evaluate("location.pathname")
    for platform in ("linux-64", "osx-arm64"):
        assert "4 packages" in browser.text(f"#{platform} h2")
        assert "engine" in browser.text(f"#{platform} table")
    labels = "[...document.querySelectorAll('#linux-64 .node text')].map(e => e.textContent)"
    assert set(browser.evaluate(labels)) == {"app", "engine", "data-files", "libfast"}
    browser.point("#linux-64 .node[data-name=engine]")
    near = "[...document.querySelectorAll('.node.near')].map(e => e.dataset.name).sort()"
    assert browser.evaluate(near) == ["app", "engine", "libfast"]
    links = browser.evaluate("[...document.querySelectorAll('.takeaways a')].map(e => e.href)")
    assert len(links) == 4
    browser.click("#linux-64 tbody th a", loads=True)
    assert browser.text("h1") == "app 0.9"


def test_a_person_reads_why_not_and_takes_a_fix(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/solve?spec=old-tool&spec=engine")
    browser.click(".primary", loads=True)
    text = browser.text("#linux-64")
    assert "old-tool and engine cannot be installed together." in text
    assert "old-tool needs libfast <2." in text
    browser.click(".fixes button", loads=True)
    assert browser.evaluate("document.getElementById('text').value") == "engine"
    assert "2 packages" in browser.text("#linux-64 h2")


def test_a_file_is_dropped(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/solve")
    browser.evaluate(
        f"""(() => {{
            const data = new DataTransfer();
            data.items.add(new File([{ENVIRONMENT!r}], "environment.yml"));
            const area = document.getElementById("text");
            area.dispatchEvent(new DragEvent("drop", {{dataTransfer: data, cancelable: true}}));
        }})()"""
    )
    browser.wait_for("document.getElementById('text').value.includes('dependencies:')")
    browser.click(".primary", loads=True)
    assert "4 packages" in browser.text("#linux-64 h2")


def test_all_of_it_works_by_keyboard(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/team/")
    browser.press("Tab")
    assert browser.evaluate("document.activeElement.textContent") == "Skip to content"
    for _ in range(40):
        browser.press("Tab")
        if browser.evaluate("document.activeElement.id") == "q":
            break
    browser.type("app")
    browser.press("Enter", loads=True)
    for _ in range(40):
        browser.press("Tab")
        if browser.evaluate("document.activeElement.textContent") == "app":
            break
    outline = browser.evaluate("getComputedStyle(document.activeElement).outlineStyle")
    assert outline == "solid"
    browser.press("Enter", loads=True)
    assert browser.text("h1") == "app 0.9"


def test_screen_readers_find_names_and_landmarks(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/solve?spec=app")
    browser.click(".primary", loads=True)
    found = set(browser.accessible())
    for role, name in (
        ("main", ""),
        ("banner", ""),
        ("navigation", "Site"),
        ("textbox", "Packages, one per line, or a whole environment.yml"),
        ("checkbox", "linux-64"),
        ("group", "Platforms"),
        ("button", "Solve"),
        ("image", "Dependency graph of 4 packages for linux-64"),
        ("table", "Packages for linux-64"),
        ("rowheader", "engine"),
    ):
        assert any(role == r and (name or n) == n for r, n in found), (role, name)
    unnamed = [role for role, name in found if role in ("link", "button", "checkbox") and not name]
    assert not unnamed


@pytest.mark.parametrize("path", ["", "team/", "team/packages/libfast", "solve?spec=app"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_pages_fit_a_phone(browser: Browser, served: Served, path: str, scheme: str) -> None:
    browser.resize(360, 740, phone=True)
    browser.prefer(scheme)
    browser.visit(f"{served.url}/{path}")
    if path.startswith("solve"):
        browser.click(".primary", loads=True)
    assert browser.evaluate("document.documentElement.scrollWidth") == 360
    background = browser.evaluate("getComputedStyle(document.body).backgroundColor")
    brightness = sum(map(int, background.removeprefix("rgb(").rstrip(")").split(",")))
    assert (brightness > 600) == (scheme == "light")


def test_everything_works_without_scripts(browser: Browser, served: Served) -> None:
    browser.allow_scripts(False)
    browser.visit(f"{served.url}/team/")
    browser.click("#q")
    browser.type("fast")
    browser.press("Enter", loads=True)
    assert "1 package" in browser.text("#results")
    browser.visit(f"{served.url}/solve")
    browser.click("#text")
    browser.type(ENVIRONMENT)
    browser.click(".primary", loads=True)
    assert "4 packages" in browser.text("#linux-64 h2")
    assert not browser.text(".command button")


def test_no_script_of_a_package_runs(browser: Browser, served: Served) -> None:
    browser.visit(f"{served.url}/solve?spec=%3Cscript%3Ealert(1)%3C/script%3E&spec=%22%3E%3Cb%3E")
    assert browser.evaluate("document.getElementById('text').value") == (
        '<script>alert(1)</script>\n"><b>'
    )
    browser.click(".primary", loads=True)
    assert "This cannot be solved" in browser.text()
    assert browser.evaluate("document.querySelectorAll('main script, main b').length") == 0
