"""Completion scripts, generated from the parsers.

The scripts know commands, options, environments and settings themselves; only for names and
versions of packages they start the program, which :mod:`.words` answers.
"""

from __future__ import annotations

from minicon.cli.completion.bash import bash_script
from minicon.cli.completion.commands import all_commands, setting_values, setting_verbs
from minicon.cli.completion.facts import ScriptFacts
from minicon.cli.completion.fish import fish_script
from minicon.cli.completion.powershell import powershell_script
from minicon.cli.completion.zsh import zsh_script

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from pathlib import Path

#: The script generator of each shell.
SCRIPTS: dict[str, Callable[[ScriptFacts], str]] = {
    "bash": bash_script,
    "zsh": zsh_script,
    "fish": fish_script,
    "powershell": powershell_script,
}


def script_facts(executable: str, envs_dirs: Sequence[Path]) -> ScriptFacts:
    """Return what scripts contain.

    Args:
        executable: Absolute path of the minicon program.
        envs_dirs: Directories of named environments.
    """
    return ScriptFacts(executable, all_commands(), setting_values(), setting_verbs(), envs_dirs)
