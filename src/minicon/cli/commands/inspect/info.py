"""Show information about this installation: directories, machine, channels and settings.

Examples:
  minicon info
  minicon info --envs
  minicon info --interpreters
  minicon info --profile > machine.json
"""

from __future__ import annotations

import sys

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``info [--envs] [--base]``."""
    parser.add_argument("-a", "--all", action="store_true", help="show everything (default)")
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
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the information."""
    from minicon.api.inspect.system_info import installation_facts, interpreter_rows
    from minicon.cli.render.listing import environment_table, table
    from minicon.shell.shims import shims_directory

    console = context.console
    if arguments.profile:
        from minicon.api.lock.lock_targets import machine_profile

        console.document(machine_profile(context.services))
    elif arguments.base:
        console.answer(str(context.settings.root))
        if console.json:
            console.document({"root_prefix": str(context.settings.root)})
    elif arguments.envs and not console.json:
        entries = context.registry.entries()
        console.answer(environment_table(entry.row for entry in entries))
    elif arguments.system:
        from minicon.api.inspect.system_info import relevant_variables

        variables = relevant_variables(context.services.environ)
        console.answer(table((f"{name}:", value) for name, value in variables.items()))
        if console.json:
            console.document({"env_vars": variables})
    elif arguments.interpreters:
        rows = interpreter_rows(context.services)
        console.answer(table(rows))
        if console.json:
            console.document({"interpreters": [list(row) for row in rows]})
    else:
        facts = installation_facts(
            context.services, context.registry, program_directory=shims_directory(sys.argv[0])
        )
        text: Callable[[Mapping[str, Any]], str] = console.dialect.texts.get("info", _text_of)
        console.answer(text(facts))
        if console.json:
            console.document(facts, kind="info")
    return 0


def _text_of(facts: Mapping[str, Any]) -> str:
    """Return the facts as a table, without those for programs only."""
    from minicon.cli.render.listing import table

    shown = {key: value for key, value in facts.items() if key not in _FOR_PROGRAMS}
    shown["solver"] = facts["solver"]["name"]
    return table(row for key, value in shown.items() for row in _rows(key, value))


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
