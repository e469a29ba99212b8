"""From argv to a command: the table of commands, and the one place where errors end."""

from __future__ import annotations

import gc
import importlib
import sys

from minicon.cli.broken_output import give_up_output, is_of_output
from minicon.cli.parser import CommandParser
from minicon.errors import MiniconError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import ModuleType

    from minicon.cli.context import CommandContext

#: name -> (module below minicon.cli.commands, one line of help).
COMMANDS = {
    "create": ("create", "make a new environment"),
    "install": ("install", "add packages to an environment"),
    "update": ("update", "bring packages to newer versions"),
    "remove": ("remove", "take packages, or a whole environment, away"),
    "list": ("list", "packages of an environment"),
    "env": ("env", "create, list, remove, export and update environments"),
    "activate": ("activate", "use an environment in this shell"),
    "deactivate": ("activate", "stop using it"),
    "run": ("run", "run a command in an environment"),
    "shell": ("shell", "a new shell in an environment"),
    "x": ("x", "run a tool without installing it"),
    "search": ("search", "packages that the channels offer"),
    "info": ("info", "facts about this installation"),
    "export": ("export", "write an environment down as a file"),
    "lock": ("lock", "write down exact packages, for one platform or more"),
    "sync": ("sync", "make an environment exactly its file or lock"),
    "plan": ("plan", "write a change down as a file, to be reviewed"),
    "apply": ("apply", "carry out a plan that was written down"),
    "rename": ("rename", "give an environment another name or place"),
    "clean": ("clean", "free cached packages and indexes"),
    "config": ("config", "show and change settings"),
    "init": ("init", "put activation into your shell's start file"),
    "allow": ("allow", "let a folder choose its environment"),
    "completion": ("completion", "completion of command lines in your shell"),
    "channel": ("channel", "make and fill channels"),
    "history": ("history", "what was done to an environment"),
    "rollback": ("rollback", "go back to an earlier state, offline"),
    "undo": ("rollback", "go back one step"),
    "why": ("why", "why a package is there"),
    "why-not": ("why_not", "why a package cannot be had, and what would help"),
    "tree": ("tree", "what needs what"),
    "replay": ("replay", "solve again what --capture wrote"),
    "repoquery": ("repoquery", "what packages of a channel need, and what needs them"),
    "verify": ("verify", "compare an environment's files with its records"),
    "doctor": ("doctor", "find what is wrong, and mend it"),
    "status": ("status", "what has drifted in an environment"),
    "compare": ("compare", "compare an environment with an environment file"),
    "diff": ("diff", "what changed between two states"),
    "notices": ("notices", "what the channels' owners want to tell"),
    "du": ("du", "disk space that environments really take"),
    "gc": ("gc", "free what nothing uses"),
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
    # Nearly all that a command makes is needed until it ends: looking for garbage finds none.
    gc.freeze()
    gc.set_threshold(_GARBAGE_THRESHOLD)
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
    from minicon.cli.context import CommandContext, early_console

    context: CommandContext | None = None
    try:
        if not arguments or arguments[0] in ("-h", "--help", "help"):
            sys.stdout.write(_overview())
            return 0
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
