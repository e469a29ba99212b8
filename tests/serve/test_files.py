"""Files of a channel, from a real server: to programs, to minicon, and to hostile clients."""

from __future__ import annotations

import hashlib
import json
import os
import signal
import threading
import time

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.served import serving


def test_files_are_sent_as_they_are(served, team) -> None:
    for path in ("linux-64/repodata.json", "noarch/data-files-1.0-0.conda"):
        answer = served.get(f"/team/{path}")
        assert answer.status_code == 200
        assert answer.content == (team / path).read_bytes()
    assert answer.headers["Cache-Control"] == "public, max-age=86400"
    compressed = served.get("/team/linux-64/repodata.json.zst")
    assert compressed.headers["Content-Type"] == "application/zstd"
    assert "Content-Encoding" not in compressed.headers


def test_conditional_requests_and_ranges(served, team) -> None:
    path = "/team/noarch/data-files-1.0-0.conda"
    whole = served.get(path)
    part = served.get(path, headers={"Range": "bytes=10-19"})
    assert (part.status_code, part.content) == (206, whole.content[10:20])
    assert part.headers["Content-Range"] == f"bytes 10-19/{len(whole.content)}"
    etag = whole.headers["ETag"]
    unchanged = served.get(path, headers={"If-None-Match": etag})
    assert (unchanged.status_code, unchanged.content) == (304, b"")
    assert served.get(path, headers={"Range": "bytes=999999999-"}).status_code == 416
    head = served.send("HEAD", path)
    assert head.headers["Content-Length"] == str(len(whole.content))


def test_large_files_are_sent_in_pieces(tmp_path) -> None:
    data = os.urandom(5_000_000)
    (tmp_path / "big" / "noarch").mkdir(parents=True)
    (tmp_path / "big" / "noarch" / "big-1-0.conda").write_bytes(data)
    with serving(tmp_path, tmp_path / "big") as server:
        answer = server.get("/big/noarch/big-1-0.conda")
        assert hashlib.sha256(answer.content).digest() == hashlib.sha256(data).digest()
        part = server.get("/big/noarch/big-1-0.conda", headers={"Range": "bytes=-3000000"})
        assert part.content == data[2_000_000:]


def test_shards_may_be_cached_for_ever(served, team) -> None:
    (shard, *_) = (team / "linux-64" / "shards").iterdir()
    answer = served.get(f"/team/linux-64/shards/{shard.name}")
    assert answer.headers["Cache-Control"].endswith("immutable")


@pytest.mark.parametrize(
    "path",
    [
        "/team/../../etc/passwd",
        "/team/%2e%2e/%2e%2e/etc/passwd",
        "/team/linux-64/..%2f..%2fsecret",
        "/team//etc/passwd",
        "/team/.cache/minicon-index.lock",
        "/team/linux-64/.cache/minicon-index.json",
        "/team/linux-64/link",
        "/team/linked/repodata.json",
        "/team/linux-64/pipe",
        "/team/linux-64/%00",
        "/team/linux-64/%ff",
        "/other/linux-64/repodata.json",
        "/team/linux-64",
    ],
)
def test_nothing_outside_of_a_channel_is_sent(served, team, tmp_path, path: str) -> None:
    secret = team.parent / "secret"
    secret.write_text("SECRET")
    (team.parent / "elsewhere").mkdir(exist_ok=True)
    (team.parent / "elsewhere" / "repodata.json").write_text("SECRET")
    for link, target in (("linux-64/link", secret), ("linked", team.parent / "elsewhere")):
        if not (team / link).is_symlink():
            (team / link).symlink_to(target)
    if not (team / "linux-64" / "pipe").exists():
        os.mkfifo(team / "linux-64" / "pipe")
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
    answer = served.raw(request.encode())
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.1 400"))
    assert b"SECRET" not in answer
    assert b"root:" not in answer


