"""FileFetcher: the Fetcher for ``file://`` URLs, which responds like an HTTP server.

A file's ETag is its stamp, so that conditional requests work as they do over the network.
"""

from __future__ import annotations

import os
from urllib.parse import unquote, urlsplit

from minicon.errors import ChannelError
from minicon.fs.stamps import stamp_of
from minicon.net.client.headers import Headers
from minicon.net.client.responses import StreamedResponse

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from io import FileIO


def _path_of(url: str) -> str:
    """Return the path of a ``file://`` URL on this system.

    Raises:
        ChannelError: The URL names another host.
    """
    parts = urlsplit(url)
    path = unquote(parts.path)
    if parts.netloc not in ("", "localhost"):
        if os.name != "nt":
            message = f"{url} contains a host name; only files on this machine can be read"
            hint = "write file:/// with three slashes before the path"
            raise ChannelError("invalid-url", message, hint=hint)
        return f"//{parts.netloc}{path}"
    if os.name == "nt" and path[:1] == "/" and path[2:3] == ":":
        return path[1:]
    return path


def file_etag(url: str) -> str | None:
    """Return the ETag of a file; empty if it is missing, None if a request has to find out.

    Raises:
        ChannelError: The URL names another host.
    """
    try:
        return _etag(os.stat(_path_of(url)))
    except FileNotFoundError:
        return ""
    except (OSError, ValueError):  # in a bundle, or it cannot be read
        return None


def _etag(status: os.stat_result) -> str:
    return '"{:x}-{:x}-{:x}"'.format(*stamp_of(status))


class _FileResponse(StreamedResponse):
    """A file, or a part of one, as a response."""

    def __init__(
        self, url: str, status: int, headers: Headers, file: FileIO | None = None, length: int = 0
    ) -> None:
        super().__init__(url, status, headers)
        self._file = file
        self._left = length

    def chunks(self, size: int = 1 << 16) -> Iterator[bytes]:
        """Yield the bytes. Raises ChannelError if the file became shorter or cannot be read."""
        while self._left and self._file is not None:
            try:
                chunk = self._file.read(min(size, self._left))
            except OSError as error:
                raise _unreadable(self.url, error) from error
            if not chunk:
                message = f"{self.url} became shorter while it was read"
                raise ChannelError("connection-broken", message, hint="try again")
            self._left -= len(chunk)
            yield chunk

    def close(self) -> None:
        """Close the file."""
        if self._file is not None:
            self._file.close()


class FileFetcher:
    """Opens ``file://`` URLs."""

    def open(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        timeout: float | None = None,  # noqa: ARG002
    ) -> _FileResponse:
        """Respond with 200, 206 (Range), 304 (If-None-Match), 404 or 416.

        Raises:
            ChannelError: The file exists but cannot be read.
        """
        request = Headers(headers)
        try:
            file = open(_path_of(url), "rb", buffering=0)  # noqa: SIM115 - the response closes it
        except NotADirectoryError:
            return _in_bundle(url, request)
        except (FileNotFoundError, IsADirectoryError):
            return _FileResponse(url, 404, Headers())
        except (OSError, ValueError) as error:
            raise _unreadable(url, error) from error
        status = os.fstat(file.fileno())
        shared = {"ETag": _etag(status)}
        if request.get("if-none-match") == shared["ETag"]:
            file.close()
            return _FileResponse(url, 304, Headers(shared))
        return _open_part(url, file, (0, status.st_size), request, shared)

    def close(self) -> None:
        """Do nothing: there are no connections."""


def _in_bundle(url: str, request: Headers) -> _FileResponse:
    """Respond with a file in a bundle (``minicon bundle``), which is a zip archive and a channel.

    Only files that are stored uncompressed are found; the bundle's other files are compressed.
    """
    import zipfile

    path, name = _path_of(url), ""
    while path and not os.path.lexists(path):
        path, _, last = path.rpartition("/")
        name = f"{last}/{name}" if name else last
    if not os.path.isfile(path):  # a device, such as /dev/zero, has no end
        return _FileResponse(url, 404, Headers())
    try:
        with zipfile.ZipFile(path) as bundle:
            entry = bundle.getinfo(name)
        file = open(path, "rb", buffering=0)  # noqa: SIM115 - the response closes it
        file.seek(entry.header_offset)
        header = file.read(30)
    except (OSError, KeyError, zipfile.BadZipFile):
        return _FileResponse(url, 404, Headers())
    if entry.compress_type != zipfile.ZIP_STORED or header[:4] != b"PK\3\4":
        file.close()
        return _FileResponse(url, 404, Headers())
    lengths = int.from_bytes(header[26:28], "little") + int.from_bytes(header[28:30], "little")
    shared = {"ETag": f'"{entry.CRC:x}-{entry.file_size:x}"'}
    if request.get("if-none-match") == shared["ETag"]:
        file.close()
        return _FileResponse(url, 304, Headers(shared))
    span = (entry.header_offset + len(header) + lengths, entry.file_size)
    return _open_part(url, file, span, request, shared)


def _open_part(
    url: str,
    file: FileIO,
    whole: tuple[int, int],
    request: Mapping[str, str],
    shared: dict[str, str],
) -> _FileResponse:
    """Respond with a file that starts at an offset and has a size, or with the requested part."""
    offset, size = whole
    file.seek(offset)
    span = request.get("range", "")
    condition = request.get("if-range", shared["ETag"])
    first, dash, last = span.removeprefix("bytes=").partition("-")
    is_range = first.isdecimal() or (not first and last.isdecimal())  # bytes=-N: the last N
    if not (span.startswith("bytes=") and dash and is_range) or condition != shared["ETag"]:
        return _FileResponse(url, 200, Headers({**shared, "Content-Length": str(size)}), file, size)
    start = int(first) if first else max(size - int(last), 0)
    end = min(int(last), size - 1) if first and last.isdecimal() else size - 1
    if start > end:
        file.close()
        return _FileResponse(url, 416, Headers({**shared, "Content-Range": f"bytes */{size}"}))
    file.seek(offset + start)
    length = end - start + 1
    shared["Content-Range"] = f"bytes {start}-{end}/{size}"
    return _FileResponse(url, 206, Headers({**shared, "Content-Length": str(length)}), file, length)


def _unreadable(url: str, error: Exception) -> ChannelError:
    reason = getattr(error, "strerror", None) or str(error)
    hint = "check its owner and permissions"
    return ChannelError("unreadable-file", f"cannot read {url}: {reason}", hint=hint)
