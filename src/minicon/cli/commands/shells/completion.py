"""Print a script that completes commands, options and environments in your shell.

The script runs no program when TAB is pressed. Print it again after updating minicon.

Examples:
  minicon completion bash > ~/.local/share/bash-completion/completions/minicon
  minicon completion zsh > ~/.zfunc/_minicon
  minicon completion fish > ~/.config/fish/completions/minicon.fish
"""

from __future__ import annotations

from minicon.cli import options

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse

    from minicon.cli.context import CommandContext


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``completion SHELL``."""
    parser.add_argument("shell", choices=("bash", "zsh", "fish"), help="shell of the script")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Print the script."""
    from minicon.cli.completion import SCRIPTS, all_commands

    script = SCRIPTS[arguments.shell](all_commands(), context.settings.envs_dirs)
    if context.console.json:
        context.console.document({"shell": arguments.shell, "script": script})
    else:
        context.console.answer(script.rstrip("\n"))
    return 0
