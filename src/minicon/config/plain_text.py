"""Plain configuration files, read without YAML: keys with one word, a number, or a list of words.

Nearly all files are plain, and loading the YAML library takes longer than most commands. What is
not plain beyond doubt (quotes, maps, other numbers, mistakes) is left to YAML, so that both agree.
"""

from __future__ import annotations

from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    #: A key, the number of its line, its value, and the texts of items with their lines.
    Entry = tuple[str, int, Any, list[tuple[str, int]]]

#: A word, which YAML reads as a text or one of the constants; or a number.
_WORD = r"((?:[A-Za-z]|~?/)(?:[A-Za-z0-9_./:@+~-]*[A-Za-z0-9_/])?|0|[1-9][0-9]{0,8})"
_LINE = lazy_pattern(
    rf"(?:([A-Za-z_][A-Za-z0-9_]{{0,99}}):(?: +{_WORD})?|( *)- +{_WORD})? *(?:(?:^|(?<= ))#.*)?"
)
_CONSTANTS = {
    **dict.fromkeys(("yes", "true", "on"), True),
    **dict.fromkeys(("no", "false", "off"), False),
    "null": None,
}


def plain_entries(text: str) -> list[Entry] | None:
    """Return the entries of a plain file in order; None for others."""
    if not text.isascii() or not text.replace("\n", "").isprintable():
        return None
    found: dict[str, Entry] = {}
    items: list[tuple[str, int]] = []
    expected: set[str] | None = set()  # indents that an item may have; None: any
    for number, line in enumerate(text.split("\n")):
        read = _LINE.fullmatch(line)
        if read is None:
            return None
        key, word, item_indent, item = read.groups()
        if key is not None:
            if key in found:
                return None
            items = []
            found[key] = key, number, _value(word), items
            expected = None if word is None else set()
        elif item is not None:
            if expected is not None and item_indent not in expected:
                return None
            items.append((item, number))
            expected = {item_indent}
    return [
        (key, line, [_value(item) for item, _ in items] if items else value, items)
        for key, line, value, items in found.values()
    ]


def _value(word: str | None) -> Any:
    if word is None or word.isdigit():
        return word and int(word)
    if word in (word.lower(), word.capitalize(), word.upper()):
        return _CONSTANTS.get(word.lower(), word)
    return word
