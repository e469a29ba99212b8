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

from minicon.shell.environment_facts import (
    ACTIVATE_SCRIPTS,
    DEACTIVATE_SCRIPTS,
    PACKAGE_VARIABLES,
    STATE,
    kept_variables_data,
    read_facts,
)
from minicon.shell.shells import FishShell, PosixShell, Shell

TYPE_CHECKING = False
if TYPE_CHECKING:
    from os import PathLike

    from minicon.shell.environment_facts import EnvironmentFacts

#: The agreement between these texts and the hooks; a hook refuses any other.
FORMAT = 2
FOLDER = "conda-meta/minicon"


def write_activation_files(
    staged: str | PathLike[str],
    final: str | PathLike[str] | None = None,  # noqa: ARG001 - texts hold no path of their own
    *,
    force_uppercase: bool = True,
) -> tuple[str, ...]:
    """Write an environment's activation texts; call it last, before the environment is switched.

    Costs about a millisecond. Call it again when ``conda-meta/state`` changes.

    Args:
        staged: Where the environment's files are now.
        final: Where they will be; the texts do not depend on it.
        force_uppercase: conda's ``envvars_force_uppercase``.

    Returns:
        One sentence for each variable that the environment asks for and does not get.

    Raises:
        FileError: The folder cannot be written.
    """
    from minicon.fs import operations

    prefix = os.fspath(staged)
    facts = read_facts(prefix, force_uppercase=force_uppercase, anew=True)
    folder = os.path.join(prefix, *FOLDER.split("/"))
    kept = kept_variables_data(facts.variables, force_uppercase=force_uppercase)
    files = {
        "variables": kept,
        "activation.sh": posix_text(facts).encode("utf-8", "surrogateescape"),
        "activation.fish": fish_text(facts).encode("utf-8", "surrogateescape"),
    }
    with operations.describing("write activation texts in", folder):
        operations.make_directory(folder)
        for name, data in files.items():
            operations.replace_file(os.path.join(folder, name), data, durable=False)
    return facts.warnings


def refresh_activation_files(prefix: str | PathLike[str]) -> tuple[str, ...]:
    """Write the texts of an environment that is in place anew, after its variables changed."""
    return write_activation_files(prefix, prefix)


def posix_text(facts: EnvironmentFacts) -> str:
    """The text for bash, zsh, dash and their like."""
    shell = PosixShell()
    newer = " ||\n       ".join(
        f'[ "$__mc_at"/{shell.quote(place)} -nt "$__mc_text" ]' for place in _watched(facts)
    )
    variables = " ".join(f"{n} {shell.quote(v)}" for n, v in facts.variables.items())
    steps = {
        "check": [
            f"if {newer}; then :; else __mc_format={FORMAT}; fi",
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
    newer = "; or ".join(
        f'test "$__mc_at"/{shell.quote(place)} -nt "$__mc_text"' for place in _watched(facts)
    )
    steps = {
        "check": [f"if not begin; {newer}; end; set __mc_format {FORMAT}; end"],
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
