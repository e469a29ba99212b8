"""The table of keys as documentation: docs/reference/configuration.md holds what this writes."""

from __future__ import annotations

from minicon.config.keys import KEYS
from minicon.config.settings import Settings
from minicon.lean_dataclasses import MISSING, fields

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.config.keys import Key


def default_text(key: Key) -> str:
    """The default of a key as a reader expects it; empty where it is computed or nothing."""
    for each in fields(Settings):
        if each.name == key.name and each.default is not MISSING:
            return _plain(each.default)
    return ""


def markdown_table() -> str:
    """All keys: name, what it holds, default, meaning."""
    rows = [
        f"| `{key.name}` | {_holds(key)} | {_code(default_text(key))} | {key.meaning} |"
        for key in KEYS.values()
    ]
    return "\n".join(["| key | holds | default | meaning |", "|---|---|---|---|", *rows]) + "\n"


def _holds(key: Key) -> str:
    if key.choices:
        return ", ".join(f"`{choice}`" for choice in key.choices)
    aliases = f" (also `{'`, `'.join(key.aliases)}`)" if key.aliases else ""
    return key.kind.value + aliases


def _plain(value: Any) -> str:
    if value is None or value == ():
        return ""
    return str(value).lower() if isinstance(value, bool) else str(value)


def _code(text: str) -> str:
    return f"`{text}`" if text else ""
