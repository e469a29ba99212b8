"""CommandParser: argparse with our errors: ``--json`` and hints hold for typing mistakes too."""

from __future__ import annotations

import argparse
import os

from minicon.errors import UsageError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, NoReturn

_TYPED_OPTION = lazy_pattern(r"(?<!\S)--[a-z][a-z-]*")


class _HelpFormatter(argparse.RawDescriptionHelpFormatter):
    """argparse makes one for every option; its own way to the width imports half of shutil."""

    def __init__(self, prog: str, **options: Any) -> None:
        super().__init__(prog, **{"width": _columns() - 2, **options})


def _columns() -> int:
    try:
        return int(os.environ.get("COLUMNS", "")) or 80
    except ValueError:
        pass
    try:
        return os.get_terminal_size(1).columns or 80
    except OSError:
        return 80


class CommandParser(argparse.ArgumentParser):
    """One command, or one verb of it. Options are never guessed from their first letters."""

    def __init__(self, **options: Any) -> None:
        options.setdefault("formatter_class", _HelpFormatter)
        super().__init__(**{**options, "allow_abbrev": False})

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Know all: the verb that is given a wrong option is the one to say so."""
        parsed, unknown = super().parse_known_args(args, namespace)
        if unknown:
            self.error(f"unrecognized arguments: {' '.join(unknown)}")
        return parsed, unknown

    def error(self, message: str) -> NoReturn:
        """Raise what argparse would print before it exits."""
        raise UsageError("wrong-arguments", f"{self.prog}: {message}", hint=self._hint(message))

    def _hint(self, message: str) -> str:
        shown = (
            flag
            for flag, action in self._option_string_actions.items()
            if action.help != argparse.SUPPRESS
        )
        known = [flag[2:] for flag in shown if flag.startswith("--")]
        for typed in _TYPED_OPTION.findall(message):
            import difflib

            near = difflib.get_close_matches(typed[2:], known, n=1)
            if near and near[0] != typed[2:]:
                return f"did you mean --{near[0]}?"
        return f"see '{self.prog} --help'"


def add_verb(verbs: Any, name: str, summary: str, *examples: str) -> CommandParser:
    """One verb of a command that has several.

    Args:
        verbs: What argparse's ``add_subparsers`` gave.
        name: The verb.
        summary: Shown by its and the command's help.
        examples: Whole command lines, shown by its help.
    """
    lines = [f"{summary[0].upper()}{summary[1:]}."]
    if examples:
        lines += ["", "Examples:", *(f"  {example}" for example in examples)]
    parser: CommandParser = verbs.add_parser(name, help=summary, description="\n".join(lines))
    return parser
