"""Channels at oci:// URLs: Debian's docker-registry, and a server with faults."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import os
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tests.support.channel_server import Body, ChannelServer, FlipBytes, Redirect, Status, Truncate
from tests.support.oci_registry import PASSWORD, USER, OciRegistry, needs_registry, reference_of

from minicon.errors import ChannelError, OfflineError
from minicon.models.channel import parse_channels
from minicon.models.url import Url
from minicon.net.client.retry import RetryPolicy
from minicon.net.client.session import HttpFetcher
from minicon.net.credentials.secret_sources import secret_sources
from minicon.net.credentials.store import CredentialStore
from minicon.net.download import download
from minicon.net.routing import UrlFetcher, make_fetcher
from minicon.net.schemes.oci_artifact import Artifact, Layer
from minicon.net.schemes.oci_fetcher import OciFetcher
from minicon.net.schemes.oci_login import parse_challenge
from minicon.net.schemes.oci_session import RegistrySession
from minicon.repodata.client import ChannelClient

RIGHT, WRONG = "me:open%20sesame@", "me:closed@"
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()


@pytest.fixture(scope="module", params=["", "basic", "token"])
def registry(request, described_channel: Path, tmp_path_factory: pytest.TempPathFactory):
    """A registry for each kind of login; with tokens, ``public`` needs none."""
    folder = tmp_path_factory.mktemp("registry") / "registry"
    with OciRegistry(folder, request.param) as registry:
        registry.push(described_channel, "public/main")
        registry.push(described_channel, "private/main")
        yield registry


def opener(home: Path, *urls: str, **options) -> UrlFetcher:
    """A fetcher with the credentials of these channel URLs."""
    environment = options.pop("environment", {})
    fetcher = make_fetcher(home=home, environment=environment, max_retries=1, **options)
    for url in map(Url, urls):
        assert url.credentials is not None
        fetcher.credentials.add(str(url.without_credentials), url.credentials)
    return fetcher


def read(fetcher, url: str, status: int = 200) -> bytes:
    with fetcher.open(url) as response:
        assert response.status == status
        return response.read()


def user_for(registry: OciRegistry) -> str:
    return RIGHT if registry.login else ""


def logged_in(registry: OciRegistry, home: Path) -> UrlFetcher:
    return opener(home, registry.url("private/main", RIGHT)) if registry.login else opener(home)


# Against a real registry


@needs_registry
def test_indexes_are_requested_conditionally(
    registry, plain_environment, described_channel
) -> None:
    fetcher = logged_in(registry, plain_environment)
    for name in ("repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst"):
        url = registry.url(f"private/main/linux-64/{name}")
        expected = (described_channel / "linux-64" / name).read_bytes()
        with fetcher.open(url) as response:
            assert (response.status, response.url) == (200, url)
            assert response.read() == expected
            etag = response.headers["ETag"]
            assert "cache-control" not in response.headers  # that of a blob never changes
        assert etag == f'"sha256:{hashlib.sha256(expected).hexdigest()}"'
        with fetcher.open(url, headers={"If-None-Match": etag}) as response:
            assert (response.status, response.headers["etag"]) == (304, etag)
        sent = {"Range": "bytes=5-", "If-Range": etag}
        with fetcher.open(url, headers=sent) as response:
            assert (response.status, response.read()) == (206, expected[5:])
        with fetcher.open(url, headers={**sent, "If-Range": '"other"'}) as response:
            assert (response.status, response.read()) == (200, expected)


@needs_registry
def test_a_missing_file_is_404(registry, plain_environment) -> None:
    fetcher = logged_in(registry, plain_environment)
    for path in ("linux-64/repodata.json.bz2", "osx-64/repodata.json", "linux-64/x-1-0.conda"):
        read(fetcher, registry.url(f"private/main/{path}"), 404)


@needs_registry
@pytest.mark.parametrize("use_shards", [True, False])
def test_a_channel_is_read_whole_and_in_shards(
    registry, plain_environment, tmp_path, use_shards
) -> None:
    url = registry.url("private/main", user_for(registry))
    (channel,) = parse_channels(url, alias="https://none.invalid")
    assert PASSWORD not in channel.base_url
    fetcher = opener(plain_environment)
    client = ChannelClient(lambda: fetcher, tmp_path / "c", use_shards=use_shards)
    index = client.index(channel, "linux-64")
    assert type(index).__name__ == ("ShardedIndex" if use_shards else "ConvertedIndex")
    (record,) = index.records_for("_mutex")
    assert record.url == f"{channel.base_url}/linux-64/_mutex-1!2.0+a-0.conda"
    assert not any(PASSWORD.encode() in path.read_bytes() for path in files_below(tmp_path / "c"))


def files_below(folder: Path) -> list[Path]:
    return [path for path in folder.rglob("*") if path.is_file()]


@needs_registry
def test_wrong_and_missing_credentials_are_reported(registry, plain_environment) -> None:
    url = registry.url("private/main/linux-64/repodata.json")
    expected = {"": (200, 200), "basic": (401, 401), "token": (403, 401)}[registry.login]
    read(opener(plain_environment), url, expected[0])
    read(opener(plain_environment, registry.url("private/main", WRONG)), url, expected[1])


@needs_registry
def test_credentials_are_for_their_path_alone(registry, plain_environment) -> None:
    fetcher = opener(plain_environment, registry.url("private/main", RIGHT))
    url = registry.url("private/other/linux-64/repodata.json")
    read(fetcher, url, {"": 404, "basic": 401, "token": 403}[registry.login])


@needs_registry
def test_anyone_may_read_what_is_public(registry, plain_environment) -> None:
    url = registry.url("public/main/linux-64/repodata.json")
    read(opener(plain_environment), url, 401 if registry.login == "basic" else 200)
    if registry.realm is not None:
        query, authorization = registry.realm.requests[-1]
        assert query["scope"] == "repository:public/main/linux-64/repodata.json:pull"
        assert authorization is None


@needs_registry
def test_a_token_is_kept_until_it_expires(registry, plain_environment, described_channel) -> None:
    if registry.realm is None:
        pytest.skip("this registry gives no tokens")
    now = [1000.0]
    store = CredentialStore()
    session = RegistrySession(HttpFetcher(), store, clock=lambda: now[0])
    fetcher = OciFetcher(session, clock=lambda: now[0])
    url = registry.url("public/main/linux-64/repodata.json")
    before = len(registry.realm.requests)
    for seconds, tokens in ((0, 1), (0, 1), (280, 1), (20, 2)):
        now[0] += seconds
        read(fetcher, url)
        assert len(registry.realm.requests) - before == tokens, (seconds, tokens)
    fetcher.close()


@needs_registry
@pytest.mark.parametrize(
    "location", [".docker/config.json", ".config/containers/auth.json", "named"]
)
def test_docker_login_is_enough(registry, plain_environment, location) -> None:
    secret = base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
    path = plain_environment / location
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps({"auths": {registry.host: {"auth": secret}}}))
    environment = {"REGISTRY_AUTH_FILE": str(path)} if location == "named" else {}
    fetcher = opener(plain_environment, environment=environment)
    read(fetcher, registry.url("private/main/linux-64/repodata.json"))


@needs_registry
@pytest.mark.skipif(sys.version_info < (3, 11), reason="Python 3.10's netrc knows no quotes")
def test_netrc_is_read(registry, plain_environment) -> None:
    path = plain_environment / ".netrc"
    path.write_text(f'machine 127.0.0.1 login {USER} password "{PASSWORD}"\n')
    read(opener(plain_environment), registry.url("private/main/linux-64/repodata.json"))


@needs_registry
def test_a_credential_helper_is_used(registry, plain_environment, tmp_path, monkeypatch) -> None:
    folder = tmp_path / "bin"
    folder.mkdir()
    program = folder / "docker-credential-test"
    answer = json.dumps({"Username": USER, "Secret": PASSWORD})
    program.write_text(f"#!/bin/sh\n[ \"$1\" = get ] && cat > {folder}/sent && echo '{answer}'\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{folder}{os.pathsep}{os.environ['PATH']}")
    path = plain_environment / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps({"credHelpers": {registry.host: "test"}}))
    read(opener(plain_environment), registry.url("private/main/linux-64/repodata.json"))
    if registry.login:
        assert (folder / "sent").read_text() == registry.host


@needs_registry
@pytest.mark.parametrize("damage", ["shorter", "other bytes"])
def test_a_damaged_blob_is_an_error(registry, plain_environment, tmp_path, damage) -> None:
    """The registry stores blobs as files, and never verifies them again."""
    file = tmp_path / "repodata.json"
    file.write_bytes(b'{"packages": {}, "info": {"subdir": "noarch"}, "made": "%d"}' % id(damage))
    location = "public/" + damage.replace(" ", "-")
    media_type = "application/vnd.conda.repodata.v1+json"
    pushed = registry.push_artifact(f"{location}/noarch/repodata.json:latest", [(file, media_type)])
    blob = registry.blob_file(pushed["repodata.json"])
    whole = blob.read_bytes()
    blob.write_bytes(whole[:-9] if damage == "shorter" else whole.replace(b"packages", b"PACKAGES"))
    url = registry.url(f"{location}/noarch/repodata.json")
    user = registry.url(location, RIGHT)
    fetcher = opener(plain_environment, user) if registry.login else opener(plain_environment)
    with pytest.raises(ChannelError) as caught, fetcher.open(url) as response:
        response.read()
    expected = {"shorter": "connection-broken", "other bytes": "hash-mismatch"}[damage]
    assert caught.value.reference == expected
    assert url in caught.value.message


# Against a server with faults

REPOSITORY = "main/linux-64/repodata.json"
BODY = b'{"packages": {}}'
DIGEST = "sha256:" + hashlib.sha256(BODY).hexdigest()


@pytest.fixture
def server(tmp_path: Path):
    """Serve a registry's files, which is enough for reading."""
    folder = tmp_path / "files" / "v2" / REPOSITORY
    (folder / "blobs").mkdir(parents=True)
    (folder / "manifests").mkdir()
    (folder / "blobs" / DIGEST).write_bytes(BODY)
    layer = {"mediaType": "application/vnd.conda.repodata.v1+json", "digest": DIGEST}
    manifest = {"schemaVersion": 2, "layers": [{**layer, "size": len(BODY)}]}
    (folder / "manifests" / "latest").write_text(json.dumps(manifest))
    with ChannelServer(tmp_path / "files") as server:
        yield server


