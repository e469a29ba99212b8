"""``minicon shell.<name> ...``: text that a shell evaluates. Light, since shells start with it."""

import os
import sys

from minicon.errors import MiniconError


def print_shell_text(arguments: list[str]) -> int:
    """Print what ``shell.<name> COMMAND`` asks for; errors go to stderr, so nothing is evaluated.

    Args:
        arguments: The whole command line, for instance ``["shell.bash", "hook"]``.
    """
    from minicon.shell.commands import shell_command, shell_context, this_executable

    shell_name = arguments[0].partition(".")[2]
    command, *rest = arguments[1:] or ["hook"]
    try:
        context = shell_context(os.environ, home=os.path.expanduser("~"), cwd=os.getcwd())
        text, warnings = shell_command(
            shell_name, command, rest, context=context, executable=this_executable()
        )
    except MiniconError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}\n")
        return error.exit_code
    for warning in warnings:
        from minicon.redaction import redact

        sys.stderr.write(f"warning: {redact(warning)}\n")
    # Values need not be UTF-8: they pass through as the bytes they are.
    sys.stdout.buffer.write(text.encode("utf-8", "surrogateescape"))
    return 0
