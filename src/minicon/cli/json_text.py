"""Fast encoder for indented JSON.

Python's own encoder uses its C code only without ``indent``; with it, printing a plan of a few
hundred packages takes longer than solving it.
"""

from __future__ import annotations

import json
from json.encoder import encode_basestring, encode_basestring_ascii

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Any

_STEP = "  "


def json_text(value: Any, *, ensure_ascii: bool = False, shown: Callable[[str], str] = str) -> str:
    """Return what ``json.dumps(value, indent=2, default=str)`` returns.

    Args:
        value: Any object; objects without a JSON form become strings.
        ensure_ascii: Write non-ASCII characters as escapes.
        shown: Applied to every string, keys included.

    Raises:
        RecursionError: The value contains itself.
        TypeError: A key is neither a string nor a number.
    """
    encode = encode_basestring_ascii if ensure_ascii else encode_basestring
    return _Writer(encode if shown is str else lambda text: encode(shown(text))).text(value)


class _Writer:
    """Encode one document; an object that it contains several times is encoded once."""

    def __init__(self, encode: Callable[[str], str]) -> None:
        self._encode = encode
        self._written: dict[tuple[int, str], str] = {}
        self._names: dict[Any, str] = {}

    def text(self, value: Any, line: str = "\n") -> str:
        """Return one value; ``line`` starts a line at its depth."""
        encode, text = self._encode, self.text
        if isinstance(value, str):
            return encode(value)
        if not value or not isinstance(value, (dict, list, tuple)):
            return _leaf(value, encode)
        deeper = line + _STEP
        if isinstance(value, dict):
            return self._object(value, line)
        inner = [encode(each) if type(each) is str else text(each, deeper) for each in value]
        return f"[{deeper}{f',{deeper}'.join(inner)}{line}]"

    def _object(self, value: dict[Any, Any], line: str) -> str:
        known = self._written.get((id(value), line))
        if known is None:
            encode, text, name, deeper = self._encode, self.text, self._name, line + _STEP
            names = self._names
            inner = [
                (names.get(key) or name(key))
                + (encode(each) if type(each) is str else text(each, deeper))
                for key, each in value.items()
            ]
            known = f"{{{deeper}{f',{deeper}'.join(inner)}{line}}}"
            self._written[id(value), line] = known
        return known

    def _name(self, key: Any) -> str:
        """Return the encoded key; most objects of a document have the same keys."""
        written = f"{self._encode(_key(key))}: "
        if isinstance(key, str):  # 1, 1.0 and True are equal keys in Python, but not in JSON
            self._names[key] = written
        return written


def _leaf(value: Any, encode: Callable[[str], str]) -> str:
    """Return a value that contains no other."""
    if value is None or isinstance(value, (bool, int, float, dict, list, tuple)):
        return json.dumps(value)
    return encode(str(value))


def _key(key: Any) -> str:
    """Return a key as a string: JSON has no other keys."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    raise TypeError(f"{key!r} cannot be a key of a JSON object")