def url_of(server: ChannelServer) -> str:
    return f"oci://127.0.0.1:{server.port}/{REPOSITORY}"


def quick(store: CredentialStore | None = None) -> OciFetcher:
    http = HttpFetcher(retry=RetryPolicy(retries=1, first_wait=0.0))
    return OciFetcher(RegistrySession(http, store or CredentialStore()))


def challenge(realm: str, kind: str = "Bearer") -> Status:
    return Status(401, headers={"WWW-Authenticate": f'{kind} realm="{realm}",service="s"'})


def store_for(url: str) -> CredentialStore:
    store = CredentialStore()
    store.add(url, Url(url.replace("oci://", f"oci://{RIGHT}")).credentials)
    return store


def test_two_requests_and_no_more(server) -> None:
    fetcher = quick()
    assert read(fetcher, url_of(server)) == BODY
    assert len(server.requests) == 2
    with fetcher.open(url_of(server), headers={"If-None-Match": f'"{DIGEST}"'}) as response:
        assert response.status == 304
    assert len(server.requests) == 2  # the manifest was fetched some seconds before
    sent = {"If-None-Match": f'"{DIGEST}"', "Cache-Control": "no-cache"}
    with fetcher.open(url_of(server), headers=sent) as response:
        assert response.status == 304
    assert len(server.requests) == 3


