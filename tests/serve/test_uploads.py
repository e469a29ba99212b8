"""Packages are uploaded to a real server: verified, never replaced, and indexed at once."""

from __future__ import annotations

import hashlib
import json
import threading

import pytest
from tests.support.commands import QuickWorkspace
from tests.support.packages import PackageBuilder
from tests.support.served import serving

UPLOADER = {"Authorization": "Bearer upload-token"}


@pytest.fixture(scope="module")
def receiving(tmp_path_factory):
    """A server of an empty channel; reading needs another token than uploading."""
    folder = tmp_path_factory.mktemp("receiving")
    (folder / "mine" / "noarch").mkdir(parents=True)
    (folder / "read").write_text("reading-token\n")
    (folder / "upload").write_text("upload-token mine\n")
    tokens = ("--tokens", folder / "read", "--upload", folder / "upload")
    with serving(folder, folder / "mine", *tokens) as server:
        server.folder = folder / "mine"
        yield server


def built(folder, name="tool", content="x", subdir="linux-64", version="1.0"):
    package = PackageBuilder(name).subdir(subdir).version(version).file("bin/tool", content)
    return package.build(folder)


def put(server, path, data=None, subdir="linux-64", name=None, headers=UPLOADER, **options):
    target = f"/mine/{subdir}/{name or path.name}"
    data = path.read_bytes() if data is None else data
    return server.send("PUT", target, data=data, headers=headers, **options)


def test_an_uploaded_package_is_in_the_index_at_once(receiving, tmp_path) -> None:
    path = built(tmp_path)
    workspace = QuickWorkspace(tmp_path)
    url = f"{receiving.url}/t/upload-token/mine"
    outcome = workspace.run("channel", "upload", str(path), url).ok()
    assert outcome.out == f"uploaded {receiving.url}/mine/linux-64/{path.name}\n"
    reader = {"Authorization": "Bearer reading-token"}
    repodata = receiving.get("/mine/linux-64/repodata.json", headers=reader).json()
    record = repodata["packages.conda"][path.name]
    assert record["sha256"] == hashlib.sha256(path.read_bytes()).hexdigest()
    again = workspace.run("channel", "upload", str(path), url, "--json").ok().json
    assert again["uploaded"] == [
        {"url": f"{receiving.url}/mine/linux-64/{path.name}", "new": False}
    ]
    assert not list((receiving.folder / ".cache" / "uploads").iterdir())


def test_published_packages_are_never_replaced(receiving, tmp_path) -> None:
    first = built(tmp_path / "1", "kept", "one")
    second = built(tmp_path / "2", "kept", "two")
    assert first.name == second.name
    assert put(receiving, first).status_code == 201
    refused = put(receiving, second)
    assert refused.status_code == 409
    assert refused.json()["error"]["reference"] == "different-package"
    assert (receiving.folder / "linux-64" / first.name).read_bytes() == first.read_bytes()
    url = f"{receiving.url}/t/upload-token/mine"
    outcome = QuickWorkspace(tmp_path).run("channel", "upload", str(second), url)
    assert outcome.code == 1
    assert "exists with other content" in outcome.err
    assert "upload-token" not in outcome.err + outcome.out


def test_only_upload_tokens_upload(receiving, tmp_path) -> None:
    path = built(tmp_path, "denied")
    for headers in ({}, {"Authorization": "Bearer reading-token"}):
        assert put(receiving, path, headers=headers).status_code == 401
    reading = receiving.get("/mine/noarch/repodata.json", headers=UPLOADER)
    assert reading.status_code == 401
    outcome = QuickWorkspace(tmp_path).run("channel", "upload", str(path), f"{receiving.url}/mine")
    assert outcome.code == 1
    assert "HTTP 401" in outcome.err


