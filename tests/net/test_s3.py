"""Channels at s3:// URLs: moto, and a server that verifies signatures as AWS does."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from tests.support.channel_server import ChannelServer, Redirect, Status, Truncate
from tests.support.s3_gate import KEY, SECRET, S3Gate
from tests.support.s3_server import S3Server

from minicon.errors import ChannelError, ConfigError, OfflineError, RepodataError
from minicon.models.channel import parse_channels
from minicon.models.url import Credentials
from minicon.net.download import download
from minicon.net.parallel import run_parallel
from minicon.net.routing import UrlFetcher, make_fetcher
from minicon.net.schemes.s3_signing import S3Options
from minicon.repodata.client import ChannelClient
from minicon.repodata.index.base_url import resolve_base_url


@pytest.fixture(scope="module")
def server(described_channel: Path):
    with S3Server() as server:
        server.upload(described_channel, "bucket", "team/main")
        yield server


@pytest.fixture
def gate(described_channel: Path, tmp_path: Path):
    (tmp_path / "buckets").mkdir()
    (tmp_path / "buckets" / "private").symlink_to(described_channel)
    with S3Gate(tmp_path / "buckets") as gate:
        # The server resolves links, so it gets the resolved directory.
        gate.directory = described_channel.parent
        yield gate


INDEX = "s3://channel/linux-64/repodata.json"  # the bucket is the directory `channel`


def opener(server: S3Gate | S3Server, home: Path, bucket: str = "channel", **more: str):
    options = {bucket: {"endpoint-url": server.url, "region": "us-east-1", **more}}
    return make_fetcher(home=home, environment={}, max_retries=1, s3_options=options)


@pytest.fixture
def keys(monkeypatch: pytest.MonkeyPatch, plain_environment: Path) -> Path:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    return plain_environment


# Against a real server


def test_objects_are_requested_conditionally(server, keys, described_channel) -> None:
    fetcher = opener(server, keys, "bucket")
    url = "s3://bucket/team/main/linux-64/repodata.json"
    expected = (described_channel / "linux-64/repodata.json").read_bytes()
    with fetcher.open(url) as response:
        assert (response.status, response.url) == (200, url)
        assert response.read() == expected
        etag = response.headers["etag"]
    with fetcher.open(url, headers={"If-None-Match": etag}) as response:
        assert response.status == 304
    with fetcher.open(url, headers={"Range": "bytes=5-", "If-Range": etag}) as response:
        assert (response.status, response.read()) == (206, expected[5:])
    with fetcher.open(url + ".none") as response:
        assert response.status == 404


@pytest.mark.parametrize("use_shards", [True, False])
def test_a_channel_is_read_whole_and_in_shards(server, keys, tmp_path, use_shards) -> None:
    fetcher = opener(server, keys, "bucket")
    (channel,) = parse_channels("s3://bucket/team/main", alias="https://none.invalid")
    client = ChannelClient(lambda: fetcher, tmp_path / "cache", use_shards=use_shards)
    index = client.index(channel, "linux-64")
    (record,) = index.records_for("numpy")
    assert record.url == "s3://bucket/team/main/linux-64/numpy-2.0-0.conda"
    assert type(index).__name__ == ("ShardedIndex" if use_shards else "ConvertedIndex")


def test_a_missing_bucket_is_named(server, keys) -> None:
    with pytest.raises(ChannelError) as caught:
        opener(server, keys, "nowhere").open("s3://nowhere/noarch/repodata.json")
    assert caught.value.reference == "bucket-not-found"
    assert "s3://nowhere/noarch/repodata.json" in caught.value.message


# Against a server that verifies signatures


def read(fetcher: UrlFetcher, url: str = INDEX) -> bytes:
    with fetcher.open(url) as response:
        assert response.status == 200
        return response.read()


@pytest.fixture
def index(described_channel: Path) -> bytes:
    return (described_channel / "linux-64/repodata.json").read_bytes()


def test_keys_come_from_variables(gate, keys, index) -> None:
    assert read(opener(gate, keys)) == index


def test_keys_come_from_a_profile(gate, plain_environment, monkeypatch, index) -> None:
    folder = plain_environment / ".aws"
    folder.mkdir()
    text = f"[work]\naws_access_key_id = {KEY}\naws_secret_access_key = {SECRET}\n"
    (folder / "credentials").write_text(text)
    assert read(opener(gate, plain_environment, profile="work")) == index
    with pytest.raises(ChannelError) as caught:
        read(opener(gate, plain_environment, profile="play"))
    assert caught.value.reference == "s3-credentials"
    monkeypatch.setenv("AWS_PROFILE", "work")
    assert read(opener(gate, plain_environment)) == index


@pytest.mark.parametrize("name", ["s3://channel", "s3://channel/linux-64", "channel"])
def test_keys_come_from_rattlers_file(gate, plain_environment, index, name) -> None:
    gate.session_token = "a session"
    entry = {"access_key_id": KEY, "secret_access_key": SECRET, "session_token": "a session"}
    folder = plain_environment / ".rattler"
    folder.mkdir()
    (folder / "credentials.json").write_text(json.dumps({name: {"S3Credentials": entry}}))
    assert read(opener(gate, plain_environment)) == index


def test_keys_in_a_channels_url_are_for_its_bucket_alone(gate, plain_environment, index) -> None:
    fetcher = opener(gate, plain_environment)
    fetcher.credentials.add("s3://channel/linux-64", Credentials(KEY, SECRET))
    assert read(fetcher) == index
    fetcher = opener(gate, plain_environment)
    fetcher.credentials.add("s3://other", Credentials(KEY, SECRET))
    with fetcher.open(INDEX) as response:
        assert response.status == 403
    assert "Credential" not in gate.requests[-1].path


def test_without_keys_nothing_is_signed(gate, plain_environment, described_channel) -> None:
    with ChannelServer(described_channel.parent) as public:
        assert read(opener(public, plain_environment))
        assert "?" not in public.requests[-1].path


def test_anonymous_requests_are_unsigned_even_with_keys(keys, described_channel) -> None:
    with ChannelServer(described_channel.parent) as public:
        assert read(opener(public, keys, anonymous="true"))
        assert "?" not in public.requests[-1].path


def test_netrc_is_for_web_servers_alone(gate, keys, index) -> None:
    (keys / ".netrc").write_text("default login me password other\n")
    assert read(opener(gate, keys)) == index
    assert "Authorization" not in gate.requests[-1].headers


@pytest.mark.parametrize(
    ("key", "secret", "words"),
    [
        ("AKIAOTHER", SECRET, "does not know the AWS access key"),
        (KEY, "not-the-one", "secret key is wrong"),
    ],
)
def test_wrong_keys_have_different_errors(gate, plain_environment, key, secret, words) -> None:
    fetcher = opener(gate, plain_environment)
    fetcher.credentials.add("s3://channel", Credentials(key, secret))
    with pytest.raises(ChannelError, match=words) as caught:
        fetcher.open(INDEX)
    assert caught.value.reference == "access-denied"
    assert INDEX in caught.value.message
    shown = f"{caught.value.message} {caught.value.hint}"
    assert key not in shown
    assert secret not in shown
    assert "Signature" not in shown


def test_a_missing_secret_key_is_reported(gate, plain_environment, monkeypatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    with pytest.raises(ChannelError, match="a part of the AWS credentials"):
        opener(gate, plain_environment).open(INDEX)


def test_an_expired_session_and_a_wrong_clock_are_reported(gate, keys) -> None:
    gate.clock_offset = 3600
    with pytest.raises(ChannelError, match="clock is wrong"):
        opener(gate, keys).open(INDEX)
    gate.session_token = "another"
    with pytest.raises(ChannelError, match="session has expired"):
        opener(gate, keys).open(INDEX)


def test_the_region_that_a_server_names_is_used_once(gate, keys, index) -> None:
    gate.region = "eu-central-1"
    fetcher = opener(gate, keys)
    assert read(fetcher) == index
    assert read(fetcher) == index
    assert [request.status for request in gate.requests] == [400, 200, 200]


def test_simultaneous_requests_find_the_region_once(gate, keys, index) -> None:
    gate.region = "eu-central-1"
    gate.latency = 0.05
    fetcher = opener(gate, keys)
    answers = run_parallel(lambda *_: read(fetcher), range(6), workers=6)
    assert answers == [index] * 6


def test_the_output_of_a_failing_credential_program_is_not_shown(gate, keys, monkeypatch) -> None:
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.delenv(name)
    folder = keys / ".aws"
    folder.mkdir()
    for program in ("/nonexistent/program", "sh -c 'echo THE-SECRET >&2; exit 1'"):
        (folder / "config").write_text(f"[default]\ncredential_process = {program}\n")
        with pytest.raises(ChannelError) as caught:
            opener(gate, keys).open(INDEX)
        assert caught.value.reference == "s3-credentials"
        assert "THE-SECRET" not in caught.value.message


def test_an_invalid_region_is_ignored(gate, keys) -> None:
    gate.region = "evil.example.org/"
    with opener(gate, keys).open(INDEX) as response:
        assert response.status == 400
    assert len(gate.requests) == 1


def test_names_are_encoded_once(gate, keys, described_channel) -> None:
    odd = described_channel / "linux-64" / "odd-1!2+a b-0.txt"
    odd.write_bytes(b"here")
    try:
        assert read(opener(gate, keys), "s3://channel/linux-64/odd-1!2+a%20b-0.txt") == b"here"
    finally:
        odd.unlink()


def test_shards_are_requested_once_and_signed(gate, keys, tmp_path) -> None:
    (channel,) = parse_channels("s3://channel", alias="https://none.invalid")
    client = ChannelClient(lambda: opener(gate, keys), tmp_path / "cache")
    index = client.index(channel, "linux-64")
    assert len(index.records_for("numpy")) == len(index.records_for("python")) == 1
    shards = gate.matching("*/shards/*")
    assert [request.status for request in shards] == [200, 200]
    assert gate.connections < len(gate.requests)


# Faults


def test_a_request_to_a_busy_server_is_retried(gate, keys, index) -> None:
    gate.fault("*", Status(503, retry_after="0"), times=1)
    assert read(opener(gate, keys)) == index
    assert len(gate.requests) == 2


def test_a_short_body_is_an_error_and_a_download_is_resumed(gate, keys, tmp_path, index) -> None:
    import hashlib

    gate.fault("*", Truncate(20), times=1)
    with pytest.raises(ChannelError) as caught, opener(gate, keys).open(INDEX) as response:
        response.read()
    assert caught.value.reference == "connection-broken"
    assert INDEX in caught.value.message
    assert "X-Amz" not in caught.value.message
    gate.forget()
    gate.fault("*", Truncate(20), times=1)
    target = tmp_path / "file"
    sha256 = hashlib.sha256(index).hexdigest()
    download(opener(gate, keys), INDEX, target, sha256=sha256, size=len(index))
    assert target.read_bytes() == index
    assert [request.status for request in gate.requests] == [200, 206]


def test_an_unreachable_server_is_named_by_its_bucket(keys, tmp_path) -> None:
    options = {"channel": {"endpoint-url": "http://127.0.0.1:1", "region": "us-east-1"}}
    fetcher = make_fetcher(home=keys, environment={}, max_retries=0, s3_options=options)
    with pytest.raises(ChannelError) as caught:
        fetcher.open(INDEX)
    assert caught.value.message == f"cannot read {INDEX}: the connection was refused"


def test_a_redirect_gets_no_signature(gate, keys, described_channel) -> None:
    with ChannelServer(described_channel) as other:
        server = other.url_as("localhost") + "/linux-64/repodata.json"
        gate.fault("*", Redirect(server))
        assert read(opener(gate, keys))
        (request,) = other.requests
        assert request.path == "/linux-64/repodata.json"
        assert "Authorization" not in request.headers


def test_offline_sends_no_request(keys) -> None:
    with pytest.raises(OfflineError):
        make_fetcher(home=keys, environment={}, offline=True).open(INDEX)


# Options


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"endpoint": "https://x"}, "'endpoint'"),
        ({"endpoint-url": "ftp://x"}, "is not a server"),
        ({"endpoint-url": "https://me:pw@x"}, "is not a server"),
        ({"endpoint-url": "https://[x"}, "is not a server"),
    ],
)
def test_wrong_options_are_errors(values, words) -> None:
    with pytest.raises(ConfigError, match=words) as caught:
        S3Options.of("bucket", values)
    assert "pw" not in caught.value.message


def test_options_have_pixis_names() -> None:
    values = {"endpoint-url": "https://x", "region": "r", "force-path-style": "true"}
    expected = S3Options(endpoint_url="https://x", region="r", force_path_style=True)
    assert S3Options.of("bucket", values) == expected
    assert S3Options.of("b", {name.replace("-", "_"): v for name, v in values.items()}) == expected


@pytest.mark.parametrize(
    ("more", "start"),
    [
        ({}, "https://bucket.s3.eu-west-1.amazonaws.com/a/b?"),
        ({"force-path-style": "true"}, "https://s3.eu-west-1.amazonaws.com/bucket/a/b?"),
        ({"endpoint-url": "https://minio.test"}, "https://minio.test/bucket/a/b?"),
        ({"AWS_ENDPOINT_URL": "https://minio.test"}, "https://minio.test/bucket/a/b?"),
        (
            {"endpoint-url": "https://minio.test", "force-path-style": "false"},
            "https://bucket.minio.test/a/b?",
        ),
    ],
    ids=["aws", "aws path", "endpoint", "aws configuration", "endpoint host"],
)
def test_urls_map_to_addresses(keys, monkeypatch, more, start) -> None:
    if "AWS_ENDPOINT_URL" in more:
        monkeypatch.setenv("AWS_ENDPOINT_URL", more["AWS_ENDPOINT_URL"])
        more = {}
    options = {"bucket": {"region": "eu-west-1", **more}}
    fetcher = make_fetcher(home=keys, environment={}, s3_options=options)
    assert fetcher.best_url("s3://bucket/a/b").startswith(start)


def test_without_botocore_the_extra_is_named(tmp_path) -> None:
    program = """
