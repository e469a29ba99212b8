"""Read a package's list of files from the small part of its archive that contains it.

This serves plans of packages that are not downloaded. The part is unverified until the whole
archive is downloaded and compared with its hash, so it may be shown but not installed.
"""

from __future__ import annotations

from minicon.archive.conda_zip import read_info_component
from minicon.archive.decoders import Bzip2Decoder, open_decoder
from minicon.archive.members import MemberKind
from minicon.archive.problems import unsafe
from minicon.archive.streams import HeldBytes
from minicon.archive.tar_reader import TarReader
from minicon.package.info_files import DESCRIBING_FILES, parse_package_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from minicon.archive.streams import ReadAt
    from minicon.models.package_files import PackageFiles

#: Bytes, compressed and unpacked: more than any package needs to describe its files.
PACKED_LIMIT = 1 << 24
UNPACKED_LIMIT = 1 << 26
_WANTED = {f"info/{name}": name for name in DESCRIBING_FILES}


def files_of_conda(file: ReadAt, archive: str) -> PackageFiles | None:
    """Read the list of files of a ``.conda``; little more than the info component is read.

    Args:
        file: The archive.
        archive: Its file name, for errors.

    Returns:
        None if the component is too large.

    Raises:
        PackageError: The file is damaged, or not an archive.
        UnsafeArchive: It contradicts itself.
    """
    content = read_info_component(file, archive, PACKED_LIMIT)
    if content is None:
        return None
    # Some kilobytes: loading libarchive would cost more than it decompresses.
    decoder = open_decoder(HeldBytes(content), "zstd", archive, "native")
    return parse_package_files(_info(decoder.read_into, archive, "info"), archive)


def files_of_tarball(pieces: Iterator[bytes], archive: str) -> PackageFiles | None:
    """Read the list of files of a ``.tar.bz2``; only its start is read, where ``info/`` is.

    Args:
        pieces: The archive as it is downloaded; no more is read than is needed.
        archive: Its file name, for errors.

    Returns:
        None if ``info/`` does not come first, or is too large.

    Raises:
        PackageError, UnsafeArchive: As for :func:`files_of_conda`.
    """
    decoder = Bzip2Decoder(_LimitedStream(pieces), archive)
    try:
        info = _info(decoder.read_into, archive, "all")
    except _LimitError:
        return None
    if not {"paths.json", "files"} & info.keys():
        return None
    return parse_package_files(info, archive)


def _info(read_into: Callable[[memoryview], int], archive: str, component: str) -> dict[str, bytes]:
    """Return the describing files that come before any file outside of ``info/``."""
    left = UNPACKED_LIMIT

    def bounded(buffer: memoryview) -> int:
        nonlocal left
        count = read_into(buffer)
        left -= count
        if left < 0:
            raise unsafe(archive, f"has more than {UNPACKED_LIMIT >> 20} MiB below info/")
        return count

    found: dict[str, bytes] = {}
    for member in TarReader(bounded, archive, component):
        if member.kind != MemberKind.DIRECTORY and not member.path.startswith("info/"):
            break
        name = _WANTED.get(member.path)
        if name is not None and member.kind == MemberKind.FILE:
            found[name] = member.read()
    return found


class _LimitError(Exception):
    """The limit of bytes was reached."""


class _LimitedStream:
    """Pieces as a stream, up to :data:`PACKED_LIMIT`."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._rest = b""
        self._left = PACKED_LIMIT

    def read(self, count: int) -> bytes:
        """See :meth:`.Readable.read`."""
        if not self._rest:
            self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:count], self._rest[count:]
        self._left -= len(data)
        if self._left < 0:
            raise _LimitError
        return data
