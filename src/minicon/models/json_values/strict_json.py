"""JSON from outside, read strictly: the result is a value that can be used, or a ValueError.

The standard library's reader also takes ``NaN``, ``Infinity`` and ``1e400``, which are no numbers
that anything can count with, and halves of characters (lone surrogates), which no file, terminal or
URL can hold; of deep nesting it says RecursionError.
"""

from __future__ import annotations

import json

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

#: How deep a value may be nested that anything walks through; real ones have five levels.
DEEPEST = 40
_HALF = lazy_pattern(r"\\u[dD][89a-fA-F]")
_INFINITE = float("inf")


def read_json(data: bytes | str) -> Any:
    """Return the value of a JSON document.

    Raises:
        ValueError: It is no JSON, holds numbers or texts that cannot be used, or is nested too
            deeply. UnicodeDecodeError and JSONDecodeError are such.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    try:
        if text is data:
            text.encode()
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _HALF.search(text) and not is_plain(value):
        raise ValueError("it holds half a character, or is nested too deeply")
    return value


def read_object(data: bytes | str) -> dict[str, Any]:
    """Return the object of a JSON document that must be one. Raises ValueError."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - one kind for all that is wrong
    return value


def is_plain(value: object, depth: int = DEEPEST) -> bool:
    """Whether a value is what strict JSON can hold, and everything can walk through it.

    For values that came in another format; of :func:`read_json`'s only the depth is unknown.
    """
    if isinstance(value, str):
        return _is_whole(value)
    if isinstance(value, dict):
        return depth > 0 and all(
            isinstance(key, str) and is_plain(key) and is_plain(each, depth - 1)
            for key, each in value.items()
        )
    if isinstance(value, list):
        return depth > 0 and all(is_plain(each, depth - 1) for each in value)
    if isinstance(value, float):
        return -_INFINITE < value < _INFINITE
    return value is None or isinstance(value, int)


def _is_whole(text: str) -> bool:
    if text.isascii():
        return True
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True


def _finite(text: str) -> float:
    number = float(text)
    if not -_INFINITE < number < _INFINITE:
        raise ValueError(f"the number {text[:20]} is too large")
    return number


def _refused(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refused)
#: Reads the value at an index of a text, as ``json.JSONDecoder.raw_decode`` does.
read_value_at = _DECODER.raw_decode
