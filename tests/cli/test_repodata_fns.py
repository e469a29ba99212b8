"""``repodata_fns``: a channel's smaller index first, all of it where that does not do."""

from __future__ import annotations

import json

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder

from minicon.constants import REPODATA

CURRENT = "current_repodata.json"


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add("zlib-1.3-0")
    builder.write()
    for folder in builder.directory.iterdir():
        (folder / REPODATA).rename(folder / CURRENT)
    builder.add("zlib-1.2-0")
    builder.add("old-1.0-0", depends=["zlib <1.3"])
    return builder.write(zst=True, shards=True)


@pytest.fixture
def server(builder):
    with ChannelServer(builder.directory) as server:
        yield server


def versions(outcome) -> dict[str, str]:
    return {each["name"]: each["version"] for each in outcome.json["actions"]["LINK"]}


def plan(minicon, server, *specs):
    where = ("--override-channels", "-c", server.url, "--platform", "linux-64")
    return minicon("create", "-n", "x", "--dry-run", "--json", "--no-pypi", *where, *specs)


def requested_files(server) -> set[str]:
    return {request.path.rpartition("/")[2] for request in server.requests if request.status == 200}


def test_only_small_repodata_is_fetched_if_sufficient(minicon, server) -> None:
    outcome = plan(minicon, server, "--repodata-fn", CURRENT, "zlib").ok()
    assert versions(outcome) == {"zlib": "1.3"}
    assert requested_files(server) == {CURRENT}


@pytest.mark.parametrize("spec", ["zlib=1.2", "old"])
def test_full_repodata_is_used_if_small_repodata_is_insufficient(minicon, server, spec) -> None:
    outcome = plan(minicon, server, "--repodata-fn", CURRENT, spec).ok()
    assert versions(outcome)["zlib"] == "1.2"
    assert CURRENT in requested_files(server)
    assert "repodata_shards.msgpack.zst" in requested_files(server)


def test_an_unknown_package_is_still_an_error(minicon, server) -> None:
    outcome = plan(minicon, server, "--repodata-fn", CURRENT, "zlib=9")
    assert outcome.code == 1
    assert outcome.json["exception_name"]


def test_a_channel_without_small_repodata_is_used(minicon, server, builder) -> None:
    for path in builder.directory.glob(f"*/{CURRENT}"):
        path.unlink()
    outcome = plan(minicon, server, "--repodata-fn", CURRENT, "zlib").ok()
    assert versions(outcome) == {"zlib": "1.3"}


def test_repodata_fns_can_be_configured(minicon, server) -> None:
    minicon.set(MINICON_REPODATA_FNS=f"{CURRENT},{REPODATA}")
    plan(minicon, server, "zlib").ok()
    assert requested_files(server) == {CURRENT}


def test_both_files_are_cached(minicon, server) -> None:
    server.cache_control = "max-age=600"
    plan(minicon, server, "zlib").ok()
    plan(minicon, server, "--repodata-fn", CURRENT, "zlib").ok()
    server.forget()
    assert versions(plan(minicon, server, "zlib=1.2").ok()) == {"zlib": "1.2"}
    plan(minicon, server, "--repodata-fn", CURRENT, "zlib").ok()
    assert server.count("*repodata*") == 0


def test_local_channels_have_small_repodata_too(minicon, builder) -> None:
    (builder.directory / "linux-64" / REPODATA).write_text(json.dumps({"packages": {}}))
    outcome = minicon(
        "create", "-n", "x", "--dry-run", "--json", "--no-pypi", "--override-channels",
        "-c", builder.url, "--platform", "linux-64", "--repodata-fn", CURRENT, "zlib",
    )  # fmt: skip
    assert versions(outcome.ok()) == {"zlib": "1.3"}
