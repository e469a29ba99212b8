"""Mutated files of channels: a reported error, or a solve that continues. Never a crash."""

from __future__ import annotations

import io
import json
from datetime import datetime, timezone

import pytest
from hypothesis import given
from tests.support.channels import compress, make_record, pack_record
from tests.support.mutations import fuzz, json_bytes, mutated_bytes, mutated_json, mutated_msgpack

from minicon.errors import MiniconError
from minicon.models.channel import Channel
from minicon.models.match_spec.spec import MatchSpec
from minicon.repodata.channels.notices import parse_notices
from minicon.repodata.channels.relations import relations_of
from minicon.repodata.index.base_url import resolve_base_url
from minicon.repodata.index.convert import index_bytes, unread_revisions
from minicon.repodata.index.decode import Members
from minicon.repodata.index.index_file import IndexFile
from minicon.repodata.index.record_source import RecordSource
from minicon.repodata.index.subdir_index import ConvertedIndex, EmptyIndex
from minicon.repodata.run_exports import _checked as checked
from minicon.repodata.shards.shard_format import ShardDamagedError
from minicon.repodata.shards.sharded_index import _dependencies, _members_of
from minicon.repodata.shards.shards_index import shards_index_bytes
from minicon.solver.request import SolveRequest
from minicon.solver.solver import CondaSolver

URL = "https://example.org/c/linux-64"
SOURCE = RecordSource("https://example.org/c", "linux-64", URL + "/")
FN, RECORD = make_record(
    "bad-1.0-0",
    depends=["good >=1", "other[version='>=1']"],
    constrains=["third <3"],
    track_features="slow",
    features="mkl",
    flags=["cuda"],
    extra_depends={"docs": ["sphinx >=1"]},
    license="MIT",
    noarch="python",
    indexed_timestamp=1_700_000_000_000,
    run_exports={"weak": ["good >=1"]},
    python_site_packages_path="lib/python3.11/site-packages",
)
GOOD_FN, GOOD = make_record("good-1.0-0")
BAD_TOO = dict([make_record("bad-0.9-0")])
INFO = {
    "subdir": "linux-64",
    "base_url": "../files",
    "shards_base_url": "./shards/",
    "channel_relations": {"base": "../base", "overrides": "../other"},
    "repodata_revisions": {"v9": {"n_packages": 3, "message": "newer"}},
}
DOCUMENT = {
    "info": INFO,
    "packages": {},
    "packages.conda": {FN: RECORD, **BAD_TOO, GOOD_FN: GOOD},
    "removed": ["gone-1.0-0.conda"],
    "v3": {"conda": {"bad-2.0-0": {**RECORD, "version": "2.0"}}},
    "repodata_version": 2,
}


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    return tmp_path_factory.mktemp("index")


def opened(data: bytes, folder, name: str = "repodata.json") -> ConvertedIndex:
    """Open the index of a body as the client does."""
    path = folder / "x.index"
    path.write_bytes(b"".join(index_bytes(io.BytesIO(data), name, URL, "linux-64")))
    file = IndexFile(path)
    base = resolve_base_url(URL, file.meta["info"].get("base_url"))
    source = RecordSource(SOURCE.channel, SOURCE.subdir, base)
    return ConvertedIndex(source, file, "x", lambda text: text.encode(), lambda: file)


def use(index) -> None:
    """Read from an index everything that commands read."""
    for name in index.names():
        for record in index.records_for(name):
            text = json.dumps(record.to_json(), allow_nan=False, ensure_ascii=False)
            text.encode()
            assert isinstance(record.size, int | None)
            assert (record.size or 0) >= 0
            assert record.timestamp < 1 << 48
            assert isinstance(record.license, str | None)
    "".join(unread_revisions(index.info)).encode()


def solve(index, *specs: str):
    request = SolveRequest(
        specs=tuple(map(MatchSpec, specs)),
        channels=((index, EmptyIndex(SOURCE.channel, "noarch")),),
        platform="linux-64",
    )
    try:
        return CondaSolver().solve(request)
    except MiniconError as error:
        error.message.encode()
        return None


