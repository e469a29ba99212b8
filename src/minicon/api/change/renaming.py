"""Renaming: an environment gets another name or place, and keeps everything else."""

from __future__ import annotations

import os
import shlex
from pathlib import Path

from minicon import __version__
from minicon.api.plan.planning import refuse_frozen
from minicon.errors import PrefixError, UsageError
from minicon.fs.safe_path import typed_path
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.environments_txt import register_environment, unregister_environment
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.moving import clone_environment, move_environment
from minicon.shell.activation_files import write_activation_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence

    from minicon.api.services import Services


@dataclass(frozen=True, slots=True, kw_only=True)
class RenameRequest:
    """Absolute paths: where the environment is, and where it shall be."""

    old: Path
    new: Path


def rename_request(
    services: Services, old: str | None, old_prefix: str | None, new: str, *, override_frozen: bool
) -> RenameRequest:
    """Decide from where to where, and refuse what cannot be.

    Args:
        services: Knows the environments.
        old: Name of the environment, or None.
        old_prefix: Its path, or None.
        new: A name; or a path, if it holds a slash.
        override_frozen: Whether an environment that is marked frozen may move.

    Raises:
        NotAnEnvironment: There is no such environment.
        UsageError: It is active, or the name is none.
        PrefixError: Something is at the new place, or the environment is frozen.
    """
    if old_prefix is None and old is not None and _is_path(old):
        old, old_prefix = None, old
    source = services.registry.existing(old, old_prefix)
    target = Path(os.path.abspath(typed_path(new))) if _is_path(new) else None
    if target is None:
        target = services.registry.path_of(new)
    active = services.environ.get("CONDA_PREFIX")
    if active and os.path.realpath(active) == os.path.realpath(source):
        raise UsageError(
            "environment-active",
            f"{source} is active in this shell",
            hint="run 'minicon deactivate' first",
        )
    refuse_frozen(Prefix(source), override=override_frozen)
    if target.exists() and (not target.is_dir() or any(target.iterdir())):
        raise PrefixError(
            "path-exists",
            f"{target} is there already",
            hint="choose another name, or remove it first",
        )
    return RenameRequest(old=source, new=target)


def rename_environment(
    services: Services, request: RenameRequest, *, command_line: Sequence[str]
) -> None:
    """Carry a rename out. Killed midway, there is the old environment or the new one, whole.

    Raises:
        MiniconError: It cannot be moved; it is where it was.
    """
    move_environment(
        request.old,
        request.new,
        command=shlex.join(("minicon", *command_line)),
        version=__version__,
        now=services.now(),
        finish=write_activation_files,
        reporter=services.reporter,
        durable=services.settings.durability == "safe",
        lock_timeout=services.settings.lock_timeout,
    )
    registered = services.registry.environments_txt
    if services.settings.register_envs:
        register_environment(registered, request.new)
    unregister_environment(registered, request.old)


def clone_packages(
    services: Services, source: Path, new: Path, *, command_line: Sequence[str]
) -> None:
    """Make an environment that is a copy of another: packages, pins, variables, all files.

    Raises:
        MiniconError: It cannot be made; nothing is left.
    """
    clone_environment(
        source,
        new,
        command=shlex.join(("minicon", *command_line)),
        version=__version__,
        now=services.now(),
        finish=write_activation_files,
        reporter=services.reporter,
        durable=services.settings.durability == "safe",
        lock_timeout=services.settings.lock_timeout,
        share_packages=not services.settings.always_copy,
    )


def _is_path(text: str) -> bool:
    return "/" in text or os.sep in text or text in (".", "..")
