"""The fast path: commands that run often, without argument parser, settings object and JSON.

Only plain command lines are answered here. Everything else, and every error before a command
starts, is left to :mod:`minicon.cli.main`, which must print the same. Both use the same functions
to locate environments and to format tables. docs/internals/command-line.md lists the commands and
options, with the reasons.
"""

from __future__ import annotations

import os
import sys

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.cli.dialects.dialect import Dialect
    from minicon.errors import MiniconError
    from minicon.shell.commands import ShellContext

#: Options with a value that name an environment.
_ENVIRONMENT_OPTIONS = {"-n": "name", "--name": "name", "-p": "prefix", "--prefix": "prefix"}
_RUN_OPTIONS = {**_ENVIRONMENT_OPTIONS, "--cwd": "cwd", "--label": "label"}
#: Options of conda's ``run`` without an effect.
_IGNORED_OPTIONS = ("--no-capture-output", "--live-stream")
#: Settings that change what ``list`` prints.
_LIST_SETTINGS = (
    *("json", "channel_alias"),
    *("default_channels", "custom_channels", "custom_multichannels"),
)


def answer(
    arguments: Sequence[str], environ: Mapping[str, str], dialect: Dialect | None = None
) -> int | None:
    """Run a command line if it is a plain one.

    Args:
        arguments: What follows ``minicon`` on the command line.
        environ: The environment variables.
        dialect: The dialect of the command line; None means minicon's own words.

    Returns:
        The exit code; None if the full command has to run.
    """
    if dialect is not None:
        from minicon.errors import MiniconError

        try:
            arguments, variables = dialect.translated(arguments)
        except MiniconError:
            return None  # the full command reports it
        environ = {**environ, **variables}
    command, *rest = arguments or [""]
    if command in ("--version", "-V") and not rest:
        from minicon import __version__

        text = dialect.version_line(__version__) if dialect else f"minicon {__version__}"
        return _print(f"{text}\n")
    if not _has_working_directory():
        return None  # the full command reports it
    if command.startswith("shell."):
        return _print_shell_text(command.partition(".")[2], rest, environ, dialect)
    if command == "run":
        return _run(rest, environ, dialect.name if dialect else "minicon")
    if command == "list":
        return _list_packages(rest, environ)
    if command == "env" and rest == ["list"]:
        return _list_environments(environ)
    if command == "completion" and rest[:1] == ["--words"]:
        return _print_words(rest[1:], environ)
    return None


def _has_working_directory() -> bool:
    try:
        os.getcwd()
    except OSError:
        return False
    return True


def _print_shell_text(
    shell: str, arguments: Sequence[str], environ: Mapping[str, str], dialect: Dialect | None
) -> int:
    """Print the text that a shell evaluates; errors go to stderr, and nothing is evaluated."""
    from minicon.errors import MiniconError
    from minicon.shell.commands import shell_command, this_executable

    command, *rest = arguments or ["hook"]
    name = dialect.name if dialect else "minicon"
    try:
        text, warnings = shell_command(
            shell,
            command,
            rest,
            context=_context(environ),
            executable=this_executable(),
            clients=name,
        )
    except MiniconError as error:
        return _fail(error, dialect)
    if warnings:
        from minicon.cli.console import Console

        for warning in warnings:
            Console().warn(warning)
    # Values of variables need not be UTF-8; their bytes are preserved.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    return 0


def _run(arguments: Sequence[str], environ: Mapping[str, str], dialect: str) -> int | None:
    """``run [-n NAME | -p PATH] [--cwd DIR] COMMAND...``: become the command."""
    options, argv = _read_options(arguments, _RUN_OPTIONS)
    if options is None or not argv or options.get("label"):
        return None
    from minicon.errors import MiniconError
    from minicon.shell.run import execute, labelled, prepare_command

    try:
        context = _context(environ)
        prefix = _environment(options, environ, context)
        if prefix is None:
            return None
        if dialect != "minicon":
            from minicon.shell.clients import exported_variables
            from minicon.shell.commands import this_executable

            own = exported_variables(
                dialect, executable=this_executable(), root=context.options.root
            )
            environ = {**environ, **own}
        prepared = prepare_command(
            prefix,
            argv,
            environ=environ,
            options=context.options,
            force_uppercase=context.force_uppercase,
        )
    except MiniconError:
        return None  # the full command reports it
    if "label" in options:
        prepared = labelled(prepared, "", argv[0])
    try:
        return execute(prepared, options.get("cwd"))
    except MiniconError as error:  # the working directory may have changed
        return _fail(error)


def _list_packages(arguments: Sequence[str], environ: Mapping[str, str]) -> int | None:
    """``list [-n NAME | -p PATH]``: print the packages, read from the start of each record."""
    options, rest = _read_options(arguments, _ENVIRONMENT_OPTIONS)
    if options is None or rest or _may_set(environ, _LIST_SETTINGS):
        return None
    from minicon.cli.render.listing import package_table
    from minicon.errors import MiniconError
    from minicon.prefix.environment.prefix_location import is_environment
    from minicon.prefix.environment.record_headers import NotPlain, read_record_headers
    from minicon.prefix.generations.store_entries import needs_recovery

    try:
        prefix = _environment(options, environ)
        if prefix is None or not is_environment(prefix) or needs_recovery(prefix):
            return None
        headers = read_record_headers(prefix)
    except (MiniconError, NotPlain):
        return None
    if any("/pkgs/" in header.channel for header in headers):
        return None  # the full command knows which of these are 'defaults'
    rows = ((h.name, h.version, h.build, _channel_name(h.channel)) for h in headers)
    return _print_table(package_table(prefix, rows))


