"""LibarchiveDecoder: libarchive as the decompressor, where its shared library is installed.

Only its filters are used. Its tar readers guess where a header is wrong, and its disk writer
leaves links that point outside, so both jobs stay with minicon.
"""

from __future__ import annotations

import ctypes
from functools import lru_cache
from typing import Any

from minicon.archive.problems import damaged
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.byte_range import ByteSource
    from minicon.archive.decoders import Compression

_BUFFER = 1 << 18
_PIECE = 1 << 17
_OK, _END = 0, 1


class LibarchiveDecoder:
    """Decompresses one stream through libarchive's ``raw`` format.

    Raises:
        UsageError: ``libarchive-missing``: there is no such library, or it lacks the filter.
    """

    def __init__(self, source: ByteSource, compression: Compression, archive: str) -> None:
        self._ffi = load_libarchive()
        self._archive = archive
        self._source = source
        self._failure: BaseException | None = None
        self._input = b""
        self._buffer = ctypes.create_string_buffer(_BUFFER)
        self._view = memoryview(self._buffer).cast("B")
        self._pointer: Any = self._ffi.read_new()
        try:
            self._open(compression)
        except BaseException:
            self.close()
            raise

    def _open(self, compression: Compression) -> None:
        ffi = self._ffi
        if not _has_filter(ffi, compression):
            raise UsageError("libarchive-missing", f"libarchive here cannot read {compression}")
        ffi.get_read_filter_function(compression)(self._pointer)
        ffi.get_read_format_function("raw")(self._pointer)
        ffi.get_read_format_function("empty")(self._pointer)
        # The callbacks must live as long as the archive does.
        self._callbacks = (
            ffi.OPEN_CALLBACK(lambda *_: _OK),
            ffi.READ_CALLBACK(self._feed),
            ffi.CLOSE_CALLBACK(lambda *_: _OK),
        )
        self._call(ffi.read_open, self._pointer, None, *self._callbacks)
        entry = ffi.entry_new()
        try:
            self._ended = self._call(ffi.read_next_header2, self._pointer, entry) == _END
        finally:
            ffi.entry_free(entry)

    def _feed(self, _archive: Any, _data: Any, target: Any) -> int:
        """Hand the next compressed bytes to libarchive; -1 if they cannot be read."""
        try:
            self._input = self._source.read(_PIECE)
        except BaseException as error:  # noqa: BLE001  # ctypes would print and swallow it
            self._failure = error
            return -1
        target[0] = ctypes.cast(ctypes.c_char_p(self._input), ctypes.c_void_p)
        return len(self._input)

    def _call(self, function: Any, *arguments: Any) -> int:
        try:
            result = function(*arguments)
        except self._ffi.ArchiveError as error:
            if self._failure is not None:
                raise self._failure from None
            raise damaged(self._archive, f"cannot be decompressed ({error.msg})") from None
        return int(result or 0)

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.decoders.Decoder.read_into`."""
        if self._ended:
            return 0
        limit = min(len(buffer), _BUFFER)
        filled = self._call(self._ffi.read_data, self._pointer, self._buffer, limit)
        if filled == 0:
            self._ended = True
            self._check_end()
        buffer[:filled] = self._view[:filled]
        return filled

    def _check_end(self) -> None:
        """Refuse bytes behind the compressed stream, which libarchive passes over in silence."""
        count = self._ffi.libarchive.archive_filter_count(self._pointer)
        consumed = self._ffi.libarchive.archive_filter_bytes(self._pointer, count - 1)
        if consumed != self._source.size:
            raise damaged(self._archive, "has bytes behind its compressed stream")

    def close(self) -> None:
        """Free libarchive's memory."""
        if self._pointer:
            self._ffi.read_free(self._pointer)
            self._pointer = None


@lru_cache(maxsize=1)
def load_libarchive() -> Any:
    """libarchive-c's foreign functions.

    Raises:
        UsageError: The shared library is not on this machine.
    """
    try:
        import libarchive.ffi as ffi
    except (ImportError, OSError, AttributeError, TypeError) as error:
        raise UsageError(
            "libarchive-missing",
            "the libarchive shared library is not on this machine",
            hint="leave out the choice of a reader: minicon's own needs no library",
        ) from error
    ffi.libarchive.archive_filter_bytes.restype = ctypes.c_int64
    ffi.libarchive.archive_filter_bytes.argtypes = [ctypes.c_void_p, ctypes.c_int]
    ffi.libarchive.archive_filter_count.restype = ctypes.c_int
    ffi.libarchive.archive_filter_count.argtypes = [ctypes.c_void_p]
    return ffi


def libarchive_is_available() -> bool:
    """Whether archives can be read with libarchive here."""
    try:
        ffi = load_libarchive()
    except UsageError:
        return False
    return _has_filter(ffi, "zstd") and _has_filter(ffi, "bzip2")


def _has_filter(ffi: Any, compression: Compression) -> bool:
    """Whether the filter is built in; else libarchive would start an external program."""
    name = {"zstd": "archive_libzstd_version", "bzip2": "archive_bzlib_version"}[compression]
    function = getattr(ffi.libarchive, name, None)
    if function is None:
        return False
    function.restype = ctypes.c_char_p
    return function() is not None
