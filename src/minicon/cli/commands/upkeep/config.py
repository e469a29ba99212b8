"""Show and change settings.

Examples:
  minicon config list
  minicon config get channels
  minicon config append channels conda-forge
  minicon config set channel_priority flexible
  minicon config --show-sources
"""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path

from minicon.cli import options
from minicon.cli.commands.upkeep.config_words import VERBS, take_words
from minicon.redaction import MASK, is_secret_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.cli.context import CommandContext

#: Keys whose attribute of Settings has another name.
_FIELDS = {"subdir": "platform"}
_EDITS = ("replace", "set", "append", "prepend", "remove", "clear", "remove_key")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``config list | get KEY | set KEY VALUE | append KEY VALUE | --show-sources | ...``."""
    parser.set_defaults(repairs_settings=True)
    parser.add_argument(
        "words",
        nargs="*",
        metavar="VERB [KEY [VALUE]]",
        help=f"the options below as words: {', '.join(VERBS)}",
    )
    pair: Any = {"nargs": 2, "action": "append", "metavar": ("KEY", "VALUE")}
    shown = parser.add_argument_group("show").add_mutually_exclusive_group()
    shown.add_argument("--show", nargs="*", metavar="KEY", help="effective values")
    parser.add_argument("--configured", action="store_true", help=argparse.SUPPRESS)
    shown.add_argument("--show-sources", nargs="*", metavar="KEY", help="values of each source")
    shown.add_argument("--describe", nargs="*", metavar="KEY", help="descriptions of settings")
    shown.add_argument("--validate", action="store_true", help="check all configuration files")
    shown.add_argument(
        "--get", nargs="*", metavar="KEY", help="configured values, or those in a file"
    )
    changed = parser.add_argument_group("change", "may be combined")
    changed.add_argument("--set", help="set a value", **pair)
    changed.add_argument("--append", help="add to the end of a list", **pair)
    changed.add_argument("--prepend", "--add", help="add to the start of a list", **pair)
    changed.add_argument("--remove", help="remove an item from a list", **pair)
    changed.add_argument(
        "--clear", nargs=1, action="append", metavar="KEY", help="make a list empty"
    )
    changed.add_argument(
        "--remove-key", nargs=1, action="append", metavar="KEY", help="remove a key and its values"
    )
    changed.add_argument(
        "--stdin", action="store_true", help="set the keys of a YAML map, read from stdin"
    )
    changed.add_argument(
        "--write-default", action="store_true", help="write all settings to a new file, as comments"
    )
    file = parser.add_argument_group(
        "file", "default: the user's configuration file"
    ).add_mutually_exclusive_group()
    file.add_argument("--file", metavar="FILE", help="path of a configuration file")
    file.add_argument("--env", action="store_true", help="the active environment's .condarc")
    file.add_argument("--system", action="store_true", help="the root directory's .condarc")
    file.add_argument("-n", "--name", metavar="NAME", help="an environment's .condarc, by name")
    file.add_argument("-p", "--prefix", metavar="PATH", help="an environment's .condarc, by path")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Show or change settings.

    Raises:
        ConfigError: A key is unknown, or a value has the wrong type.
    """
    take_words(arguments)
    if arguments.describe is not None:
        return _describe(arguments.describe, context)
    is_edit = arguments.stdin or any(getattr(arguments, each, None) for each in _EDITS)
    if context.invalid_settings is not None and not is_edit:
        raise context.invalid_settings
    if arguments.show is not None:
        return _show(arguments.show, arguments.configured, context)
    if arguments.show_sources is not None:
        return _show_sources(arguments.show_sources, arguments, context)
    if arguments.validate:
        return _validated(context)
    if arguments.get is not None:
        return _get(arguments, context)
    if arguments.write_default:
        return _write_default(_file(arguments, context), context)
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
            from minicon.models.near_names import meant

            hint = meant(name, KEYS, "list all settings with 'minicon config --describe'")
            raise ConfigError("unknown-setting", f"unknown setting {name!r}", hint=hint)
        found.append(key)
    return found


