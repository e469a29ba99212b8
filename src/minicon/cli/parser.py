"""The argument parsers of the commands.

A command is a module below ``minicon.cli.commands``, imported when the command is used. The
docstring of the module is the help of the command.
"""

from __future__ import annotations

import argparse
import importlib
import sys

from minicon.cli.command_table import ALIASES, COMMANDS, GROUPS
from minicon.errors import UsageError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import ModuleType
    from typing import Any, NoReturn

    from minicon.cli.dialects.dialect import Dialect

# Errors are recognized by argparse's English texts. Its search for translations of each text, in
# a catalogue that no system has, imports 'locale' and costs a millisecond.
argparse._ = str  # type: ignore[attr-defined]

#: With at most this many options, the help of a command shows all of them.
_FEW_OPTIONS = 17
#: Commands that are nothing without a verb or an option: alone, they show their help.
GROUPED = ("channel", "config", "env")

_MISSING_VALUE = lazy_pattern(r"argument (-[^/\s]+)\S*: expected")
_EXTRA_WORD = lazy_pattern(r"unrecognized arguments: ([\w.][\w.-]*)")
_TYPED_OPTION = lazy_pattern(r"(?<!\S)--[a-z][a-z-]*")


def find_command(word: str, dialect: Dialect) -> tuple[str, ModuleType]:
    """Return the name and the module of a command.

    Raises:
        UsageError: There is no such command; the hint says which program has it.
    """
    command = ALIASES.get(word, word)
    if command not in COMMANDS:
        from minicon.cli.mistakes import command_hint
        from minicon.models.near_names import near_names

        if word.startswith("-"):
            near = near_names(word, ("--help", "--version"))
            hint = f"did you mean {near[0]}?" if near else "options stand behind the command"
            raise UsageError("unknown-command", f"unknown option {word!r}", hint=hint)
        if other := dialect.elsewhere.get(word):
            raise UsageError("unknown-command", f"minicon has no command {word!r}", hint=other)
        near = near_names(word, [*COMMANDS, *ALIASES])
        near = near or [each for each in COMMANDS if each.startswith(word)]
        hint = f"did you mean 'minicon {near[0]}'?" if near else "see 'minicon --help'"
        raise UsageError(
            "unknown-command", f"unknown command {word!r}", hint=command_hint(word) or hint
        )
    return command, command_module(command)


def command_module(command: str) -> ModuleType:
    """Import the module of a command."""
    return importlib.import_module(f"minicon.cli.commands.{COMMANDS[command][0]}")


def make_parser(command: str, module: ModuleType) -> CommandParser:
    """Return the parser of a command; the docstring of its module is the description."""
    parser = CommandParser(prog=f"minicon {command}", description=(module.__doc__ or "").strip())
    module.add_arguments(parser)
    text = (module.add_arguments.__doc__ or "").partition("``")[2].partition("``")[0]
    _shorten(parser, text or command)
    return parser


def _shorten(parser: CommandParser, usage: str) -> None:
    """Let the help of a command, or of its verbs, show the usual options only, if it has many."""
    shown = [each for each in parser._actions if each.help != argparse.SUPPRESS]
    if sum(bool(each.option_strings) for each in shown) > _FEW_OPTIONS:
        own, program, arguments = usage.partition(" COMMAND")  # its arguments are its own
        parser.usage = f"minicon {own} [OPTION...]{program}{arguments}"
        parser.is_shortened = True
        parser.add_argument("--help-all", action=_ShowAll, help="show all options and exit")
    for each in shown:
        if isinstance(each, argparse._SubParsersAction):
            for verb in each.choices.values():
                _shorten(verb, verb.prog.partition(" ")[2])


class _ShowAll(argparse.Action):
    """The action of ``--help-all``: print every option and exit."""

    def __init__(self, option_strings: Sequence[str], dest: str, **options: Any) -> None:
        super().__init__(option_strings, dest, nargs=0, **options)

    def __call__(self, parser: Any, *_: object) -> None:
        """Print and exit."""
        parser._print_message(parser.format_help(whole=True))
        parser.exit()


def overview() -> str:
    """Return the text of ``minicon --help``."""
    from minicon.cli.help import bold

    width = max(map(len, COMMANDS))
    lines: list[str] = []
    for title, names in GROUPS.items():
        rows = (f"  {name:<{width}}  {COMMANDS[name][1]}" for name in names.split())
        lines += [f"{bold(title)}:", *rows, ""]
    return "\n".join(
        [
            f"{bold('usage')}: minicon COMMAND [OPTION...]",
            "",
            "Manage environments of packages in any language, from conda channels and PyPI.",
            "",
            *lines,
            "Run 'minicon COMMAND --help' for the options of a command,",
            "'minicon --version' for the version.",
            "",
        ]
    )


