"""Parser for configuration files: keys, values and conda's ``#!`` marks.

conda gives a meaning to comments: ``channels:  #!final`` (sources of higher priority are ignored),
``- name  #!top`` and ``- name  #!bottom`` (the position in the merged list).
"""

from __future__ import annotations

from minicon.errors import ConfigError
from minicon.fs.plain_file import decode_text
from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

_MAX_BYTES = 1 << 20
_MAX_ALIASES = 100
_MARKS = ("final", "top", "bottom")


@dataclass(frozen=True, slots=True)
class RawValue:
    """The unchecked value of a key in one source.

    Attributes:
        source: File or variable, or ``flag``.
        value: The parsed value.
        final: Whether sources of higher priority are ignored.
        item_marks: For lists and maps: item or name → ``top``, ``bottom`` or ``final``.
    """

    source: str
    value: Any
    final: bool = False
    item_marks: Mapping[str, str] = field(default_factory=dict)


def read_config_file(path: str, cache_dir: str) -> dict[str, RawValue]:
    """Parse a configuration file, or take what its text was parsed to before.

    Args:
        path: The file.
        cache_dir: ``MINICON_ROOT/cache``.

    Raises:
        ConfigError: ``unreadable-config``, or ``invalid-config``: it is not a YAML mapping.
    """
    from minicon.config.parsed_files import ParsedFiles

    text = _text_of(path)
    kept = ParsedFiles(cache_dir)
    found = kept.find(text)
    if found is not None:
        return {name: RawValue(path, *row) for name, row in found.items()}
    values = read_config_text(text, path)
    kept.keep(text, {k: (v.value, v.final, dict(v.item_marks)) for k, v in values.items()})
    return values


def read_config_text(text: str, path: str) -> dict[str, RawValue]:
    """Parse the text of the file ``path``. Raises as :func:`read_config_file`."""
    import yaml

    loader_type: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        if text.count("*") > _MAX_ALIASES and _aliases(yaml, text) > _MAX_ALIASES:
            raise ConfigError("invalid-config", f"{path} uses too many YAML aliases")
        loader = loader_type(text)
        try:
            pairs = _pairs(yaml, loader.get_single_node(), path)
            values = {key.value: loader.construct_object(node, deep=True) for key, node in pairs}
        finally:
            loader.dispose()
    except (yaml.YAMLError, ValueError, RecursionError) as error:
        raise _invalid(path, error) from error
    lines = text.splitlines()
    return {
        key.value: RawValue(
            path,
            values[key.value],
            final=_mark_on(lines, key.end_mark.line) == "final",
            item_marks=_item_marks(yaml, node, lines),
        )
        for key, node in pairs
    }


def _pairs(yaml: Any, node: Any, path: str) -> list[tuple[Any, Any]]:
    """Nodes of keys and values. Keys are kept as written: ``yes:`` is a name, not True."""
    if node is None:
        return []
    if not isinstance(node, yaml.MappingNode):
        raise ConfigError(
            "invalid-config",
            f"{path} is not a map of keys to values",
            hint="write lines such as `channel_priority: strict`",
        )
    seen: set[str] = set()
    for key, _ in node.value:
        position = f"{path}, line {key.start_mark.line + 1}"
        if not isinstance(key, yaml.ScalarNode):
            raise ConfigError("invalid-config", f"{position}: a key must be a string")
        if key.value in seen:
            raise ConfigError("invalid-config", f"{position}: the key {key.value!r} is repeated")
        seen.add(key.value)
    return list(node.value)


def _text_of(path: str) -> str:
    try:
        with open(path, "rb") as reader:
            data = reader.read(_MAX_BYTES + 1)
        if len(data) > _MAX_BYTES:
            raise ConfigError("unreadable-config", f"{path} is larger than {_MAX_BYTES} bytes")
        return decode_text(data)
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError(
            "unreadable-config",
            f"cannot read the configuration {path}: {reason}",
            hint="correct it, or remove it",
        ) from error


def _invalid(path: str, error: Exception) -> ConfigError:
    mark = getattr(error, "problem_mark", None)
    line = f", line {mark.line + 1}" if mark is not None else ""
    problem = getattr(error, "problem", None) or str(error).partition("\n")[0]
    return ConfigError(
        "invalid-config",
        f"{path}{line} is not valid YAML: {problem}",
        hint="correct that line, or remove the file",
    )


def _aliases(yaml: Any, text: str) -> int:
    return sum(isinstance(event, yaml.AliasEvent) for event in yaml.parse(text))


def _item_marks(yaml: Any, node: Any, lines: list[str]) -> dict[str, str]:
    if isinstance(node, yaml.SequenceNode):
        nodes = node.value
    elif isinstance(node, yaml.MappingNode):
        nodes = [key for key, _ in node.value]
    else:
        return {}
    marks = ((str(each.value), _mark_on(lines, each.end_mark.line)) for each in nodes)
    return {value: mark for value, mark in marks if mark}


def _mark_on(lines: list[str], number: int) -> str:
    if number >= len(lines):
        return ""
    _, found, mark = lines[number].rpartition("#!")
    return mark.strip() if found and mark.strip() in _MARKS else ""