def _describe(wanted: list[str], context: CommandContext) -> int:
    from minicon.cli.render.listing import table
    from minicon.config.settings import default_values

    keys, defaults = _keys(wanted), default_values()
    rows = [(key.name, " | ".join(key.choices) or key.kind.value, key.meaning) for key in keys]
    context.console.answer(table(rows))
    if context.console.json:
        context.console.document(
            {
                key.name: {
                    "kind": key.kind.value,
                    "choices": list(key.choices),
                    "meaning": key.meaning,
                    "aliases": list(key.aliases),
                    "separator": os.pathsep if key.separator == "path" else key.separator,
                    "default": _plain(defaults[_FIELDS.get(key.name, key.name)]),
                }
                for key in keys
            },
            kind="config-describe",
        )
    return 0


def _show(wanted: list[str], is_configured: bool, context: CommandContext) -> int:
    """Print effective values; in a dialect, also of settings that only its program has."""
    foreign = {**context.console.dialect.settings, **_foreign_values(context)}
    if not context.console.dialect.settings:
        foreign = {}
    own = [name for name in wanted if name not in foreign]
    keys = _keys(own) if own or not wanted else []
    values = {key.name: _effective(key.name, context) for key in keys}
    values |= {name: value for name, value in foreign.items() if not wanted or name in wanted}
    shown = _configured(context) if is_configured else values
    values = _plain({name: value for name, value in values.items() if name in shown})
    if values:
        context.console.answer("\n".join(_lines(values)))
    if context.console.json:
        context.console.document(values, kind="config-show")
    return 0


