"""Edit a configuration file: ``config --set``, ``--append``, ``--prepend``, ``--remove``.

Only the lines of the key are changed, so comments and order of the other keys are kept. A list on
one line (``[a, b]``) is rewritten; comments in it are lost, which the result reports. The file is
replaced atomically.
"""

from __future__ import annotations

import os

from minicon.config.files import read_config_text
from minicon.config.keys import KEYS, MAPS, Key, Kind, find_key, foreign_key
from minicon.config.values import check_value
from minicon.errors import ConfigError, UsageError
from minicon.fs import operations
from minicon.fs.plain_file import decode_text, plain_opener
from minicon.lean_dataclasses import dataclass
from minicon.redaction import MASK

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any

_LISTS = ("append", "prepend", "remove", "clear")


@dataclass(frozen=True, slots=True)
class ConfigEdit:
    """One change to a configuration file.

    Attributes:
        action: ``set``, ``append``, ``prepend``, ``remove``, ``clear`` (make a list empty),
            ``remove-key``, or ``replace`` by a value of any kind.
        key: The key; ``KEY.NAME`` is one entry of a map.
        value: Value as typed; unused by ``clear`` and ``remove-key``. For ``replace``, YAML.
    """

    action: str
    key: str
    value: Any = ""


@dataclass(frozen=True, slots=True)
class EditedFile:
    """A configuration file before and after.

    Attributes:
        path: Path with links resolved, so that a link to a dotfile repository stays a link.
        before: Old text, or None if the file did not exist.
        after: New text.
        comments_lost: Keys whose comments could not be kept.
    """

    path: str
    before: str | None
    after: str
    comments_lost: tuple[str, ...] = ()


def edit_config_file(path: str | os.PathLike[str], edits: Iterable[ConfigEdit]) -> EditedFile:
    """Apply the changes and write the file.

    Raises:
        ConfigError: The file cannot be read, a value has the wrong type, or a value to remove does
            not exist (``not-in-config``).
        UsageError: The key is unknown or does not support the action.
        FileError: The file cannot be written.
    """
    edited = _plan_edits(path, edits)
    if edited.after != edited.before:
        folder = os.path.dirname(edited.path)
        mode = os.stat(edited.path).st_mode & 0o777 if edited.before is not None else 0o644
        with operations.describing("write", edited.path):
            operations.make_directory(folder)
            operations.replace_file(edited.path, edited.after.encode(), mode)
    return edited


def _plan_edits(path: str | os.PathLike[str], edits: Iterable[ConfigEdit]) -> EditedFile:
    """Apply the changes without writing. Raises as :func:`edit_config_file`, but no FileError."""
    target = os.path.realpath(path)
    before = _read(target)
    text = before or ""
    lost: list[str] = []
    for edit in edits:
        text, comments_lost = _edited(text, target, edit)
        if comments_lost:
            lost.append(edit.key)
    return EditedFile(target, before, text, tuple(dict.fromkeys(lost)))


def written_values(path: str | os.PathLike[str]) -> dict[str, Any]:
    """Values of a file by key, unchecked (``config --get``). Empty if the file does not exist."""
    text = _read(os.path.realpath(path))
    raws = read_config_text(text, os.fspath(path)) if text else {}
    return {name: raw.value for name, raw in raws.items()}


def _read(path: str) -> str | None:
    try:
        with open(path, "rb", opener=plain_opener) as reader:
            return decode_text(reader.read())
    except FileNotFoundError:
        return None
    except (OSError, UnicodeDecodeError) as error:
        reason = getattr(error, "strerror", None) or "it is not UTF-8 text"
        raise ConfigError("unreadable-config", f"cannot read {path}: {reason}") from error


