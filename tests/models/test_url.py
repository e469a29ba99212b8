"""URLs hide their secrets wherever they are shown."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from minicon.errors import SpecError
from minicon.models.url import Credentials, Url, joined_url, path_to_url
from minicon.redaction import redact

secrets = st.text("abcXYZ019-_.~", min_size=6, max_size=20).map("s3cr3t{}".format)


def test_parts() -> None:
    url = Url("https://me:p%40ss@Host:8080/t/tok-1/chan/linux-64/x.conda?a=1#md5")
    assert url.scheme == "https"
    assert (url.host, url.port) == ("host", 8080)
    assert url.path == "/chan/linux-64/x.conda"
    assert url.credentials == Credentials("me", "p@ss", "tok-1")
    assert url.name == "x.conda"
    assert str(url.without_credentials) == "https://host:8080/chan/linux-64/x.conda?a=1#md5"
    assert url.without_credentials.credentials is None
    assert Url(url.with_credentials) == url
    assert hash(Url(url.with_credentials)) == hash(url)


@given(secrets, secrets, secrets, secrets)
def test_secrets_never_show(user: str, password: str, token: str, key: str) -> None:
    text = f"https://{user}:{password}@host/t/{token}/chan?sig={key}&access_token={key}&page=2"
    url = Url(text)
    shown = " ".join(
        (str(url), repr(url), repr(url.credentials), str(url.without_credentials), redact(text))
    )
    shown += redact(f'{{"url": "{text}"}} failed <{text}>, see ({text})')
    for secret in (user, password, token, key):
        assert secret not in shown
    assert "page=2" in str(url)
    assert password in url.with_credentials


def test_tokens_go_back_where_they_stood() -> None:
    for text in (
        "https://h/t/tok/c",
        "https://h/pre/T/tok/c",
        "https://h/c/t/tok",
        "https://h/T/a'b/c",
    ):
        url = Url(text)
        assert url.with_credentials == text.replace("'", "%27")
        assert url.credentials is not None
        assert "tok" not in str(url) + str(url.without_credentials)
    folder = Url("file:///home/t/tools/chan")
    assert (folder.credentials, folder.file_path) == (None, "/home/t/tools/chan")


@pytest.mark.parametrize("text", ["https://me:p/SECRET@h/x", "http://h:SECRET/", "//me:SECRET@h/x"])
def test_errors_contain_no_part_of_a_password(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        Url(text)
    assert caught.value.message.count("SECRET") == (text == "http://h:SECRET/")


@pytest.mark.parametrize(
    ("path", "url", "back"),
    [
        ("/a b/ü#1?", "file:///a%20b/%C3%BC%231%3F", "/a b/ü#1?"),
        ("C:\\dir\\x", "file:///C:/dir/x", "C:/dir/x"),
        ("\\\\server\\share\\x", "file://server/share/x", "//server/share/x"),
    ],
)
def test_paths(path: str, url: str, back: str) -> None:
    assert path_to_url(path) == url
    assert Url(path).file_path == back
    assert Url("https://h/x").file_path is None


def test_join() -> None:
    url = Url("https://u:p@h/t/tok/chan/?x=1")
    joined = url.join("linux-64", "a b+c-1!2.conda")
    assert str(joined.without_credentials) == "https://h/chan/linux-64/a%20b+c-1!2.conda"
    assert joined.credentials == url.credentials
    assert str(url.join("a/b").without_credentials) == "https://h/chan/a/b"
    for part in ("..", "a/../b", "", "."):
        with pytest.raises(SpecError):
            url.join(part)


@pytest.mark.parametrize(
    "text",
    ["", "relative/x", "https://", "gopher://h/x", "http://h:99999/", "http://h/a b", "http://[x/"],
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(SpecError) as caught:
        Url(text)
    assert caught.value.reference == "invalid-url"


@pytest.mark.parametrize("scheme", ["https", "s3", "oci"])
@pytest.mark.parametrize(
    ("reference", "expected"),
    [
        ("", "SCHEME://host:5/a/b/"),
        ("c/", "SCHEME://host:5/a/b/c/"),
        ("./c", "SCHEME://host:5/a/b/c"),
        ("../../../c", "SCHEME://host:5/c"),
        ("/c", "SCHEME://host:5/c"),
        ("//other/c", "SCHEME://other/c"),
        ("https://other/c", "https://other/c"),
        ("file:/etc", "file:/etc"),
    ],
)
def test_references_are_joined_alike_for_every_scheme(scheme, reference, expected) -> None:
    base = "SCHEME://host:5/a/b/".replace("SCHEME", scheme)
    assert joined_url(base, reference) == expected.replace("SCHEME", scheme)
