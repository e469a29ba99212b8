"""Reading lock files: values of the right type, or an error that names the place."""

from __future__ import annotations

from minicon.config import strict_yaml
from minicon.errors import SpecError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any, NoReturn

MAX_BYTES = 32 * 1024 * 1024
_MAX_NODES = 2_000_000


def read_lock_text(path: Path) -> str:
    """The text of a lock file.

    Raises:
        SpecError: ``lock-file-not-found`` or ``invalid-lock-file``.
    """
    try:
        if path.stat().st_size > MAX_BYTES:
            refuse(str(path), f"the file is larger than {MAX_BYTES // 2**20} MB")
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        message = f"{str(path)!r} cannot be read: {error.strerror}"
        hint = "check the path and its permissions"
        raise SpecError("lock-file-not-found", message, hint=hint) from None
    except UnicodeDecodeError:
        refuse(str(path), "it is not text in UTF-8")
    if "\0" in text:
        refuse(str(path), "it is not a text file")
    return text


def load_yaml(text: str, source: str) -> Mapping[str, Any]:
    """The mapping that a YAML lock file holds; every scalar stays text."""
    data = strict_yaml.load(text, source=source, max_bytes=MAX_BYTES, max_nodes=_MAX_NODES)
    return mapping(data, source)


def refuse(place: str, why: str) -> NoReturn:
    """Raise the error of a lock file that cannot be read."""
    raise SpecError(
        "invalid-lock-file", f"{place}: {why}", hint="make it again with the tool that wrote it"
    )


def at(source: str, value: Any) -> str:
    """SOURCE, with the line of a value where it is known."""
    line = getattr(value, "line", None)
    return f"{source}, line {line}" if line else source


def mapping(value: Any, place: str) -> Mapping[str, Any]:
    """VALUE if it is a mapping; nothing counts as an empty one."""
    if value is None:
        return {}
    if not isinstance(value, dict):
        refuse(at(place, value), "a mapping is expected here")
    return value


def items(value: Any, place: str) -> list[Any]:
    """VALUE if it is a list; nothing counts as an empty one."""
    if value is None:
        return []
    if not isinstance(value, list):
        refuse(at(place, value), "a list is expected here")
    return value


def texts(value: Any, place: str) -> Iterator[str]:
    """The texts of a list."""
    for item in items(value, place):
        yield text(item, place)


def text(value: Any, place: str) -> str:
    """VALUE as text; numbers are taken as they are written."""
    if isinstance(value, bool) or not isinstance(value, (str, int, float)):
        refuse(at(place, value), "a text is expected here")
    found = str(value)
    if "\0" in found:
        refuse(at(place, value), "a text holds a NUL character")
    return found


def optional(data: Mapping[str, Any], key: str, place: str) -> str | None:
    """A text that may be missing."""
    value = data.get(key)
    return None if value is None else text(value, place)


def required(data: Mapping[str, Any], key: str, place: str) -> str:
    """A text that must be there."""
    if data.get(key) is None:
        refuse(at(place, data), f"{key!r} is missing")
    return text(data[key], place)


def lower_hash(data: Mapping[str, Any], key: str, place: str) -> str | None:
    """A hash in lower case, or None."""
    value = optional(data, key, place)
    return value.lower() if value else None


def size(data: Mapping[str, Any], place: str) -> int | None:
    """A number of bytes, or None."""
    value = optional(data, "size", place)
    if value is None:
        return None
    if not value.isascii() or not value.isdigit() or len(value) > 15:
        refuse(at(place, data), "a size is a number of bytes")
    return int(value)
