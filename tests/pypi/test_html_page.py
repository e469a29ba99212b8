"""HTML pages: parsed links, allowed targets of links, and linear time."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from tests.pypi.conftest import Notes
from tests.support.growth import assert_linear
from tests.support.package_index import PackageIndex, serving
from tests.support.wheels import WheelBuilder

from minicon.models.url import Credentials
from minicon.net.credentials.store import CredentialStore
from minicon.net.routing import make_fetcher
from minicon.pypi.index.find_links import FindLinks
from minicon.pypi.index.html_page import parse_html, resolve_link
from minicon.pypi.index.pypi_index import PypiIndex

Open = Callable[..., PypiIndex]
PAGE = "https://index.test/simple/demo/"


def leads_to(text: str, url: str = PAGE) -> list[str]:
    return [link.url for link in parse_html(text, url).links]


@pytest.mark.parametrize(
    "href",
    ["file:///srv/", "FILE:///srv/", "file://localhost/srv/", " file:///srv/", "file:&#47;//srv/"],
)
def test_a_page_of_the_network_cannot_link_to_local_files(href: str) -> None:
    link = '<a href="demo-1.0-py3-none-any.whl">x</a>'
    assert leads_to(f'<base href="{href}">{link}') == []
    assert leads_to(f'<a href="{href}demo-1.0-py3-none-any.whl">x</a>') == []
    assert len(leads_to(f'<base href="{href}">{link}', "file:///srv/simple/demo/")) == 1


@pytest.mark.parametrize(
    "link",
    ["ftp://h/x", "javascript:x()", "data:,x", "s3://b/x", "oci://h/x", "//[h", "mailto:x@y", ""],
)
def test_links_to_other_than_web_servers_are_not_followed(link: str) -> None:
    assert resolve_link(PAGE, link, page=PAGE) is None
    assert resolve_link(PAGE, link, page="file:///srv/x") is None
    assert leads_to(f'<base href="{link}"><a href="x-1.0.zip">') in ([], [f"{PAGE}x-1.0.zip"])


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("<a href=x>", ["x"]),
        ("<A\nHREF = 'x' >", ["x"]),
        ("<a/href=x/>", ["x/"]),
        ("<a title='>' href=\"x\">", ["x"]),
        ("<a href=x href=y>", ["x"]),
        ("<a data-x='<a href=y>' href=x>", ["x"]),
        ("<a href='a&amp;b'>", ["a&b"]),
        ("<!-- <a href=x> --><a href=y>", ["y"]),
        ("<!--><a href=x>--><a href=y>", ["x", "y"]),
        ("<a href=x><!-- <a href=y>", ["x"]),
        ("<a href=x><a href='y>", ["x"]),
        ("<a href=x><a href", ["x"]),
        ("<a href=x", []),
        ("<abbr href=x><area href=y>< a href=z><a>", []),
        ("<a =x href=y>", ["y"]),
        ("<base><base href=><base href=/b/><base href=/c/><a href=x>", ["/b/x"]),
    ],
)
def test_links_are_those_that_a_browser_sees(text: str, found: list[str]) -> None:
    base = "https://index.test" if found and found[0].startswith("/") else PAGE
    assert leads_to(text) == [base + each for each in found]


def test_the_status_of_a_project() -> None:
    text = "<meta charset=utf-8><meta content='Quarantined' name=pypi:project-status>"
    assert parse_html(text, PAGE).status == "quarantined"
    assert (
        parse_html("<!-- <meta name='pypi:project-status' content=x> -->", PAGE).status == "active"
    )


@pytest.mark.parametrize(
    "part",
    ["<!--", "<a ", "<a >", "<a x", "<a href=", '<a href="', "<a href='x' ", "<base ", "<meta ",
     "<", " ", "<a x =", "<a href=x>", "<base href=x>", "<!---->", "</", "&", "<a href='&amp;"],
)  # fmt: skip
def test_no_page_takes_longer_than_its_length(part: str) -> None:
    assert_linear(lambda text: parse_html(text, PAGE), lambda n: part * (n // len(part)), 8_000)
    assert_linear(
        lambda text: parse_html(text, PAGE), lambda n: "<a " + part * (n // len(part)), 8_000
    )


@pytest.mark.parametrize("is_json", [False, True])
def test_an_index_cannot_make_minicon_install_a_local_wheel(
    served: PackageIndex, open_index: Open, tmp_path: Path, is_json: bool
) -> None:
    wheel = WheelBuilder("demo", "1.0", "py3-none-any").file("demo.py", "x = 1")
    (tmp_path / "local").mkdir()
    wheel_path = tmp_path / "local" / wheel.filename
    wheel_path.write_bytes(wheel.content())
    page = f'<base href="{wheel_path.parent.as_uri()}/"><a href="{wheel.filename}">x</a>'
    if is_json:
        files = [{"filename": wheel.filename, "url": wheel_path.as_uri(), "hashes": {}}]
        page = json.dumps({"meta": {"api-version": "1.0"}, "files": files})
    kind = "application/vnd.pypi.simple.v1+json" if is_json else "text/html"
    served.bodies["/simple/demo/"] = (kind, page.encode())
    assert not open_index(served.index_url).releases("demo")
    assert not open_index(served.index_url).releases("demo")  # nor through the cache of pages


def test_links_to_another_server_are_followed_without_credentials(
    served: PackageIndex, notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("NO_PROXY", "127.0.0.1")
    store = CredentialStore()
    store.add(f"{served.url}/", Credentials("user", "pass"))
    fetcher = make_fetcher(home=tmp_path, environment={}, max_retries=0, credentials=store)
    with serving(PackageIndex()) as other:
        wheel = other.add(WheelBuilder("demo", "1.0", "py3-none-any").file("demo.py", "x = 1"))
        host = other.url.partition("//")[2]
        served.bodies["/links.html"] = (
            "text/html",
            f"<a href='http://user:pass@{host}/files/{wheel.filename}'>x</a>".encode(),
        )
        links = FindLinks(
            f"{served.url}/links.html", fetcher=fetcher, subdir="linux-64", reporter=notes
        )
        page = links.page("demo")
        assert page is not None
        (file,) = page.releases[0].files
        with fetcher.open(file.url) as response:
            assert response.read(1 << 20) == wheel.data
    assert other.authorizations == [None]
    assert served.authorizations == ["Basic dXNlcjpwYXNz"]
