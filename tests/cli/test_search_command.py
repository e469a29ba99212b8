"""``search``: newest first, whole records, and no channel read by name without a word."""

from __future__ import annotations

import json

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder

NAMES = [f"many{number:03}" for number in range(120)]


@pytest.fixture
def server(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    for version in ("1.2", "1.10", "1.9"):
        builder.add(f"zlib-{version}-0")
    builder.add("zlib-1.11-0", subdir="osx-arm64")
    builder.add_all(*(f"{name}-1-0" for name in NAMES))
    builder.write(zst=True, shards=True)
    exports = {"packages.conda": {"zlib-1.10-0.conda": {"run_exports": {"weak": ["zlib >=1.10"]}}}}
    (builder.directory / "linux-64" / "run_exports.json").write_text(json.dumps(exports))
    with ChannelServer(builder.directory) as server:
        yield server


def search(minicon, server, *arguments):
    where = ("--override-channels", "-c", server.url)
    return minicon("search", *arguments, *where, "--platform", "linux-64")


def test_the_newest_version_comes_first(minicon, server) -> None:
    found = search(minicon, server, "zlib", "--json").json
    assert [each["version"] for each in found["zlib"]] == ["1.10", "1.9", "1.2"]
    assert server.count("*/shards/*") == 1
    assert server.count("*run_exports*") == 0


def test_info_lists_run_exports(minicon, server) -> None:
    outcome = search(minicon, server, "zlib=1.10", "--info")
    assert "run exports, weak" in outcome.out
    assert "zlib >=1.10" in outcome.out
    found = search(minicon, server, "zlib=1.10", "--info", "--json").json
    assert found["zlib"][0]["run_exports"] == {"weak": ["zlib >=1.10"]}


def test_a_wide_search_reports_what_it_downloads(minicon, server) -> None:
    outcome = search(minicon, server, "many*")
    assert outcome.out.count("many") >= len(NAMES)
    assert "120 shards that are not cached have to be fetched" in outcome.err
    assert server.count("*/shards/*") == len(NAMES)
    narrow = search(minicon, server, "many00*")
    assert "shards" not in narrow.err


def test_another_platform_is_searched(minicon, server) -> None:
    outcome = minicon(
        "search", "zlib", "--override-channels", "-c", server.url, "--platform", "osx-arm64",
        "--json",
    )  # fmt: skip
    assert [each["version"] for each in outcome.json["zlib"]] == ["1.11"]
