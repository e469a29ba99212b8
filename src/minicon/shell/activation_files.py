"""The text that each environment keeps so that activating it needs no process.

``conda-meta/minicon/activation.sh`` (bash, zsh, dash …) and ``activation.fish`` hold what
:func:`read_facts` found, in shell language: the variables and the scripts in order. Nothing in
them depends on where the environment is, so they stay right when it moves. They are sourced by
``shell/scripts/hook.*``, one step at a time:

- ``check``: tell the format, unless something the text was made from is newer than the text;
  make the variables' names and values the positional arguments (fish: ``variables`` sets them);
- ``activate``, ``deactivate``: source each script.

``variables`` holds the variables for minicon itself (``run``), which then needs no JSON parser.
"""

from __future__ import annotations

import os
import time

from minicon.shell.environment_facts import (
    ACTIVATE_SCRIPTS,
    DEACTIVATE_SCRIPTS,
    PACKAGE_VARIABLES,
    STATE,
    kept_variables_data,
    newest_input,
    read_facts,
)
from minicon.shell.shells import FishShell, PosixShell, Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

    from minicon.fs.folder import Folder
    from minicon.fs.operations import PathText
    from minicon.shell.environment_facts import EnvironmentFacts

#: The agreement between these texts and the hooks; a hook refuses any other.
FORMAT = 3
FOLDER = "conda-meta/minicon"
#: How often, and for how many seconds each, the clock is waited for.
_PATIENCE, _STEP = 12, 0.002


def write_activation_files(
    staged: PathText,
    final: str | PathLike[str] | None = None,  # noqa: ARG001 - texts hold no path of their own
    *,
    force_uppercase: bool = True,
) -> tuple[str, ...]:
    """Write an environment's activation texts; call it last, before the environment is switched.

    Costs about a millisecond. Call it again when ``conda-meta/state`` changes.

    Args:
        staged: Where the environment's files are now: a path, or the open folder.
        final: Where they will be; the texts do not depend on it.
        force_uppercase: conda's ``envvars_force_uppercase``.

    Returns:
        One sentence for each variable that the environment asks for and does not get.

    Raises:
        FileError: The folder cannot be written.
    """
    from minicon.fs import operations
    from minicon.fs.folder import Folder

    prefix = os.fspath(staged)
    place = os.path.join(prefix, *FOLDER.split("/"))
    with operations.describing("write activation texts in", place), Folder.open(staged) as root:
        folder = _own_folder(root)
    with folder:
        return _write(prefix, folder, force_uppercase=force_uppercase)


def _own_folder(root: Folder) -> Folder:
    """The folder of the texts. What stands in its place, a link for instance, is removed."""
    parent, _, name = FOLDER.rpartition("/")
    with root.folder(parent, make=True) as meta:
        if meta.status(name) is not None and not meta.is_folder(name):
            meta.remove_file(name)
        return meta.folder(name, make=True)


def _write(prefix: str, folder: Folder, *, force_uppercase: bool) -> tuple[str, ...]:
    from minicon.fs import operations

    with operations.describing("write activation texts in", folder.path):
        time_ns = _time_before_now(prefix, folder)
    facts = read_facts(prefix, force_uppercase=force_uppercase, anew=True)
    kept = kept_variables_data(facts, force_uppercase=force_uppercase)
    files = {
        "variables": kept,
        "activation.sh": posix_text(facts).encode("utf-8", "surrogateescape"),
        "activation.fish": fish_text(facts).encode("utf-8", "surrogateescape"),
    }
    with operations.describing("write activation texts in", folder.path):
        for name, data in files.items():
            folder.replace_file(name, data, durable=False, modified_ns=time_ns)
    return facts.warnings


def refresh_activation_files(prefix: str | PathLike[str]) -> tuple[str, ...]:
    """Write the texts of an environment that is in place anew, after its variables changed."""
    return write_activation_files(prefix, prefix)


