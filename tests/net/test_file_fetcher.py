"""Responses to file:// URLs are like those of a web server."""

from __future__ import annotations

import os

import pytest

from minicon.errors import ChannelError
from minicon.net.schemes.file_fetcher import FileFetcher


@pytest.fixture
def file(tmp_path):
    path = tmp_path / "with space ü" / "file"
    path.parent.mkdir()
    path.write_bytes(b"0123456789")
    return path


def status_of(file, headers) -> int:
    with FileFetcher().open(file.as_uri(), headers=headers) as response:
        return response.status


def test_a_file_is_read(file) -> None:
    with FileFetcher().open(file.as_uri()) as response:
        assert (response.status, response.headers["Content-Length"]) == (200, "10")
        assert list(response.chunks(4)) == [b"0123", b"4567", b"89"]


def test_unchanged_files_get_304_and_changed_ones_do_not(file) -> None:
    with FileFetcher().open(file.as_uri()) as response:
        condition = {"If-None-Match": response.headers["etag"]}
    assert status_of(file, condition) == 304
    modified = file.stat().st_mtime_ns
    os.utime(file, ns=(0, modified + 1))
    assert status_of(file, condition) == 200
    other = file.with_name("other")
    other.write_bytes(b"9876543210")
    os.utime(other, ns=(0, modified))
    other.replace(file)
    assert status_of(file, condition) == 200


@pytest.mark.parametrize(
    ("wanted", "status", "body"),
    [
        ("bytes=4-", 206, b"456789"),
        ("bytes=2-3", 206, b"23"),
        ("bytes=8-99", 206, b"89"),
        ("bytes=-3", 206, b"789"),
        ("bytes=-99", 206, b"0123456789"),
        ("bytes=-", 200, b"0123456789"),
        ("bytes=-0", 416, b""),
        ("bytes=10-", 416, b""),
        ("lines=1-", 200, b"0123456789"),
    ],
)
def test_ranges(file, wanted, status, body) -> None:
    with FileFetcher().open(file.as_uri(), headers={"Range": wanted}) as response:
        assert (response.status, response.read()) == (status, body)


def test_a_range_of_a_changed_file_is_the_whole_file(file) -> None:
    headers = {"Range": "bytes=4-", "If-Range": '"another"'}
    assert status_of(file, headers) == 200


def test_a_missing_file_is_404(file) -> None:
    for url in (file.as_uri() + "x", file.parent.as_uri(), file.as_uri() + "/below"):
        assert FileFetcher().open(url).status == 404


def test_limits_and_hosts(file) -> None:
    with (
        FileFetcher().open(file.as_uri()) as response,
        pytest.raises(ChannelError, match="more than the 5 bytes"),
    ):
        response.read(5)
    with pytest.raises(ChannelError, match="contains a host name"):
        FileFetcher().open("file://server/share/x")


def test_a_file_that_shrinks_while_it_is_read(file) -> None:
    with FileFetcher().open(file.as_uri()) as response:
        os.truncate(file, 3)
        with pytest.raises(ChannelError, match="became shorter"):
            response.read()


@pytest.mark.skipif(os.geteuid() == 0, reason="root reads everything")
def test_a_file_without_permission_names_itself(file) -> None:
    file.chmod(0)
    with pytest.raises(ChannelError, match="Permission denied"):
        FileFetcher().open(file.as_uri())
