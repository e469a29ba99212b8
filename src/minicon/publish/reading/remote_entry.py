"""Read the entry of an archive in a bucket by ranges: its ``info/``, and nothing of its payload.

The server must know the archive's hashes: S3 does for objects that were uploaded with a SHA-256
checksum (``aws s3 cp --checksum-algorithm SHA256``) in one part. Other archives, and those without
an info component, are downloaded.
"""

from __future__ import annotations

import binascii
import tempfile
from pathlib import Path

from minicon.archive.conda_zip import read_info_component
from minicon.archive.decoders import open_decoder
from minicon.archive.streams import HeldBytes
from minicon.archive.tar_reader import TarReader
from minicon.constants import CONDA_EXTENSION, WHEEL_EXTENSION
from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.http_errors import status_error
from minicon.net.range_reader import RangeReader, RangesUnsupported
from minicon.net.schemes.s3_fetcher import CHECKSUM_MODE
from minicon.publish.reading.package_entry import info_files, make_entry, read_entry, record_of

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.net.client.fetcher import Fetcher, Response
    from minicon.publish.reading.package_entry import PackageEntry

#: Bytes of an archive's end that are requested at once: the info component of most packages.
_FIRST_REQUEST = 1 << 16
_LARGEST_INFO = 1 << 26
_MD5 = lazy_pattern(r'"?([0-9a-f]{32})"?')


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

    def hashes(self) -> dict[str, str] | None:
        """SHA-256 and MD5 of the whole object; None if the server does not state both."""
        checksum = self.headers.get("x-amz-checksum-sha256", "")
        etag = _MD5.fullmatch(self.headers.get("etag", ""))
        is_whole = self.headers.get("x-amz-checksum-type", "FULL_OBJECT") == "FULL_OBJECT"
        encryption = self.headers.get("x-amz-server-side-encryption", "AES256")
        try:
            sha256 = binascii.a2b_base64(checksum).hex()
        except (binascii.Error, ValueError):
            return None
        if len(sha256) != 64 or etag is None or not is_whole or encryption != "AES256":
            return None
        return {"sha256": sha256, "md5": etag[1]}


def read_remote_entry(
    fetcher: Fetcher, url: str, subdir: str, modified: int, now: int
) -> PackageEntry:
    """Read an archive in a bucket; see :func:`.read_entry`.

    Raises:
        PackageError, SpecError: As for a local archive.
        ChannelError: It cannot be fetched.
    """
    fn = url.rpartition("/")[2]
    found = _read_by_ranges(fetcher, url, fn) if fn.endswith(CONDA_EXTENSION) else None
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
        hashes = noting.hashes()
        content = read_info_component(reader, fn, _LARGEST_INFO) if hashes else None
    except RangesUnsupported:
        return None
    if content is None or hashes is None:
        return None
    decoder = open_decoder(HeldBytes(content), "zstd", fn, "native")
    info = dict(info_files(TarReader(decoder.read_into, fn, "info"), fn))
    return info, {**hashes, "size": reader.size}
