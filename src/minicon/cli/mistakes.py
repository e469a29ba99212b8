"""Hints for what users of other programs type, and for specs that a shell or a file takes.

Imported when a command line is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from contextlib import suppress

from minicon.constants import PYPI_PREFIX
from minicon.errors import SpecError, UsageError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence
    from pathlib import Path

    from minicon.config.settings import Settings
    from minicon.errors import MiniconError
    from minicon.solver.explain.explanation import ConflictError

#: Words of other programs, and what minicon has instead. Verbs follow their command.
_COMMANDS = {
    "add": "minicon install",
    "build": "minicon channel build",
    "cache": "minicon clean",
    "channel add": "minicon config append channels CHANNEL",
    "channel list": "minicon config get channels",
    "channel remove": "minicon config remove channels CHANNEL",
    "check": "minicon doctor",
    "clone": "minicon create -n NEW --clone ENV",
    "convert": "minicon channel convert",
    "delete": "minicon remove",
    "depends": "minicon repoquery depends NAME",
    "downgrade": "minicon install NAME=VERSION",
    "env activate": "minicon activate",
    "env info": "minicon info -n NAME",
    "env rename": "minicon rename OLD NEW",
    "env show": "minicon info -n NAME",
    "envs": "minicon env list",
    "exec": "minicon x",
    "freeze": "minicon export",
    "global": "minicon x",
    "index": "minicon channel index",
    "mirror": "minicon channel mirror",
    "move": "minicon rename OLD NEW",
    "mv": "minicon rename OLD NEW",
    "new": "minicon create",
    "outdated": "minicon update --all --dry-run",
    "pip": "minicon install pypi:NAME",
    "python": "minicon create -n NAME python=VERSION",
    "reinstall": "minicon install --force-reinstall",
    "repair": "minicon doctor --fix",
    "serve": "minicon channel serve",
    "setup": "minicon init",
    "show": "minicon info",
    "switch": "minicon activate",
    "tool": "minicon x",
    "use": "minicon activate",
    "venv": "minicon create",
    "version": "minicon --version",
    "versions": "minicon search NAME",
    "whoneeds": "minicon repoquery whoneeds NAME",
}
_NO_ENVIRONMENT_TO_LOCK = (
    "a lock is made from a file: 'minicon export -n NAME --from-history > environment.yml'"
)
#: Options of other programs, alone or behind a command, and what minicon has instead.
_OPTIONS = {
    "-e": "list projects as '- -e ./DIR' below 'pip:' in an environment.yml",
    "--editable": "list projects as '- -e ./DIR' below 'pip:' in an environment.yml",
    "-r": "files are given with -f",
    "--requirement": "files are given with -f",
    "--requirements": "files are given with -f",
    "-U": "'minicon update' updates packages",
    "--upgrade": "'minicon update' updates packages",
    "plan -o": "a plan is written to stdout: 'minicon plan ... > plan.json'",
    "lock -n": _NO_ENVIRONMENT_TO_LOCK,
    "lock --name": _NO_ENVIRONMENT_TO_LOCK,
    "lock -p": _NO_ENVIRONMENT_TO_LOCK.replace("-n NAME", "-p PATH"),
    "lock --prefix": _NO_ENVIRONMENT_TO_LOCK.replace("-n NAME", "-p PATH"),
}
#: The ends of clauses of a hint, and options that a clause names.
_CLAUSE_ENDS = lazy_pattern(r"(, or |; )")
_OPTION_IN_BRACKETS = lazy_pattern(r" \((--[a-z-]+)\)")
_NAMED_OPTIONS = lazy_pattern(r"(?<![\w-])--[a-z][a-z-]*")
#: Errors whose cause may be how a spec was written.
_ABOUT_SPECS = frozenset({"package-not-found", "invalid-spec", "invalid-requirement"})
#: Commands in hints that need the environment again, if it is not the active one.
_OF_ENVIRONMENTS = lazy_pattern(
    r"'(minicon (?:install|update|remove|list|env update|why|why-not|status|verify|doctor|history"
    r"|undo|redo|rollback)(?: (?!-[np]\b)[^' ]+)*)'"
)
_LISTS = (".yml", ".yaml", ".txt", ".toml", ".lock", ".json")
_PACKAGES = (".conda", ".tar.bz2", ".whl")


def command_hint(word: str, verb: str = "") -> str | None:
    """Return what minicon has instead of another program's command, or verb of a command."""
    other = _COMMANDS.get(f"{word} {verb}".rstrip())
    return f"use '{other}'" if other else None


def option_hint(command: str, words: Sequence[str]) -> str | None:
    """Return what minicon has instead of another program's option, if one is among words."""
    first = command.partition(" ")[0]
    found = (_OPTIONS.get(f"{first} {word}", _OPTIONS.get(word)) for word in words)
    return next(filter(None, found), None)


def environment_hint(words: Sequence[str], envs_dirs: Collection[Path]) -> str | None:
    """Return a hint if a word is the name of an environment, as in ``minicon list data``.

    Args:
        words: What was typed.
        envs_dirs: Directories of named environments.
    """
    from minicon.shell.locate import find_named

    for word in words[1:] if words[0] != "create" else ():
        is_name = not word.startswith("-") and os.sep not in word and word.strip(".")
        if is_name and find_named(word, map(str, envs_dirs)):
            return f"for the environment {word!r}, write -n {word}"
    if words[0] == "info":
        return f"pass -n NAME or -p PATH; 'minicon search {words[-1]}' looks in channels"
    return None


