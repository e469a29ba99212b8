"""Completion scripts for bash, zsh and fish, generated from the parsers.

The scripts are static: pressing TAB starts no Python. They list the envs directories for names of
environments.
"""

from __future__ import annotations

import argparse
import importlib

from minicon.cli.parser import ALIASES, COMMANDS, make_parser
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from pathlib import Path

#: Options whose value is the name of an environment.
_ENVIRONMENT_OPTIONS = frozenset({"--name", "--clone"})
#: Commands whose arguments are environments.
_ENVIRONMENT_COMMANDS = ("activate", "rename")


@dataclass(frozen=True, slots=True)
class Option:
    """One option: its flags, whether it takes a value, and its help."""

    flags: tuple[str, ...]
    takes_value: bool
    meaning: str

    @property
    def names_environment(self) -> bool:
        """Whether its value is the name of an environment."""
        return bool(_ENVIRONMENT_OPTIONS & set(self.flags))


@dataclass(frozen=True, slots=True)
class Command:
    """One command, or one verb of a command.

    Attributes:
        words: The words of the command, for example ``("env", "create")``.
        options: Its options, without hidden ones.
        following: Words that may follow: verbs, or choices of an argument.
    """

    words: tuple[str, ...]
    summary: str
    options: tuple[Option, ...]
    following: tuple[str, ...] = ()


def all_commands() -> list[Command]:
    """Return every command and verb, read from its parser."""
    found: list[Command] = []
    names = {name: name for name in COMMANDS} | ALIASES
    for typed, name in names.items():
        module_name, summary = COMMANDS[name]
        parser = make_parser(name, importlib.import_module(f"minicon.cli.commands.{module_name}"))
        found += _with_verbs((typed,), summary, parser)
    return found


def _with_verbs(
    words: tuple[str, ...], summary: str, parser: argparse.ArgumentParser
) -> Iterator[Command]:
    options, following = [], []
    for action in parser._actions:
        if isinstance(action, argparse._SubParsersAction):
            following += list(action.choices)
            for verb, child in action.choices.items():
                yield from _with_verbs((*words, verb), child.description or "", child)
        elif action.option_strings and action.help != argparse.SUPPRESS:
            meaning = (action.help or "").replace("%%", "%")
            options.append(Option(tuple(action.option_strings), action.nargs != 0, meaning))
        elif action.choices:
            following += [str(choice) for choice in action.choices]
    yield Command(words, summary, tuple(options), tuple(following))


def bash_script(commands: Sequence[Command], envs_dirs: Sequence[Path]) -> str:
    """Return the script for bash 3.2 and later."""
    cases = "\n".join(
        f'        "{" ".join(each.words)}") words="{" ".join(_words(each))}" ;;'
        for each in _deepest_first(commands)
    )
    return _BASH.format(
        environments=_posix_environments(envs_dirs),
        environment_flags="|".join(_flags(commands, lambda o: o.names_environment)),
        value_flags="|".join(_flags(commands, lambda o: o.takes_value and not o.names_environment)),
        environment_commands="|".join(_ENVIRONMENT_COMMANDS),
        commands=" ".join(each.words[0] for each in commands if len(each.words) == 1),
        cases=cases,
    )


def zsh_script(commands: Sequence[Command], envs_dirs: Sequence[Path]) -> str:
    """Return the script for zsh, with descriptions."""
    top = [each for each in commands if len(each.words) == 1]
    cases = "\n".join(
        f'        "{" ".join(each.words)}") follow=({" ".join(each.following)}); options=(\n'
        + "".join(
            f"            {_zsh_item(flag, option.meaning)}\n"
            for option in each.options
            for flag in option.flags
        )
        + "        ) ;;"
        for each in _deepest_first(commands)
    )
    return _ZSH.format(
        environments=_posix_environments(envs_dirs),
        environment_flags="|".join(_flags(commands, lambda o: o.names_environment)),
        value_flags="|".join(_flags(commands, lambda o: o.takes_value and not o.names_environment)),
        environment_commands="|".join(_ENVIRONMENT_COMMANDS),
        commands=" ".join(_zsh_item(each.words[0], each.summary) for each in top),
        cases=cases,
    )


def fish_script(commands: Sequence[Command], envs_dirs: Sequence[Path]) -> str:
    """Return the script for fish, with descriptions."""
    folders = " ".join(_fish_quoted(str(path)) for path in envs_dirs)
    lines = [_FISH.format(folders=folders)]
    for each in commands:
        if len(each.words) == 1:
            summary = _fish_quoted(each.summary)
            lines.append(f"complete -c minicon -n __minicon_first -a {each.words[0]} -d {summary}")
        condition = _fish_quoted(f"__minicon_typed {' '.join(each.words)}")
        if each.following:
            following = _fish_quoted(" ".join(each.following))
            lines.append(f"complete -c minicon -n {condition} -f -a {following}")
        lines += [f"complete -c minicon -n {condition} {_fish_option(o)}" for o in each.options]
    for name in _ENVIRONMENT_COMMANDS:
        condition = _fish_quoted(f"__minicon_typed {name}")
        lines.append(f"complete -c minicon -n {condition} -a '(__minicon_environments)'")
    return "\n".join(lines) + "\n"


