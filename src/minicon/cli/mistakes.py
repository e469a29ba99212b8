"""Hints for what users of other programs type, and for specs that a shell or a file takes.

Imported when a command line is wrong.
"""

from __future__ import annotations

import os
from collections.abc import Mapping

from minicon.constants import PYPI_PREFIX
from minicon.errors import UsageError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Sequence

    from minicon.config.settings import Settings
    from minicon.errors import MiniconError

#: Words of other programs, and what minicon has instead.
_COMMANDS = {
    "add": "minicon install",
    "delete": "minicon remove",
    "downgrade": "minicon install NAME=VERSION",
    "envs": "minicon env list",
    "freeze": "minicon export",
    "new": "minicon create",
    "outdated": "minicon update --all --dry-run",
    "pip": "minicon install pypi:NAME",
    "reinstall": "minicon install --force-reinstall",
    "show": "minicon info",
    "use": "minicon activate",
    "venv": "minicon create",
    "version": "minicon --version",
}
#: Options of other programs, and what minicon has instead.
_OPTIONS = {
    "-e": "list projects as '- -e ./DIR' below 'pip:' in an environment.yml",
    "--editable": "list projects as '- -e ./DIR' below 'pip:' in an environment.yml",
    "-r": "files are given with -f",
    "--requirement": "files are given with -f",
    "--requirements": "files are given with -f",
    "-U": "'minicon update' updates packages",
    "--upgrade": "'minicon update' updates packages",
}
#: The ends of clauses of a hint, and options that a clause names.
_CLAUSE_ENDS = lazy_pattern(r"(, or |; )")
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


def command_hint(word: str) -> str | None:
    """Return what minicon has instead of another program's command."""
    other = _COMMANDS.get(word)
    return f"use '{other}'" if other else None


def option_hint(words: Sequence[str]) -> str | None:
    """Return what minicon has instead of another program's option, if one is among words."""
    return next((_OPTIONS[word] for word in words if word in _OPTIONS), None)


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
