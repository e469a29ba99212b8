"""Activation files: scripts in each environment that activate it without a process.

``conda-meta/minicon/activation.sh`` (bash, zsh, dash …) and ``activation.fish`` contain the facts
that :func:`read_facts` returns, as code for the shell: variables, and scripts in order. They do not
contain the path of the environment, so they remain valid when it moves. ``shell/scripts/hook.*``
source them, one step at a time:

- ``check``: set the format, unless an input is newer than the file; set the positional arguments to
  the names and values of variables (fish: ``variables`` sets them);
- ``activate``, ``deactivate``: source each script.

``variables`` contains the variables for minicon itself (``run``), which needs no JSON parser then.
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

#: Version of the format; hooks ignore files with any other.
FORMAT = 3
FOLDER = "conda-meta/minicon"
#: Number of waits for the next tick of the file system's clock, and seconds of each.
_WAITS, _WAIT_SECONDS = 12, 0.002


def write_activation_files(
    staged: PathText,
    final: str | PathLike[str] | None = None,  # noqa: ARG001 - called as a step of a change
    *,
    force_uppercase: bool = True,
) -> tuple[str, ...]:
    """Write the activation files of an environment, as the last step before it is switched.

    Takes about a millisecond. Must be called again when ``conda-meta/state`` changes.

    Args:
        staged: Current location of the environment: a path, or the open directory.
        final: Later location of the environment; the files do not depend on it.
        force_uppercase: conda's ``envvars_force_uppercase``.

    Returns:
        One sentence for each variable that the environment may not set.

    Raises:
        FileError: The directory cannot be written.
    """
    from minicon.fs import operations
    from minicon.fs.folder import Folder

    prefix = os.fspath(staged)
    path = os.path.join(prefix, *FOLDER.split("/"))
    with operations.describing("write activation files in", path), Folder.open(staged) as root:
        folder = _own_folder(root)
    with folder:
        return _write(prefix, folder, force_uppercase=force_uppercase)


def _own_folder(root: Folder) -> Folder:
    """Open the directory of the files. Anything else with its name, such as a link, is removed."""
    parent, _, name = FOLDER.rpartition("/")
    with root.folder(parent, make=True) as meta:
        if meta.status(name) is not None and not meta.is_folder(name):
            meta.remove_file(name)
        return meta.folder(name, make=True)


def _write(prefix: str, folder: Folder, *, force_uppercase: bool) -> tuple[str, ...]:
    from minicon.fs import operations

    with operations.describing("write activation files in", folder.path):
        time_ns = _time_before_now(prefix, folder)
    facts = read_facts(prefix, force_uppercase=force_uppercase, use_kept=False)
    kept = kept_variables_data(facts, force_uppercase=force_uppercase)
    files = {
        "variables": kept,
        "activation.sh": posix_text(facts).encode("utf-8", "surrogateescape"),
        "activation.fish": fish_text(facts).encode("utf-8", "surrogateescape"),
    }
    with operations.describing("write activation files in", folder.path):
        for name, data in files.items():
            folder.replace_file(name, data, durable=False, modified_ns=time_ns)
    return facts.warnings


def _time_before_now(prefix: str, folder: Folder) -> int:
    """Return the modification time, in nanoseconds, for files made from inputs read after this.

    No input is newer, and every later change of an input will be: this waits for the next tick of
    the clock, which may be coarse (4 ms). If that takes long (ticks of seconds, an input from the
    future), the time makes the files outdated, and the next activation writes them again.
    """
    for _ in range(_WAITS):
        newest = newest_input(prefix)
        now = folder.touch()
        if newest < now:
            return now - 1
        time.sleep(_WAIT_SECONDS)
    return min(newest, now) - 2_000_000_000


def posix_text(facts: EnvironmentFacts) -> str:
    """Return the file for POSIX shells such as bash, zsh and dash."""
    shell = PosixShell()
    changed = [f"[ ! -e {_AT}/{shell.quote(path)} ]" for path in _required(facts)]
    changed += [f'[ {_AT}/{shell.quote(path)} -nt "$__mc_text" ]' for path in _watched(facts)]
    stale = " ||\n       ".join(changed)
    variables = " ".join(f"{n} {shell.quote(v)}" for n, v in facts.variables.items())
    steps = {
        "check": [
            f"if {stale}; then :; else __mc_format={FORMAT}; fi",
            *(["__mc_scripts=yes"] if _has_scripts(facts, shell) else []),
            f"\\set -- {variables}",
        ],
        "activate": _sources(facts, "activate", shell),
        "deactivate": _sources(facts, "deactivate", shell),
    }
    cases = "".join(
        f"{step})\n    " + "\n    ".join([*lines, ";;\n"]) for step, lines in steps.items() if lines
    )
    return f"{_HEADER}case $__mc_step in\n{cases}esac\n"


def fish_text(facts: EnvironmentFacts) -> str:
    """Return the file for fish."""
    shell = FishShell()
    changed = [f"test ! -e {_AT}/{shell.quote(path)}" for path in _required(facts)]
    changed += [f'test {_AT}/{shell.quote(path)} -nt "$__mc_text"' for path in _watched(facts)]
    stale = "; or ".join(changed)
    steps = {
        "check": [f"if not begin; {stale}; end; set __mc_format {FORMAT}; end"],
        "variables": [f"__minicon_set {n} {shell.quote(v)}" for n, v in facts.variables.items()],
        "activate": _sources(facts, "activate", shell),
        "deactivate": _sources(facts, "deactivate", shell),
    }
    cases = "".join(
        f"case {step}\n    " + "\n    ".join([*lines, "true\n"]) for step, lines in steps.items()
    )
    return f"{_HEADER}switch $__mc_step\n{cases}end\n"


_HEADER = (
    "# Generated by minicon; it is overwritten when this environment changes.\n"
    "# To set variables: minicon env config vars set NAME=VALUE\n"
)


_AT = '"$__mc_at"'


def _required(facts: EnvironmentFacts) -> list[str]:
    """Return inputs that must exist; a directory stands for files that are removed from it."""
    folders = [PACKAGE_VARIABLES] if any(path != STATE for path in facts.inputs) else []
    return [STATE, *folders] if STATE in facts.inputs else folders


def _watched(facts: EnvironmentFacts) -> list[str]:
    """Return all inputs; the time of a directory changes with the names in it."""
    fixed = [STATE, PACKAGE_VARIABLES, ACTIVATE_SCRIPTS, DEACTIVATE_SCRIPTS]
    return fixed + [path for path in facts.inputs if path not in fixed]


def _has_scripts(facts: EnvironmentFacts, shell: Shell) -> bool:
    return any(facts.scripts(phase, shell.suffix) for phase in ("activate", "deactivate"))


def _sources(facts: EnvironmentFacts, phase: str, shell: Shell) -> list[str]:
    root = len(facts.prefix) + len("/etc/conda/")
    paths = facts.scripts(phase, shell.suffix)
    return [f"__minicon_source {shell.quote(path[root:])}" for path in paths]
