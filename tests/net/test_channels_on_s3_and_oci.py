"""Commands with channels on S3 and in a registry, both on this machine."""

from __future__ import annotations

import base64
import json
from pathlib import Path

import pytest
from tests.support.command_line import CommandLine, small_channel
from tests.support.oci_registry import PASSWORD, OciRegistry, needs_registry
from tests.support.packages import PackageBuilder
from tests.support.s3_server import KEY, SECRET, S3Server

from minicon.net.credentials.docker_config import docker_config_paths

SECRETS = (SECRET, PASSWORD, "open%20sesame", "X-Amz-Signature")


@pytest.fixture(scope="module")
def packages(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = small_channel(tmp_path_factory.mktemp("packages") / "main")
    odd = PackageBuilder("_odd").version("1!2.0+local").build_string("h_0").noarch()
    return add_package(folder, odd.file("share/odd", "odd\n"))


def add_package(folder: Path, package: PackageBuilder) -> Path:
    """Add a package and its record to a channel's noarch subdir."""
    file = package.build(folder, ".tar.bz2")
    index = folder / "noarch" / "repodata.json"
    repodata = json.loads(index.read_bytes())
    repodata["packages"][file.name] = package.repodata_record(file)
    index.write_text(json.dumps(repodata))
    return folder


@pytest.fixture(scope="module")
def s3_server(packages: Path):
    with S3Server() as server:
        server.upload(packages, "bucket", "main")
        yield server


@pytest.fixture(scope="module")
def registry(packages: Path, tmp_path_factory: pytest.TempPathFactory):
    with OciRegistry(tmp_path_factory.mktemp("registry") / "r", "token") as registry:
        registry.push(packages, "team/main")
        yield registry


@pytest.fixture
def minicon(tmp_path, monkeypatch, capsys) -> CommandLine:
    command = CommandLine(tmp_path, monkeypatch, capsys)
    monkeypatch.setenv("AWS_EC2_METADATA_DISABLED", "true")
    for path in docker_config_paths(command.home, {}):
        assert not path.exists()
    return command


@pytest.fixture(params=["s3", pytest.param("oci", marks=needs_registry)])
def channel(request, minicon: CommandLine) -> str:
    """Return the channel's URL, after configuring access to it."""
    if request.param == "oci":
        registry = request.getfixturevalue("registry")
        return registry.url("team/main", "me:open%20sesame@")
    server = request.getfixturevalue("s3_server")
    minicon.set(
        AWS_ACCESS_KEY_ID=KEY,
        AWS_SECRET_ACCESS_KEY=SECRET,
        MINICON_S3_OPTIONS=json.dumps(server.options("bucket")),
    )
    return "s3://bucket/main"


def written(minicon: CommandLine) -> list[Path]:
    """Return the files written by minicon that contain a secret."""
    found = []
    for path in [*minicon.root.rglob("*"), *minicon.home.rglob("*")]:
        if path.is_file() and not path.is_symlink():
            data = path.read_bytes()
            found += [path for secret in SECRETS if secret.encode() in data]
    return found


def test_create_search_and_work_offline(minicon: CommandLine, channel: str) -> None:
    sources = ("-c", channel, "--override-channels", "--yes")
    created = minicon("create", "-n", "a", *sources, "hello", "_odd")
    assert created.code == 0, created.err
    prefix = minicon.environment("a")
    assert (prefix / "bin/hello").read_text().endswith("echo hello 2.0\n")
    assert (prefix / "share/odd").read_text() == "odd\n"
    (record,) = [json.loads(path.read_text()) for path in (prefix / "conda-meta").glob("_odd*")]
    bare = channel.replace("me:open%20sesame@", "")
    assert record["url"] == f"{bare}/noarch/_odd-1!2.0+local-h_0.tar.bz2"

    found = minicon("search", "-c", channel, "--override-channels", "--json", "hello")
    assert found.code == 0, found.err
    assert {each["version"] for each in json.loads(found.out)["hello"]} == {"1.0", "2.0"}

    offline = minicon("create", "-n", "b", *sources, "--offline", "hello=1.0", "greeting")
    again = minicon("create", "-n", "c", *sources, "--offline", "hello", "_odd")
    assert again.code == 0, again.err
    assert (minicon.environment("c") / "bin/hello").exists()
    assert offline.code != 0  # hello 1.0 was never downloaded

    output = "".join(outcome.out + outcome.err for outcome in (created, found, offline, again))
    assert not [secret for secret in SECRETS if secret in output]
    assert written(minicon) == []


def test_locks_name_the_channel_without_secrets(minicon: CommandLine, channel: str) -> None:
    file = minicon.folder / "environment.yml"
    file.write_text(f"channels: ['{channel}', nodefaults]\ndependencies: [lone]\n")
    locked = minicon("lock", "-f", str(file), "--platform", "linux-64")
    assert locked.code == 0, locked.err
    (lock,) = [p for p in minicon.folder.glob("*lock*") if p.is_file()]
    text = lock.read_text()
    assert channel.replace("me:open%20sesame@", "") + "/noarch/lone-0.1" in text
    assert not [secret for secret in SECRETS if secret in text]


def test_explicit_lists_and_locks_install_the_same_packages(
    minicon: CommandLine, channel: str
) -> None:
    sources = ("-c", channel, "--override-channels", "--yes")
    assert minicon("create", "-n", "a", *sources, "hello", "_odd").code == 0
    listed = minicon("list", "-n", "a", "--explicit", "--md5")
    assert listed.code == 0, listed.err
    assert not [secret for secret in SECRETS if secret in listed.out]
    file = minicon.folder / "explicit.txt"
    file.write_text(listed.out)
    assert minicon("clean", "--all", "--yes").code == 0
    if channel.startswith("oci"):  # an explicit list has no credentials: they are configured
        host = channel.partition("@")[2].partition("/")[0]
        auth = base64.b64encode(f"me:{PASSWORD}".encode()).decode()
        (minicon.home / ".docker").mkdir()
        (minicon.home / ".docker" / "config.json").write_text(
            json.dumps({"auths": {host: {"auth": auth}}})
        )
    created = minicon("create", "-n", "b", "--file", file, "--yes")
    assert created.code == 0, created.err
    assert (minicon.environment("b") / "share/odd").read_text() == "odd\n"


def test_limits_apply_to_these_channels(minicon: CommandLine, channel: str) -> None:
    bare = channel.replace("me:open%20sesame@", "")
    minicon.set(MINICON_DENYLIST_CHANNELS=bare)
    refused = minicon("create", "-n", "a", "-c", channel, "--override-channels", "-y", "lone")
    assert refused.code == 1
    assert "does not allow the channel" in refused.err
    minicon.set(MINICON_DENYLIST_CHANNELS="", MINICON_ALLOWLIST_CHANNELS=bare)
    allowed = minicon("create", "-n", "a", "-c", channel, "--override-channels", "-y", "lone")
    assert allowed.code == 0, allowed.err


def test_mirrors_may_be_on_s3_and_oci(minicon: CommandLine, channel: str) -> None:
    home = "https://conda.invalid/main"
    minicon.set(MINICON_MIRRORED_CHANNELS=json.dumps({home: [channel]}))
    created = minicon("create", "-n", "a", "-c", home, "--override-channels", "-y", "hello")
    assert created.code == 0, created.err
    (record,) = (minicon.environment("a") / "conda-meta").glob("hello-*.json")
    assert json.loads(record.read_text())["url"].startswith(home)
    assert written(minicon) == []


def test_a_missing_channel(minicon: CommandLine, channel: str) -> None:
    outcome = minicon(
        "create", "-n", "a", "-c", f"{channel}-x", "--override-channels", "-y", "lone"
    )
    assert outcome.code == 1
    assert outcome.err.startswith("error: "), outcome.err
    assert "main-x" in outcome.err
    assert "Traceback" not in outcome.err


def test_a_missing_bucket(minicon: CommandLine, s3_server: S3Server) -> None:
    options = json.dumps(s3_server.options("nowhere"))
    minicon.set(AWS_ACCESS_KEY_ID=KEY, AWS_SECRET_ACCESS_KEY=SECRET, MINICON_S3_OPTIONS=options)
    outcome = minicon("create -n a -c s3://nowhere/main --override-channels -y lone")
    assert outcome.code == 1
    assert "the bucket does not exist" in outcome.err


@needs_registry
def test_wrong_credentials_are_reported_without_them(minicon, registry: OciRegistry) -> None:
    url = registry.url("team/main", "me:closed@")
    outcome = minicon("create", "-n", "a", "-c", url, "--override-channels", "-y", "lone")
    assert outcome.code == 1
    assert "401" in outcome.err
    assert "docker login" in outcome.err
    assert "closed" not in outcome.err + outcome.out


@needs_registry
@pytest.mark.parametrize("change", [lambda data: data[:-50], lambda data: data[:-1] + b"?"])
def test_a_package_damaged_in_transfer_is_not_installed(
    minicon, registry: OciRegistry, tmp_path: Path, change
) -> None:
    channel = small_channel(tmp_path / "channel")
    add_package(channel, PackageBuilder("torn").version("1.0").noarch().file("share/torn", "t"))
    path = f"damaged/{len(change(b'?' * 100))}"
    digests = registry.push(channel, path)
    blob = registry.blob_file(digests[next(name for name in digests if "torn" in name)])
    whole = blob.read_bytes()
    blob.write_bytes(change(whole))
    url = registry.url(path, "me:open%20sesame@")
    minicon.set(MINICON_REMOTE_MAX_RETRIES="0")
    outcome = minicon("create", "-n", "a", "-c", url, "--override-channels", "-y", "torn")
    assert outcome.code == 1
    assert "torn-1.0" in outcome.err
    assert not (minicon.environment("a") / "share/torn").exists()
    blob.write_bytes(whole)
    outcome = minicon("create", "-n", "a", "-c", url, "--override-channels", "-y", "torn")
    assert outcome.code == 0, outcome.err