class CommandParser(argparse.ArgumentParser):
    """An argument parser that raises :class:`UsageError`, so that ``--json`` and hints apply.

    Options cannot be abbreviated.
    """

    def __init__(self, **options: Any) -> None:
        self.is_shortened = self._formats_help = False
        super().__init__(**{**options, "allow_abbrev": False})
        for name, kind in _TYPES.items():
            self.register("type", name, kind)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Reject unknown arguments here, so that the parser of a verb reports its own.

        Specs may stand anywhere: argparse itself takes only the first words that are no options.
        """
        parsed, unknown = super().parse_known_args(args, namespace)
        if hasattr(parsed, "specs") and not any(word.startswith("-") for word in unknown):
            parsed.specs = [*parsed.specs, *unknown]
            unknown = []
        parsed.options = (
            getattr(parsed, "options", frozenset()) | self._option_string_actions.keys()
        )
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def format_help(self, *, whole: bool = False) -> str:
        """Return the help: the usual options, or all if they are few or ``whole`` is set."""
        self._formats_help = True
        if self.is_shortened and not whole:
            from minicon.cli.help import short_help

            return short_help(self)
        return super().format_help()

    def _print_message(self, message: str, file: Any = None) -> None:
        """Write help in what the encoding of the terminal has."""
        from minicon.cli.console import encodable

        stream = file or sys.stdout
        stream.write(encodable(message, stream))

    def _get_formatter(self) -> argparse.HelpFormatter:
        """Return the formatter of the help; argparse uses any to check each argument."""
        if not self._formats_help:
            return argparse.HelpFormatter(self.prog, width=80)
        from minicon.cli.help import HelpFormatter

        return HelpFormatter(self.prog)

    def error(self, message: str) -> NoReturn:
        """Raise an error instead of printing it and exiting."""
        message, _, meant = message.partition("; did you mean")
        hint = f"did you mean{meant}" if meant else self._hint(message)
        raise UsageError("wrong-arguments", f"{self.prog}: {message}", hint=hint)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raise an error for a word that is no choice, with the one that was probably meant."""
        if action.choices is None or value in action.choices:
            return
        from minicon.cli.mistakes import command_hint
        from minicon.models.near_names import meant

        known = [str(choice) for choice in action.choices]
        name = action.dest if action.option_strings else action.metavar or action.dest
        message = f"unknown {name} {value!r}"
        if other := command_hint(self.prog.partition(" ")[2], str(value)):
            raise UsageError("wrong-arguments", f"{self.prog}: {message}", hint=other)
        self.error(
            f"{message}, not one of: {', '.join(known)}"
            + meant(str(value), known, "").replace("did", "; did", 1)
        )

    def _hint(self, message: str) -> str:
        from minicon.cli.mistakes import option_hint

        if other := option_hint(self.prog.partition(" ")[2], message.split()):
            return other
        shown = (
            flag
            for flag, action in self._option_string_actions.items()
            if action.help != argparse.SUPPRESS
        )
        known = [flag[2:] for flag in shown if flag.startswith("--")]
        if (missing := _MISSING_VALUE.search(message)) is not None:
            action = self._option_string_actions[missing[1]]
            metavar = action.metavar or action.dest.upper()
            words = [metavar] if isinstance(metavar, str) else metavar
            return f"write {' '.join([missing[1], *words])}"
        if (extra := _EXTRA_WORD.fullmatch(message)) and "--name" in self._option_string_actions:
            return f"for an environment of that name, write -n {extra[1]}"
        for typed in _TYPED_OPTION.findall(message):
            if typed in self._option_string_actions:
                continue
            from minicon.models.near_names import near_names

            near = near_names(typed[2:], known)
            near += [flag for flag in known if flag.startswith(typed[2:]) and flag != typed[2:]]
            if near:
                return f"did you mean --{near[0]}?"
        return f"see '{self.prog} --help'"


def add_verb(verbs: Any, name: str, summary: str, *examples: str) -> CommandParser:
    """Add a verb to a command that has several, and return its parser.

    Args:
        verbs: The object that ``add_subparsers`` returned.
        name: The verb.
        summary: Its summary, for the help of the command and of the verb.
        examples: Command lines for the help of the verb.
    """
    lines = [f"{summary[0].upper()}{summary[1:]}."]
    if examples:
        lines += ["", "Examples:", *(f"  {example}" for example in examples)]
    parser: CommandParser = verbs.add_parser(name, help=summary, description="\n".join(lines))
    return parser


def _whole(least: int, most: int | None = None) -> Callable[[str], int]:
    def number(text: str) -> int:
        value = int(_number(text, int))
        if value < least:
            raise argparse.ArgumentTypeError(f"{value} is less than {least}")
        if most is not None and value > most:
            raise argparse.ArgumentTypeError(f"{value} is more than {most}")
        return value

    return number


def _seconds(text: str) -> float:
    value = _number(text, float)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number of seconds above 0")
    return value


def _number(text: str, kind: type[int | float]) -> float:
    try:
        return kind(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number") from None


def _named_value(text: str) -> tuple[str, str]:
    name, _, value = text.partition("=")
    if not name.strip() or not value.strip():
        raise argparse.ArgumentTypeError(f"{text!r} is not NAME=VALUE")
    return name.strip(), value.strip()


def _platform(text: str) -> str:
    """Return the text if it is a platform that conda knows.

    Channels may have others, but a misspelt name is more likely.
    """
    from minicon.models.subdir import KNOWN_SUBDIRS, platform_hint

    if text in KNOWN_SUBDIRS:
        return text
    own = "set MINICON_SUBDIR if a channel has it"
    raise argparse.ArgumentTypeError(f"unknown platform {text!r}; {platform_hint(text) or own}")


#: Types of options, by the names that ``add_argument(type=…)`` takes.
_TYPES = {
    "number": _whole(0),
    "count": _whole(1),
    "port": _whole(0, 65535),
    "seconds": _seconds,
    "named value": _named_value,
    "platform": _platform,
}