def _time_before_now(prefix: str, folder: Folder) -> int:
    """The time to give to texts that are made from what is read from now on, in nanoseconds.

    No input is newer than it, and whatever changes from now on is: a clock that goes in steps (of
    4 ms, say) would give the same time to both, so the step is waited for. Where that would take
    long (a step of seconds, an input from the future), the texts come out too old to be believed,
    and the program, which is then asked, tries again.
    """
    for _ in range(_PATIENCE):
        newest = newest_input(prefix)
        now = folder.touch()
        if newest < now:
            return now - 1
        time.sleep(_STEP)
    return min(newest, now) - 2_000_000_000


def posix_text(facts: EnvironmentFacts) -> str:
    """The text for bash, zsh, dash and their like."""
    shell = PosixShell()
    changed = [f"[ ! -e {_AT}/{shell.quote(place)} ]" for place in _required(facts)]
    changed += [f'[ {_AT}/{shell.quote(place)} -nt "$__mc_text" ]' for place in _watched(facts)]
    stale = " ||\n       ".join(changed)
    variables = " ".join(f"{n} {shell.quote(v)}" for n, v in facts.variables.items())
    steps = {
        "check": [
            f"if {stale}; then :; else __mc_format={FORMAT}; fi",
            *(["__mc_scripts=yes"] if _has_scripts(facts, shell) else []),
            f"\\set -- {variables}",
        ],
        "activate": _sources(facts, "activate", shell, "__minicon_source"),
        "deactivate": _sources(facts, "deactivate", shell, "__minicon_source"),
    }
    cases = "".join(
        f"{step})\n    " + "\n    ".join([*lines, ";;\n"]) for step, lines in steps.items() if lines
    )
    return f"{_HEADER}case $__mc_step in\n{cases}esac\n"


def fish_text(facts: EnvironmentFacts) -> str:
    """The text for fish."""
    shell = FishShell()
    changed = [f"test ! -e {_AT}/{shell.quote(place)}" for place in _required(facts)]
    changed += [f'test {_AT}/{shell.quote(place)} -nt "$__mc_text"' for place in _watched(facts)]
    stale = "; or ".join(changed)
    steps = {
        "check": [f"if not begin; {stale}; end; set __mc_format {FORMAT}; end"],
        "variables": [f"__minicon_set {n} {shell.quote(v)}" for n, v in facts.variables.items()],
        "activate": _sources(facts, "activate", shell, "__minicon_source"),
        "deactivate": _sources(facts, "deactivate", shell, "__minicon_source"),
    }
    cases = "".join(
        f"case {step}\n    " + "\n    ".join([*lines, "true\n"]) for step, lines in steps.items()
    )
    return f"{_HEADER}switch $__mc_step\n{cases}end\n"


_HEADER = (
    "# Written by minicon when this environment changed; written anew when its inputs do.\n"
    "# To set variables: minicon env config vars set NAME=VALUE\n"
)


_AT = '"$__mc_at"'


def _required(facts: EnvironmentFacts) -> list[str]:
    """What the text is made from and must still be there; a folder tells of files it loses."""
    folders = [PACKAGE_VARIABLES] if any(place != STATE for place in facts.inputs) else []
    return [STATE, *folders] if STATE in facts.inputs else folders


def _watched(facts: EnvironmentFacts) -> list[str]:
    """What the text is made from; a folder's time tells of names that come and go."""
    fixed = [STATE, PACKAGE_VARIABLES, ACTIVATE_SCRIPTS, DEACTIVATE_SCRIPTS]
    return fixed + [place for place in facts.inputs if place not in fixed]


def _has_scripts(facts: EnvironmentFacts, shell: Shell) -> bool:
    return any(facts.scripts(phase, shell.suffix) for phase in ("activate", "deactivate"))


def _sources(facts: EnvironmentFacts, phase: str, shell: Shell, command: str) -> list[str]:
    root = len(facts.prefix) + len("/etc/conda/")
    paths = facts.scripts(phase, shell.suffix)
    return [f"{command} {shell.quote(path[root:])}" for path in paths]
