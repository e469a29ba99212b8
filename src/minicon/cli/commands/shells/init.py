"""Set up 'minicon activate' in your shell's start file.

Examples:
  minicon init            (the current shell)
  minicon init bash zsh
  minicon init --reverse bash
  minicon init --as conda bash
"""

from __future__ import annotations

import os
import shutil
from pathlib import Path

from minicon.cli import options
from minicon.shell.shims import PROGRAMS

TYPE_CHECKING = False
if TYPE_CHECKING:
    import argparse
    from collections.abc import Collection, Iterable

    from minicon.cli.context import CommandContext
    from minicon.shell.init import FileChange

#: The shells that ``--all`` looks for.
_ALL = ("bash", "zsh", "fish", "tcsh", "xonsh")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """``init [SHELL...] [--reverse] [--dry-run]``."""
    parser.add_argument("shells", nargs="*", metavar="SHELL", help="bash, zsh, fish, ...")
    parser.add_argument(
        "--all", action="store_true", help="all installed shells; with --reverse, all"
    )
    parser.add_argument("--reverse", action="store_true", help="remove it again")
    parser.add_argument("--user", action="store_true", help="for this user (default)")
    parser.add_argument("--system", action="store_true", help="for all users of this machine")
    parser.add_argument(
        "--as",
        dest="clients",
        choices=PROGRAMS,
        default="minicon",
        help="also define functions conda, mamba and micromamba, with the variables of one",
    )
    parser.add_argument("-d", "--dry-run", action="store_true", help="show the changes and stop")
    options.add_output_options(parser)


def run(arguments: argparse.Namespace, context: CommandContext) -> int:
    """Add the hook to start files, or remove it.

    Raises:
        ShellError: A start file cannot be changed.
        UsageError: A shell is unknown.
    """
    from minicon.shell.commands import context_of, this_executable
    from minicon.shell.init import apply_changes, plan_init

    dry_run = context.settings.dry_run
    program = context.console.dialect.name
    clients = arguments.clients if program == "minicon" else program
    if clients != program and not arguments.reverse and not dry_run:
        _write_shims(context)
    changes = plan_init(
        _shells(arguments),
        context=context_of(context.settings, environ=os.environ, cwd=os.getcwd()),
        executable=this_executable(),
        completions=_completions(context),
        reverse=arguments.reverse,
        system=arguments.system,
        clients=clients,
        program=program,
    )
    if not dry_run:
        apply_changes(changes)
    if not context.settings.quiet:
        _show(changes, context)
    if context.console.json:
        files = [{"path": c.path, "action": c.action, "shell": c.shell} for c in changes]
        context.console.document({"success": True, "dry_run": dry_run, "files": files})
    elif not dry_run and any(change.action != "unchanged" for change in changes):
        shells = {change.shell for change in changes}
        context.console.note(_next_step(set() if arguments.reverse else shells))
    return 0


def _next_step(shells: Collection[str]) -> str:
    """Return what to do next; the current shell can be set up if it is one of these."""
    from minicon.shell.running import running_shell
    from minicon.shell.shells import SHELLS

    name = running_shell(os.environ)
    shell = SHELLS.get(name) if name in shells else None
    now = shell().evaluate(f"minicon shell.{name} hook") if shell else ""
    return f"Open a new shell, or type in this one: {now}" if now else "Open a new shell."


def _write_shims(context: CommandContext) -> None:
    """Write the programs that the functions run."""
    from minicon.prefix.environment.prefix_location import make_base
    from minicon.shell.commands import this_executable
    from minicon.shell.shims import make_shims, write_shims

    root = str(context.settings.root)
    write_shims(make_shims(root, root=root, executable=this_executable()))
    make_base(root)


def _show(changes: Iterable[FileChange], context: CommandContext) -> None:
    """Print what happens to start files; ``-v`` adds the files that they read, ``-vv`` texts."""
    verbosity, dry_run = context.settings.verbosity, context.settings.dry_run
    for change in changes:
        is_own = context.settings.root in Path(change.path).parents
        if is_own and not verbosity:
            continue
        is_changed = change.action != "unchanged"
        action = f"{'would be ' if dry_run and is_changed else ''}{change.action}"
        context.console.answer(f"{action:<10} {change.path}")
        if is_changed and (verbosity > 1 or ((dry_run or verbosity) and not is_own)):
            context.console.answer(change.diff().rstrip("\n"))


def _completions(context: CommandContext) -> dict[str, str]:
    from minicon.cli.completion.scripts import SCRIPTS, script_facts
    from minicon.shell.commands import this_executable

    facts = script_facts(this_executable(), context.settings.envs_dirs)
    return {shell: write(facts) for shell, write in SCRIPTS.items()}


def _shells(arguments: argparse.Namespace) -> list[str]:
    from minicon.shell.running import running_shell
    from minicon.shell.start_files import START_FILES

    if arguments.all:
        return [name for name in _ALL if arguments.reverse or shutil.which(name)]
    return arguments.shells or [running_shell(os.environ, START_FILES)]
