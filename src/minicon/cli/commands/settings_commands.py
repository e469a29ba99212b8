"""``minicon config``: settings shown, described and changed."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.redaction import MASK, is_secret_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Mapping
    from typing import Any

    from minicon.cli.console.context import CommandContext

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
        return _show(arguments.show, context)
    if arguments.show_sources is not None:
        return _show_sources(arguments.show_sources, arguments, context)
    if arguments.validate:
        return _validated(context)
    if arguments.get is not None:
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
    from minicon.cli.render.render import table

    keys = _keys(wanted)
    context.console.answer(table((key.name, key.kind.value, key.meaning) for key in keys))
    if context.console.json:
        context.console.document(
            {key.name: {"kind": key.kind.value, "meaning": key.meaning} for key in keys}
        )
    return 0


def _show(wanted: list[str], context: CommandContext) -> int:
    """Values in force."""
    values = _plain(
        {
            key.name: getattr(context.settings, _FIELDS.get(key.name, key.name))
            for key in _keys(wanted)
        }
    )
    context.console.answer("\n".join(_lines(values)))
    if context.console.json:
        context.console.document(values)
    return 0


def _show_sources(wanted: list[str], arguments: argparse.Namespace, context: CommandContext) -> int:
    """What each file, the variables and the command line say, lowest priority first."""
    from minicon.cli.options import settings_flags
    from minicon.config.load import configured_values

    keys = {key.name for key in _keys(wanted)}
    sources = configured_values(
        environ=os.environ, home=context.settings.home, flags=settings_flags(arguments)
    )
    shown = {
        source: _plain({name: value for name, value in values.items() if name in keys})
        for source, values in sources.items()
    }
    shown = {source: values for source, values in shown.items() if values}
    for source, values in shown.items():
        context.console.answer("\n".join([f"==> {source} <==", *_lines(values), ""]))
    if context.console.json:
        context.console.document(shown)
    elif not shown:
        context.console.note("nothing is configured: all values are defaults")
    return 0


def _lines(values: Mapping[str, Any]) -> list[str]:
    """Settings as conda prints them: YAML, one line per item."""
    lines = []
    for name, value in values.items():
        if isinstance(value, list):
            lines += [f"{name}:", *(f"  - {item}" for item in value)] if value else [f"{name}: []"]
        elif isinstance(value, dict):
            lines += [f"{name}:", *(f"  {line}" for line in _lines(value))]
            lines[-1] += "" if value else " {}"
        else:
            lines.append(f"{name}: {value}")
    return lines


def _validated(context: CommandContext) -> int:
    """Loading the settings has read every file, and told what is wrong."""
    if context.console.json:
        context.console.document({"success": True})
    return 0


def _get(arguments: argparse.Namespace, context: CommandContext) -> int:
    """What the user's file says, as options that would write it (conda's form)."""
    from minicon.config.edit import written_values

    written = written_values(_file(arguments, context))
    wanted = arguments.get or written
    values = _plain({name: written[name] for name in wanted if name in written})
    if context.console.json:
        context.console.document({"get": values})
    for name, value in values.items():
        for line in _as_options(name, value):
            context.console.answer(line)
    return 0


def _as_options(name: str, value: Any) -> list[str]:
    if isinstance(value, dict):
        return [f"--set {name}.{key} {each}" for key, each in value.items()]
    if not isinstance(value, list):
        return [f"--set {name} {value}"]
    lines = [f"--add {name} {item!r}" for item in reversed(value)]
    if len(lines) > 1:
        lines[0] += "   # lowest priority"
        lines[-1] += "   # highest priority"
    return lines


def _edit(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.config.edit import ConfigEdit, edit_config_file
    from minicon.errors import UsageError

    edits = [
        ConfigEdit(action.replace("_", "-"), *words)
        for action in _EDITS
        for words in getattr(arguments, action) or ()
    ]
    if not edits:
        raise UsageError(
            "wrong-arguments",
            "minicon config: nothing to show or to change is given",
            hint="'minicon config --show' shows all; see 'minicon config --help'",
        )
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
    from minicon.config.package_files import package_of
    from minicon.errors import ConfigError

    if arguments.env:
        prefix = str(context.registry.existing(None, None))
        path = os.path.join(prefix, ".condarc")
        if os.path.exists(path) and (package := package_of(path, prefix)):
            raise ConfigError(
                "file-of-package",
                f"{path} is a file of the package {package}, and is not read as configuration",
                hint="change another file, or remove that package",
            )
        return path
    return arguments.file or user_config_file(os.environ, str(context.settings.home))


def _plain(value: Any) -> Any:
    """A value as it can be printed; what has the name of a secret is not."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {
            name: MASK if isinstance(each, str) and is_secret_name(str(name)) else _plain(each)
            for name, each in value.items()
        }
    return value if isinstance(value, bool | int | float | str | None) else str(value)
