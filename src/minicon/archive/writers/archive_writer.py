"""Write tar archives with libarchive, and zip archives; nothing of this machine gets into them.

Owners are 0, times whole seconds. Tar archives are compressed by
:mod:`minicon.archive.writers.compressors`, since libarchive uses one core. The format is GNU's,
whose names are bytes: libarchive's PAX format crashes for names that the locale cannot hold, and
its zip loses them.
"""

from __future__ import annotations

import ctypes
import stat
import time
from typing import Any, Protocol

from minicon.archive.libarchive_decoder import require_libarchive
from minicon.archive.writers.compressors import open_compressor
from minicon.closing import Closing

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from typing import BinaryIO

#: Bytes that libarchive collects before it calls back.
_BLOCK = 1 << 18
#: Earliest time that a zip archive can hold, 1980-01-01, in seconds since 1970.
_ZIP_EPOCH = 315_532_800
_ZIP_LEVEL = 4


class ArchiveWriter(Protocol):
    """Writes one archive. Paths are relative; times are seconds since 1970."""

    def add_file(
        self, path: str, chunks: Iterable[bytes], size: int, mode: int, modified: int
    ) -> None:
        """Add a regular file of ``size`` bytes."""

    def add_folder(self, path: str, modified: int) -> None:
        """Add a directory."""

    def add_symbolic_link(self, path: str, target: str, modified: int) -> None:
        """Add a symbolic link."""

    def add_hard_link(self, path: str, target: str, mode: int, modified: int) -> bool:
        """Add a hard link to an earlier file; False if the format has none."""

    def finish(self) -> None:
        """Write the end of the archive."""

    def close(self) -> None:
        """Free what is open."""


