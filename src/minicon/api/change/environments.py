"""Whole environments: rename, clone and delete one; and whose link scripts run."""

from __future__ import annotations

import os
import shlex
from functools import partial
from pathlib import Path

from minicon import __version__
from minicon.errors import PrefixError, ShellError, UsageError
from minicon.fs.safe_path import typed_path
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.scripts.link_scripts import LinkScriptRunner, ScriptCommand, plainly_activated

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.api.services import Services
    from minicon.prefix.moving import MoveOptions


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameRequest:
    """Absolute paths of the environment, before and after."""

    old: Path
    new: Path


def rename_request(
    services: Services, old: str | None, old_prefix: str | None, new: str, *, override_frozen: bool
) -> RenameRequest:
    """Find the paths of a rename, and refuse what is not possible.

    Args:
        services: The registry of environments.
        old: Name of the environment, or None.
        old_prefix: Its path, or None.
        new: A name; or a path, if it holds a slash.
        override_frozen: Whether an environment that is marked frozen may be renamed.

    Raises:
        NotAnEnvironment: The environment does not exist.
        UsageError: It is active, or the new name is invalid.
        PrefixError: The new path exists, or the environment is frozen.
    """
    from minicon.api.plan.context import refuse_frozen
    from minicon.prefix.environment.prefix_location import refuse_unusable_path

    if old_prefix is None and old is not None and _is_path(old):
        old, old_prefix = None, old
    source = services.registry.existing(old, old_prefix)
    if source == services.settings.root:
        raise UsageError(
            "base-environment",
            f"{source} is base and contains the other environments",
            hint="copy it with 'minicon create --clone base'",
        )
    target = Path(os.path.abspath(typed_path(new))) if _is_path(new) else None
    if target is None:
        target = services.registry.path_of(new)
    words = ("rename", "--prefix", str(source), new)
    refuse_unusable_path(target)
    refuse_active(services, source, words)
    refuse_frozen(Prefix(source), override=override_frozen)
    if target.exists() and any(target.iterdir()):
        raise PrefixError(
            "path-exists",
            f"{target} exists already",
            hint="choose another name, or remove it first",
        )
    return RenameRequest(old=source, new=target)


def refuse_active(services: Services, path: Path, command: Sequence[str]) -> None:
    """Refuse to move or remove the active environment: the shell keeps its variables.

    Args:
        services: Environment variables.
        path: The environment.
        command: The command that works after deactivation, for the hint.

    Raises:
        UsageError: ``environment-active``.
    """
    active = services.environ.get("CONDA_PREFIX")
    if active and os.path.realpath(active) == os.path.realpath(path):
        raise UsageError(
            "environment-active",
            f"{path} is active in this shell",
            hint=f"minicon deactivate && minicon {shlex.join(command)}",
        )


def rename_environment(
    services: Services, request: RenameRequest, *, command_line: Sequence[str]
) -> None:
    """Carry a rename out. If it is interrupted, the old or the new environment is complete.

    Raises:
        MiniconError: It cannot be moved, and has not been.
    """
    from minicon.prefix.moving import move_environment

    move_environment(request.old, request.new, move_options(services, command_line))
    services.registry.register(request.new)
    services.registry.unregister(request.old)


def clone_environment(
    services: Services, source: Path, new: Path, *, command_line: Sequence[str]
) -> None:
    """Copy an environment: packages, pins, variables, all files.

    Raises:
        MiniconError: It cannot be copied; nothing is left of the copy.
    """
    from minicon.prefix import moving

    share = not services.settings.always_copy
    options = move_options(services, command_line)
    moving.clone_environment(source, new, options, share_packages=share)


def delete_environment(services: Services, path: Path) -> None:
    """Delete an environment with its kept generations, after its packages' scripts have run.

    Raises:
        PrefixLocked: Another process is changing it.
        FileError: The file system refuses.
    """
    from minicon.prefix.removal import remove_environment

    task = services.reporter.start("remove", path.name, None, unit="environments")
    try:
        remove_environment(
            path,
            lock_timeout=services.settings.lock_timeout,
            reporter=services.reporter,
            link_scripts=link_script_runner(services) if services.settings.link_scripts else None,
        )
    finally:
        task.finish()
    services.registry.unregister(path)


def link_script_runner(
    services: Services, shown: frozenset[tuple[str, str]] | None = None
) -> LinkScriptRunner:
    """Return a runner of packages' link scripts (CEP 34) in the activated environment.

    Args:
        services: Settings and environment variables.
        shown: The only scripts that may run, see :class:`minicon.api.plan.request.Plan`.
    """
    return LinkScriptRunner(
        root_prefix=services.settings.root,
        activated=partial(_activated, services),
        reporter=services.reporter,
        shown=shown,
    )


def _activated(services: Services, prefix: Path, command: ScriptCommand) -> ScriptCommand:
    """Return the command with the environment's variables set and its scripts sourced."""
    from minicon.shell.commands import context_of
    from minicon.shell.run import prepare_command

    context = context_of(services.settings, environ=services.environ, cwd=str(prefix))
    try:
        prepared = prepare_command(
            prefix,
            command.words,
            environ=command.variables,
            options=context.options,
            force_uppercase=context.force_uppercase,
        )
    except ShellError:  # PATH cannot hold this prefix; the script may work without
        return plainly_activated(prefix, command)
    return ScriptCommand(prepared.arguments, prepared.environ)


def move_options(services: Services, command_line: Sequence[str]) -> MoveOptions:
    """Return how whole environments are moved, copied and created, as the settings say."""
    from minicon.prefix.moving import MoveOptions
    from minicon.shell.activation_files import write_activation_files

    return MoveOptions(
        command=shlex.join(("minicon", *command_line)),
        version=__version__,
        now=services.now(),
        finish=write_activation_files,
        channel_name=services.channel_names,
        reporter=services.reporter,
        durable=services.settings.durability == "safe",
        lock_timeout=services.settings.lock_timeout,
    )


def _is_path(text: str) -> bool:
    return "/" in text or os.sep in text or text in (".", "..")
