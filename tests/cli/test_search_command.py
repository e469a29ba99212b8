"""``search``: newest last, whole records, and no channel read by name without a word."""

from __future__ import annotations

import gc
import json

import pytest
from tests.support.channel_server import ChannelServer
from tests.support.channels import ChannelBuilder
from tests.support.wheels import WheelBuilder

from minicon.cli.render import listing
from minicon.models.records import RepodataRecord
from minicon.repodata.index.index_file import IndexFile

NAMES = [f"many{number:03}" for number in range(120)]


@pytest.fixture
def server(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    for version in ("1.2", "1.10", "1.9"):
        builder.add(f"zlib-{version}-0")
    builder.add("zlib-1.11-0", subdir="osx-arm64")
    builder.add_all("odd-1.0-a_0", "odd-1.0-b_0", "odd-2.0-a_0")
    builder.add_all(*(f"{name}-1-0" for name in NAMES))
    builder.write(zst=True, shards=True)
    exports = {"packages.conda": {"zlib-1.10-0.conda": {"run_exports": {"weak": ["zlib >=1.10"]}}}}
    (builder.directory / "linux-64" / "run_exports.json").write_text(json.dumps(exports))
    with ChannelServer(builder.directory) as server:
        yield server


def search(minicon, server, *arguments):
    where = ("--override-channels", "-c", server.url)
    return minicon("search", *arguments, *where, "--platform", "linux-64")


def test_the_newest_version_comes_last(minicon, server) -> None:
    found = search(minicon, server, "zlib", "--json").json
    assert [each["version"] for each in found["zlib"]] == ["1.2", "1.9", "1.10"]
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


def test_a_pattern_without_match_decodes_no_names(minicon, server, monkeypatch) -> None:
    decoded = []
    names = IndexFile.names
    monkeypatch.setattr(
        IndexFile, "names", lambda *args: (decoded.append(n) or n for n in names(*args))
    )
    outcome = search(minicon, server, "*no-such*")
    assert outcome.code == 1
    assert "did you mean" not in outcome.err
    assert not decoded
    assert "did you mean zlib?" in search(minicon, server, "zlip").err
    assert len(decoded) == len(NAMES) + 2  # once


def test_another_platform_is_searched(minicon, server) -> None:
    outcome = minicon(
        "search", "zlib", "--override-channels", "-c", server.url, "--platform", "osx-arm64",
        "--json",
    )  # fmt: skip
    assert [each["version"] for each in outcome.json["zlib"]] == ["1.11"]


def test_a_version_is_listed_once_with_the_number_of_its_builds(minicon, server) -> None:
    rows = [row.split()[:3] for row in search(minicon, server, "odd").out.splitlines()]
    assert rows == [["#", "Name", "Version"], ["odd", "1.0", "2"], ["odd", "2.0", "1"]]
    rows = [row.split()[:3] for row in search(minicon, server, "odd=*=a_*").out.splitlines()]
    assert rows[1:] == [["odd", "1.0", "a_0"], ["odd", "2.0", "a_0"]]
    assert len(search(minicon, server, "odd", "--json").json["odd"]) == 3


@pytest.mark.parametrize("written", ["zlib[subdir=osx-arm64]", "*/osx-arm64::zlib"])
def test_a_subdir_in_the_spec_is_searched(minicon, server, written: str) -> None:
    found = search(minicon, server, written, "--json").json["zlib"]
    assert [each["subdir"] for each in found] == ["osx-arm64"]


def test_a_channel_in_the_spec_is_searched(minicon, server) -> None:
    assert minicon("search", f"{server.url}::zlib", "--json").ok().json["zlib"]
    found = minicon("search", f"{server.url}/osx-arm64::zlib=1.11", "--json").ok().json["zlib"]
    assert [each["subdir"] for each in found] == ["osx-arm64"]
    assert search(minicon, server, "elsewhere::zlib").code == 1


def test_wheels_are_shown_with_what_they_require(minicon, tmp_path) -> None:
    wheel = WheelBuilder("top").requires("leaf>=1", "old; python_version<'3'", "x; extra=='y'")
    wheel.build(tmp_path)
    WheelBuilder("leaf").build(tmp_path)
    minicon.set(PIP_FIND_LINKS=str(tmp_path))
    (found,) = minicon("search -c pypi top --info --json").ok().json["top"]
    assert found["depends"] == ["python *", "leaf >=1"]
    (found,) = minicon("search -c pypi leaf --json").ok().json["leaf"]
    assert found["depends"] == ["python *"]


def test_a_table_keeps_no_records(minicon, server, monkeypatch) -> None:
    def count_and_make(rows):
        kept.append(sum(isinstance(each, RepodataRecord) for each in gc.get_objects()))
        return table(rows)

    kept: list[int] = []
    table = listing.table
    monkeypatch.setattr(listing, "table", count_and_make)
    gc.collect()
    before = sum(isinstance(each, RepodataRecord) for each in gc.get_objects())
    outcome = search(minicon, server, "many*")
    assert outcome.out.count("many") >= len(NAMES)
    assert kept[0] - before <= 1
