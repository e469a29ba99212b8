"""Show information about this installation, an environment or an installed package.

Examples:
  minicon info
  minicon info -n data
  minicon info numpy -n data
  minicon info --envs
  minicon info --interpreters
  minicon info --profile > machine.json
"""

from __future__ import annotations

import sys
from argparse import SUPPRESS

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``info [PKG] [-n | -p] [--all] [--envs] [--base]``."""
    parser.add_argument("package", nargs="?", metavar="PKG", help="installed package to describe")
    parser.add_argument("-a", "--all", action="store_true", help="show everything")
    parser.add_argument(
        "-s", "--system", action="store_true", help="show relevant environment variables"
    )
    parser.add_argument("-e", "--envs", action="store_true", help="list environments")
    parser.add_argument("--base", action="store_true", help="show the root directory")
    parser.add_argument(
        "--profile", action="store_true", help="describe this machine, for 'minicon lock --for'"
    )
    parser.add_argument(
        "--interpreters", action="store_true", help="list the Python interpreters of this machine"
    )
    parser.add_argument("--unsafe-channels", action="store_true", help=SUPPRESS)
    options.add_environment_options(parser)
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the information."""
    from minicon.api.inspect.system_info import interpreter_rows
    from minicon.cli.render.listing import environment_table, table

    console = context.console
    if arguments.profile:
        from minicon.api.lock.lock_targets import machine_profile

        console.document(machine_profile(context.services))
    elif arguments.base:
        console.answer(str(context.settings.root))
        if console.json:
            console.document({"root_prefix": str(context.settings.root)}, kind="info-base")
    elif arguments.envs and not console.json:
        entries = context.registry.entries()
        console.answer(environment_table(entry.row for entry in entries))
    elif arguments.unsafe_channels:
        _show_channels(context)
    elif arguments.system and not console.json:
        _show_variables(context)
    elif arguments.interpreters:
        rows = interpreter_rows(context.services)
        console.answer(table(rows))
        if console.json:
            console.document({"interpreters": [list(row) for row in rows]})
    elif _is_about_one(arguments, context):
        return _describe(arguments, context)
    else:
        _show_all(arguments, context)
    return 0


def _show_channels(context: CommandContext) -> None:
    urls = [channel.base_url for channel in context.services.sources(probe=False).channels]
    context.console.answer("\n".join(urls))
    if context.console.json:
        context.console.document({"channels": urls})


def _is_about_one(arguments: argparse.Namespace, context: CommandContext) -> bool:
    """Whether to describe one package or environment, which the dialects do not."""
    named = _names_environment(arguments) and not context.console.dialect.texts
    return bool(arguments.package) or named


def _names_environment(arguments: argparse.Namespace) -> bool:
    return bool(arguments.name or arguments.prefix)


def _named_environment(arguments: argparse.Namespace, context: CommandContext) -> str | None:
    if not _names_environment(arguments):
        return None
    return str(context.registry.target(arguments.name, arguments.prefix))


def _show_all(arguments: argparse.Namespace, context: CommandContext) -> None:
    from minicon.api.inspect.system_info import installation_facts
    from minicon.shell.shims import shims_directory

    console = context.console
    facts = installation_facts(
        context.services,
        context.registry,
        program_directory=shims_directory(sys.argv[0]),
        active=_named_environment(arguments, context),
    )
    is_whole = arguments.all or context.settings.verbosity > 0
    text: Callable[[Mapping[str, Any]], str] = console.dialect.texts.get(
        "info", _whole_text if is_whole else _short_text
    )
    console.answer(text(facts))
    if console.json:
        console.document(facts, kind="info")


def _show_variables(context: CommandContext) -> None:
    """Print the environment variables that change what minicon does."""
    from minicon.api.inspect.system_info import relevant_variables
    from minicon.cli.render.listing import table

    variables = relevant_variables(context.services.environ)
    context.console.answer(table((f"{name}:", value) for name, value in variables.items()))
    if context.console.json:
        context.console.document({"env_vars": variables})


def _describe(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print facts about an environment, or about one of its packages."""
    from minicon.api.inspect.descriptions import environment_facts, package_facts

    path = context.registry.existing(arguments.name, arguments.prefix)
    if arguments.package:
        facts = package_facts(path, arguments.package, platform=context.settings.platform)
    else:
        facts = environment_facts(path, platform=context.settings.platform)
    context.console.answer(_table(facts))
    if context.console.json:
        context.console.document(facts)
    return 0


def _short_text(facts: Mapping[str, Any]) -> str:
    """Return what users look for, as a table."""
    shown = {key: value for key, value in facts.items() if key in _SHORT}
    if facts["active_prefix"]:
        shown["active_prefix"] = f"{facts['active_prefix_name']}  {facts['active_prefix']}"
    return f"{_table(shown)}\n\nEverything: minicon info --all; environments: minicon env list"


def _whole_text(facts: Mapping[str, Any]) -> str:
    """Return the facts as a table, without those for programs only."""
    shown = {key: value for key, value in facts.items() if key not in _FOR_PROGRAMS}
    shown["solver"] = facts["solver"]["name"]
    if facts["active_prefix"] is None:
        del shown["conda_shlvl"], shown["active_prefix_name"]
    return _table(shown)


def _table(facts: Mapping[str, Any]) -> str:
    from minicon.cli.render.listing import table

    return table(row for key, value in facts.items() for row in _rows(key, value))


#: What the short text shows.
_SHORT = frozenset(
    """
    minicon_version platform root_prefix active_prefix envs_dirs pkgs_dirs channels config_files
    virtual_pkgs
    """.split()  # noqa: SIM905 - as in config/keys
)


#: Keys of conda's document that say nothing about minicon.
_FOR_PROGRAMS = frozenset(
    """
    UID GID av_data_dir av_metadata_url_base conda_build_version conda_env_version conda_location
    conda_prefix conda_version default_prefix env_vars envs_details rc_path requests_version
    root_writable site_dirs sys.prefix sys.version sys_rc_path
    """.split()  # noqa: SIM905 - as in config/keys
)


#: Labels for keys that are clearer to programs than to people.
_LABELS = {
    "active_prefix": "active environment",
    "active_prefix_name": "active environment name",
    "conda_shlvl": "shell level",
    "envs": "environments",
    "envs_dirs": "envs directories",
    "pkgs_dirs": "package cache",
    "cache_dir": "other caches",
    "root_prefix": "root directory",
    "sys.executable": "python",
    "virtual_pkgs": "virtual packages",
}


def _rows(key: str, value: object) -> list[tuple[str, str]]:
    """Return the rows of a value: one row per item of a list."""
    label = _LABELS.get(key, key.replace("_", " "))
    items = value if isinstance(value, list | tuple) else [value]
    texts = [_text(item) for item in items] or ["none"]
    return [(f"{label}:", texts[0]), *(("", text) for text in texts[1:])]


def _text(value: object) -> str:
    if isinstance(value, list | tuple):
        return "=".join(map(str, value))
    if value is None:
        return "none"
    return ("no", "yes")[value] if isinstance(value, bool) else str(value)
