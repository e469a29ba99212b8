"""Strict YAML parser: strings, lists and mappings, each with its line number.

Every scalar stays a string (``3.10`` is not a number, ``no`` not a boolean). Tags, duplicate keys,
many aliases, deep nesting and large files are refused, because a small file could use them to run
code or to exhaust the memory (CVE-2017-18342, "billion laughs").
"""

from __future__ import annotations

from minicon.errors import SpecError
from minicon.models.strict_json import is_plain

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_BYTES = 4 * 1024 * 1024
MAX_DEPTH = 32
_MAX_ALIASES = 100
_MAX_NODES = 200_000

_NULLS = ("", "~", "null", "Null", "NULL")
_STANDARD_TAG = "tag:yaml.org,2002:"
_PLAIN_TAGS = tuple(
    _STANDARD_TAG + name
    for name in ("str", "int", "float", "bool", "null", "seq", "map", "timestamp", "merge")
)
_MERGE = "<<"


class Text(str):
    """A scalar with its line number (from 1)."""

    __slots__ = ("line",)
    line: int


class Items(list[object]):
    """A list with the number of its first line."""

    line: int = 0


class Mapping(dict[str, object]):
    """A mapping with the number of its first line."""

    line: int = 0


def load(text: str, *, source: str, max_bytes: int = MAX_BYTES, max_nodes: int = _MAX_NODES) -> Any:
    """Parse a YAML text with one document; None for an empty one.

    Args:
        text: The text.
        source: The file's name, for messages.
        max_bytes: Longest text, in characters; lock files are larger than environment files.
        max_nodes: Largest number of values.

    Raises:
        SpecError: ``invalid-yaml``, naming the line.
    """
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    if len(text) > max_bytes:
        raise _error(source, None, f"the file is larger than {max_bytes // 2**20} MB", "split it")
    try:
        _check_events(yaml.parse(text, Loader=loader), source, max_nodes)
        return _Builder(source).build(yaml.compose(text, Loader=loader))
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        problem = str(getattr(error, "problem", None) or "it is not YAML")
        if problem.startswith("but "):
            problem = f"{getattr(error, 'context', None) or 'it is not YAML'} {problem}"
        raise _error(source, mark, problem, _syntax_hint(text)) from None
    except (RecursionError, ValueError) as error:
        raise _error(source, None, str(error)[:200], _syntax_hint(text)) from None


def _check_events(events: Any, source: str, max_nodes: int) -> None:
    """Limit depth, aliases, and values with those that aliases repeat, before any is built."""
    aliases = 0
    sizes: dict[str | None, int] = {}
    open_nodes: list[tuple[str | None, int]] = [(None, 0)]
    for event in events:
        kind = type(event).__name__
        if kind in ("SequenceStartEvent", "MappingStartEvent"):
            open_nodes.append((event.anchor, 1))
            if len(open_nodes) > MAX_DEPTH + 1:
                raise _error(
                    source, event.start_mark, "the nesting is too deep", "flatten the file"
                )
            continue
        if kind == "ScalarEvent":
            anchor, size = event.anchor, 1
        elif kind == "AliasEvent":
            anchor, size = event.anchor, sizes.get(event.anchor, 1)
            aliases += 1
            if any(anchor == each for each, _ in open_nodes):
                hint = "write the values out"
                raise _error(source, event.start_mark, "an alias is inside of its own value", hint)
        elif kind in ("SequenceEndEvent", "MappingEndEvent"):
            anchor, size = open_nodes.pop()
        else:
            continue
        sizes[anchor] = size
        parent, total = open_nodes.pop()
        open_nodes.append((parent, total + size))
        if aliases > _MAX_ALIASES:
            raise _error(source, event.start_mark, "too many aliases", "write the values out")
        if total + size > max_nodes:
            hint = "write aliases out, or split the file"
            raise _error(source, event.start_mark, "too many values", hint)


class _Builder:
    def __init__(self, source: str) -> None:
        self.source = source

    def fail(self, node: Any, why: str, hint: str) -> NoReturn:
        raise _error(self.source, node.start_mark, why, hint)

    def build(self, node: Any) -> Any:
        if node is None:
            return None
        if node.tag not in _PLAIN_TAGS:
            self.fail(node, f"the tag {node.tag!r} is not allowed", "write plain values")
        kind = type(node).__name__
        if kind == "ScalarNode":
            return self.scalar(node)
        if kind == "SequenceNode":
            items = Items(self.build(item) for item in node.value)
            items.line = node.start_mark.line + 1
            return items
        return self.mapping(node)

    def scalar(self, node: Any) -> Text | None:
        if not node.style and node.value in _NULLS:
            return None
        if "\0" in node.value or not is_plain(node.value):
            self.fail(node, "a string contains NUL or a lone surrogate", "remove that character")
        text = Text(node.value)
        text.line = node.start_mark.line + 1
        return text

    def mapping(self, node: Any) -> Mapping:
        mapping = Mapping()
        mapping.line = node.start_mark.line + 1
        merged: list[Any] = []
        for key_node, value_node in node.value:
            key = self.build(key_node)
            if not isinstance(key, Text):
                self.fail(
                    key_node,
                    "a key must be a string",
                    "write key: value, with a plain string as key",
                )
            if key == _MERGE and not key_node.style:
                merged.append(self.build(value_node))
            elif key in mapping:
                self.fail(key_node, f"the key {str(key)[:60]!r} is repeated", "remove one of them")
            else:
                mapping[key] = self.build(value_node)
        for value in merged:
            for other in value if isinstance(value, Items) else [value]:
                if isinstance(other, Mapping):
                    mapping.update({k: v for k, v in other.items() if k not in mapping})
        return mapping


def _syntax_hint(text: str) -> str:
    if "\t" in text:
        return "indent with spaces: YAML does not allow tabs"
    return "check that line: lists are written - item, mappings key: value"


def _error(source: str, mark: Any, why: str, hint: str) -> SpecError:
    position = source if mark is None else f"{source}, line {mark.line + 1}"
    return SpecError("invalid-yaml", f"{position}: {why}", hint=hint)
