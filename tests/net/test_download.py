"""Downloads: complete and verified, or missing."""

from __future__ import annotations

import hashlib
import threading
import time

import pytest
from tests.support.channel_server import (
    BadRange,
    Body,
    ChannelServer,
    CutWithoutLength,
    FlipBytes,
    Html,
    Longer,
    NoRange,
    NotModified,
    Reset,
    Stall,
    Status,
    Truncate,
    WrongLength,
)

from minicon.errors import ChannelError, FileError, HashMismatch, PackageError
from minicon.net.client.retry import RetryPolicy
from minicon.net.client.session import HttpFetcher
from minicon.net.download import download
from minicon.net.parallel import CancelledError, run_parallel
from minicon.net.schemes.file_fetcher import FileFetcher

BODY = bytes(range(256)) * 4000
SHA256 = hashlib.sha256(BODY).hexdigest()
MD5 = hashlib.md5(BODY).hexdigest()
SIZE = len(BODY)
QUICK = RetryPolicy(retries=3, first_wait=0.001)


class Counter:
    """A task that counts bytes."""

    def __init__(self) -> None:
        self.amount = 0

    def advance(self, amount: int) -> None:
        assert amount >= 0
        self.amount += amount

    def finish(self) -> None:
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    (folder / "file").write_bytes(BODY)
    with ChannelServer(folder) as server:
        yield server


@pytest.fixture
def target(tmp_path):
    return tmp_path / "file"


def get(server, target, *, path="/file", sha256=SHA256, size=SIZE, **options) -> Counter:
    task = Counter()
    fetcher = HttpFetcher(read_timeout=0.4, retry=RetryPolicy(retries=1, first_wait=0.001))
    options.setdefault("retry", QUICK)
    download(fetcher, server.url + path, target, sha256=sha256, size=size, task=task, **options)
    return task


def partial(target):
    return target.with_name(target.name + ".partial")


def test_a_file_is_downloaded(server, target) -> None:
    task = get(server, target)
    assert target.read_bytes() == BODY
    assert task.amount == len(BODY)
    assert not partial(target).exists()
    assert len(server.requests) == 1


@pytest.mark.parametrize(
    "fault",
    [Truncate(300_000), Reset(300_000), Stall(300_000), CutWithoutLength(300_000), WrongLength(-9)],
)
@pytest.mark.parametrize("times", [1, 2])
def test_a_broken_transfer_is_resumed(server, target, fault, times) -> None:
    server.fault("/file", fault, times=times)
    task = get(server, target)
    assert target.read_bytes() == BODY
    assert task.amount == len(BODY)
    assert len(server.requests) == times + 1
    ranges = [request.headers.get("Range") for request in server.requests]
    assert ranges[0] is None
    if not isinstance(fault, Reset):  # a reset may discard bytes in transfer
        assert all(ranges[1:])


@pytest.mark.parametrize("fault", [Truncate(9), Reset(9), Stall(9), CutWithoutLength(9)])
def test_a_transfer_that_always_breaks_fails(server, target, fault) -> None:
    server.fault("/file", fault)
    with pytest.raises(ChannelError) as caught:
        get(server, target)
    assert "/file" in caught.value.message
    assert caught.value.hint
    assert not target.exists()
    assert len(server.requests) <= 5


@pytest.mark.parametrize(
    ("fault", "reference"),
    [
        (FlipBytes(), "hash-mismatch"),
        (Longer(), "size-mismatch"),
        (Longer(10_000_000), "size-mismatch"),
        (Html(), "web-page"),
        (Body(b"\0" * len(BODY)), "hash-mismatch"),
    ],
)
def test_wrong_bytes_are_requested_once_more_and_never_renamed(
    server, target, fault, reference
) -> None:
    server.fault("/file", fault, times=1)
    get(server, target)
    assert target.read_bytes() == BODY
    target.unlink()
    server.forget()
    server.fault("/file", fault)
    with pytest.raises(HashMismatch) as caught:
        get(server, target)
    assert caught.value.reference == reference
    assert "proxy" in caught.value.hint
    assert len(server.requests) == 2
    assert not target.exists()
    assert not partial(target).exists()


def test_the_error_contains_both_hashes(server, target) -> None:
    with pytest.raises(HashMismatch) as caught:
        get(server, target, sha256="0" * 64)
    assert "0" * 64 in caught.value.message
    assert SHA256 in caught.value.message


def test_an_empty_response_is_refused(server, target) -> None:
    server.fault("/file", Body(b""))
    with pytest.raises(ChannelError, match="ended after 0 of"):
        get(server, target)
    assert not target.exists()


def test_an_empty_file_is_accepted(server, target) -> None:
    server.fault("/file", Body(b""))
    get(server, target, sha256=hashlib.sha256(b"").hexdigest(), size=0)
    assert target.read_bytes() == b""


def test_a_partial_file_is_resumed(server, target) -> None:
    partial(target).write_bytes(BODY[:500_000])
    task = get(server, target)
    assert target.read_bytes() == BODY
    assert server.requests[0].headers["Range"] == "bytes=500000-"
    assert task.amount == len(BODY)


@pytest.mark.parametrize("rest", [BODY, b"x" * len(BODY), b"x" * 500_000, BODY + b"x"])
def test_a_partial_file_with_any_content_is_harmless(server, target, rest) -> None:
    partial(target).write_bytes(rest)
    get(server, target)
    assert target.read_bytes() == BODY
    assert len(server.requests) == (0 if rest == BODY else 2 if len(rest) < len(BODY) else 1)


def test_without_a_hash_nothing_is_resumed(server, target) -> None:
    partial(target).write_bytes(b"x" * 1000)
    get(server, target, sha256=None, allow_unverified=True)
    assert target.read_bytes() == BODY
    assert "Range" not in server.requests[0].headers


