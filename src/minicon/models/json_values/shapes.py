"""Shapes of JSON documents: what kinds of values may stand where, checked once at the border.

::

    check_shape(data, {"name": str, "tags": [str], "note": (str, None), "by_key": {...: int}})

Whoever reads a document that somebody else could have written says its whole shape first; what
follows then needs no further look at types.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any, NoReturn


def check_shape(value: object, shape: Any, name: str = "it") -> None:
    """Refuse a value that has another shape.

    Args:
        value: What strict JSON or YAML gave.
        shape: A type (``int`` does not mean booleans); None; a tuple of alternatives; a list of
            one shape for every item; a mapping of keys to shapes, of which those that allow None
            may be missing, and further keys may be there; ``{...: shape}`` for keys of any name.
        name: What the value is called in messages.

    Raises:
        ValueError: Naming the place, and what is expected there.
    """
    if isinstance(shape, tuple):
        if not any(_has_kind(value, each) for each in shape):
            _refuse(name, shape)
        shape = next(each for each in shape if _has_kind(value, each))
    elif not _has_kind(value, shape):
        _refuse(name, (shape,))
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
    for key, wanted in shape.items():
        check_shape(value.get(key), wanted, key)


def _has_kind(value: object, shape: Any) -> bool:
    if isinstance(shape, type):
        is_flag = isinstance(value, bool) and shape is not bool
        return isinstance(value, shape) and not is_flag
    return value is None if shape is None else isinstance(value, type(shape))


def _refuse(name: str, shapes: tuple[Any, ...]) -> NoReturn:
    kinds = " or ".join(_KINDS[each if isinstance(each, type) else type(each)] for each in shapes)
    raise ValueError(f"{name} should be {kinds}")


_KINDS = {
    str: "a text",
    int: "a whole number",
    float: "a number",
    bool: "true or false",
    list: "a list",
    dict: "an object",
    type(None): "nothing",
}
