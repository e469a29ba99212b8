"""Invalid URLs from an index or a page are refused, however they are requested."""

from __future__ import annotations

import contextlib

import pytest
from tests.support.api_world import make_services

from minicon.errors import ChannelError

ODD = (
    "http://127.0.0.1:1/\udc80",
    "http://127.0.0.1:99999999/x",
    "http://[::1",
    "http:///x",
    f"http://{'a' * 300}/",
    "http://a..b/",
    "http://user:p\udc80@127.0.0.1:1/",
    "http://ex\udc80ample.invalid/",
    "oci://127.0.0.1:1/\udc80/x",
    "s3://b/\udc80",
    "file:///a\0b",
    "file://host/x",
    "",
)


@pytest.mark.parametrize("url", ODD, ids=ascii)
def test_an_invalid_url_is_refused(tmp_path, url):
    settings = {"remote_max_retries": 0}
    with contextlib.closing(make_services(tmp_path, **settings)) as services:
        for ask in (services.fetcher.open, services.fetcher.open_small):
            with pytest.raises(ChannelError) as caught:
                ask(url)
            caught.value.message.encode()
        # Later requests work.
        assert services.fetcher.open_small((tmp_path / "x").as_uri()).status == 404
        with pytest.raises(ChannelError, match="refused"):
            services.fetcher.open_small("http://127.0.0.1:1/x")