def _edited(text: str, path: str, edit: ConfigEdit) -> tuple[str, bool]:
    values = {name: raw.value for name, raw in read_config_text(text, path).items()}
    name, _, entry = edit.key.partition(".")
    key = find_key(name) or foreign_key(name)
    if key is None and not (edit.action == "remove-key" and name in values):
        raise _unknown_key(name)
    written = name if name in values or key is None else _alias_in(values, key)
    current = values.get(written)
    if edit.action == "remove-key":
        wanted = _without(current, entry, edit.key, path)
    elif edit.action == "replace":
        if key is not None and key.kind is not Kind.ANY:
            check_value(key, edit.value, source=path, fill=str)
        wanted = edit.value
    else:
        assert key is not None
        wanted = _wanted(key, entry, current, edit, path)
    if edit.action in _LISTS and isinstance(current, list) and isinstance(wanted, list):
        changed = _item_lines(text, written, current, wanted, edit)
        if changed is not None and _says(changed, path, values, written, wanted):
            return changed, False
    changed = _key_lines(text, written, wanted)
    lost = "#" in _block(text, written)[2]
    if not _says(changed, path, values, written, wanted):  # unusual layout: rewrite the file
        changed, lost = _dump({**values, written: wanted}), "#" in text
    return changed, lost


def _wanted(key: Key, entry: str, current: Any, edit: ConfigEdit, path: str) -> Any:
    """The key's new value."""
    if MASK in str(edit.value) and edit.action != "remove":
        raise UsageError(
            "masked-value",
            f"{edit.value!r} for {key.name} contains the mask that is shown instead of a secret",
            hint=f"pass the secret itself, or edit {path}",
        )

    def checked(value: Any, kind: Key = key) -> Any:
        return check_value(kind, value, source=path, fill=str)

    if key.kind is Kind.ANY:
        return _foreign_value(entry, current, edit)
    if key.kind is Kind.MAP_OF_SEQUENCES and entry and edit.action in _LISTS:
        whole = checked(current) or {}
        inner = Key(f"{key.name}.{entry}", Kind.SEQUENCE, key.meaning)
        return {**whole, entry: _wanted(inner, "", list(whole.get(entry, ())), edit, path)}
    if edit.action in _LISTS:
        if key.kind is not Kind.SEQUENCE:
            raise UsageError(
                "not-a-list",
                f"{key.name} is {key.kind.value}, not a list",
                hint=f"minicon config --set {key.name} VALUE",
            )
        items = [str(item) for item in checked(current) or ()]
        if edit.action == "remove" and edit.value not in items:
            raise _not_in_config(key.name, f"{edit.value!r} is not in {key.name} of {path}")
        rest = [item for item in items if item != edit.value]
        return _changed_list(edit.action, rest, edit.value)
    if key.kind is Kind.MAP and entry:
        return {**(checked(current) or {}), entry: edit.value}
    if key.kind is Kind.SEQUENCE or key.kind in MAPS:
        how = "--append" if key.kind is Kind.SEQUENCE else f"--set {key.name}.NAME"
        raise UsageError(
            "not-a-single-value",
            f"{key.name} is {key.kind.value}, not a single value",
            hint=f"minicon config {how} …; or edit {path}",
        ).with_facts(key=key.name)
    return checked(edit.value)


def _changed_list(action: str, rest: list[Any], value: Any) -> list[Any]:
    """Return a list after an action of :data:`_LISTS`; ``rest`` is it without the value."""
    changed = {"append": [*rest, value], "prepend": [value, *rest], "remove": rest, "clear": []}
    return changed[action]


def _foreign_value(entry: str, current: Any, edit: ConfigEdit) -> Any:
    """Return the new value of a key that other tools use, as YAML reads it."""
    import yaml

    inner = current.get(entry) if entry and isinstance(current, dict) else current
    value: Any = yaml.safe_load(edit.value)
    if edit.action in _LISTS:
        items = inner if isinstance(inner, list) else [] if inner is None else [inner]
        rest = [item for item in items if item != value]
        value = _changed_list(edit.action, rest, value)
    if not entry:
        return value
    return {**(current if isinstance(current, dict) else {}), entry: value}