class TarWriter(Closing):
    """Writes a tar archive. Use as a context manager; :meth:`finish` completes it.

    Args:
        write: Receives the archive's bytes.
        compression: ``zst``, ``gz`` or ``bz2``; or None.
        level: Level of compression; None is the default of the format.

    Raises:
        UsageError: ``libarchive-missing``.
    """

    def __init__(
        self,
        write: Callable[[bytes], object],
        *,
        compression: str | None = None,
        level: int | None = None,
    ) -> None:
        self._ffi = ffi = require_libarchive()
        self._failure: BaseException | None = None
        self._compressor = open_compressor(compression, write, level)
        self._pointer: Any = ffi.write_new()
        self._entry: Any = ffi.entry_new()
        self._set_path = self._function("entry_copy_pathname")
        self._set_link = {
            stat.S_IFLNK: self._function("entry_copy_symlink"),
            stat.S_IFREG: self._function("entry_copy_hardlink"),
        }
        self._call(ffi.get_write_format_function("gnutar"), self._pointer)
        self._call(ffi.write_set_bytes_in_last_block, self._pointer, 1)
        self._call(ffi.write_set_bytes_per_block, self._pointer, _BLOCK)
        # The callbacks must live as long as the archive does.
        self._callbacks = (ffi.NO_OPEN_CB, ffi.WRITE_CALLBACK(self._take), ffi.NO_CLOSE_CB)
        self._call(ffi.write_open, self._pointer, None, *self._callbacks)

    def _function(self, name: str) -> Any:
        """Return a function for a text of the entry, which libarchive-c does not declare."""
        declared = getattr(self._ffi, name, None)
        return declared or self._ffi.ffi(name, [ctypes.c_void_p, ctypes.c_char_p], None)

    def add_file(
        self, path: str, chunks: Iterable[bytes], size: int, mode: int, modified: int
    ) -> None:
        """See :meth:`ArchiveWriter.add_file`."""
        self._header(path, stat.S_IFREG, mode, modified, size)
        for chunk in chunks:
            self._call(self._ffi.write_data, self._pointer, chunk, len(chunk))

    def add_folder(self, path: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_folder`."""
        self._header(path, stat.S_IFDIR, 0o755, modified)

    def add_symbolic_link(self, path: str, target: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_symbolic_link`."""
        self._header(path, stat.S_IFLNK, 0o777, modified, link=target)

    def add_hard_link(self, path: str, target: str, mode: int, modified: int) -> bool:
        """See :meth:`ArchiveWriter.add_hard_link`."""
        self._header(path, stat.S_IFREG, mode, modified, link=target)
        return True

    def finish(self) -> None:
        """See :meth:`ArchiveWriter.finish`."""
        self._call(self._ffi.write_close, self._pointer)
        self._compressor.close()

    def close(self) -> None:
        """Free libarchive's memory. May be called more than once."""
        if self._pointer:
            self._ffi.entry_free(self._entry)
            self._ffi.write_fail(self._pointer)  # else freeing it would write the rest
            self._ffi.write_free(self._pointer)
            self._pointer = None

    def _header(
        self, path: str, kind: int, mode: int, modified: int, size: int = 0, link: str = ""
    ) -> None:
        ffi, entry = self._ffi, self._entry
        ffi.entry_clear(entry)
        self._set_path(entry, path.encode("utf-8", "surrogateescape"))
        ffi.entry_set_filetype(entry, kind)
        ffi.entry_set_perm(entry, mode)
        ffi.entry_set_size(entry, size)
        ffi.entry_set_mtime(entry, modified, 0)
        if link:
            self._set_link[kind](entry, link.encode("utf-8", "surrogateescape"))
        self._call(ffi.write_header, self._pointer, entry)

    def _take(self, _archive: Any, _data: Any, buffer: Any, length: int) -> int:
        """Compress libarchive's next bytes; return -1 if they cannot be written."""
        try:
            self._compressor.write(ctypes.string_at(buffer, length))
        except BaseException as error:  # noqa: BLE001  # ctypes would print and swallow it
            self._failure = error
            return -1
        return length

    def _call(self, function: Any, *arguments: Any) -> None:
        try:
            function(*arguments)
        except self._ffi.ArchiveError:
            if self._failure is not None:
                raise self._failure from None
            raise


class ZipWriter(Closing):
    """Writes a zip archive, with symbolic links as Info-ZIP stores them. A context manager.

    Args:
        file: Receives the archive.
        level: Level of compression; None is the default.
    """

    def __init__(self, file: BinaryIO, *, level: int | None = None) -> None:
        import zipfile

        self._entry = zipfile.ZipInfo
        level = _ZIP_LEVEL if level is None else level
        self._zip = zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED, compresslevel=level)

    def add_file(
        self, path: str, chunks: Iterable[bytes], size: int, mode: int, modified: int
    ) -> None:
        """See :meth:`ArchiveWriter.add_file`."""
        import zipfile

        entry = self._entry(path, time.gmtime(max(modified, _ZIP_EPOCH))[:6])
        entry.compress_type, entry.create_system, entry.file_size = zipfile.ZIP_DEFLATED, 3, size
        entry.external_attr = (mode | (0 if mode >> 12 else stat.S_IFREG)) << 16
        with self._zip.open(entry, "w") as file:
            for chunk in chunks:
                file.write(chunk)

    def add_folder(self, path: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_folder`."""
        self.add_file(f"{path}/", (), 0, stat.S_IFDIR | 0o755, modified)

    def add_symbolic_link(self, path: str, target: str, modified: int) -> None:
        """See :meth:`ArchiveWriter.add_symbolic_link`."""
        data = target.encode()
        self.add_file(path, (data,), len(data), stat.S_IFLNK | 0o777, modified)

    def add_hard_link(self, path: str, target: str, mode: int, modified: int) -> bool:  # noqa: ARG002
        """See :meth:`ArchiveWriter.add_hard_link`."""
        return False

    def finish(self) -> None:
        """See :meth:`ArchiveWriter.finish`."""
        self._zip.close()

    def close(self) -> None:
        """Leave an unfinished file as it is."""
        self._zip.mode = "r"  # else it would be finished when the object is collected
        self._zip.close()
