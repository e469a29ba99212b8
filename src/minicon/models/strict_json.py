"""Strict reading of JSON from outside, and the shapes that documents must have.

The standard library's reader also accepts ``NaN``, ``Infinity`` and ``1e400``, which are not usable
numbers, and lone surrogates, which no file, terminal or URL can hold; deep nesting makes it raise
RecursionError. Here, what is not usable is a ValueError.

Code that reads a document which others may have written declares its whole shape first, and needs
no type checks afterwards::

    check_shape(data, {"name": str, "tags": [str], "note": (str, None), "by_key": {...: int}})
"""

from __future__ import annotations

import json

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn

#: Deepest nesting of a value that code walks through recursively; real ones have five levels.
DEEPEST = 40
_SURROGATE = lazy_pattern(r"\\u[dD][89a-fA-F]")
_INFINITE = float("inf")


def read_json(data: bytes | str) -> Any:
    """Parse a JSON document.

    Raises:
        ValueError: It is not JSON, contains numbers or strings that are not usable, or is nested
            too deeply. UnicodeDecodeError and JSONDecodeError are ValueErrors.
    """
    text = data if isinstance(data, str) else data.decode(json.detect_encoding(data))
    try:
        if text is data:
            text.encode()
        value = _DECODER.decode(text)
    except RecursionError:
        raise ValueError("it is nested too deeply") from None
    if _SURROGATE.search(text) and not is_plain(value):
        raise ValueError("it contains a lone surrogate, or is nested too deeply")
    return value


def read_object(data: bytes | str) -> dict[str, Any]:
    """Parse a JSON document that must be an object. Raises ValueError."""
    value = read_json(data)
    if not isinstance(value, dict):
        raise ValueError("it is not an object")  # noqa: TRY004 - one type for all that is wrong
    return value


def is_plain(value: object, depth: int = DEEPEST) -> bool:
    """Whether a value is one that strict JSON can hold, nested at most ``depth`` levels deep.

    For values from other formats; of the values that :func:`read_json` returns, only the depth
    is unknown.
    """
    if isinstance(value, str):
        return _is_encodable(value)
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


def _is_encodable(text: str) -> bool:
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


def _refuse_constant(text: str) -> NoReturn:
    raise ValueError(f"{text} is not a number")


_DECODER = json.JSONDecoder(parse_float=_finite, parse_constant=_refuse_constant)
#: Reads the value at an index of a string, as ``json.JSONDecoder.raw_decode`` does.
read_value_at = _DECODER.raw_decode


def check_shape(value: object, shape: Any, name: str = "it") -> None:
    """Refuse a value that does not have a shape.

    Args:
        value: What strict JSON or YAML gave.
        shape: A type (``int`` does not include booleans); None; a tuple of alternatives; a list of
            one shape for every item; a mapping of keys to shapes, in which keys that allow None
            may be missing, and further keys are allowed; ``{...: shape}`` for keys of any name.
        name: What messages call the value.

    Raises:
        ValueError: Names the value and the expected type.
    """
    if isinstance(shape, tuple):
        if not any(_has_kind(value, each) for each in shape):
            _refuse_shape(name, shape)
        shape = next(each for each in shape if _has_kind(value, each))
    elif not _has_kind(value, shape):
        _refuse_shape(name, (shape,))
    if isinstance(value, list) and isinstance(shape, list):
        for item in value:
            check_shape(item, shape[0], f"an item of {name}")
    elif isinstance(value, dict) and isinstance(shape, dict):
        _check_members(value, shape, name)


def _check_members(value: Mapping[str, object], shape: Mapping[Any, Any], name: str) -> None:
    if ... in shape:
        for key, each in value.items():
            check_shape(each, shape[...], f"{key[:40]} of {name}")
        return
    for key, expected in shape.items():
        check_shape(value.get(key), expected, key)


def _has_kind(value: object, shape: Any) -> bool:
    if isinstance(shape, type):
        is_flag = isinstance(value, bool) and shape is not bool
        return isinstance(value, shape) and not is_flag
    return value is None if shape is None else isinstance(value, type(shape))


def _refuse_shape(name: str, shapes: tuple[Any, ...]) -> NoReturn:
    kinds = " or ".join(_KINDS[each if isinstance(each, type) else type(each)] for each in shapes)
    raise ValueError(f"{name} must be {kinds}")


_KINDS = {
    str: "a string",
    int: "an integer",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "null",
}
