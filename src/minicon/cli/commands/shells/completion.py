"""Print a script that completes what you type in your shell.

It completes commands, options, environments, settings, installed packages, and names and versions
of packages in channels whose index is cached. Print it again after updating minicon.

Examples:
  minicon completion bash > ~/.local/share/bash-completion/completions/minicon
  minicon completion zsh > ~/.zfunc/_minicon
  minicon completion fish > ~/.config/fish/completions/minicon.fish
  minicon completion powershell >> $PROFILE
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``completion SHELL``."""
    parser.add_argument(
        "shell", choices=("bash", "zsh", "fish", "powershell"), help="shell of the script"
    )
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the script."""
    from minicon.cli.completion.scripts import SCRIPTS, script_facts
    from minicon.shell.commands import this_executable

    facts = script_facts(this_executable(), context.settings.envs_dirs)
    script = SCRIPTS[arguments.shell](facts)
    if context.console.json:
        context.console.document({"shell": arguments.shell, "script": script})
    else:
        context.console.answer(script.rstrip("\n"))
    return 0