@pytest.mark.parametrize("fault", [NoRange(), BadRange(0), BadRange(7), Status(416)])
def test_servers_without_ranges(server, target, fault) -> None:
    partial(target).write_bytes(BODY[:1000])
    server.fault("/file", fault, times=1)
    get(server, target)
    assert target.read_bytes() == BODY


def test_a_file_that_changes_between_two_parts(server, target) -> None:
    server.fault("/file", Truncate(300_000), times=1)
    other = b"other" * (len(BODY) // 5)
    server.fault("/file", Body(other, {"ETag": '"other"'}), times=1)
    get(server, target)
    assert target.read_bytes() == BODY


def test_md5_is_enough_without_sha256(server, target) -> None:
    get(server, target, sha256=None, md5=MD5)
    with pytest.raises(HashMismatch, match="md5"):
        get(server, target, sha256=None, md5="0" * 32)


@pytest.mark.parametrize("sha256", ["", "abc", "g" * 64])
def test_an_invalid_hash_is_refused(server, target, sha256) -> None:
    with pytest.raises(PackageError) as caught:
        get(server, target, sha256=sha256)
    assert caught.value.reference == "invalid-hash"
    assert not server.requests


def test_no_hash_is_refused_unless_allowed(server, target) -> None:
    with pytest.raises(PackageError) as caught:
        get(server, target, sha256=None)
    assert caught.value.reference == "no-hash"


@pytest.mark.parametrize(
    ("status", "words"),
    [(404, "run the command again"), (401, "token"), (403, "credentials"), (503, "later")],
)
def test_statuses_have_their_hints(server, target, status, words) -> None:
    server.fault("/file", Status(status))
    with pytest.raises(ChannelError) as caught:
        get(server, target)
    assert str(status) in caught.value.message
    assert words in caught.value.hint


@pytest.mark.parametrize(
    ("status", "reference"),
    [
        (401, "access-denied"),
        (403, "access-denied"),
        (404, "not-on-server"),
        (503, "server-failed"),
    ],
)
def test_a_status_is_reported_rather_than_its_page(server, target, status, reference) -> None:
    page = {"Content-Type": "text/html; charset=utf-8"}
    server.fault("/file", Status(status, body=b"<html>Who are you?</html>", headers=page))
    with pytest.raises(ChannelError) as caught:
        get(server, target)
    assert caught.value.reference == reference
    assert str(status) in caught.value.message


@pytest.mark.parametrize("change", [BODY[:-1], BODY + b"x", b"\0" * SIZE])
def test_hints_for_local_files_do_not_mention_login_pages(tmp_path, target, change) -> None:
    source = tmp_path / "changed"
    source.write_bytes(change)
    with pytest.raises((HashMismatch, ChannelError)) as caught:
        download(FileFetcher(), source.as_uri(), target, sha256=SHA256, size=SIZE, retry=QUICK)
    assert "login" not in f"{caught.value.hint}"
    assert not target.exists()


def test_304_is_an_error_for_a_download(server, target) -> None:
    server.fault("/file", NotModified())
    with pytest.raises(ChannelError, match="unexpected HTTP status 304"):
        get(server, target)


def test_a_missing_directory(server, target) -> None:
    with pytest.raises(FileError, match="cannot write"):
        get(server, target / "below")


def test_a_full_disk_leaves_no_target(server, target, monkeypatch) -> None:
    from minicon.fs import operations

    calls = []

    def fail(operation, *_) -> None:
        calls.append(operation)
        if operation == "append_file" and calls.count("append_file") == 2:
            raise OSError(28, "No space left on device")

    monkeypatch.setattr(operations, "checkpoint", fail)
    with pytest.raises(FileError) as caught:
        get(server, target)
    assert caught.value.reference == "disk-full"
    assert not target.exists()
    monkeypatch.undo()
    get(server, target)
    assert target.read_bytes() == BODY


def test_many_files_at_once(server, tmp_path) -> None:
    server.latency = 0.05
    http = HttpFetcher()
    began = time.monotonic()
    run_parallel(
        lambda n, event: download(
            http, f"{server.url}/file", tmp_path / str(n), sha256=SHA256, cancelled=event
        ),
        range(10),
        workers=10,
    )
    assert time.monotonic() - began < 1
    assert all((tmp_path / str(n)).read_bytes() == BODY for n in range(10))


def test_the_first_failure_stops_the_others(server, tmp_path) -> None:
    server.fault("/slow", Stall(10, seconds=20))
    server.fault("/bad", Status(404))
    http = HttpFetcher()

    def fetch(name: str, cancelled: threading.Event) -> None:
        url = f"{server.url}/{name.rstrip('0123')}"
        download(http, url, tmp_path / name, sha256=SHA256, cancelled=cancelled)

    began = time.monotonic()
    with pytest.raises(ChannelError, match="404"):
        run_parallel(fetch, ["slow1", "slow2", "slow3", "bad"], workers=4)
    assert time.monotonic() - began < 4
    assert not list(tmp_path.glob("slow?"))


# run_parallel


def test_results_come_in_order() -> None:
    assert run_parallel(lambda n, _: n * n, range(50), workers=7) == [n * n for n in range(50)]
    assert run_parallel(lambda n, _: n, [], workers=7) == []


def test_an_interrupt_stops_the_workers() -> None:
    stopped = threading.Event()

    def work(number: int, cancelled: threading.Event) -> None:
        if number == 0:
            raise KeyboardInterrupt
        if cancelled.wait(10):
            stopped.set()
            raise CancelledError

    began = time.monotonic()
    with pytest.raises(KeyboardInterrupt):
        run_parallel(work, range(4), workers=4)
    assert time.monotonic() - began < 2
    assert stopped.is_set()
