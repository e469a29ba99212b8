"""Every setting is read by something: a key that changes nothing would be a promise not kept."""

from __future__ import annotations

import ast
from pathlib import Path

from minicon import config
from minicon.config.keys import KEYS

PACKAGE = Path(config.__file__).parent.parent
#: Keys whose field of Settings has another name.
FIELDS = {"subdir": "platform"}


def attributes_read_outside_config() -> set[str]:
    """Names of all attributes that the package reads, and of constants by which it may."""
    names: set[str] = set()
    for path in PACKAGE.rglob("*.py"):
        if path.parent.name == "config":
            continue
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Attribute) and isinstance(node.ctx, ast.Load):
                value = node.value
                holder = value.attr if isinstance(value, ast.Attribute) else None
                holder = value.id if isinstance(value, ast.Name) else holder
                if holder is not None and holder.strip("_") == "settings":
                    names.add(node.attr)
    return names


def test_every_key_changes_something() -> None:
    read = attributes_read_outside_config()
    assert not {key for key in KEYS if FIELDS.get(key, key) not in read}


def test_every_key_has_a_meaning_of_one_line() -> None:
    assert all(key.meaning and len(key.meaning) < 80 for key in KEYS.values())