def fitting_hint(hint: str, options: Collection[str]) -> str | None:
    """Return a hint without the clauses about options that the command does not have.

    Errors are raised by code that many commands use. A clause that names another command stays.
    """
    words = ["", *_CLAUSE_ENDS.split(hint)]
    kept = [
        (end, clause)
        for end, clause in zip(words[::2], words[1::2], strict=True)
        if "minicon " in clause or all(each in options for each in _NAMED_OPTIONS.findall(clause))
    ]
    return "".join(word for pair in kept for word in pair)[len(kept[0][0]) :] if kept else None


def setting_with(text: str, settings: Settings) -> str | None:
    """Return the name and the source of the configured setting that has a text; None if none has.

    Settings are parsed by the code that uses them, which does not know where they are from.
    """
    for name, source in settings.sources.items():
        value = getattr(settings, name, None)
        values = tuple(value.values()) if isinstance(value, Mapping) else value
        if source != "default" and text in (values if isinstance(values, tuple) else (values,)):
            return f"in the setting {name} of {source}"
    return None


def spec_hint(error: MiniconError, specs: Sequence[str]) -> str | None:
    """Return a better hint for an error about specs that are paths of files or directories."""
    for spec in specs:
        if error.reference not in _ABOUT_SPECS:
            continue
        if spec.startswith(("git+", "hg+", "svn+", "bzr+")):
            return f"list repositories as '- {spec}' below 'pip:' in an environment.yml"
        if spec.startswith(".") and os.path.isdir(spec):
            return "list projects as '- ./DIR' below 'pip:' in an environment.yml"
        if (better := _rewritten(spec)) is not None:
            return f"did you mean {better}?"
    return None


def conflict_hint(
    error: ConflictError, specs: Sequence[str], options: Collection[str]
) -> str | None:
    """Return the hint of a conflict in the words of the command that failed.

    Specs are named as the user typed them; fixes by options that the command does not have are
    left out.
    """
    typed: dict[str, str] = {}
    for spec in specs:
        with suppress(SpecError):
            project = spec.removeprefix(PYPI_PREFIX)
            typed[project if project != spec else str(MatchSpec(spec))] = spec
    fixes = []
    for fix in error.explanation.fixes:
        text = _OPTION_IN_BRACKETS.sub(lambda each: each[0] if each[1] in options else "", fix.text)
        if fix.replaces in typed:
            before, _, after = text.rpartition(fix.replaces)
            text = before + typed[fix.replaces] + after
        if fitting_hint(text, options):
            fixes.append(replace(fix, text=text))
    before = error.explanation.hint or ""
    rest = (error.hint or "").removeprefix(before)
    hint = f"{replace(error.explanation, fixes=tuple(fixes)).hint or ''}{rest}"
    return hint.removeprefix("; or: ") or None


def _rewritten(spec: str) -> str | None:
    """A spec with the separators of other programs, such as ``numpy@2``, in conda's."""
    if spec.startswith(PYPI_PREFIX):
        project, separator, version = spec.partition("=")
        is_version = version.replace(".", "").isdigit()
        return f"{project}=={version}.*" if separator and is_version else None
    name, separator, rest = spec.partition("@") if "@" in spec else spec.partition("/")
    words = (name.replace("-", "").replace("_", ""), rest.replace("-", "").replace(".", ""))
    if not separator or not all(word.isalnum() for word in words):
        return None
    return f"{name}={rest}" if separator == "@" else f"{name}::{rest}"


def refuse_files(specs: Sequence[str]) -> None:
    """Refuse files of requirements, of which PyPI may have a namesake, and missing packages.

    Raises:
        UsageError: ``-f`` is missing before one of them, or there is no such file.
    """
    for spec in specs:
        is_path = "://" not in spec and os.sep in spec
        if is_path and spec.endswith(_PACKAGES) and not os.path.exists(spec):
            from minicon.fs.failures import near_files

            hint = near_files(spec, "check its path")
            raise UsageError("file-as-spec", f"there is no file {spec!r}", hint=hint)
        if spec.endswith(_LISTS) and os.path.isfile(spec):
            raise UsageError(
                "file-as-spec",
                f"{spec} is a file, not a package",
                hint=f"for what this file lists, write --file {spec}",
            )


def with_environment(hint: str, name: str | None, prefix: str | None) -> str:
    """Return a hint whose quoted commands are about the environment that the user named."""
    option = f"-n {name}" if name else f"-p {prefix}" if prefix else ""
    if not option or "'" in option or " " in option.replace(" ", "", 1):
        return hint
    return _OF_ENVIRONMENTS.sub(lambda found: f"'{found[1]} {option}'", hint)


def refuse_unquoted(specs: Sequence[str]) -> None:
    """Refuse a command line whose output goes to ``=3``: a shell made that of ``python>=3``.

    Raises:
        UsageError: The output goes to such a file.
    """
    output = os.fstat(1)
    for name in os.listdir():
        if name.startswith("=") and os.path.samestat(os.stat(name), output):
            raise UsageError(
                "unquoted-spec",
                f"the shell took '>{name}' as a file to write to",
                hint=f"quote specs with > or <: '{specs[-1]}>{name}'; remove the file {name!r}",
            )