def _show_sources(wanted: list[str], arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the values of files, variables and the command line, lowest priority first."""
    from minicon.cli.options import settings_flags
    from minicon.config.load import configured_values

    keys = {key.name for key in _keys(wanted)} if wanted else None
    sources = configured_values(
        environ=os.environ, home=context.settings.home, flags=settings_flags(arguments)
    )
    shown = {
        source: _plain({n: value for n, value in values.items() if keys is None or n in keys})
        for source, values in sources.items()
    }
    shown = {source: values for source, values in shown.items() if values}
    for source, values in shown.items():
        context.console.answer("\n".join([f"==> {source} <==", *_lines(values), ""]))
    if context.console.json:
        context.console.document(shown)
    elif not shown:
        context.console.note("nothing is configured; all values are defaults")
    return 0


def _lines(values: Mapping[str, Any]) -> list[str]:
    """Return settings in conda's format: YAML, one line per item."""
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
    """Report success: loading the settings has checked every file."""
    if context.console.json:
        context.console.document({"success": True})
    return 0


def _get(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print configured values as the options that would set them, as conda does.

    They are those of one file if it is named, else those that all sources result in.
    """
    from minicon.config.edit import written_values
    from minicon.config.keys import find_key, foreign_key

    path = _named_file(arguments, context)
    written = written_values(path) if path else _configured(context)
    wanted = arguments.get or written
    values = _plain({name: written[name] for name in wanted if name in written})
    unknown = [n for n in wanted if not (n in written or find_key(n) or foreign_key(n))]
    warnings = [f"unknown key: {name!r}" for name in unknown]
    for warning in warnings:
        context.console.warn(warning)
    if context.console.json:
        rc_path = path or _file(arguments, context)
        document = {"success": True, "get": values, "rc_path": rc_path, "warnings": warnings}
        context.console.document(document)
    for name, value in values.items():
        for line in _as_options(name, value):
            context.console.answer(line)
    return 0


def _configured(context: CommandContext) -> dict[str, Any]:
    """Return the effective values of the settings that any source has."""
    from minicon.config.keys import find_key
    from minicon.config.load import configured_values

    sources = configured_values(environ=os.environ, home=context.settings.home)
    merged = {name: value for values in sources.values() for name, value in values.items()}
    return {n: _effective(n, context) if find_key(n) else value for n, value in merged.items()}


def _foreign_values(context: CommandContext) -> dict[str, Any]:
    """Return the configured values of settings that minicon does not use."""
    from minicon.config.keys import find_key

    return {name: value for name, value in _configured(context).items() if not find_key(name)}


def _effective(name: str, context: CommandContext) -> Any:
    return getattr(context.settings, _FIELDS.get(name, name))


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


def _write_default(path: str, context: CommandContext) -> int:
    """Write all settings with their defaults, as comments."""
    from minicon.config.settings import default_values
    from minicon.errors import ConfigError
    from minicon.fs import operations

    if os.path.exists(path) and os.path.getsize(path):
        raise ConfigError(
            "config-exists",
            f"{path} has settings already",
            hint="remove it first, or choose another one with --file",
        )
    defaults = default_values()
    blocks = [
        [key.meaning, *_lines({key.name: _plain(defaults[_FIELDS.get(key.name, key.name)])})]
        for key in _keys([])
    ]
    text = "\n".join("".join(f"# {line}\n" for line in lines) for lines in blocks)
    with operations.describing("write", path):
        operations.make_directory(os.path.dirname(path))
        operations.replace_file(path, text.encode(), 0o644)
    return _edited(path, context)


def _edited(path: str, context: CommandContext) -> int:
    context.console.note(f"wrote {path}")
    if context.console.json:
        context.console.document({"success": True, "file": path}, kind="config-edit")
    return 0


def _edit(arguments: argparse.Namespace, context: CommandContext) -> int:
    from minicon.config.edit import ConfigEdit, edit_config_file
    from minicon.config.files import read_config_text
    from minicon.errors import UsageError

    typed = read_config_text(_stdin_text(), "stdin") if arguments.stdin else {}
    arguments.replace = [(name, raw.value) for name, raw in typed.items()]
    edits = [
        ConfigEdit(action.replace("_", "-"), *words)
        for action in _EDITS
        for words in getattr(arguments, action) or ()
    ]
    if not edits and not arguments.stdin:
        raise UsageError(
            "wrong-arguments",
            "minicon config: no option says what to show or change",
            hint="show all settings with 'minicon config --show'; see 'minicon config --help'",
        )
    edited = edit_config_file(_file(arguments, context), edits)
    for key in edited.comments_lost:
        context.console.warn(f"comments inside {key} in {edited.path} were lost")
    _refresh_hooks(context)
    return _edited(edited.path, context)


def _stdin_text() -> str:
    from minicon.errors import ConfigError

    try:
        return sys.stdin.read() if sys.stdin else ""  # None: closed by the caller
    except UnicodeDecodeError as error:
        message = "cannot read the configuration stdin: it is not UTF-8 text"
        raise ConfigError("unreadable-config", message, hint="pass text in UTF-8") from error


def _refresh_hooks(context: CommandContext) -> None:
    """Update the hooks that ``init`` wrote: they contain settings of activation."""
    from minicon.config.load import load_settings
    from minicon.errors import ConfigError
    from minicon.shell.commands import context_of, this_executable
    from minicon.shell.init import apply_changes, refresh_hooks

    try:
        loaded = load_settings(
            environ=os.environ, home=context.settings.home, working_directory=Path.cwd()
        )
    except ConfigError as error:  # of another setting, which was invalid before
        context.console.warn(str(error))
        return
    shell_context = context_of(loaded.settings, environ=os.environ, cwd=os.getcwd())
    apply_changes(refresh_hooks(shell_context, this_executable()))


def _file(arguments: argparse.Namespace, context: CommandContext) -> str:
    from minicon.config.dirs import conda_user_file, user_config_file

    file_of = conda_user_file if context.console.dialect.uses_condarc else user_config_file
    user_file = file_of(os.environ, str(context.settings.home))
    return _named_file(arguments, context) or user_file


def _named_file(arguments: argparse.Namespace, context: CommandContext) -> str | None:
    """Return the path of the file that the options name; None without such an option."""
    from minicon.config.package_files import package_of
    from minicon.errors import ConfigError

    if arguments.system:
        return str(context.settings.root / ".condarc")
    if arguments.env or arguments.name or arguments.prefix:
        prefix = str(context.registry.existing(arguments.name, arguments.prefix))
        path = os.path.join(prefix, ".condarc")
        if os.path.exists(path) and (package := package_of(path, prefix)):
            raise ConfigError(
                "file-of-package",
                f"{path} belongs to the package {package} and is not read as configuration",
                hint="choose another file with --file, or remove the package",
            )
        return path
    return str(arguments.file) if arguments.file else None


def _plain(value: Any) -> Any:
    """Return a value for printing; values of keys that name a secret are masked."""
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    if isinstance(value, dict):
        return {
            name: MASK if isinstance(each, str) and is_secret_name(str(name)) else _plain(each)
            for name, each in value.items()
        }
    return value if isinstance(value, bool | int | float | str | None) else str(value)
