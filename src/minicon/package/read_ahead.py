"""ReadAhead: decompress in a second thread while the first one hashes and writes."""

from __future__ import annotations

import contextlib
import queue
import threading

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.package.decoders import Decoder

_PIECE = 1 << 18
_DEPTH = 4


class ReadAhead:
    """A decoder that works up to 1 MiB ahead of its reader. Close it, or its thread waits.

    Decompression, hashing and system calls all let other threads run, so two cores are of use
    to one package.
    """

    def __init__(self, decoder: Decoder) -> None:
        self._decoder = decoder
        self._pieces: queue.Queue[bytes | BaseException] = queue.Queue(_DEPTH)
        self._closing = False
        self._thread = threading.Thread(target=self._work, name="decompress", daemon=True)
        self._thread.start()

    def _work(self) -> None:
        try:
            while not self._closing:
                piece = bytes(self._decoder.read(_PIECE))
                self._pieces.put(piece)
                if not piece:
                    return
        except BaseException as error:  # noqa: BLE001  # raised again where it is read
            self._pieces.put(error)

    def read(self, _count: int) -> bytes:
        """See :meth:`minicon.package.decoders.Decoder.read`; pieces have their own size."""
        piece = self._pieces.get()
        if isinstance(piece, BaseException):
            self._pieces.put(piece)
            raise piece
        if not piece:
            self._pieces.put(piece)  # the end stays the end
        return piece

    def close(self) -> None:
        """Stop the thread and close the decoder."""
        self._closing = True
        while self._thread.is_alive():
            with contextlib.suppress(queue.Empty):
                self._pieces.get(timeout=0.01)
        self._thread.join()
        self._decoder.close()
