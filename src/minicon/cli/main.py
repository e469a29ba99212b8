"""From argv to a command: the table of commands, and the one place where errors end."""

from __future__ import annotations

import gc
import importlib
import os
import sys

from minicon.cli.console.broken_output import give_up_output, is_of_output
from minicon.cli.parser import CommandParser
from minicon.errors import MiniconError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from minicon.cli.console.context import CommandContext

#: name -> (module below minicon.cli.commands, one line of help).
COMMANDS = {
    "create": ("environments.create", "make a new environment"),
    "install": ("environments.install", "add packages to an environment"),
    "update": ("environments.update", "bring packages to newer versions"),
    "remove": ("environments.remove", "take packages, or a whole environment, away"),
    "list": ("inspect.list", "packages of an environment"),
    "env": ("environments.env", "create, list, remove, export and update environments"),
    "activate": ("shells.activate", "use an environment in this shell"),
    "deactivate": ("shells.activate", "stop using it"),
    "run": ("shells.run", "run a command in an environment"),
    "shell": ("shells.shell", "a new shell in an environment"),
    "x": ("shells.x", "run a tool without installing it"),
    "search": ("inspect.search", "packages that the channels offer"),
    "info": ("inspect.info", "facts about this installation"),
    "export": ("environments.export", "write an environment down as a file"),
    "lock": ("environments.lock", "write down exact packages, for one platform or more"),
    "sync": ("environments.sync", "make an environment exactly its file or lock"),
    "plan": ("environments.plan", "write a change down as a file, to be reviewed"),
    "apply": ("environments.apply", "carry out a plan that was written down"),
    "rename": ("environments.rename", "give an environment another name or place"),
    "clean": ("upkeep.clean", "free cached packages and indexes"),
    "config": ("upkeep.config", "show and change settings"),
    "init": ("shells.init", "put activation into your shell's start file"),
    "allow": ("shells.allow", "let a folder choose its environment"),
    "completion": ("shells.completion", "completion of command lines in your shell"),
    "channel": ("upkeep.channel", "make and fill channels"),
    "history": ("environments.history", "what was done to an environment"),
    "rollback": ("environments.rollback", "go back to an earlier state, offline"),
    "undo": ("environments.rollback", "go back one step"),
    "why": ("inspect.why", "why a package is there"),
    "why-not": ("inspect.why_not", "why a package cannot be had, and what would help"),
    "tree": ("inspect.tree", "what needs what"),
    "replay": ("upkeep.replay", "solve again what --capture wrote"),
    "repoquery": ("inspect.repoquery", "what packages of a channel need, and what needs them"),
    "verify": ("inspect.verify", "compare an environment's files with its records"),
    "doctor": ("inspect.doctor", "find what is wrong, and mend it"),
    "status": ("inspect.status", "what has drifted in an environment"),
    "compare": ("inspect.compare", "compare an environment with an environment file"),
    "diff": ("environments.diff", "what changed between two states"),
    "notices": ("inspect.notices", "what the channels' owners want to tell"),
    "du": ("inspect.du", "disk space that environments really take"),
    "gc": ("upkeep.gc", "free what nothing uses"),
}
#: The same in groups, for ``--help``.
GROUPS = {
    "change an environment": "create install update remove rename",
    "use it": "activate deactivate run shell x",
    "look": "list env search info export history diff compare status",
    "go back": "undo rollback",
    "same everywhere": "lock sync plan apply",
    "explain": "why why-not tree repoquery replay",
    "health and space": "verify doctor clean du gc",
    "set up": "init allow completion config channel notices",
}
ALIASES = {"uninstall": "remove", "upgrade": "update"}


#: Objects made before the garbage collector looks; so many are made by the largest commands.
_GARBAGE_THRESHOLD = 1_000_000


def main(argv: Sequence[str]) -> int:
    """Run one command line; returns its exit code (cli contract: 0, 1, 2, 130, or the child's)."""
    # Nearly all objects of a command live until it ends: a collector would find nothing to free.
    thresholds = gc.get_threshold()
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
    try:
        return _answer(argv)
    finally:  # whoever called this in a process that goes on has a collector again
        gc.unfreeze()
        gc.set_threshold(*thresholds)


def _answer(argv: Sequence[str]) -> int:
    """Run a command line; whatever ends it becomes an exit code."""
    try:
        code = _run(list(argv))
        sys.stdout.flush()
    except SystemExit as end:  # argparse, after --help
        return int(end.code or 0)
    except KeyboardInterrupt:
        sys.stderr.write("\ninterrupted: nothing is left half done\n")
        return 130
    except OSError as error:
        if not is_of_output(error):
            raise
        return give_up_output(error)
    return code


def _run(arguments: list[str]) -> int:
    """Find and run the command, and tell what goes wrong."""
    from minicon.cli.console.context import CommandContext, early_console

    context: CommandContext | None = None
    try:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            sys.stdout.write(_overview())
            return 0
        _require_working_directory()
        command, module = _find_command(arguments[0])
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
        if is_of_output(error):
            raise
        # Told as what it is: a bug, with all that helps.
        (context.console if context else early_console(arguments)).fail(_bug(error))
        return 1
    finally:
        if context is not None:
            context.close()


def _require_working_directory() -> None:
    """Raise UsageError where the folder that the shell is in was removed or replaced."""
    try:
        os.getcwd()
    except OSError as error:
        raise UsageError(
            "no-working-directory",
            f"the folder that this was started in cannot be used: {error.strerror}",
            hint="go to another folder first: cd",
        ) from error


def _bug(error: Exception) -> MiniconError:
    """An error that nobody foresaw, as one that can be reported."""
    import traceback

    lines = "".join(traceback.format_exception(error)).strip()
    told = MiniconError(
        "internal-error",
        f"minicon failed in a way that nobody foresaw ({type(error).__name__})",
        context=lines,
        hint="this is a bug: please report it with the lines above",
    )
    told.__cause__ = error
    return told


def _find_command(word: str) -> tuple[str, ModuleType]:
    command = ALIASES.get(word, word)
    if command not in COMMANDS:
        import difflib

        near = difflib.get_close_matches(word, [*COMMANDS, *ALIASES], n=1)
        raise UsageError(
            "unknown-command",
            f"there is no command {word!r}",
            hint=f"did you mean 'minicon {near[0]}'?" if near else "see 'minicon --help'",
        )
    return command, importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")


def make_parser(command: str, module: ModuleType) -> CommandParser:
    """The parser of one command; its module's text is the description."""
    parser = CommandParser(prog=f"minicon {command}", description=(module.__doc__ or "").strip())
    module.add_arguments(parser)
    return parser


def _overview() -> str:
    width = max(map(len, COMMANDS))
    lines: list[str] = []
    for title, names in GROUPS.items():
        rows = (f"  {name:<{width}}  {COMMANDS[name][1]}" for name in names.split())
        lines += [f"{title}:", *rows, ""]
    return "\n".join(
        [
            "usage: minicon COMMAND [OPTION...]",
            "",
            "Environments with packages of any language, from channels, PyPI and this machine.",
            "",
            *lines,
            "minicon COMMAND --help tells more; minicon --version tells the version.",
            "",
        ]
    )
