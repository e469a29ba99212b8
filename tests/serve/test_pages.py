"""Pages as HTML: what they say, what they escape, and what they allow browsers."""

from __future__ import annotations

import json
import re

import pytest
from tests.support.channels import ChannelBuilder
from tests.support.commands import QuickWorkspace
from tests.support.served import serving

pytest.importorskip("aiohttp")
EVIL = "<script>alert('x')</script>\"><img src=x onerror=alert(1)>"


def page(server, path: str, status: int = 200) -> str:
    answer = server.get(path, headers={"Accept": "text/html"})
    assert answer.status_code == status, answer.text
    assert answer.headers["Content-Type"] == "text/html; charset=utf-8"
    return answer.text


def test_lists_have_every_package(served) -> None:
    text = page(served, "/team/")
    names = re.findall(r'href="/team/packages/([^"]+)"', text)
    assert names == ["app", "data-files", "engine", "libfast", "old-tool", "only-linux"]
    assert re.findall(r'packages/([^"]+)"', page(served, "/team/?platform=osx-arm64")) == [
        *names[:-1]
    ]
    assert re.findall(r'packages/([^"]+)"', page(served, "/team/?q=FAST")) == ["libfast"]
    assert "0 packages for “none”" in page(served, "/team/?q=none")
    assert 'href="/team/"' in page(served, "/")


def test_addresses_without_a_slash_are_moved(served) -> None:
    answer = served.get("/team")
    assert (answer.status_code, answer.headers["Location"]) == (308, "/team/")
    assert served.get("/team/linux-64/").headers["Location"] == "/team/?platform=linux-64"


def test_long_lists_have_pages(tmp_path) -> None:
    names = [f"p{number:03}-1.0-0" for number in range(130)]
    ChannelBuilder(tmp_path / "long").add_all(*names, subdir="noarch").write()
    with serving(tmp_path, tmp_path / "long") as server:
        seen = []
        for number in (1, 2, 3):
            text = page(server, f"/long/?page={number}")
            assert f"Page {number} of 3" in text
            seen += re.findall(r"packages/(p\d+)", text)
        assert seen == [name.partition("-")[0] for name in names]
        for odd in ("0", "-1", "x", "99999999999", "4"):
            page(server, f"/long/?page={odd}")
        assert server.get("/long/?" + "&".join(f"q={n}" for n in range(99))).status_code == 400


def test_missing_packages_are_pages_with_a_suggestion(served) -> None:
    text = page(served, "/team/packages/engin", 404)
    assert "Team has no package engin." in text
    assert "Did you mean engine?" in text
    assert served.get("/team/packages/engin").json()["error"]["reference"] == "package-not-found"


def test_pages_load_nothing_from_elsewhere(served) -> None:
    for path in ("/", "/team/", "/team/packages/libfast", "/solve"):
        answer = served.get(path)
        policy = answer.headers["Content-Security-Policy"]
        assert "default-src 'none'" in policy
        assert "unsafe" not in policy
        assert answer.headers["Referrer-Policy"] == "no-referrer"
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert not re.search(r"<style|\sstyle=|\son\w+=", answer.text)
        for source in re.findall(r'(?:src|href)="([^"]+)"', answer.text):
            assert source.startswith(("/", "#"))
            if "/-/" in source:
                file = served.get(source)
                assert file.status_code == 200
                assert "immutable" in file.headers["Cache-Control"]
    assert "//" not in re.sub(r"//.*", "", served.get("/-/script.js").text)


def test_links_keep_the_token_and_commands_do_not(tmp_path, team) -> None:
    (tmp_path / "tokens").write_text("page-token\n")
    with serving(tmp_path, team, "--tokens", tmp_path / "tokens") as server:
        text = page(server, "/t/page-token/team/")
        assert 'href="/t/page-token/team/packages/app"' in text
        (command,) = re.findall(r"<code[^>]*>(.*?)</code>", text)
        assert "page-token" not in command
        assert "A token is required" in page(server, "/team/", 401)


def test_links_are_those_of_the_proxy_in_front(tmp_path, team) -> None:
    with serving(tmp_path, team, "--url", "https://packages.test/conda/") as server:
        assert server.url == "https://packages.test/conda"
        address = f"http://127.0.0.1:{server.listening_port()}"
        server.url = address
        text = page(server, "/team/")
        assert 'href="/conda/team/packages/app"' in text
        assert "-c https://packages.test/conda/team" in text
        solved = server.send("POST", "/api/solve", json={"specs": ["app"]}).json()
        urls = {each["url"].rpartition("/")[0] for each in solved["results"][0]["packages"]}
        assert urls == {f"https://packages.test/conda/team/{s}" for s in ("linux-64", "noarch")}
    outcome = QuickWorkspace(tmp_path).run_apart(
        "channel", "serve", str(team), "--url", "packages.test"
    )
    assert outcome.code == 2


def test_what_packages_say_is_escaped(tmp_path) -> None:
    channel = ChannelBuilder(tmp_path / "evil")
    channel.add(
        "app-1.0-0",
        subdir="noarch",
        license=EVIL,
        depends=["data", f"data {EVIL}"],
        constrains=["x \u202e<b>"],
    )
    channel.add("data-1.0-0", subdir="noarch", depends=["app"])
    channel.write()
    about = {"app": {"summary": EVIL, "home": "javascript:alert(1)", "license": EVIL}}
    (tmp_path / "evil" / "channeldata.json").write_text(json.dumps({"packages": about}))
    with serving(tmp_path, tmp_path / "evil") as server:
        pages = [page(server, path) for path in ("/evil/", "/evil/packages/app")]
        pages += [page(server, "/evil/packages/data")]
        pages.append(page(server, f"/evil/?q={EVIL}"))
        pages.append(page(server, f"/evil/packages/{EVIL.replace('/', '')}", 404))
        pages.append(page(server, f"/solve?spec={EVIL}&platform={EVIL}"))
        answer = server.send("POST", "/solve", files={"text": (None, f"app\n{EVIL}")})
        assert answer.status_code == 422
        solved = server.send("POST", "/solve", files={"text": (None, "data")})
        assert "no solution" in solved.text  # a dependency cannot be read
        for text in (*pages, answer.text, solved.text):
            assert "<img" not in text
            assert "<script>" not in text
            assert "javascript:" not in text
            assert "\u202e" not in text


def test_files_of_a_channel_run_nothing_in_a_browser(tmp_path) -> None:
    ChannelBuilder(tmp_path / "made").add_all("a-1-0", subdir="noarch").write()
    (tmp_path / "made" / "noarch" / "index.html").write_text("<script>alert(1)</script>")
    with serving(tmp_path, tmp_path / "made") as server:
        answer = server.get("/made/noarch/index.html")
        assert "sandbox" in answer.headers["Content-Security-Policy"]


def test_channels_without_an_index_are_empty(tmp_path) -> None:
    (tmp_path / "new").mkdir()
    with serving(tmp_path, tmp_path / "new") as server:
        assert "0 packages" in page(server, "/new/")
        page(server, "/new/packages/x", 404)
        page(server, "/")