def test_what_is_no_valid_package_is_refused(receiving, tmp_path) -> None:
    path = built(tmp_path, "valid")
    data = path.read_bytes()
    damaged = bytearray(data)
    damaged[len(data) // 2] ^= 1
    before = sorted(receiving.folder.rglob("*"))
    for answer in (
        put(receiving, path, b""),
        put(receiving, path, b"not a package"),
        put(receiving, path, bytes(damaged)),
        put(receiving, path, data[:-10]),
        put(receiving, path, name="other-1.0-0.conda"),
        put(receiving, path, name="valid-1.0-0.tar.bz2"),
        put(receiving, path, subdir="osx-64"),
        put(receiving, path, subdir="nowhere"),
        put(receiving, path, name="repodata.json"),
        put(receiving, path, name="valid.conda"),
    ):
        assert answer.status_code == 422, answer.text
    assert put(receiving, path, name="..%2f..%2fvalid-1.0-0.conda").status_code == 404
    encoded = {**UPLOADER, "Content-Encoding": "gzip"}
    assert put(receiving, path, headers=encoded).status_code == 415
    kept = [p for p in sorted(receiving.folder.rglob("*")) if ".cache" not in p.parts]
    assert kept == [p for p in before if ".cache" not in p.parts]


def test_files_that_contradict_their_list_are_refused(receiving, tmp_path) -> None:
    honest = PackageBuilder("liar").subdir("linux-64").file("bin/liar", "x")
    listed = {"paths_version": 1, "paths": []}
    path = honest.info("paths.json", json.dumps(listed)).build(tmp_path)
    answer = put(receiving, path)
    assert answer.status_code == 422
    assert "paths.json" in answer.json()["error"]["message"]


def test_interrupted_uploads_leave_nothing(receiving, tmp_path) -> None:
    path = built(tmp_path, "interrupted")
    request = (
        f"PUT /mine/linux-64/{path.name} HTTP/1.1\r\nHost: x\r\n"
        "Authorization: Bearer upload-token\r\nContent-Length: 100000\r\n\r\n"
    )
    with receiving.connect() as connection:
        connection.sendall(request.encode() + path.read_bytes()[:100])
    assert put(receiving, path).status_code == 201
    assert not list((receiving.folder / ".cache" / "uploads").iterdir())


def test_uploads_at_the_same_time_are_all_indexed(receiving, tmp_path) -> None:
    paths = [built(tmp_path, f"many{number}") for number in range(8)]
    statuses: list[int] = []
    threads = [
        threading.Thread(target=lambda p=path: statuses.append(put(receiving, p).status_code))
        for path in paths
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert statuses == [201] * 8
    repodata = json.loads((receiving.folder / "linux-64" / "repodata.json").read_text())
    assert {path.name for path in paths} <= repodata["packages.conda"].keys()


def test_a_channel_that_cannot_be_written_says_so(tmp_path) -> None:
    """Its ``.cache`` is a file, so that nothing can be stored in it, by root neither."""
    (tmp_path / "mine" / "linux-64").mkdir(parents=True)
    (tmp_path / "mine" / ".cache").write_text("")
    (tmp_path / "upload").write_text("upload-token\n")
    path = built(tmp_path)
    with serving(tmp_path, tmp_path / "mine", "--upload", tmp_path / "upload") as server:
        answer = put(server, path)
        assert answer.status_code == 500
        assert str(tmp_path) not in answer.text
    assert not list((tmp_path / "mine" / "linux-64").iterdir())


def test_errors_of_uploads_name_what_was_not_uploaded(receiving, tmp_path) -> None:
    workspace = QuickWorkspace(tmp_path)
    (tmp_path / "x-1.0-py3-none-any.whl").touch()
    wheel = workspace.run("channel", "upload", "x-1.0-py3-none-any.whl", f"{receiving.url}/mine")
    assert wheel.code == 1
    assert "is not a .conda or .tar.bz2 file" in wheel.err
    assert "channel convert" in wheel.err
    path = str(built(tmp_path))
    refused = workspace.run("channel", "upload", path, f"{receiving.url}/t/reading-token/mine")
    assert f"cannot upload {receiving.url}/mine/linux-64/tool" in refused.err
    nobody = workspace.run("channel", "upload", path, "http://127.0.0.1:1/mine")
    assert "cannot upload http://127.0.0.1:1/mine" in nobody.err
    assert "--offline" not in nobody.err


def test_a_note_says_that_a_channel_has_no_index(tmp_path) -> None:
    (tmp_path / "un indexed" / "noarch").mkdir(parents=True)
    with serving(tmp_path, f"new={tmp_path / 'un indexed'}") as server:
        assert server.get("/new/").status_code == 200
        server.process.terminate()
        _, said = server.process.communicate(timeout=30)
    assert "new has no index: run \"minicon channel index '" in said
