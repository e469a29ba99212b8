"""Run exports: from the record if it has them, else from the file beside the repodata (CEP 12)."""

from __future__ import annotations

import json

import pytest
from tests.support.channel_server import ChannelServer, Status
from tests.support.channels import ChannelBuilder, compress

from minicon.models.channel import Channel
from minicon.net.routing import make_fetcher
from minicon.repodata.client import ChannelClient

WEAK = {"weak": ["zlib >=1.3,<2"], "strong": []}


@pytest.fixture
def builder(tmp_path):
    builder = ChannelBuilder(tmp_path / "channel")
    builder.add_all("zlib-1.3-0", "zlib-1.2-0.tar.bz2", "quiet-1-0")
    return builder.write(zst=True, shards=True)


@pytest.fixture
def server(builder):
    with ChannelServer(builder.directory) as server:
        server.cache_control = "max-age=600"
        yield server


def write_exports(builder, *, compressed: bool) -> None:
    data = {
        "info": {"platform": "linux", "arch": "x86_64", "subdir": "linux-64", "version": 1},
        "packages": {"zlib-1.2-0.tar.bz2": {"run_exports": ["zlib 1.2.*"]}},
        "packages.conda": {
            "zlib-1.3-0.conda": {"run_exports": WEAK},
            "quiet-1-0.conda": {"run_exports": {}},
        },
    }
    text = json.dumps(data, indent=1).encode()
    folder = builder.directory / "linux-64"
    name = "run_exports.json.zst" if compressed else "run_exports.json"
    (folder / name).write_bytes(compress(text) if compressed else text)


def exports(tmp_path, server, **options):
    client = ChannelClient(make_fetcher, tmp_path / "cache", **options)
    channel = Channel("c", server.url)
    index = client.index(channel, "linux-64")
    reader = client.run_exports()
    records = [r for name in ("zlib", "quiet") for r in index.records_for(name)]
    return {record.fn: reader.of(channel, record) for record in records}


@pytest.mark.parametrize("compressed", [True, False])
@pytest.mark.parametrize("use_shards", [True, False])
def test_they_are_read_from_the_file_beside_the_index(
    tmp_path, builder, server, compressed, use_shards
) -> None:
    write_exports(builder, compressed=compressed)
    found = exports(tmp_path, server, use_shards=use_shards)
    assert found == {
        "zlib-1.3-0.conda": {"weak": ("zlib >=1.3,<2",)},
        "zlib-1.2-0.tar.bz2": {"weak": ("zlib 1.2.*",)},
        "quiet-1-0.conda": {},
    }
    server.forget()
    assert exports(tmp_path, server, use_shards=use_shards) == found
    assert server.count() == 0


def test_records_with_run_exports_need_no_file(tmp_path, builder, server) -> None:
    exported = {"strong": ["libgcc >=13"], "weak": 7, "other": ["x"], "noarch": ["a", 7]}
    builder.add("zlib-2-0", run_exports=exported)
    builder.write(zst=True, shards=True)
    found = exports(tmp_path, server)
    assert found["zlib-2-0.conda"] == {"strong": ("libgcc >=13",), "noarch": ("a",)}


def test_a_channel_without_the_file_has_none(tmp_path, server) -> None:
    assert set(exports(tmp_path, server).values()) == {None}
    server.forget()
    assert set(exports(tmp_path, server).values()) == {None}
    assert server.count("*run_exports*") == 0


def test_offline_the_cached_file_is_read(tmp_path, builder, server) -> None:
    write_exports(builder, compressed=True)
    found = exports(tmp_path, server, clock=lambda: 1.0)
    server.fault("*", Status(500))
    assert exports(tmp_path, server, offline=True, clock=lambda: 1e9) == found


def test_a_changed_file_is_fetched_and_an_unchanged_one_revalidated(
    tmp_path, builder, server
) -> None:
    write_exports(builder, compressed=True)
    exports(tmp_path, server, ttl_seconds=0)
    server.forget()
    exports(tmp_path, server, ttl_seconds=0)
    statuses = [r.status for r in server.requests if "run_exports" in r.path]
    assert statuses == [304]
