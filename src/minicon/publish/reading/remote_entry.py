"""Read the entry of an archive on a server by ranges: its ``info/``, and nothing of its payload.

The server must know the archive's hash. S3 does for objects that were uploaded with a SHA-256
checksum (``aws s3 cp --checksum-algorithm SHA256``) in one part; registries always do. They know
its MD5, too, if it was pushed with the annotation ``org.conda.md5``: otherwise the record has none.
Other archives are downloaded.
"""

from __future__ import annotations

import binascii
import tempfile
from pathlib import Path

from minicon.archive.conda_zip import read_info_component
from minicon.archive.decoders import Bzip2Decoder, open_decoder
from minicon.archive.streams import HeldBytes
from minicon.archive.tar_reader import TarReader
from minicon.constants import (
    CONDA_EXTENSION,
    PACKAGE_EXTENSIONS,
    TARBALL_EXTENSION,
    WHEEL_EXTENSION,
)
from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.http_errors import status_error
from minicon.net.range_reader import RangeReader, RangesUnsupported, RemoteBytes
from minicon.net.schemes.s3_fetcher import CHECKSUM_MODE
from minicon.publish.reading.package_entry import (
    check_bzip2_end,
    info_files,
    make_entry,
    read_entry,
    record_of,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.archive.streams import Decoder
    from minicon.net.client.fetcher import Fetcher, Response
    from minicon.publish.reading.package_entry import PackageEntry

#: Bytes of an archive's end that are requested at once: the info component of most packages.
_FIRST_REQUEST = 1 << 16
_LARGEST_INFO = 1 << 26
_MD5 = lazy_pattern(r'"?([0-9a-f]{32})"?')
_DIGEST = lazy_pattern(r'"sha256:([0-9a-f]{64})"')


class _ChecksumFetcher:
    """Requests objects with their checksums, and keeps what the first answer says of them."""

    def __init__(self, fetcher: Fetcher) -> None:
        self._fetcher = fetcher
        self.headers: Mapping[str, str] = {}

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        headers = {**(headers or {}), CHECKSUM_MODE: "ENABLED"}
        response = self._fetcher.open(url, headers=headers, timeout=timeout)
        self.headers = self.headers or response.headers
        return response

    def close(self) -> None:
        """Leave the fetcher open, which others use."""


def stated_hashes(headers: Mapping[str, str]) -> dict[str, str] | None:
    """Return the SHA-256 and, if it is known, the MD5 of a whole file, as its server states them.

    None if the server does not know: of S3, see :data:`.CHECKSUM_MODE`.
    """
    digest = _DIGEST.fullmatch(headers.get("etag", ""))
    if digest is not None:  # a registry's
        md5 = _from_base64(headers.get("content-md5", ""), 16)
        return {"sha256": digest[1]} | ({"md5": md5} if md5 else {})
    sha256 = _from_base64(headers.get("x-amz-checksum-sha256", ""), 32)
    etag = _MD5.fullmatch(headers.get("etag", ""))
    is_whole = headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT"
    encryption = headers.get("x-amz-server-side-encryption", "AES256")
    if not sha256 or etag is None or not is_whole or encryption != "AES256":
        return None
    return {"sha256": sha256, "md5": etag[1]}


def _from_base64(text: str, length: int) -> str:
    """A hash as hexadecimal digits, or nothing."""
    try:
        data = binascii.a2b_base64(text)
    except (binascii.Error, ValueError):
        return ""
    return data.hex() if len(data) == length else ""


def read_remote_entry(
    fetcher: Fetcher, url: str, subdir: str, modified: int, now: int
) -> PackageEntry:
    """Read an archive in a bucket or a registry; see :func:`.read_entry`.

    Raises:
        PackageError, SpecError: As for a local archive.
        ChannelError: It cannot be fetched.
    """
    fn = url.rpartition("/")[2]
    found = _read_by_ranges(fetcher, url, fn) if fn.endswith(PACKAGE_EXTENSIONS) else None
    if found is not None:
        info, known = found
        record = {**record_of(info, fn, subdir), **known}
        return make_entry(fn, modified, record, info, now)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / fn
        with fetcher.open(url) as response, path.open("wb") as stream:
            if response.status != 200:
                raise status_error(url, response.status)
            for piece in response.chunks():
                stream.write(piece)
        if fn.endswith(WHEEL_EXTENSION):
            from minicon.publish.reading.wheel_entry import read_wheel_entry

            return read_wheel_entry(path, subdir, modified, now)
        return read_entry(path, subdir, modified, now)


def _read_by_ranges(
    fetcher: Fetcher, url: str, fn: str
) -> tuple[dict[str, bytes], dict[str, object]] | None:
    """Return the files below ``info/``, and hashes and size; None if that is not possible."""
    noting = _ChecksumFetcher(fetcher)
    try:
        reader = RangeReader(noting, url, first=_FIRST_REQUEST)
        hashes = stated_hashes(noting.headers)
        decoder = _decoder(reader, fn) if hashes else None
        if decoder is None or hashes is None:
            return None
        component = "info" if fn.endswith(CONDA_EXTENSION) else "all"
        info = dict(info_files(TarReader(decoder.read_into, fn, component), fn))
    except RangesUnsupported:
        return None
    return info, {**hashes, "size": reader.size}


def _decoder(reader: RangeReader, fn: str) -> Decoder | None:
    """Return the decoder of the archive's ``info/``; None if that is too large."""
    if fn.endswith(TARBALL_EXTENSION):
        check_bzip2_end(reader.read_at(max(reader.size - 16, 0), 16), fn)
        return Bzip2Decoder(RemoteBytes(reader), fn)
    content = read_info_component(reader, fn, _LARGEST_INFO)
    return open_decoder(HeldBytes(content), "zstd", fn, "native") if content else None
