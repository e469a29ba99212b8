"""Sources of credentials, and the URLs that they are sent to."""

from __future__ import annotations

import json
import sys
from types import SimpleNamespace
from urllib.parse import quote_plus

from minicon.models.url import Credentials, Url
from minicon.net.credentials.origin import Origin
from minicon.net.credentials.secret_sources import secret_sources
from minicon.net.credentials.store import CredentialStore, Secret


def test_origins_are_scheme_host_and_port() -> None:
    assert Origin.of("https://Host/x") == Origin.of("https://host:443/y")
    assert Origin.of("https://host") != Origin.of("http://host")
    assert Origin.of("http://host:8080") != Origin.of("http://host")


def test_the_longest_path_wins() -> None:
    store = CredentialStore()
    store.add("https://host/team", Credentials(token="general"))
    store.add("https://host/team/special", Credentials(token="special"))
    assert store.secret_for("https://host/team/x").token == "general"
    assert store.secret_for("https://host/team/special/noarch/x").token == "special"
    assert store.secret_for("https://host/team-b/x") is None
    assert store.secret_for("http://host/team/x") is None


def test_secrets_are_not_shown_by_str() -> None:
    secret = Secret("me", "SECRET", "SECRET", "SECRET")
    assert "SECRET" not in f"{secret} {secret!r} {[secret]}"


def test_bearer_tokens_of_the_credential_file(tmp_path) -> None:
    path = tmp_path / "auth.json"
    entries = {
        "*.example.org": {"BearerToken": "wide"},
        "deep.example.org": {"BasicHTTP": {"username": "me", "password": "pw"}},
        "tokens.net": {"CondaToken": "tk"},
        "odd": 7,
    }
    path.write_text(json.dumps(entries))
    store = CredentialStore(secret_sources(tmp_path, {"MINICON_AUTH_FILE": str(path)}))
    assert store.sign("https://a.example.org/x")[1] == {"Authorization": "Bearer wide"}
    assert store.sign("https://deep.example.org/x")[1] == {"Authorization": "Basic bWU6cHc="}
    assert store.sign("https://tokens.net/c/x") == ("https://tokens.net/t/tk/c/x", {})
    assert store.sign("https://example.com/x") == ("https://example.com/x", {})
    assert store.sign("https://odd/x") == ("https://odd/x", {})


def test_tokens_of_anaconda_login_apply_to_the_conda_host(tmp_path) -> None:
    folder = tmp_path / ".local" / "share" / "binstar"
    folder.mkdir(parents=True)
    (folder / (quote_plus("https://api.example.org") + ".token")).write_text("tk\n")
    store = CredentialStore(secret_sources(tmp_path, {}))
    assert store.secret_for("https://conda.example.org/x").token == "tk"
    assert store.secret_for("https://api.example.org/x").token == "tk"
    assert store.secret_for("http://conda.example.org/x") is None


def test_netrc(tmp_path) -> None:
    path = tmp_path / "my-netrc"
    path.write_text("machine host login me password pw\n")
    path.chmod(0o600)
    store = CredentialStore(secret_sources(tmp_path, {"NETRC": str(path)}))
    assert store.secret_for("https://host/x").authorization == "Basic bWU6cHc="
    assert store.secret_for("https://other/x") is None


def test_invalid_files_have_no_credentials(tmp_path) -> None:
    (tmp_path / ".netrc").write_text("machine machine machine\n")
    (tmp_path / "auth.json").write_text("{")
    store = CredentialStore(
        secret_sources(tmp_path, {"RATTLER_AUTH_FILE": str(tmp_path / "auth.json")})
    )
    assert store.secret_for("https://host/x") is None


def test_files_without_end_have_no_credentials(tmp_path) -> None:
    """They are read up to a limit: a file of 64 GB, and a device that has no end."""
    folder = tmp_path / ".local" / "share" / "binstar"
    folder.mkdir(parents=True)
    docker = tmp_path / ".docker"
    docker.mkdir()
    for path in (folder / (quote_plus("https://host") + ".token"), docker / "config.json"):
        with path.open("wb") as file:
            file.truncate(64 << 30)
    environ = {"NETRC": "/dev/zero", "MINICON_AUTH_FILE": "/dev/zero"}
    store = CredentialStore(secret_sources(tmp_path, environ))
    assert store.secret_for("https://host/x") is None
    assert store.secret_for("oci://host/x") is None


def test_a_token_is_sent_only_below_its_path() -> None:
    channel = Url("https://host/pre/fix/t/tk-1/chan")
    assert channel.with_credentials == "https://host/pre/fix/t/tk-1/chan"
    assert "tk-1" not in str(channel)
    store = CredentialStore()
    store.add(str(channel.without_credentials), channel.credentials)
    signed, headers = store.sign("https://host/pre/fix/chan/noarch/repodata.json")
    assert (signed, headers) == ("https://host/pre/fix/t/tk-1/chan/noarch/repodata.json", {})
    assert store.sign("https://host/pre/other") == ("https://host/pre/other", {})


class Keyring:
    """Replaces the keyring package, which needs a desktop session."""

    def __init__(self, passwords=None, credentials=None) -> None:
        self.passwords = passwords or {}
        self.credentials = credentials or {}

    def get_password(self, service, name):
        return self.passwords.get((service, name))

    def get_credential(self, service, name):
        found = self.credentials.get(service)
        return found and SimpleNamespace(username=found[0], password=found[1])


def test_the_keyring_is_the_last_source(tmp_path, monkeypatch) -> None:
    ring = Keyring(
        {("rattler", "a.example"): '{"BearerToken": "tok"}', ("rattler", "odd.example"): "{"},
        {"https://b.example": ("me", "pw"), "odd.example": ("you", "pw")},
    )
    ring.__spec__ = SimpleNamespace()
    monkeypatch.setitem(sys.modules, "keyring", ring)
    store = CredentialStore(secret_sources(tmp_path, {}))
    assert store.sign("https://a.example/x")[1] == {"Authorization": "Bearer tok"}
    assert store.secret_for("https://b.example/x").user == "me"
    assert store.secret_for("https://odd.example/x").user == "you"
    assert store.secret_for("http://a.example/x") is None, "never over plain http"
    assert store.secret_for("https://c.example/x") is None


def test_a_failing_keyring_is_ignored(tmp_path, monkeypatch) -> None:
    ring = Keyring()
    ring.__spec__ = SimpleNamespace()
    ring.get_password = lambda *_: 1 / 0
    monkeypatch.setitem(sys.modules, "keyring", ring)
    assert CredentialStore(secret_sources(tmp_path, {})).secret_for("https://a.example/x") is None
