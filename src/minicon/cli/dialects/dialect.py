"""Dialect: how minicon understands and answers the command lines of another program, as data.

A command line is rewritten to minicon's own words before it is parsed::

    conda config --set ...   ──┐  options, words
    micromamba config set ... ─┴──────────────────> minicon config --set ...

The result is printed by the same code; names of errors and shapes of documents are looked up here.
"""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass, field

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

    from minicon.errors import MiniconError


@dataclass(frozen=True, slots=True)
class ForeignOption:
    """An option of the other program.

    Attributes:
        flags: Its spellings.
        takes_value: Whether a value follows.
        words: The own words that replace it; ``{}`` is the value. Empty: it has no meaning here.
        variables: Environment variables to set, ``{}`` as before.
        commands: The commands that have it, each one or two words; empty means all.
    """

    flags: tuple[str, ...]
    takes_value: bool = False
    words: tuple[str, ...] = ()
    variables: Mapping[str, str] = field(default_factory=dict)
    commands: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Dialect:
    """The words of one program; the defaults are minicon's own.

    Attributes:
        name: The name of the program.
        version: The version whose words are understood.
        version_text: The output of ``--version``; ``{version}`` and ``{minicon}`` are replaced.
        group: The command whose subcommands the program has; empty if it has all commands.
        words: Leading words, and the own words that replace them.
        rewritten: Leading words, and the function that rewrites what follows them.
        options: Options that minicon has under other names, or not at all.
        notes: Leading words of commands without work here, and what to say instead.
        elsewhere: Commands of other projects, and what does that job.
        programs: Packages that contain the program itself, which the user cannot update here.
        errors: Reference or class of an error, and the name that the program gives it.
        exit_codes: Reference of an error, and the exit code that the program gives it.
        texts: Kind of a document, and the function that prints it for people.
        shapes: Kind of a document, and the function that gives it the program's shape.
        variables: Environment variables, and minicon's own names of them.
        settings: Settings that only the program has, with their defaults.
        user_files: Configuration files that only the program reads, lowest priority first; the last
            one that exists is read.
        uses_base: Whether commands use ``base`` if no environment is named or active.
        uses_condarc: Whether ``config`` changes conda's file of the user, and not minicon's own.
        replaces_in_dry_runs: Whether ``create --dry-run`` plans the replacement of an environment.
        lists_builds: Whether ``search`` prints a row for each build of a version.
    """

    name: str = "minicon"
    version: str = ""
    version_text: str = "minicon {minicon}"
    group: str = ""
    words: Mapping[str, str] = field(default_factory=dict)
    rewritten: Mapping[str, Callable[[list[str]], list[str]]] = field(default_factory=dict)
    options: tuple[ForeignOption, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)
    elsewhere: Mapping[str, str] = field(default_factory=dict)
    programs: frozenset[str] = frozenset()
    errors: Mapping[str, str] = field(default_factory=dict)
    exit_codes: Mapping[str, int] = field(default_factory=dict)
    texts: Mapping[str, Callable[[Any], str]] = field(default_factory=dict)
    shapes: Mapping[str, Callable[[Any], Any]] = field(default_factory=dict)
    variables: Mapping[str, str] = field(default_factory=dict)
    settings: Mapping[str, Any] = field(default_factory=dict)
    user_files: tuple[str, ...] = ()
    uses_base: bool = False
    uses_condarc: bool = False
    replaces_in_dry_runs: bool = True
    lists_builds: bool = False

    def version_line(self, own: str) -> str:
        """Return the output of ``--version``; ``own`` is minicon's version."""
        return self.version_text.format(version=self.version, minicon=own)

    def translated(self, arguments: Sequence[str]) -> tuple[list[str], dict[str, str]]:
        """Return a command line in minicon's words, and the variables that its options set.

        Raises:
            UsageError: A value is missing, or another program does that job.
        """
        is_grouped = self.group and arguments and not arguments[0].startswith("-")
        typed = [self.group, *arguments] if is_grouped else list(arguments)
        words, variables = self._without_foreign_options(typed)
        key, rest = _leading_words(words, self.words)
        if key:
            words = [*self.words[key].split(), *rest]
        key, rest = _leading_words(words, self.rewritten)
        if key:
            words = self.rewritten[key](rest)
        return words, variables

    def note_on(self, arguments: Sequence[str]) -> str | None:
        """Return what to say about a command that has nothing to do here; None for others."""
        key, _ = _leading_words(list(arguments), self.notes)
        return self.notes[key] if key else None

    def error_name(self, error: MiniconError) -> str:
        """Return the name of an error's class, as programs that read ``--json`` know it."""
        named = (self.errors.get(each.__name__) for each in type(error).__mro__)
        found = self.errors.get(error.reference) or next(filter(None, named), None)
        return found or type(error).__name__

    def shaped(self, kind: str, document: Any) -> Any:
        """Return a document in the program's shape."""
        shape = self.shapes.get(kind)
        return shape(document) if shape else document

    def _without_foreign_options(self, words: list[str]) -> tuple[list[str], dict[str, str]]:
        command, verb = [*(word for word in words if not word.startswith("-")), "", ""][:2]
        known = {
            flag: option
            for option in self.options
            if not option.commands or {command, f"{command} {verb}"} & option.commands
            for flag in option.flags
        }
        kept: list[str] = []
        variables: dict[str, str] = {}
        for word, option, value in _pieces(words, known, ends_at_program=command == "run"):
            if option is None:
                kept.append(word)
                continue
            kept += [each.replace("{}", value) for each in option.words]
            variables |= {k: v.replace("{}", value) for k, v in option.variables.items()}
        if kept and kept[0].startswith("-"):
            kept = _command_first(kept)
        return kept, variables


