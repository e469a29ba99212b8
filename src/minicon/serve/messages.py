"""Messages between the server and the processes that answer its questions: JSON with its length."""

from __future__ import annotations

import json
import struct

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, BinaryIO

#: Largest message, in bytes.
MOST_BYTES = 1 << 28
HEAD = struct.Struct(">I")


def packed(message: Any) -> bytes:
    """Return a message as bytes."""
    data = json.dumps(message, separators=(",", ":")).encode()
    return HEAD.pack(len(data)) + data


def read_message(reader: BinaryIO) -> Any:
    """Read a message; None at the end of the input."""
    head = reader.read(HEAD.size)
    if len(head) < HEAD.size:
        return None
    (size,) = HEAD.unpack(head)
    data = reader.read(size)
    return json.loads(data) if len(data) == size else None