def test_blobs_of_another_origin_are_read_without_credentials(server, tmp_path) -> None:
    other = tmp_path / "other"
    other.mkdir()
    (other / "blob").write_bytes(BODY)
    server.required_authorization = BASIC
    with ChannelServer(other) as storage:
        server.fault("*/blobs/*", Redirect(storage.url_as("localhost") + "/blob?sig=x", 307))
        assert read(quick(store_for(url_of(server))), url_of(server)) == BODY
        (request,) = storage.requests
        assert "Authorization" not in request.headers
    signed = [each.headers.get("Authorization") for each in server.requests]
    assert signed == [None, BASIC, BASIC]


def test_a_challenge_of_another_origin_is_not_answered(server, tmp_path) -> None:
    with ChannelServer(tmp_path) as storage, ChannelServer(tmp_path) as thief:
        server.fault("*/blobs/*", Redirect(storage.url_as("localhost") + "/blob"))
        storage.fault("*", challenge(thief.url + "/token"))
        read(quick(store_for(url_of(server))), url_of(server), 401)
        assert not thief.requests


@pytest.mark.parametrize(
    "realm",
    ["http://auth.test/token", "https://me:pw@auth.test/", "file:///etc/passwd", "//x", "["],
)
def test_secrets_go_to_https_alone(realm) -> None:
    with pytest.raises(ChannelError) as caught:
        parse_challenge(f'Bearer realm="{realm}",service="s"', "https://registry.test")
    assert caught.value.reference == "unsafe-redirect"
    assert "pw" not in caught.value.message


