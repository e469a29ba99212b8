"""``minicon run`` without an argument parser: what is plain is done at once."""

import os
import sys

from minicon.errors import MiniconError


def run_lightly(arguments: list[str]) -> int | None:
    """Run ``-n NAME COMMAND...`` and the like; None leaves the rest to the argument parser.

    Args:
        arguments: What follows ``run`` on the command line.
    """
    from minicon.shell.light_run import try_run

    try:
        return try_run(arguments, environ=os.environ)
    except MiniconError as error:
        hint = f"\nhint: {error.hint}" if error.hint else ""
        sys.stderr.write(f"error: {error.message}{hint}\n")
        return error.exit_code