def test_only_reading_is_allowed(served) -> None:
    for method in ("PUT", "POST", "DELETE"):
        answer = served.send(method, "/team/linux-64/repodata.json", data=b"x")
        assert answer.status_code == 405
        assert answer.headers["Allow"] == "GET, HEAD"


def test_minicon_installs_from_it(served, tmp_path) -> None:
    workspace = QuickWorkspace(tmp_path)
    url = f"{served.url}/team"
    options = ["--platform", "linux-64", "--override-channels", "-c", url]
    workspace.run("create", "-y", "-n", "data", *options, "app").ok()
    listed = workspace.run("list", "-n", "data", "--json").ok().json
    assert {each["name"] for each in listed} == {"app", "data-files", "engine", "libfast"}
    assert {each["base_url"] for each in listed} == {url}


def test_rattler_reads_it(served) -> None:
    rattler = pytest.importorskip("rattler")
    import asyncio

    async def names() -> set[str]:
        channel, gateway = rattler.Channel(f"{served.url}/team"), rattler.Gateway()
        found = await gateway.query([channel], ["linux-64", "noarch"], ["app"])
        return {record.name.normalized for records in found for record in records}

    assert names is not None
    assert asyncio.run(names()) >= {"app", "engine", "libfast"}


def test_tokens_are_required(tmp_path, team) -> None:
    digest = hashlib.sha256(b"other-token").hexdigest()
    tokens = tmp_path / "tokens"
    tokens.write_text(f"# comment\nfirst-token\nsha256:{digest} nothing  # a channel\n")
    with serving(tmp_path, team, "--tokens", tokens) as server:
        path = "/team/noarch/repodata.json"
        denied = server.get(path)
        assert denied.status_code == 401
        assert denied.headers["WWW-Authenticate"].startswith("Basic")
        assert server.get(f"/t/wrong-token{path}").status_code == 401
        answer = server.get(f"/t/first-token{path}")
        assert answer.status_code == 200
        assert answer.headers["Cache-Control"] == "private, no-cache"
        bearer = {"Authorization": "Bearer first-token"}
        assert server.get(path, headers=bearer).status_code == 200
        assert server.get(path, auth=("anyone", "first-token")).status_code == 200
        assert server.get(path, auth=("first-token", "")).status_code == 401
        assert server.get(f"/t/other-token{path}").status_code == 404  # not its channel
        tokens.write_text("second-token\n")
        os.utime(tokens, ns=(1, 1))
        assert server.get(path, headers=bearer).status_code == 401
        tokens.unlink()
        failed = server.get(path, headers={"Authorization": "Bearer second-token"})
        assert (failed.status_code, str(tmp_path) in failed.text) == (500, False)
        tokens.write_text("second-token\n")
        workspace = QuickWorkspace(tmp_path)
        url = f"{server.url}/t/second-token/team"
        workspace.run("search", "-c", url, "--override-channels", "app").ok()
    assert "second-token" not in json.dumps(str(list(workspace.root.rglob("*.json"))))


def test_requests_are_logged_without_tokens(tmp_path, team) -> None:
    (tmp_path / "tokens").write_text("secret-token\n")
    options = ("--tokens", tmp_path / "tokens", "--log-requests")
    with serving(tmp_path, team, *options) as server:
        assert server.get("/t/secret-token/team/noarch/repodata.json").status_code == 200
        assert server.get("/team/noarch/repodata.json?token=secret-token").status_code == 401
        server.process.terminate()
        _, errors = server.process.communicate(timeout=20)
    first, second = errors.splitlines()
    assert first.startswith("127.0.0.1 GET /t/*****/team/noarch/repodata.json 200 ")
    assert second.startswith("127.0.0.1 GET /team/noarch/repodata.json 401 ")


