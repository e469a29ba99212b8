"""``minicon config``: settings shown, described and changed."""

from __future__ import annotations

import os
from pathlib import Path

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from typing import Any

    from minicon.cli.context import CommandContext

#: Keys whose field of Settings has another name.
_FIELDS = {"subdir": "platform"}
_EDITS = ("set", "append", "prepend", "remove", "remove_key")


def run_config(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show or change settings; returns the exit code.

    Raises:
        ConfigError: A key that is not known, or a value of the wrong kind.
    """
    if arguments.describe is not None:
        return _describe(arguments.describe, context)
    if arguments.show is not None:
        return _show(arguments.show, context, with_sources=False)
    if arguments.show_sources is not None:
        return _show(arguments.show_sources, context, with_sources=True)
    if arguments.get:
        return _get(arguments, context)
    return _edit(arguments, context)


def _keys(wanted: list[str]) -> list[Any]:
    from minicon.config.keys import KEYS, find_key
    from minicon.errors import ConfigError

    if not wanted:
        return list(KEYS.values())
    found = []
    for name in wanted:
        key = find_key(name)
        if key is None:
            hint = "'minicon config --describe' lists all keys"
            raise ConfigError("unknown-key", f"there is no setting {name!r}", hint=hint)
        found.append(key)
    return found


def _describe(wanted: list[str], context: CommandContext) -> int:
    from minicon.cli.render import table

    keys = _keys(wanted)
    context.console.answer(table((key.name, key.kind.value, key.meaning) for key in keys))
    if context.console.json:
        context.console.document(
            {key.name: {"kind": key.kind.value, "meaning": key.meaning} for key in keys}
        )
    return 0


def _show(wanted: list[str], context: CommandContext, *, with_sources: bool) -> int:
    from minicon.cli.render import table

    settings = context.settings
    values = {
        key.name: _plain(getattr(settings, _FIELDS.get(key.name, key.name)))
        for key in _keys(wanted)
    }
    sources = {name: settings.sources.get(name, "default") for name in values}
    if context.console.json:
        shown = {n: {"value": v, "source": sources[n]} for n, v in values.items()}
        context.console.document(shown if with_sources else values)
    else:
        rows = [
            (f"{name}:", str(value), f"# {sources[name]}" if with_sources else "")
            for name, value in values.items()
        ]
        context.console.answer(table(rows))
    return 0


def _get(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.config.edit import written_values

    written = written_values(_file(arguments, context))
    values = {name: written[name] for name in arguments.get if name in written}
    if context.console.json:
        context.console.document({"get": values})
    for name, value in values.items():
        context.console.answer(f"--set {name} {value}")
    return 0


def _edit(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.config.edit import ConfigEdit, edit_config_file

    edits = [
        ConfigEdit(action.replace("_", "-"), *words)
        for action in _EDITS
        for words in getattr(arguments, action) or ()
    ]
    edited = edit_config_file(_file(arguments, context), edits)
    for key in edited.comments_lost:
        context.console.warn(f"comments inside {key} in {edited.path} could not be kept")
    context.console.note(f"wrote {edited.path}")
    _refresh_hooks(context)
    if context.console.json:
        context.console.document({"success": True, "file": edited.path})
    return 0


def _refresh_hooks(context: CommandContext) -> None:
    """Settings of activation are baked into the hooks that ``init`` wrote."""
    from minicon.config.load import load_settings
    from minicon.shell.commands import context_of, this_executable
    from minicon.shell.init import apply_changes, refresh_hooks

    loaded = load_settings(
        environ=os.environ, home=context.settings.home, working_directory=Path.cwd()
    )
    shell_context = context_of(loaded.settings, environ=os.environ, cwd=os.getcwd())
    apply_changes(refresh_hooks(shell_context, this_executable()))


def _file(arguments: argparse.Namespace, context: CommandContext) -> str:
    from minicon.config.dirs import user_config_file

    return arguments.file or user_config_file(os.environ, str(context.settings.home))


def _plain(value: Any) -> Any:
    if isinstance(value, tuple):
        return [_plain(item) for item in value]
    return value if isinstance(value, bool | int | float | str | dict | None) else str(value)