def _without(current: Any, entry: str, name: str, path: str) -> Any:
    if current is None or (entry and not (isinstance(current, dict) and entry in current)):
        raise _not_in_config(name, f"{name} is not in {path}")
    return {k: v for k, v in current.items() if k != entry} if entry else None


def _alias_in(values: dict[str, Any], key: Key) -> str:
    return next((name for name in (key.name, *key.aliases) if name in values), key.name)


def _says(text: str, path: str, before: dict[str, Any], name: str, wanted: Any) -> bool:
    """Whether the new text has the new value, and the old values of all other keys."""
    try:
        after = {key: raw.value for key, raw in read_config_text(text, path).items()}
    except ConfigError:
        return False
    expected = {key: value for key, value in before.items() if key != name}
    if wanted is not None:
        expected[name] = wanted
    return after == expected


def _block(text: str, name: str) -> tuple[int, int, str, Any]:
    """First line, line after the last, text and YAML node of a key; if missing, the end."""
    import yaml

    lines = text.splitlines(keepends=True)
    node = yaml.compose(text, Loader=yaml.SafeLoader) if text.strip() else None
    for key, value in node.value if node is not None else ():
        if key.value == name:
            start, stop = key.start_mark.line, max(_last_line(value), key.end_mark.line) + 1
            return start, stop, "".join(lines[start:stop]), value
    return len(lines), len(lines), "", None


def _last_line(node: Any) -> int:
    """The last line of a YAML node (the marks of block collections end at the next token)."""
    children = node.value if isinstance(node.value, list) else []
    if not children or node.flow_style:
        mark = node.end_mark
        return int(mark.line - 1 if mark.column == 0 and mark.line else mark.line)
    last = children[-1]
    return _last_line(last[1] if isinstance(last, tuple) else last)


def _key_lines(text: str, name: str, wanted: Any) -> str:
    """Replace or remove the lines of a key."""
    lines = text.splitlines(keepends=True)
    start, stop, _, _ = _block(text, name)
    if start == len(lines) and lines and not lines[-1].endswith("\n"):
        lines[-1] += "\n"
    new = [] if wanted is None else [_dump({name: wanted})]
    return "".join([*lines[:start], *new, *lines[stop:]])


def _item_lines(
    text: str, name: str, current: list[Any], wanted: list[str], edit: ConfigEdit
) -> str | None:
    """Add or remove lines of a list; None if the list is not written on lines."""
    _, _, _, node = _block(text, name)
    if node is None or node.flow_style or not node.value or not wanted:
        return None
    lines = text.splitlines(keepends=True)
    indent = " " * (node.value[0].start_mark.column - 2)
    ending = "\r\n" if lines[0].endswith("\r\n") else "\n"
    gone = {
        each.start_mark.line
        for each, item in zip(node.value, current, strict=True)
        if str(item) == edit.value
    }
    after = _last_line(node.value[-1])
    insertion = node.value[0].start_mark.line if edit.action == "prepend" else after + 1
    if not lines[-1].endswith("\n"):
        lines[-1] += ending
    kept = [(i, line) for i, line in enumerate(lines) if i not in gone]
    new = [] if edit.action == "remove" else [indent + _dump([edit.value]).strip() + ending]
    before = [line for i, line in kept if i < insertion]
    return "".join([*before, *new, *(line for i, line in kept if i >= insertion)])


def _dump(value: Any) -> str:
    import yaml

    return str(yaml.safe_dump(value, default_flow_style=False, allow_unicode=True, sort_keys=False))


def _unknown_key(name: str) -> UsageError:
    from minicon.models.near_names import meant

    hint = meant(name, KEYS, "list all settings with 'minicon config --describe'")
    return UsageError("unknown-key", f"unknown setting {name!r}", hint=hint).with_facts(key=name)


def _not_in_config(name: str, message: str) -> ConfigError:
    hint = "see: minicon config --show-sources"
    return ConfigError("not-in-config", message, hint=hint).with_facts(key=name)
