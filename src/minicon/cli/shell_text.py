"""``minicon shell.<name> ...``: text that a shell evaluates. Light, since shells start with it."""

import os
import sys

from minicon.errors import MiniconError


def print_shell_text(arguments: list[str]) -> int:
    """Print what ``shell.<name> COMMAND`` asks for; errors go to stderr, so nothing is evaluated.

    Args:
        arguments: The whole command line, for instance ``["shell.bash", "hook"]``.
    """
    from minicon.shell.commands import shell_command, shell_context

    shell_name = arguments[0].partition(".")[2]
    command, *rest = arguments[1:] or ["hook"]
    try:
        context = shell_context(os.environ, home=os.path.expanduser("~"), cwd=os.getcwd())
        text, warnings = shell_command(
            shell_name, command, rest, context=context, executable=program_path()
        )
    except MiniconError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}\n")
        return error.exit_code
    for warning in warnings:
        sys.stderr.write(f"warning: {warning}\n")
    sys.stdout.write(text)
    return 0


def program_path() -> str:
    """Absolute path of the ``minicon`` program that is running."""
    started_as = os.path.abspath(sys.argv[0])
    if os.path.basename(started_as).startswith("minicon"):
        return started_as
    suffix = ".exe" if os.name == "nt" else ""
    return os.path.join(os.path.dirname(os.path.abspath(sys.executable)), f"minicon{suffix}")
