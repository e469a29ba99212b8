"""JSON that people can read, written quickly.

Python's own encoder is compiled only without ``indent``; with it, a plan of some hundred packages
takes longer to print than to solve.
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
    """What ``json.dumps(value, indent=2, default=str)`` gives.

    Args:
        value: Anything; what JSON does not have becomes text.
        ensure_ascii: Write other characters as escapes.
        shown: Applied to every text, names of members too.

    Raises:
        RecursionError: It contains itself.
        TypeError: A name of a member is neither text nor a number.
    """
    encode = encode_basestring_ascii if ensure_ascii else encode_basestring
    return _Writer(encode if shown is str else lambda text: encode(shown(text))).text(value)


class _Writer:
    """Writes one document; an object that is in it several times is written out once."""

    def __init__(self, encode: Callable[[str], str]) -> None:
        self._encode = encode
        self._written: dict[tuple[int, str], str] = {}
        self._names: dict[Any, str] = {}

    def text(self, value: Any, line: str = "\n") -> str:
        """One value; ``line`` begins a line at its depth."""
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
        """How a member begins; most objects of a document have the same."""
        written = f"{self._encode(_key(key))}: "
        if isinstance(key, str):  # 1, 1.0 and True are one key of a mapping, but not of a document
            self._names[key] = written
        return written


def _leaf(value: Any, encode: Callable[[str], str]) -> str:
    """What has nothing inside."""
    if value is None or isinstance(value, (bool, int, float, dict, list, tuple)):
        return json.dumps(value)
    return encode(str(value))


def _key(key: Any) -> str:
    """The name of a member; JSON has texts only, so numbers are written out."""
    if isinstance(key, str):
        return key
    if key is None or isinstance(key, (bool, int, float)):
        return json.dumps(key)
    raise TypeError(f"a member of a JSON object cannot be named by {key!r}")
