"""Values of lock files with the expected type, or an error that names file and line."""

from __future__ import annotations

import contextlib

from minicon.config import strict_yaml
from minicon.envs.input_text import MAX_BYTES
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import Any, NoReturn

_LINE = lazy_pattern(r", line \d+$")
_MAX_NODES = 2_000_000


def load_yaml(text: str, source: str) -> Mapping[str, Any]:
    """Return the mapping in a YAML lock file; every scalar stays text."""
    data = strict_yaml.load(text, source=source, max_bytes=MAX_BYTES, max_nodes=_MAX_NODES)
    return mapping(data, source)


def refuse(where: str, why: str) -> NoReturn:
    """Raise the error for an invalid lock file."""
    raise SpecError(
        "invalid-lock-file", f"{where}: {why}", hint="create it again with the tool that wrote it"
    )


def location(source: str, value: Any) -> str:
    """Return the name of a file, with the line of a value if that is known."""
    line = getattr(value, "line", None)
    return f"{_LINE.sub('', source)}, line {line}" if line else source


@contextlib.contextmanager
def reading(where: str) -> Iterator[None]:
    """Name file and line in errors about a value that do not name them.

    Raises:
        SpecError: ``invalid-lock-file``.
    """
    try:
        yield
    except SpecError as error:
        if error.message.startswith(_LINE.sub("", where)):
            raise
        refuse(where, error.message)


def mapping(value: Any, where: str) -> Mapping[str, Any]:
    """Return a value that is a mapping; None becomes an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse(location(where, value), "expected a mapping")
    return value


def items(value: Any, where: str) -> list[Any]:
    """Return a value that is a list; None becomes an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        refuse(location(where, value), "expected a list")
    return value


def texts(value: Any, where: str) -> Iterator[str]:
    """Yield the texts of a list."""
    for item in items(value, where):
        yield text(item, where)


def text(value: Any, where: str) -> str:
    """Return a value as text; numbers are converted."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        refuse(location(where, value), "expected a text")
    found = str(value)
    if "\0" in found:
        refuse(location(where, value), "a text contains a NUL character")
    return found


def optional(data: Mapping[str, Any], key: str, where: str) -> str | None:
    """Return a text of a mapping, or None if it is missing."""
    value = data.get(key)
    return None if value is None else text(value, where)


def required(data: Mapping[str, Any], key: str, where: str) -> str:
    """Return a text of a mapping, which must not be missing."""
    if data.get(key) is None:
        refuse(location(where, data), f"{key!r} is missing")
    return text(data[key], where)


def lower_hash(data: Mapping[str, Any], key: str, where: str) -> str | None:
    """Return a hash in lower case, or None."""
    value = optional(data, key, where)
    return value.lower() if value else None


def size(data: Mapping[str, Any], where: str) -> int | None:
    """Return a number of bytes, or None."""
    value = optional(data, "size", where)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        refuse(location(where, data), "a size must be a number of bytes")
    return int(value)
