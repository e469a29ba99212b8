"""EnvironmentRegistry: the path of a named environment, and the list of all known ones."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import FORBIDDEN_NAME_CHARACTERS, RESERVED_ENVIRONMENT_NAMES
from minicon.errors import FileError, NotAnEnvironment, UsageError
from minicon.fs.safe_path import typed_path, user_path_problem
from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.environments_txt import (
    is_active_environment,
    known_environments,
    register_environment,
    unregister_environment,
)
from minicon.prefix.environment.prefix_location import is_environment
from minicon.prefix.generations.store_entries import needs_recovery
from minicon.redaction import shortened
from minicon.shell.locate import find_named

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minicon.config.settings import Settings

#: How many characters of a name messages show.
_SHOWN = 80
#: How many environments a hint lists.
_MOST_LISTED = 8


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentEntry:
    """One environment of this user.

    Attributes:
        name: The name that ``-n`` accepts for it, else an empty text.
        path: Its prefix.
        active: Whether ``CONDA_PREFIX`` is this directory.
    """

    name: str
    path: Path
    active: bool

    @property
    def row(self) -> tuple[str, str, bool]:
        """The entry as a row of a table."""
        return self.name, str(self.path), self.active


class EnvironmentRegistry:
    """Finds environments by name in the configured envs directories, and lists all known ones.

    Args:
        settings: The configuration.
        environ: The process's environment variables.
        uses_base: Whether commands without a name use ``base`` if no environment is active.
        warn: Receives, once each, problems of environments' stored state that is ignored.
    """

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str], object] | None = None,
        uses_base: bool = False,
    ) -> None:
        self._settings = settings
        self._environ = environ
        self._warn = warn
        self._uses_base = uses_base
        self._reported: set[str] = set()

    @property
    def environments_txt(self) -> Path:
        """``~/.conda/environments.txt``, which conda, mamba and minicon share."""
        return self._settings.home / ".conda" / "environments.txt"

    def path_of(self, name: str) -> Path:
        """Return the path that a name has, or would have in the first writable directory.

        Raises:
            UsageError: The name is invalid.
        """
        _check_name(name)
        found = find_named(name, map(str, self._settings.envs_dirs))
        if found:
            return Path(found)
        folders = self._settings.envs_dirs
        return next(filter(_can_be_written, folders), folders[0]) / name

    @property
    def default_target(self) -> str | None:
        """The path that ``MAMBA_TARGET_PREFIX`` names: used if neither ``-n`` nor ``-p`` is."""
        return self._environ.get("MINICON_TARGET_PREFIX") or None

    def target(self, name: str | None, prefix: str | None) -> Path:
        """Return the path that ``-n`` or ``-p`` means; without either, the active environment's.

        Raises:
            UsageError: Neither is given and no environment is active.
        """
        if name is None and prefix is None:
            prefix = self.default_target
        if prefix is not None:
            return Path(os.path.abspath(typed_path(prefix)))
        if name is not None:
            is_base = name in RESERVED_ENVIRONMENT_NAMES
            return self._settings.root if is_base else self.path_of(name)
        active = self._environ.get("CONDA_PREFIX") or (self._uses_base and self._settings.root)
        if not active:
            raise UsageError(
                "no-target-environment",
                "no environment is named and none is active",
                hint="pass -n NAME or -p PATH, or activate one first",
            )
        return Path(active)

    def existing(self, name: str | None, prefix: str | None) -> Path:
        """Return the same path for an environment that must exist.

        A change that a killed command left unfinished is finished or undone first.

        Raises:
            NotAnEnvironment: There is no environment at that path.
        """
        path = self.target(name, prefix)
        if needs_recovery(path):
            self.recover(path)
        if not is_environment(path):
            problem = f"no environment named {name!r}" if name else f"no environment at {path}"
            missing = NotAnEnvironment(
                "environment-not-found", problem, hint=self._hint(name, path)
            )
            raise missing.with_facts(location=str(path))
        return path

    def recover(self, path: Path) -> None:
        """Finish or undo what a killed command left; warn of stored state that is ignored."""
        from minicon.prefix.generations.recovery import recover, state_problem

        recover(path)
        problem = state_problem(path)
        if problem is not None and self._warn is not None and problem.message not in self._reported:
            self._reported.add(problem.message)
            self._warn(problem.message)

    def entries(self) -> list[EnvironmentEntry]:
        """Return all known environments: base, those in envs_dirs by name, then the registered."""
        folders, root = map(str, self._settings.envs_dirs), str(self._settings.root)
        known = known_environments(folders, str(self.environments_txt), root)
        return [
            EnvironmentEntry(
                name=name, path=Path(path), active=is_active_environment(path, self._environ)
            )
            for path, name in known.items()
        ]

    def register(self, path: Path) -> None:
        """Add an environment to environments.txt, unless the settings forbid it.

        As in conda, there is only a warning if the file cannot be written.
        """
        if self._settings.register_envs:
            self._change_list(register_environment, path)

    def unregister(self, path: Path) -> None:
        """Remove an environment from environments.txt, with a warning as :meth:`register`."""
        self._change_list(unregister_environment, path)

    def _change_list(self, change: Callable[[Path, Path], None], path: Path) -> None:
        try:
            change(self.environments_txt, path)
        except (FileError, OSError) as error:
            if self._warn is not None:
                self._warn(f"the list of environments is not updated: {error}")

    def _hint(self, wanted: str | None, path: Path) -> str:
        if wanted is not None and is_environment(Path.cwd() / wanted):
            return f"for the environment in this directory, write -p ./{wanted}"
        from minicon.models.near_names import near_names

        entries = self.entries()
        known = [entry.name for entry in entries if entry.name]
        paths = [str(entry.path) for entry in entries]
        near = near_names(wanted, known) if wanted else near_names(str(path), paths)
        if near:
            return f"did you mean {near[0]!r}?"
        if len(known) > _MOST_LISTED:
            return "'minicon env list' shows the environments"
        listed = ", ".join(known)
        if known:
            return f"known environments: {listed}"
        from shlex import quote

        target = f"-n {quote(wanted)}" if wanted else f"-p {quote(str(path))}"
        return f"create one with 'minicon create {target} PACKAGE...'"


def _can_be_written(folder: Path) -> bool:
    """Whether this user can create environments in a directory, which need not exist."""
    present = next((each for each in (folder, *folder.parents) if os.path.lexists(each)), folder)
    return present.is_dir() and os.access(present, os.W_OK | os.X_OK)


def _check_name(name: str) -> None:
    """Refuse names that conda refuses, and those that are no name of a folder.

    Raises:
        UsageError: With reference ``invalid-environment-name``.
    """
    bad = sorted({character for character in name if character in FORBIDDEN_NAME_CHARACTERS})
    reserved = name in RESERVED_ENVIRONMENT_NAMES
    problem = user_path_problem(name)
    is_plain = name.isprintable() and not name.startswith((".", "-"))
    if name and not (bad or reserved or problem) and is_plain:
        return
    characters = " ".join(map(repr, bad))
    reason = (
        "is reserved" if reserved else f"contains {characters}" if bad else "is not a plain name"
    )
    raise UsageError(
        "invalid-environment-name",
        f"{shortened(name, _SHOWN)!r} cannot be the name of an environment: it {problem or reason}",
        hint="use letters, digits, '-', '_' and '.'; or pass a path with -p",
    )