#: The script generator of each shell.
SCRIPTS: dict[str, Callable[[Sequence[Command], Sequence[Path]], str]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
}


def _words(command: Command) -> list[str]:
    return [*command.following, *(flag for option in command.options for flag in option.flags)]


def _deepest_first(commands: Sequence[Command]) -> list[Command]:
    return sorted(commands, key=lambda each: -len(each.words))


def _flags(commands: Sequence[Command], wanted: Callable[[Option], bool]) -> list[str]:
    options = (option for each in commands for option in each.options if wanted(option))
    return list(dict.fromkeys(flag for option in options for flag in option.flags))


def _posix_environments(envs_dirs: Sequence[Path]) -> str:
    return " ".join(_posix_quoted(str(path)) for path in envs_dirs)


def _posix_quoted(text: str) -> str:
    return "'" + text.replace("'", "'\\''") + "'"


def _zsh_item(word: str, meaning: str) -> str:
    return _posix_quoted(f"{word}:{meaning}" if meaning else word)


def _fish_quoted(text: str) -> str:
    return "'" + text.replace("\\", "\\\\").replace("'", "\\'") + "'"


def _fish_option(option: Option) -> str:
    flags = [f"-l {f[2:]}" if f.startswith("--") else f"-s {f[1:]}" for f in option.flags]
    value = "-r" if option.takes_value else ""
    if option.names_environment:
        value = "-x -a '(__minicon_environments)'"
    return " ".join(part for part in (*flags, value, f"-d {_fish_quoted(option.meaning)}") if part)


_BASH = """\
# bash completion for minicon; generated by: minicon completion bash
_minicon_environments() {{
    local folder history name
    for folder in {environments}; do
        for history in "$folder"/*/conda-meta/history; do
            [ -e "$history" ] || continue
            name=${{history%/conda-meta/history}}
            printf '%s\\n' "${{name##*/}}"
        done
    done
}}

_minicon_words() {{
    local words="" typed="$1" previous="$2" count="$3" command="${{1%% *}}"
    case "$previous" in
        {environment_flags}) _minicon_environments; return ;;
        {value_flags}) return ;;
    esac
    [ "$count" = 1 ] && {{ printf '%s\\n' {commands}; return; }}
    case "$command" in
        {environment_commands}) _minicon_environments ;;
    esac
    while :; do
        case "$typed" in
{cases}
        esac
        [ -n "$words" ] && break
        case "$typed" in
            *" "*) typed=${{typed% *}} ;;
            *) break ;;
        esac
    done
    printf '%s\\n' $words
}}

_minicon() {{
    local word current="${{COMP_WORDS[COMP_CWORD]}}" previous="${{COMP_WORDS[COMP_CWORD-1]}}"
    local typed="${{COMP_WORDS[*]:1:COMP_CWORD-1}}"
    COMPREPLY=()
    while IFS= read -r word; do
        case "$word" in
            "$current"*) printf -v word %q "$word"; COMPREPLY+=("$word") ;;
        esac
    done < <(_minicon_words "$typed" "$previous" "$COMP_CWORD")
}}
complete -o default -F _minicon minicon
"""

_ZSH = """\
#compdef minicon
# zsh completion for minicon; generated by: minicon completion zsh
_minicon_environments() {{
    local folder
    local -a found
    for folder in {environments}; do
        found+=("$folder"/*/conda-meta/history(N:h:h:t))
    done
    compadd -a found
}}

_minicon() {{
    local typed="${{(j: :)words[2,CURRENT-1]}}"
    local -a commands options follow
    case "${{words[CURRENT-1]}}" in
        {environment_flags}) _minicon_environments; return ;;
        {value_flags}) _files; return ;;
    esac
    if (( CURRENT == 2 )); then
        commands=({commands})
        _describe command commands
        return
    fi
    while [[ -n "$typed" ]]; do
        case "$typed" in
{cases}
        esac
        (( ${{#options}} + ${{#follow}} )) && break
        [[ "$typed" == *" "* ]] || break
        typed="${{typed% *}}"
    done
    (( ${{#follow}} )) && compadd -a follow
    [[ "${{words[CURRENT]}}" == -* ]] && {{ _describe -o option options; return }}
    case "${{words[2]}}" in
        {environment_commands}) _minicon_environments ;;
    esac
    _files
}}
if [[ "${{funcstack[1]}}" == _minicon ]]; then _minicon "$@"; else compdef _minicon minicon; fi
"""

_FISH = """\
# fish completion for minicon; generated by: minicon completion fish
function __minicon_environments
    for folder in {folders}
        for file in $folder/*/conda-meta/history
            string replace -r '.*/([^/]+)/conda-meta/history$' '$1' $file
        end
    end
end

function __minicon_first
    test (count (commandline -opc)) -eq 1
end

function __minicon_typed
    set -l typed (commandline -opc)
    test (count $typed) -gt (count $argv); or return 1
    set -l last (math (count $argv) + 1)
    test "$typed[2..$last]" = "$argv"
end
"""
