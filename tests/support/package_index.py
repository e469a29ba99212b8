"""PackageIndex: a simple index on a loopback server, with or without each optional feature."""

from __future__ import annotations

import hashlib
import html
import json
import re
import threading
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.support.wheels import WheelBuilder


@dataclass
class IndexFile:
    filename: str
    data: bytes
    requires_python: str | None = None
    yanked: bool | str = False
    upload_time: str | None = None
    metadata: bytes | None = None
    sha256: str | None = ""  # the hash on the page; empty for the correct one, None for no hash

    @property
    def listed_sha256(self) -> str | None:
        return hashlib.sha256(self.data).hexdigest() if self.sha256 == "" else self.sha256


@dataclass
class PackageIndex:
    """Files per project, how they are served, and the requests."""

    json: bool = False
    ranges: str = "all"  # "all", "no-suffix" or "none"
    etag: bool = False
    cache_control: str | None = None
    projects: dict[str, list[IndexFile]] = field(default_factory=dict)
    statuses: dict[str, int] = field(default_factory=dict)
    bodies: dict[str, tuple[str, bytes]] = field(default_factory=dict)
    project_status: str | None = None
    requests: list[tuple[str, str | None]] = field(default_factory=list)
    authorizations: list[str | None] = field(default_factory=list)
    url: str = ""

    def add(self, wheel: WheelBuilder, **facts: object) -> IndexFile:
        return self.add_file(wheel.name, wheel.filename, wheel.content(), **facts)

    def add_file(self, project: str, filename: str, data: bytes, **facts: object) -> IndexFile:
        file = IndexFile(filename, data, **facts)  # type: ignore[arg-type]
        name = re.sub(r"[-_.]+", "-", project).lower()
        self.projects.setdefault(name, []).append(file)
        return file

    @property
    def index_url(self) -> str:
        return f"{self.url}/simple"

    def count(self, part: str) -> int:
        """Return the requests whose path contains a text."""
        return sum(part in path for path, _ in self.requests)

    def page(self, name: str) -> tuple[str, bytes]:
        files = self.projects[name]
        if self.json:
            data = {
                "meta": {"api-version": "1.1"},
                "name": name,
                "files": [self._json_file(file) for file in files],
            }
            if self.project_status:
                data["project-status"] = {"status": self.project_status}
            return "application/vnd.pypi.simple.v1+json", json.dumps(data).encode()
        status = self.project_status
        head = f'<meta name="pypi:project-status" content="{status}">' if status else ""
        links = "\n".join(self._link(file) for file in files)
        return "text/html; charset=utf-8", f"<html><head>{head}</head>{links}</html>".encode()

    def _json_file(self, file: IndexFile) -> dict[str, object]:
        entry: dict[str, object] = {
            "filename": file.filename,
            "url": f"../../files/{file.filename}",
            "hashes": {"sha256": file.listed_sha256} if file.listed_sha256 else {},
            "requires-python": file.requires_python,
            "size": len(file.data),
            "yanked": file.yanked,
        }
        if file.upload_time:
            entry["upload-time"] = file.upload_time
        if file.metadata is not None:
            entry["core-metadata"] = {"sha256": hashlib.sha256(file.metadata).hexdigest()}
        return entry

    def _link(self, file: IndexFile) -> str:
        fragment = f"#sha256={file.listed_sha256}" if file.listed_sha256 else ""
        attributes = ""
        if file.requires_python:
            attributes += f' data-requires-python="{html.escape(file.requires_python)}"'
        if file.yanked:
            reason = file.yanked if isinstance(file.yanked, str) else "broken"
            attributes += f' data-yanked="{html.escape(reason)}"'
        if file.metadata is not None:
            digest = hashlib.sha256(file.metadata).hexdigest()
            attributes += f' data-core-metadata="sha256={digest}"'
        return f'<a href="../../files/{file.filename}{fragment}"{attributes}>{file.filename}</a>'

    def file(self, filename: str) -> bytes | None:
        for files in self.projects.values():
            for file in files:
                if file.filename == filename:
                    return file.data
                if f"{file.filename}.metadata" == filename:
                    return file.metadata
        return None


@contextmanager
def serving(index: PackageIndex) -> Iterator[PackageIndex]:
    """Serve an index on the loopback interface."""

    class Handler(_Handler):
        pass

    Handler.index = index
    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    thread = threading.Thread(target=server.serve_forever, args=(0.01,), daemon=True)
    thread.start()
    index.url = f"http://127.0.0.1:{server.server_port}"
    try:
        yield index
    finally:
        server.shutdown()
        server.server_close()
        thread.join()


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    index: PackageIndex

    def log_message(self, *_: object) -> None:
        pass

    def do_GET(self) -> None:
        index = self.index
        index.requests.append((self.path, self.headers.get("Range")))
        index.authorizations.append(self.headers.get("Authorization"))
        if self.path in index.statuses:
            self._answer(index.statuses[self.path], b"", {})
        elif self.path in index.bodies:
            kind, body = index.bodies[self.path]
            self._answer(200, body, {"Content-Type": kind})
        elif self.path.startswith("/simple/"):
            self._page(self.path[len("/simple/") :].strip("/"))
        else:
            self._file(index.file(self.path.rpartition("/")[2].replace("%2B", "+")))

    def _page(self, name: str) -> None:
        if name not in self.index.projects:
            self._answer(404, b"", {})
            return
        kind, body = self.index.page(name)
        headers = {"Content-Type": kind}
        if self.index.cache_control:
            headers["Cache-Control"] = self.index.cache_control
        if self.index.etag:
            headers["ETag"] = f'"{hashlib.sha256(body).hexdigest()[:8]}"'
            if self.headers.get("If-None-Match") == headers["ETag"]:
                self._answer(304, b"", headers)
                return
        self._answer(200, body, headers)

    def _file(self, data: bytes | None) -> None:
        if data is None:
            self._answer(404, b"", {})
            return
        match = re.fullmatch(r"bytes=(\d*)-(\d*)", self.headers.get("Range", ""))
        ranges = self.index.ranges
        if match is None or ranges == "none" or (ranges == "no-suffix" and not match[1]):
            self._answer(200, data, {})
            return
        if match[1]:
            first, last = int(match[1]), min(int(match[2] or len(data)), len(data) - 1)
        else:
            first, last = max(0, len(data) - int(match[2])), len(data) - 1
        part = data[first : last + 1]
        self._answer(206, part, {"Content-Range": f"bytes {first}-{last}/{len(data)}"})

    def _answer(self, status: int, body: bytes, headers: dict[str, str]) -> None:
        self.send_response(status)
        for key, value in headers.items():
            self.send_header(key, value)
        if status != 304:
            self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)
