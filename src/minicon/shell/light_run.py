"""``minicon run`` for the plain forms of its command line, without an argument parser.

A parser costs more than everything else that ``run`` does. What is not plain, and every error, is
left to the full command, which words it.
"""

from __future__ import annotations

import os

from minicon.errors import NotAnEnvironment
from minicon.shell.commands import shell_context
from minicon.shell.run import become, prepare_command

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_VALUES = {"-n": "name", "--name": "name", "-p": "prefix", "--prefix": "prefix", "--cwd": "cwd"}
_IGNORED = ("--no-capture-output", "--live-stream")


def try_run(arguments: Sequence[str], *, environ: Mapping[str, str]) -> int | None:
    """Become the command of ``run [-n NAME | -p PATH] [--cwd FOLDER] COMMAND...``.

    Args:
        arguments: What follows ``run``.
        environ: Variables to start from.

    Returns:
        None when the full command has to look at it: other options, no such environment.
        Otherwise it does not return, except on Windows, with the command's exit code.

    Raises:
        ShellError: As :func:`minicon.shell.run.run_in_environment`.
        ConfigError: The configuration is wrong.
    """
    options, argv = _split(arguments)
    if options is None or not argv or ("name" in options and "prefix" in options):
        return None
    cwd = os.getcwd()
    context = shell_context(environ, home=os.path.expanduser("~"), cwd=cwd)
    if name := options.get("name"):
        if {"/", os.sep, "~"} & set(name) or name in ("base", "root", ".", ".."):
            return None
        try:
            prefix = context.locate(name)
        except NotAnEnvironment:
            return None
    elif place := options.get("prefix") or environ.get("CONDA_PREFIX"):
        prefix = os.path.normpath(os.path.join(cwd, os.path.expanduser(place)))
    else:
        return None
    try:
        prepared = prepare_command(
            prefix,
            argv,
            environ=environ,
            options=context.options,
            force_uppercase=context.force_uppercase,
        )
    except NotAnEnvironment:
        return None
    return become(prepared, options.get("cwd"))


def _split(arguments: Sequence[str]) -> tuple[dict[str, str] | None, list[str]]:
    """Options and command; None where an option is not one of the plain ones."""
    options: dict[str, str] = {}
    words = list(arguments)
    while words and words[0].startswith("-"):
        word = words.pop(0)
        if word == "--":
            break
        if word in _IGNORED:
            continue
        if word not in _VALUES or not words or _VALUES[word] in options:
            return None, []
        options[_VALUES[word]] = words.pop(0)
    return options, words
