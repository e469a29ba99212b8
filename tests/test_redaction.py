"""Secrets in texts: all forms are found, and nothing else is touched."""

from __future__ import annotations

import time

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tests.support.planted import FORMS, MARK

from minicon.redaction import MASK, is_secret_name, redact, without_secrets

#: What a secret may be made of wherever it stands; more than that, where it is a password.
secrets = st.text("abcXYZ019-_.~", min_size=6, max_size=20).map(f"{MARK}{{}}".format)
#: Behind an ``@`` a host may begin, so what ends a host cannot follow one.
passwords = st.one_of(
    st.text("abXY09-_.~!$*+:/?#%&=,;()[]{}'\"<>^|", max_size=12),
    st.text("abXY09-_.~!$*+:@%&=,;()[]{}^|", max_size=12),
).map(lambda text: f"{MARK}{text}{MARK}")
hosts = st.sampled_from(["h", "h:8080", "conda.example.org", "127.0.0.1:9", "[::1]:80"])
paths = st.sampled_from(["chan", "a/b/linux-64", "x/noarch/y-1.0-0.conda", "simple/", "a@b"])
around = st.sampled_from(
    ["", "see ", "'", '"', "<", "(", "-c ", "--index-url=", "x @ git+", '{"url": "', "error: "]
)


@given(st.sampled_from(sorted(FORMS)), hosts, paths, secrets, around, around)
@example("token", "h:8080", "a@b", f"{MARK}x.", "", "")
def test_every_form_is_found(
    form: str, host: str, path: str, secret: str, before: str, after: str
) -> None:
    url = FORMS[form](host, path, secret)
    text = f"{before}{url}{after[::-1]} and {url} https://host.example/{path}"
    for hidden in (redact(text), without_secrets(text)):
        assert MARK not in hidden
        assert hidden.endswith(f" https://host.example/{path}")
    assert redact(redact(text)) == redact(text)
    assert without_secrets(redact(url)) == without_secrets(url) or form == "inner"
    assert redact(without_secrets(text)) == without_secrets(without_secrets(text))


@given(st.sampled_from(["https://me:%s@h.example/x", "me:%s@h:80", "//me:%s@h/x"]), passwords)
def test_passwords_may_hold_anything(form: str, password: str) -> None:
    text = form % password
    assert MARK not in redact(text) + without_secrets(text)
    assert redact(f"{text} then") == f"{redact(text)} then"


@given(st.text(max_size=60))
@example("@a:@")
@example("//u:@:@/t/x")
@example("?token=*****@a:b@")
def test_once_is_enough(text: str) -> None:
    assert redact(redact(text)) == redact(text)
    if not any(mark in text for mark in ("@", "/t/", "/T/", "=", "%", ":")):
        assert redact(text) == without_secrets(text) == text


@pytest.mark.parametrize(
    "text",
    [
        "see https://conda.anaconda.org/conda-forge and a@b.c",
        "https://host:8080/x@v1",
        "git+https://host:8443/team/x.git@v1#egg=x&subdirectory=y",
        "git+ssh://git@host/x.git@v1",
        "git@host:team/x@v1",
        "mailto:a@b.c",
        "pkg:generic/python@3.13.0",
        "C:\\Users\\t\\x@y",
        "C:/t/x/y@z",
        "/home/t/project/t/x",
        "file:///home/t/x",
        "https://host/packages/source/t/tornado/tornado-6.0.tar.gz",
        "registry.example/image:tag@sha256:0123",
        "conda-forge::numpy=1.26=py*[when='python>=3']",
        "x @ https://host/x-1-py3-none-any.whl#sha256=00",
        "https://host/x?page=2&author=me&q=a=b",
        "https://${USER}:${TOKEN}@host/t/${TOKEN}/c?token=${TOKEN}",
        '{"name": "token", "version": "1"}',
        "tokenizers=0.13 has the flag token",
    ],
)
def test_what_is_no_secret_stays(text: str) -> None:
    assert redact(text) == text
    assert without_secrets(text) == text


@pytest.mark.parametrize(
    ("text", "masked", "usable"),
    [
        ("https://u:p@h/x", "https://*****@h/x", "https://h/x"),
        ("https://a@b@h/x", "https://*****@h/x", "https://h/x"),
        ("ftp://u:p@h, http://u2:p2@h2", "ftp://*****@h, http://*****@h2", "ftp://h, http://h2"),
        ("in https://h/t/k: no", "in https://h/t/*****: no", "in https://h: no"),
        ("(see https://h/x?sig=k).", "(see https://h/x?sig=*****).", "(see https://h/x)."),
        ("u:p@h/t/k/x", "*****@h/t/*****/x", "h/x"),
        ("https://h/t/k", "https://h/t/*****", "https://h"),
        ("https://h/T/k/c/t/k2", "https://h/T/*****/c/t/*****", "https://h/c"),
        ("https://h/%74/k/c", "https://h/%74/*****/c", "https://h/c"),
        ("/here/https:/h/t/k", "/here/https:/h/t/*****", "/here/https:/h"),
        ("https://h/x?a=1&sig=k", "https://h/x?a=1&sig=*****", "https://h/x?a=1"),
        ("https://h/x?sig=k&a=1", "https://h/x?sig=*****&a=1", "https://h/x?a=1"),
        ("https://h/x?sig=k#id_token=k", "https://h/x?sig=*****#id_token=*****", "https://h/x"),
        ("Authorization: Basic a b", "Authorization: *****", "Authorization: *****"),
        ('{"password": "k"}', '{"password": "*****"}', '{"password": "*****"}'),
        (
            "?next=https%3A%2F%2Fu%3Ap%40h%2Ft%2Fk%2Fx%3Ftoken%3Dk",
            "?next=https%3A%2F%2F*****%40h%2Ft%2F*****%2Fx%3Ftoken%3D*****",
            "?next=https%3A%2F%2Fh%2Fx%3Ftoken%3D*****",
        ),
    ],
)
def test_secrets_are_replaced(text: str, masked: str, usable: str) -> None:
    assert redact(text) == masked
    assert without_secrets(text) == usable
    assert MASK == "*****"


def test_names_of_secrets() -> None:
    names = ["token", "X-Amz-Signature", "api_key", "AWSSecretAccessKey", "sig", "auth", "pwd"]
    assert all(map(is_secret_name, names))
    assert not any(map(is_secret_name, ["author", "page", "design", "monkey", "passage"]))


@pytest.mark.parametrize("end", ["=", "%40/t/@ ="])
@pytest.mark.parametrize(
    "piece",
    [
        *(
            "a",
            "://",
            "://@",
            "/t/",
            "/t/a",
            "/t/:",
            "?token=:",
            "?token",
            "?",
            "&sig",
            "token",
            "@",
            "?a=b;",
            "=",
        ),
        *("://a:", "a:,", "@a:b", "//u:p@", "?token=a", "%2F%2Fa%40", "%3Ft%3D", "%2Ft%2Fa"),
        *("authorization ", "http://a/t/b", "a:b@ ", "/u:p", "'u:", "'a':'", "'a' ", "://a:1"),
    ],
)
def test_large_texts_are_quick(piece: str, end: str) -> None:
    text = "https://" + piece * (40_000 // len(piece)) + end
    start = time.process_time()
    redact(text)
    without_secrets(text)
    assert time.process_time() - start < 2
