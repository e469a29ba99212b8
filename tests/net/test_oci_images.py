"""Pushing to registries that fail now and then, and uploads that continue on other servers."""

from __future__ import annotations

import io
from collections.abc import Mapping
from typing import Any

import pytest

from minicon.errors import ChannelError, HashMismatch
from minicon.models.url import Credentials
from minicon.net.client.fetcher import Response
from minicon.net.client.responses import BufferedResponse
from minicon.net.credentials.store import CredentialStore
from minicon.net.schemes.oci_images import ImageRepository
from minicon.net.schemes.oci_session import RegistrySession

DIGEST = "sha256:" + "0" * 64
URL = "oci://reg.test/data:1.0"


class Scripted:
    """A registry whose answers are given: status and headers, in order; Basic is required."""

    def __init__(self, *answers: tuple[int, dict[str, str]]) -> None:
        self.answers = list(answers)
        self.requests: list[tuple[str, str, str | None]] = []

    def open(self, url: str, *, headers: Mapping[str, str], timeout: Any = None) -> Response:
        del timeout
        return self.answer("GET", url, headers)

    def answer(self, method: str, url: str, headers: Mapping[str, str]) -> Response:
        given = headers.get("Authorization")
        if given is None and url.startswith("https://reg.test/"):
            return BufferedResponse(url, 401, {"WWW-Authenticate": 'Basic realm="x"'})
        self.requests.append((method, url, given))
        status, answer = self.answers.pop(0)
        return BufferedResponse(url, status, answer)

    def close(self) -> None:
        """Nothing is open."""


def repository(http: Scripted) -> ImageRepository:
    store = CredentialStore()
    store.add(URL, Credentials("me", "secret"))
    session = RegistrySession(http, store)  # type: ignore[arg-type]
    session.send = lambda method, url, headers, body: (  # type: ignore[method-assign]
        http.answer(method, url, headers)
    )
    return ImageRepository(session, URL, sleep=lambda _: None)


def push(http: Scripted, base: ImageRepository | None = None) -> bool:
    return repository(http).push_blob(DIGEST, lambda: io.BytesIO(b"x"), base=base)


def test_other_servers_get_no_credentials() -> None:
    """An upload may continue elsewhere, as the registry says; not without TLS."""
    found = {"Location": "https://storage.test/put?signature=1"}
    http = Scripted((404, {}), (202, found), (201, {}))
    assert push(http)
    assert [given is not None for _, _, given in http.requests] == [True, True, False]
    assert http.requests[-1][1] == f"https://storage.test/put?signature=1&digest={DIGEST}".replace(
        "sha256:", "sha256%3A"
    )
    http = Scripted((404, {}), (202, {"Location": "http://reg.test/put"}))
    with pytest.raises(ChannelError, match="from https to plain http"):
        push(http)


def test_failures_that_may_pass_are_tried_again() -> None:
    begin = (202, {"Location": "/upload"})
    http = Scripted((503, {}), (404, {}), begin, (500, {}), (404, {}), (429, {}), (200, {}))
    assert not push(http)
    assert [method for method, _, _ in http.requests] == [
        *("HEAD", "HEAD", "POST", "PUT", "HEAD", "POST", "HEAD")
    ]
    with pytest.raises(ChannelError) as refused:
        push(Scripted(*[(503, {})] * 4))
    assert refused.value.message == f"cannot push to {URL}: the server failed (HTTP 503)"
    with pytest.raises(ChannelError, match="forbidden"):
        push(Scripted((404, {}), (403, {})))


def test_blobs_are_mounted_from_the_same_registry_only() -> None:
    http = Scripted((404, {}), (201, {}))
    base = ImageRepository(RegistrySession(http, CredentialStore()), "oci://reg.test/a/base:1")  # type: ignore[arg-type]
    assert not push(http, base)
    assert "?mount=sha256" in http.requests[-1][1]
    assert http.requests[-1][1].endswith("&from=a%2Fbase")
    http = Scripted((404, {}), (202, {"Location": "/upload"}), (201, {}))
    base = ImageRepository(RegistrySession(http, CredentialStore()), "oci://other.test/base:1")  # type: ignore[arg-type]
    assert push(http, base)
    assert http.requests[1][1] == "https://reg.test/v2/data/blobs/uploads/"


def test_digests_are_compared() -> None:
    with pytest.raises(HashMismatch, match="has another sha256"):
        repository(Scripted((200, {}))).manifest(DIGEST)
    http = Scripted((201, {"Docker-Content-Digest": DIGEST}))
    with pytest.raises(ChannelError, match="the registry stored"):
        repository(http).push_manifest(b"{}", "application/json")
