"""Archives in an S3 bucket (moto) are indexed by ranges, with the bytes of a local run."""

from __future__ import annotations

import json
import shutil

import pytest
from tests.support.packages import PackageBuilder
from tests.support.s3_server import KEY, SECRET
from tests.support.wheels import WheelBuilder

from minicon.errors import ChannelError
from minicon.net.client.responses import BufferedResponse
from minicon.net.routing import make_fetcher
from minicon.net.schemes.s3_listing import list_objects
from minicon.publish.channel_index import index_channel
from minicon.publish.reading import remote_entry
from minicon.publish.reading.sources import S3Source


@pytest.fixture
def channel(tmp_path, server, monkeypatch):
    """A directory, and the same files in a bucket, packages with checksums."""
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    folder = tmp_path / "channel"
    for number in range(3):
        PackageBuilder(f"tool{number}").file("lib/large", bytes(200_000)).build(folder)
    PackageBuilder("old").build(folder, ".tar.bz2")
    (folder / "noarch").mkdir()
    WheelBuilder("pure").build(folder / "noarch")
    (folder / "linux-64" / "bad-1-0.conda").write_bytes(b"PK")
    bucket = f"bucket{len(server.client.list_buckets()['Buckets'])}"
    server.client.create_bucket(Bucket=bucket)
    for path in folder.rglob("*.*"):
        if path.is_file():
            key = f"a/b/{path.relative_to(folder).as_posix()}"
            more = {} if path.suffix == ".whl" else {"ChecksumAlgorithm": "SHA256"}
            body = path.read_bytes()
            server.client.put_object(Bucket=bucket, Key=key, Body=body, **more)
    return folder, f"s3://{bucket}/a/b", server.options(bucket)


def files(folder):
    return {
        path.relative_to(folder).as_posix(): path.read_bytes()
        for path in folder.rglob("*.json*")
        if ".cache" not in path.parts
    }


def test_a_bucket_is_indexed_with_the_bytes_of_a_local_run(channel, tmp_path, monkeypatch) -> None:
    folder, url, options = channel
    fetcher = make_fetcher(s3_options=options)
    by_ranges = []
    original = remote_entry._read_by_ranges

    def note(*arguments):
        found = original(*arguments)
        by_ranges.append(found is not None)
        return found

    monkeypatch.setattr(remote_entry, "_read_by_ranges", note)
    summary = index_channel(tmp_path / "out", source=S3Source(fetcher, url, options), now=1)
    assert summary.counts == {"linux-64": 4, "noarch": 1}
    assert [path.name for path, _ in summary.errors] == ["bad-1-0.conda"]
    assert by_ranges.count(True) == 4

    local = tmp_path / "local" / "out"
    shutil.copytree(folder, local)
    index_channel(local, now=1)
    assert files(tmp_path / "out") == files(local)

    again = index_channel(tmp_path / "out", source=S3Source(fetcher, url, options), now=2)
    assert again.reused == 6
    fetcher.close()


PAGE = """<?xml version="1.0"?><ListBucketResult xmlns="http://s3.amazonaws.com/doc/2006-03-01/">
<Prefix>a/</Prefix>{content}</ListBucketResult>"""
ITEM = '<Contents><Key>a/{}</Key><Size>7</Size><ETag>"x"</ETag></Contents>'


class PagedServer:
    """A fetcher that answers with the pages of a listing."""

    def __init__(self, *pages: str) -> None:
        self.pages, self.urls = list(pages), []

    def open(self, url, *, headers=None, timeout=None):
        self.urls.append(url)
        return BufferedResponse(url, 200, {}, self.pages.pop(0).encode())


def test_a_listing_has_several_pages() -> None:
    more = "<NextContinuationToken>t/1=</NextContinuationToken>"
    folder = "<CommonPrefixes><Prefix>a/noarch/</Prefix></CommonPrefixes>"
    server = PagedServer(
        PAGE.format(content=ITEM.format("one") + more),
        PAGE.format(content=ITEM.format("two") + folder),
    )
    found = list(list_objects(server, "s3://b/a/"))
    assert [each.name for each in found] == ["one", "two", "noarch/"]
    assert (found[0].size, found[0].etag) == (7, "x")
    assert server.urls == ["s3://b/a/", "s3://b/a/?t%2F1%3D"]


@pytest.mark.parametrize("answer", ["", "<html", '<!DOCTYPE x [<!ENTITY a "b">]><x/>'])
def test_an_answer_that_is_no_listing_is_refused(answer) -> None:
    with pytest.raises(ChannelError, match="not a listing"):
        list(list_objects(PagedServer(answer), "s3://b/a/"))


def test_shares_of_a_bucket_can_be_sent(channel) -> None:
    """Workers have their own credentials: a share has none."""
    import pickle

    from minicon.publish.reading.shares import ListedArchive, Share, read_share

    _, url, options = channel
    share = Share(f"{url}/linux-64", (ListedArchive("tool1-1.0-0.conda", 1, 1),), 7, options)
    (entry,) = read_share(pickle.loads(pickle.dumps(share)))
    assert json.loads(entry.record)["name"] == "tool1"
    assert KEY not in repr(share)