def test_several_channels_have_names(tmp_path, team) -> None:
    with serving(tmp_path, team, f"again={team}") as server:
        for name in ("team", "again"):
            assert server.get(f"/{name}/noarch/repodata.json").status_code == 200
    workspace = QuickWorkspace(tmp_path)
    twice = workspace.run("channel", "serve", str(team), str(team))
    assert twice.code == 2
    assert "used twice" in twice.err
    assert "does not exist" in workspace.run("channel", "serve", str(tmp_path / "none")).err


def test_a_busy_port_is_an_error(served, team, tmp_path) -> None:
    port = served.address[1]
    outcome = QuickWorkspace(tmp_path).run_apart("channel", "serve", str(team), "--port", str(port))
    assert outcome.code == 1
    assert f"cannot listen at 127.0.0.1 port {port}" in outcome.err


@pytest.mark.parametrize("port", [65536, -1])
def test_an_impossible_port_is_an_error(team, tmp_path, port) -> None:
    outcome = QuickWorkspace(tmp_path).run_apart("channel", "serve", str(team), "--port", str(port))
    assert outcome.code == 2
    assert f"argument --port: {port} is" in outcome.err


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_requests_in_progress_end_before_the_server(tmp_path, number: int) -> None:
    data = os.urandom(24_000_000)
    (tmp_path / "big" / "noarch").mkdir(parents=True)
    (tmp_path / "big" / "noarch" / "big-1-0.conda").write_bytes(data)
    with serving(tmp_path, tmp_path / "big") as server:
        with server.connect() as connection:
            connection.sendall(b"GET /big/noarch/big-1-0.conda HTTP/1.1\r\nHost: x\r\n\r\n")
            found = connection.recv(1000)
            server.process.send_signal(number)
            time.sleep(0.3)
            with pytest.raises(ConnectionRefusedError):
                server.connect().close()
            while chunk := connection.recv(1 << 20):
                found += chunk
        assert found.partition(b"\r\n\r\n")[2] == data
        assert server.process.wait(10) == 0


def test_slow_clients_hold_nobody_else(served) -> None:
    path = "/team/noarch/data-files-1.0-0.conda"
    slow = [served.connect() for _ in range(100)]
    for number, connection in enumerate(slow):
        if number % 2:  # a request that never ends
            connection.sendall(b"GET / HTTP/1.1\r\nHost: x\r\nX-Slow: ")
        else:  # responses that are not read
            request = f"GET {path} HTTP/1.1\r\nHost: x\r\n\r\n".encode()
            connection.sendall(request * 50)
    try:
        times = []
        for _ in range(20):
            start = time.monotonic()
            assert served.get(path).status_code == 200
            times.append(time.monotonic() - start)
        assert sorted(times)[10] < 1
    finally:
        for connection in slow:
            connection.close()


@pytest.mark.parametrize(
    "request_text",
    [
        b"\x00\xff\xfe\r\n\r\n",
        b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: x\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: x\r\n" + b"X: y\r\n" * 5000 + b"\r\n",
        b"GET / HTTP/1.1\r\nHost: bad/host\r\nConnection: close\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked\r\n\r\n",
    ],
)
def test_invalid_requests_are_refused(served, request_text: bytes) -> None:
    assert b" 400 " in served.raw(request_text).splitlines()[0]
    assert served.get("/team/noarch/repodata.json").status_code == 200


def test_invalid_requests_print_nothing(tmp_path, team) -> None:
    """Any client can send as many as it likes."""
    with serving(tmp_path, team) as server:
        assert b" 400 " in server.raw("GET /\u00fc HTTP/1.1\r\nHost: x\r\n\r\n".encode())
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert said == ""


def test_many_clients_lose_nothing(served, team) -> None:
    expected = (team / "noarch" / "repodata.json").read_bytes()
    lost: list[object] = []

    def client() -> None:
        for _ in range(10):
            answer = served.get("/team/noarch/repodata.json")
            if answer.content != expected:
                lost.append(answer)

    threads = [threading.Thread(target=client) for _ in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert not lost
