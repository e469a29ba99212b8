"""Validation of configured values, from files (typed) or environment variables (strings)."""

from __future__ import annotations

import json
import os

from minicon.config.dirs import expand
from minicon.config.keys import Key, Kind
from minicon.counted import counted
from minicon.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: Most items of a list or map. Channels are queried one by one and looked up in the maps.
MOST_ITEMS = 1000
_TRUE = frozenset(["true", "yes", "on", "1"])
_FALSE = frozenset(["false", "no", "off", "0"])
_LONGEST_NAME = 100
_NOTHING = frozenset(["", "none", "null", "~"])


def check_value(key: Key, value: Any, *, source: str, fill: Callable[[str], str]) -> Any:
    """Convert a value to the type of its key: tuples for lists, dicts for maps; None for no value.

    Args:
        key: The key.
        value: Parsed YAML, the value of a flag, or a string.
        source: File or variable, or ``flag``, for messages.
        fill: Expands ``~`` and ``$NAME``; applied to keys with ``expand``.

    Raises:
        ConfigError: ``wrong-type``, ``wrong-value`` or ``too-many-items``.
    """
    if value is None:
        return None
    try:
        checked = _CHECKS[key.kind](value)
    except (TypeError, ValueError, KeyError, AttributeError):
        raise _wrong("wrong-type", key, value, source, f"expected {key.kind.value}") from None
    items = _count(checked)
    if items > MOST_ITEMS:
        raise ConfigError(
            "too-many-items",
            f"{key.name} in {source} has {counted(items, 'item')}; at most "
            f"{MOST_ITEMS:,} are allowed",
            hint="shorten that list",
        )
    if key.name == "channel_priority":
        checked = {"true": "flexible", "false": "disabled"}.get(checked.lower(), checked)
    if key.choices and checked not in key.choices:
        raise _wrong("wrong-value", key, value, source, "one of: " + ", ".join(key.choices))
    if key.file_names and not all(map(_is_file_name, checked)):
        raise _wrong("wrong-value", key, value, source, "one file name each, such as a.json")
    return _filled(checked, fill) if key.expand else checked


def _is_file_name(text: str) -> bool:
    plain = text.replace("_", "").replace("-", "").replace(".", "")
    return plain.isascii() and plain.isalnum() and text[0] != "." and len(text) < _LONGEST_NAME


def _count(value: Any) -> int:
    if isinstance(value, dict):
        return len(value) + sum(_count(each) for each in value.values())
    return len(value) if isinstance(value, (list, tuple)) else 0


def read_variable(key: Key, text: str) -> Any:
    """Parse the value of an environment variable to what a file would contain, unchecked."""
    if key.kind is Kind.SEQUENCE:
        separator = os.pathsep if key.separator == "path" else key.separator
        return [item.strip() for item in text.split(separator) if item.strip()]
    if key.kind is Kind.MAPS_BY_CHANNEL:
        return json.loads(text)
    if key.kind in (Kind.MAP, Kind.MAP_OF_SEQUENCES, Kind.MAP_OF_MAPS):
        return json.loads(text) if text.lstrip().startswith("{") else _pairs(text)
    if text.strip().lower() in _NOTHING:
        return None
    return text if key.kind is Kind.TEXT else text.strip()


def filler(environ: Mapping[str, str], home: str) -> Callable[[str], str]:
    """A function that expands ``~`` and ``$NAME`` in a string."""
    return lambda text: expand(text, environ, home)


def _wrong(reference: str, key: Key, value: Any, source: str, expected: str) -> ConfigError:
    shown = repr(value)
    shown = shown if len(shown) <= 60 and "://" not in shown else f"a {type(value).__name__}"
    return ConfigError(
        reference,
        f"{key.name} in {source} is {shown}; {expected}",
        hint=f"{key.name}: {key.meaning}",
    ).with_facts(parameter_name=key.name, parameter_value=shown.strip("'"), source=source)


def _boolean(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else ""
    if isinstance(value, int) and value in (0, 1):
        return bool(value)
    if word in _TRUE or word in _FALSE:
        return word in _TRUE
    raise ValueError(value)


def _integer(value: Any) -> int:
    if isinstance(value, bool):  # `CONDA_LOCAL_REPODATA_TTL=true`, `verbose: true`
        return int(value)
    if isinstance(value, float) or len(str(value)) > 18:
        raise TypeError(value)
    return int(value)


def _number(value: Any) -> float:
    if isinstance(value, bool):
        raise TypeError(value)
    number = float(value)
    if not 0 <= number < float("inf"):
        raise ValueError(value)
    return number


def _text(value: Any) -> str:
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, (list, tuple, dict, set)):
        raise TypeError(value)
    text = str(value)
    if "\0" in text:
        raise ValueError(value)
    return text


def _switch_or_text(value: Any) -> bool | str:
    text = _text(value)
    word = text.strip().lower()
    return word in _TRUE if word in _TRUE or word in _FALSE else text


def _sequence(value: Any) -> tuple[str, ...]:
    if isinstance(value, (str, int, float)):
        value = [value]  # as in conda, a single item needs no list
    if not isinstance(value, (list, tuple)):
        raise TypeError(value)
    return tuple(_text(item) for item in value if item is not None)


def _map(value: Any) -> dict[str, str]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {_text(name): _text(each) for name, each in value.items() if each is not None}


def _map_of_sequences(value: Any) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {_text(name): _sequence(each) for name, each in value.items()}


def _map_of_maps(value: Any) -> dict[str, dict[str, str]]:
    if not isinstance(value, dict):
        raise TypeError(value)
    return {_text(name): _map(each) for name, each in value.items()}


def _maps_by_channel(value: Any) -> dict[str, dict[str, str]]:
    """Conda's ``channel_settings`` as a map by channel, so that files can be merged."""
    if isinstance(value, dict):
        return _map_of_maps(value)
    if not isinstance(value, (list, tuple)):
        raise TypeError(value)
    found: dict[str, dict[str, str]] = {}
    for each in value:
        fields = {_text(name): _text(what) for name, what in each.items() if _is_plain(what)}
        found.setdefault(fields.pop("channel"), {}).update(fields)
    return found


def _is_plain(value: Any) -> bool:
    return value is not None and not isinstance(value, (list, tuple, dict, set))


def _pairs(text: str) -> dict[str, str]:
    pairs = (item.partition("=") for item in text.split(",") if item.strip())
    return {name.strip(): value.strip() for name, _, value in pairs}


def _filled(value: Any, fill: Callable[[str], str]) -> Any:
    if isinstance(value, str):
        return fill(value)
    if isinstance(value, tuple):
        return tuple(fill(item) for item in value)
    if isinstance(value, dict):
        return {name: _filled(each, fill) for name, each in value.items()}
    return value


_CHECKS: dict[Kind, Callable[[Any], Any]] = {
    Kind.ANY: lambda value: value,
    Kind.BOOLEAN: _boolean,
    Kind.INTEGER: _integer,
    Kind.NUMBER: _number,
    Kind.TEXT: _text,
    Kind.SWITCH_OR_TEXT: _switch_or_text,
    Kind.SEQUENCE: _sequence,
    Kind.MAP: _map,
    Kind.MAP_OF_SEQUENCES: _map_of_sequences,
    Kind.MAP_OF_MAPS: _map_of_maps,
    Kind.MAPS_BY_CHANNEL: _maps_by_channel,
}
