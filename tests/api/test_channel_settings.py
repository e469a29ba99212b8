"""Settings of channels, from a server to an environment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from tests.support.api_world import make_settings
from tests.support.channel_server import ChannelServer, Status
from tests.support.command_line import CommandLine, small_channel
from tests.support.packages import PackageBuilder, build_channel

import minicon
from minicon.errors import ChannelError
from minicon.publish.channel_index import index_channel


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    """A server's root with the channel ``team/tools`` and a mirror of it."""
    folder = small_channel(tmp_path / "server" / "team" / "tools")
    index_channel(folder)
    return tmp_path / "server"


@pytest.fixture
def server(directory: Path):
    with ChannelServer(directory) as server:
        server.cache_control = "max-age=3600"
        yield server


@pytest.fixture
def create(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setenv("HOME", str(tmp_path))

    def make(*specs: str, name: str = "env", **changes: Any) -> list[str]:
        settings = make_settings(tmp_path, remote_max_retries=0, **changes)
        plan = minicon.create(tmp_path / name, list(specs), settings=settings)
        return [record.url for record in plan.transaction.link]

    return make


def test_a_name_is_below_the_alias(server: ChannelServer, create) -> None:
    urls = create("lone", channels=("team/tools",), channel_alias=server.url)
    assert urls == [f"{server.url}/team/tools/noarch/lone-0.1-0.conda"]


def test_a_custom_channel_has_its_own_url(server: ChannelServer, create) -> None:
    urls = create("lone", channels=("tools",), custom_channels={"tools": f"{server.url}/team"})
    assert urls == [f"{server.url}/team/tools/noarch/lone-0.1-0.conda"]
    with pytest.raises(ChannelError, match="there is no channel"):
        create("lone", channels=("other",), custom_channels={"other": server.url}, name="b")


def test_a_multichannel_is_all_of_its_channels(server: ChannelServer, create) -> None:
    urls = create(
        "hello", channels=("ours",), custom_multichannels={"ours": (f"{server.url}/team/tools",)}
    )
    assert len(urls) == 2


def test_specs_may_name_a_multichannel(server: ChannelServer, tmp_path: Path, create) -> None:
    other = small_channel(tmp_path / "other")
    groups = {"ours": (f"{server.url}/team/tools",)}
    changes = {"channels": (str(other),), "custom_multichannels": groups}
    urls = create("ours::lone", **changes)
    assert urls == [f"{server.url}/team/tools/noarch/lone-0.1-0.conda"]
    assert create("lone[channel=ours]", name="b", **changes) == urls
    changes = {"channels": (str(other),), "default_channels": groups["ours"]}
    assert create("defaults::lone", name="c", **changes) == urls


def test_a_channel_with_a_platform_has_its_noarch_packages_too(
    server: ChannelServer, create
) -> None:
    urls = create("hello", channels=(f"{server.url}/team/tools/linux-64",))
    assert [url.split("/")[-2] for url in urls] == ["noarch", "linux-64"]


def test_mirrors_serve_index_shards_and_packages(server: ChannelServer, create) -> None:
    home = "https://conda.example.org/tools"
    mirrors = {home: (f"{server.url}/gone", f"{server.url}/team/tools")}
    urls = create("hello", channels=(home,), mirrored_channels=mirrors)
    assert all(url.startswith(home) for url in urls)
    assert server.count("/team/tools/*/shards/*") + server.count("/team/tools/*.conda") >= 2


def test_mirrors_may_be_given_for_a_name(server: ChannelServer, create) -> None:
    mirrors = {"tools": (f"{server.url}/team/tools",)}
    assert create("lone", channels=("tools",), mirrored_channels=mirrors)


@pytest.mark.parametrize("wanted", [True, False])
def test_shards_are_a_choice(server: ChannelServer, create, wanted: bool) -> None:
    create("lone", channels=(f"{server.url}/team/tools",), repodata_use_shards=wanted)
    assert bool(server.count("*repodata_shards*")) is wanted
    assert bool(server.count("*repodata.json*")) is not wanted


@pytest.mark.parametrize(
    "limits",
    [{"denylist_channels": ("team/tools",)}, {"allowlist_channels": ("conda-forge",)}],
    ids=str,
)
def test_a_forbidden_channel_gets_no_request(server: ChannelServer, create, limits) -> None:
    for channels, spec in ((("team/tools",), "lone"), (("conda-forge",), "team/tools::lone")):
        with pytest.raises(ChannelError) as caught:
            create(spec, channels=channels, channel_alias=server.url, **limits)
        assert caught.value.reference == "channel-not-allowed"
    assert server.requests == []


def replace_package(channel: Path, version: str, *gone: str) -> None:
    """Publish another build and withdraw the named files, as an owner would."""
    for name in gone:
        (channel / "noarch" / name).unlink()
    build_channel(channel, [PackageBuilder("lone").version(version).noarch().file("share/l", "y")])
    index_channel(channel)


def test_a_missing_package_leads_to_fresh_indexes(
    server: ChannelServer, directory: Path, create
) -> None:
    channel = f"{server.url}/team/tools"
    create("greeting", channels=(channel,), name="a")
    replace_package(directory / "team" / "tools", "0.2", "lone-0.1-0.conda")
    assert create("lone", channels=(channel,), name="b") == [f"{channel}/noarch/lone-0.2-0.conda"]


def test_a_package_that_stays_missing_is_an_error(server: ChannelServer, create) -> None:
    server.fault("*.conda", Status(404))
    with pytest.raises(ChannelError) as caught:
        create("lone", channels=(f"{server.url}/team/tools",))
    assert caught.value.reference == "not-on-server"
    assert server.count("*.conda") == 2


def test_the_command_line_plans_again_too(
    server: ChannelServer,
    directory: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    (tmp_path / "cli").mkdir()
    command = CommandLine(tmp_path / "cli", monkeypatch, capsys)
    channel = f"{server.url}/team/tools"
    assert command(f"create -y -n a --override-channels -c {channel} greeting").code == 0
    replace_package(directory / "team" / "tools", "0.2", "lone-0.1-0.conda")
    outcome = command(f"create -y -n b --override-channels -c {channel} lone")
    assert outcome.code == 0, outcome.err
    assert "fetching the channels' indexes again" in outcome.err


def relate(channel: Path, **relations: str) -> None:
    """Write a channel's relations into each of its indexes."""
    import json

    from minicon.repodata.shards.shard_format import LARGEST_INDEX, pack, unpack

    for path in channel.glob("*/repodata.json"):
        document = json.loads(path.read_bytes())
        document["info"]["channel_relations"] = relations
        path.write_text(json.dumps(document))
        shards = path.with_name("repodata_shards.msgpack.zst")
        index = unpack(shards.read_bytes(), LARGEST_INDEX)
        index["info"]["channel_relations"] = relations
        shards.write_bytes(pack(index))
        path.with_name("repodata.json.zst").unlink(missing_ok=True)


@pytest.mark.parametrize("use_shards", [True, False])
def test_a_channel_adds_its_base(
    server: ChannelServer, directory: Path, create, use_shards: bool
) -> None:
    more = directory / "team" / "more"
    build_channel(more, [PackageBuilder("app").version("1").noarch().depends("hello")])
    index_channel(more)
    relate(more, base="../tools")
    options = {"channels": (f"{server.url}/team/more",), "repodata_use_shards": use_shards}
    urls = create("app", **options)
    assert sorted(url.rsplit("/", 3)[1] for url in urls) == ["more", "tools", "tools"]
    with pytest.raises(ChannelError, match="not allow"):
        create("app", denylist_channels=(f"{server.url}/team/tools",), name="b", **options)
    with pytest.raises(minicon.MiniconError):
        create("app", channel_relations_max_depth=0, name="c", **options)
