"""Run one command line: parse it, run the command, report errors."""

from __future__ import annotations

import gc
import os
import sys

from minicon.cli.console import abandon_output, is_output_failure
from minicon.cli.parser import find_command, make_parser, overview
from minicon.errors import MiniconError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.cli.context import CommandContext

#: Objects allocated before the garbage collector runs; the largest commands make as many.
_GARBAGE_THRESHOLD = 1_000_000


def main(argv: Sequence[str]) -> int:
    """Run one command line.

    Args:
        argv: The arguments without the name of the program.

    Returns:
        The exit code: 0, 1, 2 (usage), 130 (interrupted), or that of the program that ``run``
        started.
    """
    # Nearly all objects live until the command ends, so that collecting garbage frees nothing.
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        return _exit_code(argv)
    finally:  # tests and other programs call this and continue
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def _exit_code(argv: Sequence[str]) -> int:
    """Run a command line and turn what ends it into an exit code."""
    try:
        code = _run(list(argv))
        sys.stdout.flush()
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: no change is left unfinished\n")
        return 130
    except OSError as error:
        if not is_output_failure(error):
            raise
        return abandon_output(error)
    return code


def _run(arguments: list[str]) -> int:
    """Find and run the command; report its errors."""
    from minicon.cli.context import CommandContext, early_console

    context: CommandContext | None = None
    try:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            sys.stdout.write(overview())
            return 0
        _require_working_directory()
        command, module = find_command(arguments[0])
        parsed = make_parser(command, module).parse_args(arguments[1:])
        parsed.command = command
        context = CommandContext.from_arguments(parsed, arguments)
        return int(module.run(parsed, context))
    except MiniconError as error:
        if context is None:
            early_console(arguments).fail(error)
        else:
            context.console.fail(error, whole=bool(context.settings.verbosity))
        return error.exit_code
    except Exception as error:
        if is_output_failure(error):
            raise
        (context.console if context else early_console(arguments)).fail(_internal_error(error))
        return 1
    finally:
        if context is not None:
            context.close()


def _require_working_directory() -> None:
    """Raise an error if the working directory was removed."""
    try:
        os.getcwd()
    except OSError as error:
        raise UsageError(
            "no-working-directory",
            f"the working directory cannot be used: {error.strerror}",
            hint="change to another directory with 'cd'",
        ) from error


def _internal_error(error: Exception) -> MiniconError:
    """Return an unexpected exception as an error that users can report."""
    import traceback

    internal = MiniconError(
        "internal-error",
        f"internal error: {type(error).__name__}",
        context="".join(traceback.format_exception(error)).strip(),
        hint="this is a bug in minicon; please report it with the traceback above",
    )
    internal.__cause__ = error
    return internal