def test_a_supported_challenge_is_selected() -> None:
    text = 'Negotiate, Bearer realm="https://auth.test/t", service="s,t", Basic realm="x"'
    found = parse_challenge(text, "https://registry.test")
    assert found is not None
    assert (found.is_bearer, found.realm, found.service) == (True, "https://auth.test/t", "s,t")
    assert parse_challenge("Negotiate", "https://registry.test") is None


@given(st.text(alphabet='Basicerz realm="https://x,; []'))
def test_invalid_challenges_are_ignored(text) -> None:
    with contextlib.suppress(ChannelError):
        parse_challenge(text, "https://registry.test")


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b'{"token": 7}',
        b'{"token": "a\\nb"}',
        b"{}",
        b'{"token": "a", "expires_in": [1]}',
    ],
)
def test_a_response_without_a_token_is_an_error(server, body) -> None:
    server.fault("/token*", Body(body))
    server.fault("/v2/*", challenge(server.url + "/token"))
    with pytest.raises(ChannelError) as caught:
        quick().open(url_of(server))
    assert caught.value.reference == "invalid-answer"


def test_a_registry_that_refuses_its_own_token_gets_two_requests(server) -> None:
    server.fault("/token*", Body(b'{"access_token": "abc"}'))
    server.fault("/v2/*", challenge(server.url + "/token"))
    read(quick(), url_of(server), 403)
    assert [each.headers.get("Authorization") for each in server.matching("/v2/*")] == [
        None,
        "Bearer abc",
    ]


@pytest.mark.parametrize(
    "manifest",
    [b"", b"<html>", b"[]", b"{}", b'{"layers": 5}', b"[" * 100_000, b'{"manifests": []}'],
)
def test_an_invalid_manifest_is_an_error(server, manifest) -> None:
    server.fault("*/manifests/*", Body(manifest))
    with pytest.raises(ChannelError) as caught:
        quick().open(url_of(server))
    assert caught.value.reference == "invalid-answer"


def test_a_too_large_manifest_is_an_error(server) -> None:
    server.fault("*/manifests/*", Body(b" " * ((1 << 22) + 1)))
    with pytest.raises(ChannelError) as caught:
        quick().open(url_of(server))
    assert caught.value.reference == "too-large"


