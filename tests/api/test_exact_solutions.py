"""Package files by URL or path: exactly these, beside the installed packages."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.support.api_world import make_services
from tests.support.channel_server import ChannelServer
from tests.support.command_line import small_channel
from tests.support.packages import PackageBuilder, build_channel

from minicon.api.change.applying import apply_plan
from minicon.api.plan.environment_requests import change_request, create_request
from minicon.api.plan.planning import make_plan
from minicon.api.services import Services
from minicon.errors import HashMismatch, MiniconError, SpecError, UsageError
from minicon.prefix.environment.prefix import Prefix


@pytest.fixture(scope="module")
def channel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return small_channel(tmp_path_factory.mktemp("channel"))


@pytest.fixture
def services(tmp_path: Path) -> Services:
    return make_services(tmp_path, channels=())


def create(services: Services, *specs: str, files: tuple[Path, ...] = ()) -> Prefix:
    request = create_request(
        services, "a", None, specs=specs, files=files, channels=("host",), override_channels=True
    )
    return apply_plan(services, make_plan(services, request), command_line=("create",))


def names(prefix: Prefix) -> list[str]:
    return [record.name for record in prefix.records()]


def test_entries_of_specs(services: Services) -> None:
    assert create_request(services, "a", None, specs=["numpy", "pypi:httpx"]).explicit == ()
    url = "https://example.org/linux-64/a-1-0.conda"
    (entry,) = create_request(services, "a", None, specs=[f"{url}#{'0' * 32}"]).explicit
    assert (entry.url, entry.md5, entry.sha256) == (url, "0" * 32, None)


@pytest.mark.parametrize("other", ["numpy", "pypi:httpx", "conda-forge::numpy"])
def test_files_and_specs_do_not_mix(services: Services, other: str) -> None:
    """Specs that would not be solved must not be ignored silently."""
    with pytest.raises(SpecError) as caught:
        create_request(
            services, "a", None, specs=["https://example.org/linux-64/a-1-0.conda", other]
        )
    assert caught.value.reference == "mixed-specs"
    assert other in caught.value.message


def test_a_path_and_a_url(services: Services, channel: Path) -> None:
    path = channel / "linux-64" / "hello-1.0-0.conda"
    url = (channel / "noarch" / "lone-0.1-0.conda").as_uri()
    prefix = create(services, str(path), url)
    assert names(prefix) == ["hello", "lone"]
    record = next(record for record in prefix.records() if record.name == "hello").record
    assert record.depends == ("greeting >=1",), "the package's own metadata is read"
    assert record.channel == channel.as_uri()


def test_encoded_urls_and_variables(tmp_path: Path) -> None:
    """Other tools percent-encode ``!`` and ``+``; variables and ``~`` are replaced (CEP 23)."""
    epoch = build_channel(tmp_path / "c", [PackageBuilder("epoch").version("1!2.0+x").noarch()])
    services = make_services(tmp_path, channels=())
    services.environ["CHANNEL"] = epoch.as_uri()
    file = tmp_path / "list.txt"
    for url in (
        "${CHANNEL}/noarch/epoch-1%212.0%2Bx-0.conda",
        "$CHANNEL/noarch/epoch-1!2.0+x-0.conda",
    ):
        file.write_text(f"@EXPLICIT\n{url}\n")
        request = create_request(services, "a", None, files=[file])
        (record,) = make_plan(services, request).install
        assert (record.fn, record.version) == ("epoch-1!2.0+x-0.conda", "1!2.0+x")
    prefix = create(services, f"{epoch.as_uri()}/noarch/epoch-1%212.0%2Bx-0.conda")
    assert names(prefix) == ["epoch"]


def test_an_encoded_slash_does_not_name_a_directory(services: Services) -> None:
    with pytest.raises(SpecError):
        create(services, "https://h.test/noarch/..%2F..%2Fa-1-0.conda")


def test_an_explicit_list_is_installed_beside_other_packages(
    services: Services, channel: Path, tmp_path: Path
) -> None:
    create(services, str(channel / "noarch" / "lone-0.1-0.conda"))
    file = tmp_path / "list.txt"
    file.write_text(f"@EXPLICIT\n{channel.as_uri()}/noarch/greeting-1.5-0.conda\n")
    request = change_request(services, "install", "a", None, files=[file])
    plan = make_plan(services, request)
    assert [record.name for record in plan.install] == ["greeting"]
    prefix = apply_plan(services, plan, command_line=("install",))
    assert names(prefix) == ["greeting", "lone"]


def test_a_list_stands_alone(services: Services, channel: Path, tmp_path: Path) -> None:
    file = tmp_path / "list.txt"
    file.write_text(f"@EXPLICIT\n{channel.as_uri()}/noarch/greeting-1.5-0.conda\n")
    other = tmp_path / "environment.yml"
    other.write_text("dependencies: [lone]\n")
    for specs, files in (((), (file, other)), (("lone",), (file,))):
        with pytest.raises(UsageError) as caught:
            create(services, *specs, files=files)
        assert caught.value.reference == "mixed-files"


def test_hashes_are_verified(services: Services, channel: Path) -> None:
    path = channel / "noarch" / "lone-0.1-0.conda"
    with pytest.raises(HashMismatch):
        create(services, f"{path.as_uri()}#sha256:{'0' * 64}")
    assert not services.registry.path_of("a").exists()


@pytest.mark.parametrize("name", ["hello.conda", "hello-1.0.conda", "-1.0-0.conda"])
def test_file_names_without_version_or_build_are_refused(
    services: Services, tmp_path: Path, name: str
) -> None:
    (tmp_path / name).write_bytes(b"")
    with pytest.raises(MiniconError) as caught:
        create(services, (tmp_path / name).as_uri())
    assert name in caught.value.message
    assert not services.registry.path_of("a").exists()


def test_credentials_are_used_and_not_kept(services: Services, channel: Path) -> None:
    with ChannelServer(channel) as server:
        server.required_authorization = "Basic bWU6czNjcmV0"
        url = f"{server.url}/noarch/lone-0.1-0.conda".replace("http://", "http://me:s3cret@")
        prefix = create(services, url)
    kept = [path.read_text() for path in (prefix.path / "conda-meta").rglob("*") if path.is_file()]
    assert not [text for text in kept if "s3cret" in text]
    record = json.loads(next((prefix.path / "conda-meta").glob("lone-*.json")).read_text())
    assert record["url"] == f"{server.url}/noarch/lone-0.1-0.conda"
