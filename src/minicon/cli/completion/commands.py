"""What may be typed behind each command, read from the parsers."""

from __future__ import annotations

import argparse

from minicon.cli.command_table import ALIASES, COMMANDS
from minicon.cli.parser import command_module, make_parser
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

#: The kind of a value by its metavar. Kinds: ``environment``, ``package`` (in channels),
#: ``installed`` (in the environment), ``file``, ``key`` and ``setting`` of the configuration, or
#: words, written as ``=WORD,WORD``. A value of no kind is anything, but no file.
_KINDS = {
    **dict.fromkeys(("SPEC", "PACKAGE"), "package"),
    **dict.fromkeys(("DIR", "DIRECTORY", "FILE", "LAYOUT", "LOCK", "PATH"), "file"),
    **dict.fromkeys(("PROFILE.json", "RECIPES", "WHEEL", "[NAME=]LOCATION"), "file"),
    **dict.fromkeys(("ENV", "NAME|PATH", "[OLD] NEW"), "environment"),
    "KEY": "key",
    "PKG": "installed",
    "merge BASE OURS THEIRS": "file",
    "COMMAND...": "file",
    "VERB [KEY [VALUE]]": "setting",
}
#: Commands whose specs are those of installed packages.
_INSTALLED = frozenset({"list", "ls", "remove", "uninstall", "update", "upgrade"})


@dataclass(frozen=True, slots=True)
class Option:
    """One option.

    Attributes:
        flags: Its flags.
        takes_value: Whether a value follows.
        kind: The kind of the value.
        meaning: Its help.
    """

    flags: tuple[str, ...]
    takes_value: bool
    kind: str
    meaning: str


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or one verb of a command.

    Attributes:
        words: The words of the command, for example ``("env", "create")``.
        options: Its options, without hidden ones.
        following: Words that may follow: verbs, or choices of an argument.
        kind: The kind of its arguments.
    """

    words: tuple[str, ...]
    summary: str
    options: tuple[Option, ...]
    following: tuple[str, ...] = ()
    kind: str = ""


def all_commands() -> list[Command]:
    """Return every command and verb, read from its parser."""
    found: list[Command] = []
    names = {name: name for name in COMMANDS} | ALIASES
    for typed, name in names.items():
        parser = make_parser(name, command_module(name))
        found += _with_verbs((typed,), COMMANDS[name][1], parser)
    return found


def setting_verbs() -> tuple[str, ...]:
    """Return the verbs of ``config``."""
    verbs: tuple[str, ...] = command_module("config").VERBS
    return verbs


def setting_values() -> dict[str, tuple[str, ...]]:
    """Return all configuration keys, with the values of those that have a few."""
    from minicon.config.keys import KEYS, Kind

    switch = {Kind.BOOLEAN: ("true", "false"), Kind.SWITCH_OR_TEXT: ("true", "false")}
    return {name: key.choices or switch.get(key.kind, ()) for name, key in sorted(KEYS.items())}


def _with_verbs(
    words: tuple[str, ...], summary: str, parser: argparse.ArgumentParser
) -> Iterator[Command]:
    options, following, kind = [], [], ""
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            following += list(action.choices)
            for verb, child in action.choices.items():
                yield from _with_verbs((*words, verb), child.description or "", child)
        elif action.option_strings and action.help != argparse.SUPPRESS:
            meaning = (action.help or "").replace("%%", "%")
            flags, takes_value = tuple(action.option_strings), action.nargs != 0
            options.append(Option(flags, takes_value, _kind(action, words), meaning))
        elif action.choices:
            following += [str(choice) for choice in action.choices]
        elif not action.option_strings:
            kind = kind or _kind(action, words)
    verbs = setting_verbs() if kind == "setting" else ()
    for verb in verbs:  # those of config are no parsers of their own
        yield Command((*words, verb), "", tuple(options), (), kind)
    yield Command(words, summary, tuple(options), tuple(following) or verbs, kind)


def _kind(action: argparse.Action, words: tuple[str, ...]) -> str:
    metavar = action.metavar[0] if isinstance(action.metavar, tuple) else action.metavar or ""
    if action.choices or metavar == "SUBDIR":
        from minicon.models.subdir import PLATFORMS

        return "=" + ",".join(map(str, action.choices or PLATFORMS))
    if action.dest == "name":
        return "environment"
    if words[0] == "plan" and metavar == "...":
        return "package"
    if words[0] in _INSTALLED and metavar in ("SPEC", "REGEX"):
        return "package" if action.option_strings else "installed"
    if words[:3] == ("env", "config", "vars"):
        return ""
    return _KINDS.get(metavar, "")
