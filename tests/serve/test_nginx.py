"""The configuration of the how-to page, in a real nginx."""

from __future__ import annotations

import contextlib
import re
import shutil
import socket
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
import requests
from tests.support.commands import QuickWorkspace
from tests.support.served import wait_until

NGINX = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")
PAGE = Path(__file__).parents[2] / "docs" / "how-to" / "serve-a-channel.md"
pytestmark = pytest.mark.skipif(NGINX is None, reason="nginx is not installed (./dev web)")


@contextlib.contextmanager
def nginx(folder: Path, root: Path) -> Iterator[str]:
    """Run nginx with the configuration of the page; only its port and directory are changed."""
    assert NGINX is not None
    (configuration,) = re.findall(r"```nginx\n(.*?)```", PAGE.read_text(), re.DOTALL)
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    for before, after in (("listen 80;", f"listen 127.0.0.1:{port};"), ("/srv/channels", root)):
        assert before in configuration
        configuration = configuration.replace(before, str(after))
    temporary = "".join(
        f"{kind}_temp_path {folder}/{kind};"
        for kind in ("client_body", "proxy", "fastcgi", "uwsgi", "scgi")
    )
    # A worker of a server that root starts may not read the directories of tests.
    text = (
        f"daemon off; master_process off; pid {folder}/pid; error_log {folder}/errors;\n"
        f"events {{}}\nhttp {{ access_log off; {temporary}\n{configuration} }}\n"
    )
    (folder / "nginx.conf").write_text(text)
    process = subprocess.Popen(
        [NGINX, "-p", str(folder), "-c", str(folder / "nginx.conf")], stderr=subprocess.PIPE
    )

    def answers() -> bool:
        assert process.poll() is None, process.stderr and process.stderr.read()
        with contextlib.suppress(OSError):
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
            return True
        return False

    try:
        wait_until(answers)
        yield f"http://127.0.0.1:{port}"
    finally:
        process.terminate()
        process.wait(10)
        assert process.stderr is not None
        process.stderr.close()


def test_nginx_serves_a_channel_as_the_page_says(team: Path, tmp_path: Path) -> None:
    with nginx(tmp_path, team.parent) as url, requests.Session() as session:
        session.trust_env = False

        def caching(path: str) -> str:
            answer = session.get(f"{url}/team/{path}", timeout=30)
            assert answer.status_code == 200
            assert answer.content == (team / path).read_bytes()
            return answer.headers["Cache-Control"]

        (shard, *_) = (team / "linux-64" / "shards").iterdir()
        assert caching(f"linux-64/shards/{shard.name}").endswith("immutable")
        assert caching("noarch/app-0.9-0.conda") == "public, max-age=86400"
        for name in ("repodata.json", "repodata.json.zst", "repodata_shards.msgpack.zst"):
            assert caching(f"linux-64/{name}") == "public, no-cache"
        answer = session.get(f"{url}/team/linux-64/repodata.json.zst", timeout=30)
        assert answer.headers["Content-Type"] == "application/zstd"
        etag = {"If-None-Match": answer.headers["ETag"]}
        again = session.get(answer.url, headers=etag, timeout=30)
        assert again.status_code == 304
        hidden = session.get(f"{url}/team/.cache/minicon-index.lock", timeout=30)
        assert hidden.status_code == 404
        (team.parent / "beside").write_text("SECRET")
        link = team / "noarch" / "beside"
        if not link.is_symlink():
            link.symlink_to(team.parent / "beside")
        assert session.get(f"{url}/team/noarch/beside", timeout=30).status_code == 403
        options = ("--platform", "linux-64", "--override-channels", "-c", f"{url}/team")
        workspace = QuickWorkspace(tmp_path)
        workspace.run("create", "-y", "-n", "data", *options, "app").ok()
        assert (workspace.environment("data") / "lib" / "engine").exists()
