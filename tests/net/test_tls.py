"""TLS: certificates of servers and clients, and tunnels, for both HTTP clients."""

from __future__ import annotations

import ssl
from pathlib import Path

import pytest
import trustme
from tests.support.channel_server import ChannelServer
from tests.support.connect_proxy import ConnectProxy, SocksProxy

from minicon.errors import ChannelError, ConfigError
from minicon.net.routing import UrlFetcher, make_fetcher

BODY = b"shard" * 3000


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def bundle(authority, tmp_path_factory) -> str:
    path = tmp_path_factory.mktemp("ca") / "ca.pem"
    authority.cert_pem.write_to_path(path)
    return str(path)


@pytest.fixture
def context(authority) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("127.0.0.1", "localhost").configure_cert(context)
    return context


@pytest.fixture
def server(tmp_path, context):
    (tmp_path / "files").mkdir()
    (tmp_path / "files" / "file").write_bytes(BODY)
    with ChannelServer(tmp_path / "files", tls=context) as server:
        yield server


@pytest.fixture
def fetch(tmp_path, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy", "no_proxy"):
        monkeypatch.delenv(name, raising=False)
        monkeypatch.delenv(name.upper(), raising=False)
    opened: list[UrlFetcher] = []

    def fetch(url: str, *, small: bool, environment=None, **options) -> bytes:
        fetcher = make_fetcher(
            home=tmp_path, environment=environment or {}, max_retries=0, **options
        )
        opened.append(fetcher)
        with (fetcher.open_small if small else fetcher.open)(url) as response:
            assert response.status == 200
            return response.read()

    yield fetch
    for fetcher in opened:
        fetcher.close()


both_ways = pytest.mark.parametrize("small", [True, False], ids=["small", "any"])


@both_ways
def test_only_the_ca_file_is_trusted(server, fetch, bundle, small) -> None:
    url = server.url + "/file"
    assert fetch(url, small=small, ssl_verify=bundle) == BODY
    assert fetch(url, small=small, environment={"SSL_CERT_FILE": bundle}) == BODY
    with pytest.raises(ChannelError) as caught:
        fetch(url, small=small)
    assert caught.value.reference == "untrusted-certificate"
    assert "ssl_verify" in (caught.value.hint or "")


@both_ways
def test_a_certificate_for_another_host_is_refused(
    tmp_path, authority, fetch, bundle, small
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    authority.issue_cert("elsewhere.example").configure_cert(context)
    (tmp_path / "file").write_bytes(BODY)
    with ChannelServer(tmp_path, tls=context) as server:
        with pytest.raises(ChannelError) as caught:
            fetch(server.url + "/file", small=small, ssl_verify=bundle)
        assert server.requests == []
    assert caught.value.reference == "untrusted-certificate"


@both_ways
def test_verification_may_be_switched_off(server, fetch, small) -> None:
    assert fetch(server.url + "/file", small=small, ssl_verify=False) == BODY


@both_ways
@pytest.mark.parametrize("is_apart", [True, False], ids=["two files", "one file"])
def test_a_client_certificate_is_sent(
    tmp_path, context, authority, server, fetch, bundle, small, is_apart
) -> None:
    context.verify_mode = ssl.CERT_REQUIRED
    authority.configure_trust(context)
    issued = authority.issue_cert("client@example.org")
    whole, cert, key = (str(tmp_path / name) for name in ("whole.pem", "cert.pem", "key.pem"))
    issued.private_key_and_cert_chain_pem.write_to_path(whole)
    issued.cert_chain_pems[0].write_to_path(cert)
    issued.private_key_pem.write_to_path(key)
    with pytest.raises(ChannelError):
        fetch(server.url + "/file", small=small, ssl_verify=bundle)
    options = {"client_cert": cert, "client_cert_key": key} if is_apart else {"client_cert": whole}
    assert fetch(server.url + "/file", small=small, ssl_verify=bundle, **options) == BODY
    with ConnectProxy() as proxy:
        options["proxy_servers"] = {"https": proxy.address}
        assert fetch(server.url + "/file", small=small, ssl_verify=bundle, **options) == BODY
        assert len(proxy.targets) == 1


@both_ways
def test_truststore_uses_the_store_of_the_system(server, fetch, bundle, small, monkeypatch) -> None:
    pytest.importorskip("truststore")
    with pytest.raises(ChannelError) as caught:
        fetch(server.url + "/file", small=small, ssl_verify="truststore")
    assert caught.value.reference == "untrusted-certificate"
    monkeypatch.setenv("SSL_CERT_FILE", bundle)  # how OpenSSL extends the system's store
    assert fetch(server.url + "/file", small=small, ssl_verify="truststore") == BODY


@both_ways
def test_truststore_is_trusted_behind_a_proxy_too(
    server, fetch, bundle, small, monkeypatch
) -> None:
    pytest.importorskip("truststore")
    with ConnectProxy() as proxy:
        options = {"ssl_verify": "truststore", "proxy_servers": {"https": proxy.address}}
        with pytest.raises(ChannelError) as caught:
            fetch(server.url + "/file", small=small, **options)
        assert caught.value.reference == "untrusted-certificate"
        monkeypatch.setenv("SSL_CERT_FILE", bundle)
        assert fetch(server.url + "/file", small=small, **options) == BODY


def test_a_missing_truststore_is_reported(server, fetch, monkeypatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "truststore", None)
    with pytest.raises(ConfigError) as caught:
        fetch(server.url + "/file", small=False, ssl_verify="truststore")
    assert "pip install truststore" in (caught.value.hint or "")


@both_ways
def test_https_is_tunnelled_through_a_proxy(server, fetch, bundle, small) -> None:
    with ConnectProxy() as proxy:
        proxy.credentials = "me:secret"
        servers = {"https": f"http://me:secret@{proxy.address}"}
        url = server.url + "/file"
        assert fetch(url, small=small, ssl_verify=bundle, proxy_servers=servers) == BODY
        assert proxy.targets == [f"127.0.0.1:{server.port}"]
        wrong = {"https": f"http://me:wrong@{proxy.address}"}
        with pytest.raises(ChannelError) as caught:
            fetch(url, small=small, ssl_verify=bundle, proxy_servers=wrong)
    assert "wrong" not in str(caught.value) + (caught.value.hint or "")


@both_ways
@pytest.mark.parametrize("scheme", ["socks5", "socks5h"])
def test_https_is_sent_through_a_socks_proxy(server, fetch, bundle, small, scheme) -> None:
    pytest.importorskip("socks")
    with SocksProxy() as proxy:
        servers = {"all": f"{scheme}://{proxy.address}"}
        url = f"{server.url_as('localhost')}/file"
        assert fetch(url, small=small, ssl_verify=bundle, proxy_servers=servers) == BODY
        host = "localhost" if scheme == "socks5h" else "127.0.0.1"
        assert proxy.targets == [f"{host}:{server.port}"]


def test_the_proxy_of_the_environment_is_used(server, fetch, bundle, monkeypatch) -> None:
    with ConnectProxy() as proxy:
        monkeypatch.setenv("https_proxy", f"http://{proxy.address}")
        assert fetch(server.url + "/file", small=True, ssl_verify=bundle) == BODY
        assert len(proxy.targets) == 1
        monkeypatch.setenv("no_proxy", "127.0.0.1")
        assert fetch(server.url + "/file", small=True, ssl_verify=bundle) == BODY
        assert len(proxy.targets) == 1


def test_many_small_files_over_tls(tmp_path: Path, context, fetch, bundle) -> None:
    names = [f"f{n}" for n in range(60)]
    for name in names:
        (tmp_path / name).write_bytes(name.encode() * 9000)
    with ChannelServer(tmp_path, tls=context) as server:
        fetcher = make_fetcher(home=tmp_path, environment={}, ssl_verify=bundle)
        small, answers = fetcher.small_files, {}
        for name in names:
            small.submit(
                f"{server.url}/{name}", lambda q, name=name: answers.update({name: q.response})
            )
        small.wait(lambda: len(answers) == len(names))
        fetcher.close()
    assert {name: answer.body for name, answer in answers.items()} == {
        name: name.encode() * 9000 for name in names
    }