@pytest.mark.parametrize(
    "digest", ["sha256:../../etc/passwd", "md5:x", 7, None, "sha256:" + "A" * 64]
)
def test_an_invalid_digest_is_skipped(digest) -> None:
    artifact = Artifact.of("oci://host/main/noarch/repodata.json")
    layer = {"mediaType": "application/vnd.conda.repodata.v1+json", "digest": digest, "size": 1}
    assert artifact.layer_in({"layers": [layer, None, 7, "x"]}) is None
    good = {**layer, "digest": DIGEST}
    assert artifact.layer_in({"layers": [layer, good]}) == Layer(DIGEST, 1)
    assert artifact.layer_in({"layers": [{**good, "size": -1}, {**good, "size": "1"}]}) is None


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (Truncate(5), "connection-broken"),
        (FlipBytes(), "hash-mismatch"),
        (Body(BODY + b" "), "invalid-answer"),
        (Body(BODY[:-1]), "connection-broken"),
    ],
    ids=["cut", "flipped", "longer", "shorter"],
)
def test_a_blob_must_match_its_manifest(server, fault, reference) -> None:
    server.fault("*/blobs/*", fault)
    with pytest.raises(ChannelError) as caught, quick().open(url_of(server)) as response:
        response.read()
    assert caught.value.reference == reference
    assert url_of(server) in caught.value.message


def test_an_interrupted_download_is_resumed(server, tmp_path) -> None:
    server.fault("*/blobs/*", Truncate(5), times=1)
    target = tmp_path / "file"
    sha256 = DIGEST.partition(":")[2]
    retry = RetryPolicy(first_wait=0.0)
    download(quick(), url_of(server), target, sha256=sha256, size=len(BODY), retry=retry)
    assert target.read_bytes() == BODY
    assert [each.status for each in server.matching("*/blobs/*")] == [200, 206]


def test_a_known_hash_saves_a_request_for_the_manifest(server, tmp_path, plain_environment) -> None:
    fetcher = make_fetcher(home=plain_environment, environment={})
    sha256 = DIGEST.partition(":")[2]
    download(fetcher, url_of(server), tmp_path / "file", sha256=sha256)
    (request,) = server.requests
    assert request.path.endswith(f"/blobs/{DIGEST}")
    assert not [name for name in request.headers if "expected" in name.lower()]
    with pytest.raises(ChannelError) as caught:
        download(fetcher, url_of(server), tmp_path / "other", sha256="0" * 64)
    assert caught.value.reference == "not-on-server"


def test_the_expected_hash_is_sent_to_no_server(server, tmp_path, plain_environment) -> None:
    fetcher = make_fetcher(home=plain_environment, environment={})
    url = f"{server.url}/v2/{REPOSITORY}/blobs/{DIGEST}"
    download(fetcher, url, tmp_path / "file", sha256=DIGEST.partition(":")[2])
    (request,) = server.requests
    assert not [name for name in request.headers if "expected" in name.lower()]


def test_requests_to_a_busy_registry_are_retried(server) -> None:
    server.fault("*", Status(429, retry_after="0"), times=1)
    assert read(quick(), url_of(server)) == BODY


def test_an_unreachable_registry_is_named(plain_environment) -> None:
    with pytest.raises(ChannelError) as caught:
        quick().open("oci://127.0.0.1:1/main/noarch/repodata.json")
    assert caught.value.reference == "connection-refused"
    assert "oci://127.0.0.1:1/main/noarch/repodata.json" in caught.value.message


def test_offline_sends_no_request(server, plain_environment) -> None:
    with pytest.raises(OfflineError):
        make_fetcher(home=plain_environment, environment={}, offline=True).open(url_of(server))
    assert not server.requests


def test_a_registry_may_be_a_mirror(server, plain_environment) -> None:
    home = "https://conda.test/main"
    mirrors = {home: [f"oci://127.0.0.1:{server.port}/main"]}
    fetcher = make_fetcher(home=plain_environment, environment={}, mirrors=mirrors)
    assert read(fetcher, f"{home}/linux-64/repodata.json") == BODY


# Names


@pytest.mark.parametrize(
    ("path", "repository", "tag"),
    [
        ("main/noarch/repodata.json.zst", "main/noarch/repodata.json", "latest"),
        ("a/b/noarch/x-1.0-py_0.tar.bz2", "a/b/noarch/x", "1.0-py_0"),
        ("a/noarch/_x-y-1!2%2Ba-b=1.conda", "a/noarch/zzz_x-y", "1__e__2__p__a-b__eq__1"),
        ("a/noarch/run_exports.json", "a/noarch/run_exports.json", "latest"),
        (f"a/noarch/shards/{'0' * 64}.msgpack.zst", "a/noarch/repodata.json/shards", ""),
        (f"a/noarch/{'0' * 64}.msgpack.zst", "a/noarch/repodata.json/shards", ""),
    ],
)
def test_urls_map_to_repositories_and_tags(path, repository, tag) -> None:
    artifact = Artifact.of(f"oci://host.test:5000/{path}")
    assert (artifact.repository, artifact.tag) == (repository, tag)
    assert artifact.registry == "https://host.test:5000"


