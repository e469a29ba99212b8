"""Invalid network settings: one clear error each, before any request."""

from __future__ import annotations

import pytest
from tests.support.channel_server import ChannelServer

from minicon.errors import ChannelError, ConfigError
from minicon.net.client.proxies import proxies_for
from minicon.net.routing import make_fetcher


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch) -> None:
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)


def refusal(home, url: str = "https://127.0.0.1:1/x", environment=None, **options) -> ConfigError:
    fetcher = make_fetcher(home=home, environment=environment or {}, max_retries=0, **options)
    with pytest.raises(ConfigError) as caught:
        fetcher.open(url)
    fetcher.close()
    return caught.value


@pytest.fixture
def garbage(tmp_path):
    path = tmp_path / "garbage.pem"
    path.write_text("garbage")
    return str(path)


def test_a_missing_or_invalid_ca_bundle(tmp_path, garbage) -> None:
    for options in (
        {"ssl_verify": str(tmp_path / "none.pem")},
        {"ssl_verify": garbage},
        {"environment": {"REQUESTS_CA_BUNDLE": garbage}},
    ):
        error = refusal(tmp_path, **options)
        assert error.reference == "unusable-certificate"
        assert ".pem" in error.message


def test_a_missing_or_invalid_client_certificate(tmp_path, garbage) -> None:
    for options in (
        {"client_cert": str(tmp_path / "none.pem")},
        {"client_cert": garbage},
        {"client_cert": garbage, "client_cert_key": str(tmp_path / "none.pem")},
    ):
        error = refusal(tmp_path, **options)
        assert error.reference == "unusable-certificate"
        assert "client_ssl_cert" in error.hint


def test_an_encrypted_key_does_not_prompt(tmp_path) -> None:
    import trustme
    from cryptography.hazmat.primitives import serialization

    issued = trustme.CA().issue_cert("client@example.org")
    cert, key = tmp_path / "cert.pem", tmp_path / "key.pem"
    issued.cert_chain_pems[0].write_to_path(str(cert))
    private = serialization.load_pem_private_key(issued.private_key_pem.bytes(), None)
    key.write_bytes(
        private.private_bytes(
            serialization.Encoding.PEM,
            serialization.PrivateFormat.PKCS8,
            serialization.BestAvailableEncryption(b"abc"),
        )
    )
    error = refusal(tmp_path, client_cert=str(cert), client_cert_key=str(key))
    assert "is encrypted" in error.message


@pytest.mark.parametrize("proxy", ["::::", "ftp://me:secret@host", "http://", "http://host:0"])
def test_an_invalid_proxy(tmp_path, monkeypatch, proxy) -> None:
    error = refusal(tmp_path, proxy_servers={"https": proxy})
    assert error.reference == "invalid-proxy"
    assert "proxy_servers" in error.message
    monkeypatch.setenv("https_proxy", proxy)
    error = refusal(tmp_path)
    assert "the environment" in error.message
    assert "secret" not in error.message


def test_a_socks_proxy_names_the_extra(tmp_path, monkeypatch) -> None:
    import importlib.util

    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    error = refusal(tmp_path, proxy_servers={"all": "socks5h://127.0.0.1:1"})
    assert error.reference == "extra-missing"
    assert error.hint == "pip install PySocks"


@pytest.mark.parametrize(
    "proxy", ["host:3128", "http://me:pw@host:3128", "https://host", "[::1]:1"]
)
def test_usual_proxies(proxy) -> None:
    assert proxies_for("https://x.test/", {"https": proxy}) == {"https": proxy}


def test_only_the_proxy_gets_its_password(tmp_path) -> None:
    with ChannelServer(tmp_path) as proxy:
        url = proxy.url.replace("http://", "http://me:secret@")
        fetcher = make_fetcher(home=tmp_path, environment={}, proxy_servers={"http": url})
        with fetcher.open("http://example.invalid/file") as response:
            assert response.status == 404
        (request,) = proxy.requests
        assert request.headers["Proxy-Authorization"] == "Basic bWU6c2VjcmV0"
        assert "Authorization" not in request.headers
        proxy.required_authorization = "never"
        with pytest.raises(ChannelError) as caught:
            make_fetcher(
                home=tmp_path,
                environment={},
                max_retries=0,
                proxy_servers={"http": "http://me:secret@127.0.0.1:1"},
            ).open("http://example.invalid/file")
        assert caught.value.reference == "proxy-failed"
        assert "secret" not in caught.value.message
