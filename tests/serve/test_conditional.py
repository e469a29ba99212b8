"""Conditions, ranges and caching of files, as RFC 9110 and CEP 16 say."""

from __future__ import annotations

import pytest

from minicon.serve.files.conditional import Part, cache_control, choose_part

ETAG, MODIFIED, SIZE = '"a-1"', 1_700_000_000.5, 100
SAME_TIME, EARLIER = "Tue, 14 Nov 2023 22:13:20 GMT", "Tue, 14 Nov 2023 22:13:19 GMT"


@pytest.mark.parametrize(
    ("headers", "expected"),
    [
        ({}, Part(200, 0, 100)),
        ({"Range": "bytes=0-9"}, Part(206, 0, 10)),
        ({"Range": "bytes=90-"}, Part(206, 90, 10)),
        ({"Range": "bytes=-5"}, Part(206, 95, 5)),
        ({"Range": "bytes=-500"}, Part(206, 0, 100)),
        ({"Range": "bytes=50-5000"}, Part(206, 50, 50)),
        ({"Range": "bytes=100-"}, Part(416)),
        ({"Range": "bytes=-0"}, Part(416)),
        ({"Range": "bytes=9-3"}, Part(200, 0, 100)),
        ({"Range": "bytes=-"}, Part(200, 0, 100)),
        ({"Range": "bytes=0-1,5-6"}, Part(200, 0, 100)),
        ({"Range": "lines=0-1"}, Part(200, 0, 100)),
        ({"Range": "bytes=0-9", "If-Range": ETAG}, Part(206, 0, 10)),
        ({"Range": "bytes=0-9", "If-Range": '"b"'}, Part(200, 0, 100)),
        ({"Range": "bytes=0-9", "If-Range": SAME_TIME}, Part(206, 0, 10)),
        ({"Range": "bytes=0-9", "If-Range": EARLIER}, Part(200, 0, 100)),
        ({"If-None-Match": ETAG}, Part(304)),
        ({"If-None-Match": f'"x", W/{ETAG}'}, Part(304)),
        ({"If-None-Match": "*"}, Part(304)),
        ({"If-None-Match": '"x"', "If-Modified-Since": SAME_TIME}, Part(200, 0, 100)),
        ({"If-Modified-Since": SAME_TIME}, Part(304)),
        ({"If-Modified-Since": EARLIER}, Part(200, 0, 100)),
        ({"If-Modified-Since": "no date"}, Part(200, 0, 100)),
        ({"If-Match": '"x"'}, Part(412)),
        ({"If-Match": ETAG}, Part(200, 0, 100)),
    ],
)
def test_parts(headers: dict[str, str], expected: Part) -> None:
    assert choose_part(headers, ETAG, MODIFIED, SIZE) == expected


def test_only_shards_are_cached_without_a_check() -> None:
    shard = f"{'0' * 64}.msgpack.zst"
    assert cache_control(shard, is_private=False) == "public, max-age=31536000, immutable"
    assert cache_control("a-1-0.conda", is_private=True) == "private, max-age=86400"
    for name in ("repodata.json", "repodata_shards.msgpack.zst", "repodata.json.zst"):
        assert cache_control(name, is_private=False) == "public, no-cache"
