"""Run one command line: parse it, run the command, report errors."""

from __future__ import annotations

import gc
import os
import sys
from stat import S_ISREG

from minicon.cli.console import abandon_output, is_output_failure
from minicon.cli.dialects.dialect import MINICON
from minicon.cli.parser import GROUPED, find_command, make_parser, overview
from minicon.errors import MiniconError, SpecError, UsageError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from minicon.cli.console import Console
    from minicon.cli.context import CommandContext
    from minicon.cli.dialects.dialect import Dialect

#: Objects allocated before the garbage collector runs; the largest commands make as many.
_GARBAGE_THRESHOLD = 1_000_000
#: What follows the name in a spec.
_NAME_END = lazy_pattern(r"[\s=<>!~\[]")


def main(argv: Sequence[str], dialect: Dialect | None = None) -> int:
    """Run one command line.

    Args:
        argv: The arguments without the name of the program.
        dialect: The dialect of the arguments; None means minicon's own words.

    Returns:
        The exit code: 0, 1, 2 (usage), 130 (interrupted), or that of the program that ``run``
        started.
    """
    # Nearly all objects live until the command ends, so that collecting garbage frees nothing.
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        return _exit_code(argv, dialect or MINICON)
    finally:  # tests and other programs call this and continue
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def _exit_code(argv: Sequence[str], dialect: Dialect) -> int:
    """Run a command line and turn what ends it into an exit code."""
    try:
        code = _run(list(argv), dialect)
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


def _run(typed: list[str], dialect: Dialect) -> int:
    """Find and run the command; report its errors."""
    from minicon.cli.context import CommandContext, early_console

    context: CommandContext | None = None
    parsed = None
    try:
        arguments, variables = dialect.translated(typed)
        os.environ.update(variables)
        if arguments[:1] == ["help"] and len(arguments) > 1:
            arguments = [*arguments[1:], "--help"]
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            sys.stdout.write(overview())
            return 0
        if (note := dialect.note_on(arguments)) is not None:
            return _answer_with_note(note, early_console(typed, dialect))
        _require_working_directory()
        command, module = find_command(arguments[0], dialect)
        parser = make_parser(command, module)
        if command in GROUPED and not arguments[1:]:
            parser.print_help()
            return 0
        parsed = parser.parse_args(arguments[1:])
        parsed.command = command
        context = CommandContext.from_arguments(parsed, arguments, dialect)
        _refuse_mistaken_specs(parsed)
        if _updates_only_the_program(parsed, dialect):
            return _answer_with_note("minicon is updated as it was installed", context.console)
        return int(module.run(parsed, context))
    except MiniconError as error:
        console = context.console if context else early_console(typed, dialect)
        _improve_hint(error, parsed, context)
        _name_setting(error, context)
        console.fail(error, whole=bool(context and context.settings.verbosity))
        return dialect.exit_codes.get(error.reference, error.exit_code)
    except Exception as error:
        if is_output_failure(error):
            raise
        console = context.console if context else early_console(typed, dialect)
        console.fail(_unexpected_error(error))
        return 1
    finally:
        if context is not None:
            context.close()


def _refuse_mistaken_specs(parsed: argparse.Namespace) -> None:
    specs: Sequence[str] = getattr(parsed, "specs", ())
    if specs and S_ISREG(os.fstat(1).st_mode):
        from minicon.cli.mistakes import refuse_unquoted

        refuse_unquoted(specs)
    if any("." in spec for spec in specs):
        from minicon.cli.mistakes import refuse_files

        refuse_files(specs)


def _improve_hint(
    error: MiniconError, parsed: argparse.Namespace | None, context: CommandContext | None
) -> None:
    from minicon.cli import mistakes
    from minicon.solver.explain.explanation import ConflictError

    if better := mistakes.spec_hint(error, getattr(parsed, "specs", ())):
        error.hint = better
    elif parsed is not None and isinstance(error, ConflictError):
        specs = getattr(parsed, "specs", ())
        error.hint = mistakes.conflict_hint(error, specs, parsed.options)
    elif parsed is not None and error.hint:
        error.hint = mistakes.fitting_hint(error.hint, parsed.options)
    if error.reference == "no-target-environment" and context:
        words, directories = context.command_line, context.settings.envs_dirs
        error.hint = mistakes.environment_hint(words, directories) or error.hint
    if error.hint:
        named = (getattr(parsed, "name", None), getattr(parsed, "prefix", None))
        error.hint = mistakes.with_environment(error.hint, *named)


def _name_setting(error: MiniconError, context: CommandContext | None) -> None:
    """Say which setting has a text that cannot be parsed, and where it is set."""
    if context and error.context is None and isinstance(error, SpecError) and error.source:
        from minicon.cli.mistakes import setting_with

        error.context = setting_with(error.source, context.settings)


def _answer_with_note(text: str, console: Console) -> int:
    """Print why there is nothing to do."""
    console.note(text)
    if console.json:
        console.document({"success": True, "message": text})
    return 0


def _updates_only_the_program(parsed: argparse.Namespace, dialect: Dialect) -> bool:
    """Whether all packages to install or update are the program itself, as in ``update conda``.

    Others are left as they are; the program is removed from the specs.
    """
    if not dialect.programs or parsed.command not in ("install", "update") or not parsed.specs:
        return False
    names = {spec: spec.rpartition(":")[2] for spec in parsed.specs}
    own = {s for s, text in names.items() if _NAME_END.split(text, 1)[0] in dialect.programs}
    parsed.specs = [spec for spec in parsed.specs if spec not in own]
    return bool(own) and not (parsed.specs or parsed.files)


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


def _unexpected_error(error: Exception) -> MiniconError:
    """Return an exception that no layer converted as an error to print.

    What the system says of a path, such as 'Not a directory', is a state of the machine. A missing
    path is a bug: a file of minicon's own, or an argument that was not checked.
    """
    if isinstance(error, FileNotFoundError) or not isinstance(error, OSError):
        return _internal_error(error)
    if not isinstance(error.filename, str):
        return _internal_error(error)
    from minicon.fs.operations import describing

    try:
        with describing("use", error.filename):
            raise error
    except MiniconError as described:
        return described


def _internal_error(error: Exception) -> MiniconError:
    """Return a bug as an error that users can report."""
    import traceback

    internal = MiniconError(
        "internal-error",
        f"internal error: {type(error).__name__}",
        context="".join(traceback.format_exception(error)).strip(),
        hint="this is a bug in minicon; please report it with the traceback above",
    )
    internal.__cause__ = error
    return internal