import sys
sys.modules["botocore"] = None
from minicon.errors import ConfigError
from minicon.net.routing import make_fetcher
try:
    make_fetcher().open("s3://bucket/x")
except ConfigError as error:
    print(error.reference, "|", error.message, "|", error.hint)
"""
    answer = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True
    )
    reference, message, hint = answer.stdout.strip().split(" | ")
    assert reference == "extra-missing"
    assert message == "s3://bucket needs the package botocore, which is not installed"
    assert hint == "pip install botocore"


@pytest.mark.parametrize(
    ("base_url", "expected"),
    [
        (None, "s3://bucket/main/noarch/"),
        ("./", "s3://bucket/main/noarch/"),
        ("../pool", "s3://bucket/main/pool/"),
        ("https://files.test/x", "https://files.test/x/"),
        ("s3://bucket/pool", "s3://bucket/pool/"),
        ("s3://other/pool", None),
        ("//other/pool", None),
        ("oci://bucket/pool", None),
        ("file:///etc", None),
        ("http://files.test/x", None),
    ],
)
def test_package_urls_may_be_on_s3(base_url, expected) -> None:
    if expected is None:
        with pytest.raises(RepodataError):
            resolve_base_url("s3://bucket/main/noarch", base_url)
    else:
        assert resolve_base_url("s3://bucket/main/noarch", base_url) == expected