def _channel_name(channel: str) -> str:
    """Conda's name of a channel, if no setting is about channels."""
    from minicon.constants import CHANNEL_ALIAS

    return channel.removeprefix(f"{CHANNEL_ALIAS}/")


def _list_environments(environ: Mapping[str, str]) -> int | None:
    """``env list``: print names and paths of all known environments."""
    if _may_set(environ, ("json",)):
        return None
    from minicon.cli.render.listing import environment_table
    from minicon.errors import MiniconError
    from minicon.prefix.environment.environments_txt import (
        is_active_environment,
        known_environments,
    )

    try:
        context = _context(environ)
    except MiniconError:
        return None
    registered = os.path.join(context.home, ".conda", "environments.txt")
    known = known_environments(context.envs_dirs, registered, context.options.root)
    return _print_table(
        environment_table(
            (name, path, is_active_environment(path, environ)) for path, name in known.items()
        )
    )


def _print_words(arguments: Sequence[str], environ: Mapping[str, str]) -> int:
    """``completion --words package|installed WORD [TYPED...]``: what completion scripts ask for.

    Every error means that there is nothing to complete.
    """
    from minicon.cli.completion.words import asks_for_versions, installed_words, package_words
    from minicon.config import dirs
    from minicon.errors import MiniconError

    kind, word, *typed = [*arguments, "", ""][: max(2, len(arguments))]
    if kind == "installed" and not asks_for_versions(word):
        try:
            prefix = _environment(_named_environment(typed), environ)
        except MiniconError:
            prefix = None
        words = installed_words(prefix, word) if prefix else []
    else:
        root = dirs.default_root(environ, os.path.expanduser("~"))
        words = package_words(os.path.join(root, "cache", "repodata-v1"), word)
    shown = (each for each in words if each.isprintable())
    return _print("".join(f"{each}\n" for each in shown))


def _named_environment(typed: Sequence[str]) -> dict[str, str]:
    """The last environment that a command line names."""
    for option, value in zip(typed[-2::-1], typed[:0:-1], strict=True):
        if option in _ENVIRONMENT_OPTIONS:
            return {_ENVIRONMENT_OPTIONS[option]: value}
    return {}


def _read_options(
    arguments: Sequence[str], known: Mapping[str, str]
) -> tuple[dict[str, str] | None, list[str]]:
    """Return leading options and the remaining words; None for options if one is not plain."""
    options: dict[str, str] = {}
    words = list(arguments)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--":
            break
        if word in _IGNORED_OPTIONS and known is _RUN_OPTIONS:
            continue
        if word not in known or not words or known[word] in options:
            return None, []
        options[known[word]] = words.pop(0)
    return (None if {"name", "prefix"} <= options.keys() else options), words


def _environment(
    options: Mapping[str, str], environ: Mapping[str, str], context: ShellContext | None = None
) -> str | None:
    """Return the environment that the options name, or the active one.

    Returns:
        Its absolute path; None if the full command has to decide.

    Raises:
        MiniconError: No environment has that name, or the configuration is invalid.
    """
    if "name" in options:
        name = options["name"]
        if {"/", os.sep, "~"} & set(name) or name in ("", "base", "root", ".", ".."):
            return None
        return (context or _context(environ)).locate(name)
    if "prefix" in options:
        path = options["prefix"]
        return os.path.abspath(os.path.expanduser(path)) if path else None
    active = environ.get("CONDA_PREFIX", "")
    return active if os.path.isabs(active) else None


def _context(environ: Mapping[str, str]) -> ShellContext:
    from minicon.shell.commands import shell_context

    return shell_context(environ, home=os.path.expanduser("~"), cwd=os.getcwd())


def _may_set(environ: Mapping[str, str], keys: Sequence[str]) -> bool:
    """Whether a variable or a configuration file may have one of some settings."""
    from minicon.config import dirs

    variables = {f"{family}_{key.upper()}" for key in keys for family in ("MINICON", "CONDA")}
    if not variables.isdisjoint(environ):
        return True
    files = dirs.config_files(environ, os.path.expanduser("~"))
    return any(_mentions(path, keys) for path in files)


def _mentions(path: str, keys: Sequence[str]) -> bool:
    try:
        with open(path, "rb") as reader:
            text = reader.read()
    except OSError:
        return True  # loading the file reports the error
    return any(key.encode() in text for key in keys)


def _print_table(text: str) -> int | None:
    """Print a table; None if a terminal might not show it as it is."""
    if not (text.isascii() and text.replace("\n", "").isprintable()):
        return None
    return _print(f"{text}\n")


def _print(text: str) -> int:
    sys.stdout.write(text)
    return 0


def _fail(error: MiniconError, dialect: Dialect | None = None) -> int:
    from minicon.cli.console import Console
    from minicon.cli.dialects.dialect import MINICON

    Console(dialect=dialect or MINICON).fail(error)
    return error.exit_code