@fuzz(250)
@given(mutated_json(DOCUMENT))
def test_repodata(folder, data):
    try:
        use(opened(data, folder))
    except MiniconError:
        return


@fuzz(150)
@given(mutated_json(RECORD, whole=True))
def test_one_bad_record_does_not_stop_a_solve(folder, record):
    """A bad record does not hide other records of its own and of other names."""
    others = {**BAD_TOO, GOOD_FN: GOOD}
    document = b'{"packages.conda":{"%b":%b,%b}' % (FN.encode(), record, json_bytes(others)[1:])
    index = opened(document, folder)
    assert index.records_for("good")
    assert index.records_for("bad")
    solve(index, "bad")
    assert solve(index, "good") is not None


@fuzz(75)
@given(mutated_json(DOCUMENT).map(compress).flatmap(mutated_bytes))
def test_compressed_repodata(folder, data):
    try:
        use(opened(data, folder, "repodata.json.zst"))
    except MiniconError:
        return


SHARD = {
    "packages": {},
    "packages.conda": {FN: pack_record(RECORD)},
    "removed": ["gone-1.0-0.conda"],
    "v3": {"conda": {"bad-2.0-0": pack_record({**RECORD, "version": "2.0"})}},
}


@fuzz(200)
@given(mutated_msgpack(SHARD))
def test_shards(data):
    try:
        members = _members_of(compress(data, 1))
    except ShardDamagedError:
        return
    _dependencies(members.by_file_name.values())
    for record in members.records("bad", SOURCE, lambda text: text.encode()):
        json.dumps(record.to_json(), allow_nan=False, ensure_ascii=False).encode()


@fuzz(150)
@given(
    mutated_msgpack({"version": 1, "info": INFO, "shards": {"bad": b"x" * 32, "good": b"y" * 32}})
)
def test_shards_indexes(folder, data):
    path = folder / "shards.index"
    try:
        path.write_bytes(shards_index_bytes(compress(data, 1), URL, "linux-64"))
        index = IndexFile(path)
        resolve_base_url(URL, index.meta["info"].get("shards_base_url"), what="shards_base_url")
        resolve_base_url(URL, index.meta["info"].get("base_url"))
    except MiniconError:
        return
    list(index.names())


@fuzz(50)
@given(mutated_bytes(compress(b"\x81\xa1a\xa1b")))
def test_shards_that_are_damaged(data):
    try:
        _members_of(data)
    except ShardDamagedError:
        return


@fuzz(100)
@given(mutated_json(INFO, whole=True))
def test_relations(folder, info):
    base = "https://example.org/main"
    try:
        index = opened(b'{"info":%b}' % info, folder)
        relations = relations_of(base, [index.info])
    except MiniconError:
        return
    "".join(unread_revisions(index.info)).encode()
    assert all(url.startswith("https://example.org/") for url in relations.urls)


@fuzz(100)
@given(mutated_json({"weak": ["good >=1"], "strong": ["other"], "noarch": ["x"]}, whole=True))
def test_run_exports(folder, exports):
    record = b'{"%b":{"name":"bad","run_exports":%b}}' % (FN.encode(), exports)
    index = opened(b'{"packages.conda":%b}' % record, folder)
    for section, payload in index._file.segments("bad"):
        members = Members()
        members.add_payload(section, payload)
        for found in members.by_file_name.values():
            for specs in checked(found.get("run_exports")).values():
                "".join(specs).encode()


NOTICE = {
    "id": "1",
    "message": "mind the gap",
    "level": "warning",
    "created_at": "2024-01-01T00:00:00Z",
    "expired_at": "2034-01-01T00:00:00Z",
}


@fuzz(150)
@given(mutated_json({"notices": [NOTICE]}))
def test_notices(data):
    channel = Channel("c", "https://example.org/c")
    now = datetime.now(timezone.utc)
    for notice in parse_notices(channel, data):
        json.dumps(notice.to_json(), ensure_ascii=False).encode()
        assert notice.level in ("critical", "warning", "info")
        assert notice.expires is None or notice.expires > now or notice.expires <= now