#: Options with a value that stand before a command now and then.
_OF_ENVIRONMENTS = ("-n", "--name", "-p", "--prefix")


def _command_first(words: list[str]) -> list[str]:
    """Move the command before the options that are typed before it."""
    from minicon.cli.command_table import ALIASES, COMMANDS

    at = 0
    while at < len(words) and words[at].startswith("-"):
        at += 2 if words[at] in _OF_ENVIRONMENTS else 1
    known = (n for n, word in enumerate(words[at:], at) if word in COMMANDS or word in ALIASES)
    at = next(known, at)
    return [*words[at : at + 1], *words[:at], *words[at + 1 :]]


#: Options of ``run`` with a value; what follows the last option is a program with its own options.
_RUN_VALUES = frozenset({*_OF_ENVIRONMENTS, "--cwd", "--label"})


def _pieces(
    words: list[str], known: Mapping[str, ForeignOption], *, ends_at_program: bool
) -> Iterator[tuple[str, ForeignOption | None, str]]:
    """Yield each word, with the foreign option that it is, and the option's value."""
    rest = iter(words)
    seen = 0
    for word in rest:
        flag, equals, value = word.partition("=")
        option = known.get(flag) if word.startswith("-") else None
        if option is None:
            yield word, None, ""
            seen += not word.startswith("-")
            if ends_at_program and word in _RUN_VALUES:
                yield next(rest, ""), None, ""
            elif word == "--" or (ends_at_program and seen > 1):
                yield from ((each, None, "") for each in rest)
            continue
        if option.takes_value and not equals:
            value = _value(flag, rest)
        yield word, option, value


def _value(flag: str, rest: Iterator[str]) -> str:
    value = next(rest, None)
    if value is None:
        from minicon.errors import UsageError

        raise UsageError("wrong-arguments", f"{flag} needs a value", hint=f"write it after {flag}")
    return value


def _leading_words(words: list[str], table: Mapping[str, object]) -> tuple[str, list[str]]:
    """Return the longest key that a command line starts with, and the words after it."""
    for count in (2, 1):
        key = " ".join(words[:count])
        if len(words) >= count and key in table:
            return key, words[count:]
    return "", words


MINICON = Dialect()
