"""LibarchiveDecoder: decompression with libarchive, where its shared library is installed.

Only its filters are used. Its tar readers guess where a header is wrong, and its disk writer
keeps links that point outside, so minicon reads headers and writes files itself.

Threads: each decoder has a libarchive handle of its own and is used by one thread at a time.
Nothing else is shared but the loaded library.
"""

from __future__ import annotations

import ctypes
import logging
from functools import lru_cache
from typing import Any

from minicon.archive.problems import damaged
from minicon.errors import UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.archive.streams import ByteSource, Compression

_PIECE = 1 << 17
_OK, _END = 0, 1


class LibarchiveDecoder:
    """Decompresses one stream through libarchive's ``raw`` format.

    Raises:
        UsageError: ``libarchive-missing``: the library is not installed, or lacks the filter.
        PackageError: The start of the stream is not in the expected format.
    """

    def __init__(self, source: ByteSource, compression: Compression, archive: str) -> None:
        self._ffi = require_libarchive()
        self._archive = archive
        self._source = source
        self._failure: BaseException | None = None
        self._input = b""
        self._pointer: Any = self._ffi.read_new()
        try:
            self._open(compression)
        except BaseException:
            self.close()
            raise

    def _open(self, compression: Compression) -> None:
        ffi = self._ffi
        if not _has_filter(ffi, compression):
            raise UsageError(
                "libarchive-missing", f"the installed libarchive cannot read {compression}"
            )
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
        """Give libarchive its next compressed bytes; return -1 if they cannot be read."""
        try:
            if self._failure is not None:
                return -1
            self._input = self._source.read(_PIECE)
            target[0] = ctypes.cast(ctypes.c_char_p(self._input), ctypes.c_void_p)
            return len(self._input)
        except BaseException as error:  # noqa: BLE001  # ctypes would print and swallow it
            self._failure = error
            return -1

    def _call(self, function: Any, *arguments: Any) -> int:
        try:
            result = function(*arguments)
        except self._ffi.ArchiveError as error:
            if self._failure is not None:
                raise self._failure from None
            raise damaged(self._archive, f"cannot be decompressed ({error.msg})") from None
        if isinstance(result, int) and result < 0:  # a warning, which libarchive-c only logs
            raise damaged(self._archive, "cannot be decompressed")
        return int(result or 0)

    def read_into(self, buffer: memoryview) -> int:
        """See :meth:`minicon.archive.streams.Decoder.read_into`."""
        if self._ended:
            return 0
        target = ctypes.byref(ctypes.c_char.from_buffer(buffer))  # no copy of our own
        filled = self._call(self._ffi.read_data, self._pointer, target, len(buffer))
        if filled == 0:
            self._ended = True
            self._check_end()
        return filled

    def _check_end(self) -> None:
        """Refuse bytes after the compressed stream, which libarchive ignores silently."""
        count = self._ffi.filter_count(self._pointer)
        consumed = self._ffi.filter_bytes(self._pointer, count - 1)
        if consumed != self._source.size:
            raise damaged(self._archive, "has bytes after its compressed stream")

    def close(self) -> None:
        """Free libarchive's memory."""
        if self._pointer:
            self._ffi.read_free(self._pointer)
            self._pointer = None


def libarchive_reads(compression: Compression) -> bool:
    """Return whether libarchive is installed and has the filter for this format."""
    ffi = load_libarchive()
    return ffi is not None and _has_filter(ffi, compression)


@lru_cache(maxsize=1)
def load_libarchive() -> Any | None:
    """Load libarchive-c's foreign functions; None if the shared library is not installed.

    The result is kept either way: searching for a missing library starts other programs.
    """
    # Importing warns, through logging, of functions that an older library lacks.
    logging.getLogger("libarchive").addHandler(logging.NullHandler())
    try:
        import libarchive.ffi as ffi
    except (ImportError, OSError, AttributeError, TypeError):
        return None
    return ffi


def require_libarchive() -> Any:
    """Load libarchive. Raises UsageError (``libarchive-missing``)."""
    ffi = load_libarchive()
    if ffi is None:
        raise UsageError(
            "libarchive-missing",
            "the libarchive shared library is not installed",
            hint="do not name a reader: minicon's own needs no library",
        )
    return ffi


def libarchive_version() -> str | None:
    """Version of the library that decompresses packages, e.g. ``3.6.2``; None if not used."""
    ffi = load_libarchive()
    if ffi is None or not (libarchive_reads("zstd") or libarchive_reads("bzip2")):
        return None
    number = int(ffi.version_number())
    return f"{number // 1_000_000}.{number // 1_000 % 1_000}.{number % 1_000}"


@lru_cache(maxsize=2)
def _has_filter(ffi: Any, compression: Compression) -> bool:
    """Return whether the filter is built in; else libarchive would start an external program."""
    name = {"zstd": "archive_libzstd_version", "bzip2": "archive_bzlib_version"}[compression]
    function = getattr(ffi.libarchive, name, None)
    if function is None:
        return False
    function.restype = ctypes.c_char_p
    return function() is not None