NAMES = st.from_regex(r"_?[a-z0-9]+([._-][a-z0-9]+)*", fullmatch=True)
VERSIONS = st.from_regex(r"([0-9]!)?[0-9a-z_.]+(\+[0-9a-z.]+)?", fullmatch=True)
BUILDS = st.from_regex(r"[a-z0-9_.+=]+", fullmatch=True)


@given(NAMES, VERSIONS, BUILDS)
def test_packages_are_found_where_they_are_pushed(name, version, build) -> None:
    file_name = f"{name}-{version}-{build}.conda"
    artifact = Artifact.of(f"oci://host/main/noarch/{Url('https://h').join(file_name).path[1:]}")
    if artifact is None:
        assert len(version) + len(build) > 120 or not version[0].isalnum()
    else:
        assert f"{artifact.repository}:{artifact.tag}" == f"main/noarch/{reference_of(file_name)}"


def test_an_invalid_registry_path_is_an_error() -> None:
    with pytest.raises(ChannelError) as caught:
        Artifact.of("oci://host/Team/noarch/repodata.json")
    assert caught.value.reference == "invalid-url"
    assert "lower-case" in caught.value.hint


def test_a_package_that_no_registry_can_have_is_missing() -> None:
    assert Artifact.of(f"oci://host/main/noarch/x-{'1' * 130}-0.conda") is None
    assert quick().open(f"oci://host/main/noarch/x-{'1' * 130}-0.conda").status == 404


@pytest.mark.parametrize(
    ("location", "registry"),
    [
        ("registry.test", "https://registry.test"),
        ("localhost:5000", "http://localhost:5000"),
        ("127.0.0.1:80", "http://127.0.0.1:80"),
        ("[::1]:5000", "http://[::1]:5000"),
        ("127.evil.test", "https://127.evil.test"),
        ("localhost.test", "https://localhost.test"),
    ],
)
def test_registries(location, registry) -> None:
    assert Artifact.of(f"oci://{location}/main/noarch/x-1-0.conda").registry == registry


# Files that docker wrote


@pytest.mark.parametrize(
    ("settings", "user", "password"),
    [
        ({"auths": {"https://reg.test": {"auth": "bWU6cHc="}}}, "me", "pw"),
        ({"auths": {"reg.test:443": {"auth": "bWU6cHc="}}}, "me", "pw"),
        (
            {"auths": {"reg.test": {"identitytoken": "it"}}},
            "0" * 8 + "-0000" * 3 + "-" + "0" * 12,
            "it",
        ),
        ({"auths": {"reg.test": {"auth": "%%"}}}, None, None),
        ({"auths": {"reg.test": []}}, None, None),
        ({"auths": 7}, None, None),
        ([], None, None),
        ({"credHelpers": {"reg.test": "../evil"}}, None, None),
        ({"credHelpers": {"reg.test": "not-installed"}}, None, None),
        ({"credHelpers": {"reg.test": 7}}, None, None),
        ({"auths": {"other.test": {"auth": "bWU6cHc="}}, "credsStore": "x"}, None, None),
    ],
)
def test_docker_configurations(tmp_path, settings, user, password) -> None:
    path = tmp_path / ".docker" / "config.json"
    path.parent.mkdir()
    path.write_text(json.dumps(settings))
    store = CredentialStore(secret_sources(tmp_path, {}))
    secret = store.secret_for("oci://reg.test/main/noarch/x")
    assert ((secret.user, secret.password) if secret else (None, None)) == (user, password)
    assert store.secret_for("https://reg.test/main/noarch/x") is None
