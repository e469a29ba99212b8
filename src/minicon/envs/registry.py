"""Named environments: from a name to a path and back, and the list of all there are."""

from __future__ import annotations

import os
from pathlib import Path

from minicon.constants import FORBIDDEN_NAME_CHARACTERS, RESERVED_ENVIRONMENT_NAMES
from minicon.envs.known_environments import known_environments, needs_recovery
from minicon.errors import NotAnEnvironment, UsageError
from minicon.fs.safe_path import place_problem, typed_path
from minicon.lean_dataclasses import dataclass
from minicon.redaction import shortened
from minicon.shell.locate import find_named, is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from minicon.config.settings import Settings

#: How much of a name or path messages show.
_SHOWN = 80


@dataclass(frozen=True, slots=True, kw_only=True)
class EnvironmentEntry:
    """One environment of this user.

    Attributes:
        name: Its name if it lies in an ``envs/`` folder, else an empty text.
        path: Where it is.
        active: Whether ``CONDA_PREFIX`` names it.
    """

    name: str
    path: Path
    active: bool

    @property
    def row(self) -> tuple[str, str, bool]:
        """As tables of environments want it."""
        return self.name, str(self.path), self.active


class EnvironmentRegistry:
    """Finds environments by name in the settings' envs directories, and lists all known ones."""

    def __init__(
        self,
        settings: Settings,
        environ: Mapping[str, str],
        *,
        warn: Callable[[str], object] | None = None,
    ) -> None:
        """Keep what decides.

        Args:
            settings: What is configured.
            environ: The process's variables.
            warn: Told, once each, of state in environments that is not believed.
        """
        self._settings = settings
        self._environ = environ
        self._warn = warn
        self._told: set[str] = set()

    @property
    def environments_txt(self) -> Path:
        """``~/.conda/environments.txt``, which the whole family keeps."""
        return self._settings.home / ".conda" / "environments.txt"

    def path_of(self, name: str) -> Path:
        """The path that NAME has or would have. Raises UsageError for a forbidden name."""
        check_environment_name(name)
        found = find_named(name, map(str, self._settings.envs_dirs))
        return Path(found) if found else self._settings.envs_dirs[0] / name

    def target(self, name: str | None, prefix: str | None) -> Path:
        """The environment that ``-n``/``-p`` mean; without either, the active one.

        Raises:
            UsageError: Neither is given and no environment is active.
        """
        if prefix is not None:
            return Path(os.path.abspath(typed_path(prefix)))
        if name is not None:
            return self.path_of(name) if name not in RESERVED_ENVIRONMENT_NAMES else self._base()
        active = self._environ.get("CONDA_PREFIX")
        if not active:
            raise UsageError(
                "no-target-environment",
                "no environment is named and none is active",
                hint="pass -n NAME or -p PATH, or activate one first",
            )
        return Path(active)

    def existing(self, name: str | None, prefix: str | None) -> Path:
        """Like :meth:`target`, for an environment that must be there.

        What a killed command left unfinished is finished or undone first.

        Raises:
            NotAnEnvironment: There is nothing, or something else, at that path.
        """
        path = self.target(name, prefix)
        if needs_recovery(path):
            self.recover(path)
        if not is_environment(path):
            what = f"no environment named {name!r}" if name else f"no environment at {path}"
            hint = self._hint(name)
            raise NotAnEnvironment("environment-not-found", what, hint=hint)
        return path

    def recover(self, path: Path) -> None:
        """Finish or undo what a killed command left; tell of what is not believed there."""
        from minicon.prefix.executor import recover
        from minicon.prefix.generations.store import GenerationStore

        recover(path)
        problem = GenerationStore(path).problem
        if problem is not None and self._warn is not None and problem.message not in self._told:
            self._told.add(problem.message)
            self._warn(problem.message)

    def entries(self) -> list[EnvironmentEntry]:
        """All known environments: those in envs/ folders by name, then those elsewhere."""
        active = self._environ.get("CONDA_PREFIX", "")
        known = known_environments(map(str, self._settings.envs_dirs), str(self.environments_txt))
        return [
            EnvironmentEntry(name=name, path=Path(path), active=path == active)
            for path, name in known.items()
        ]

    def _hint(self, wanted: str | None) -> str:
        known = [entry.name for entry in self.entries() if entry.name]
        if wanted is not None:
            import difflib

            if near := difflib.get_close_matches(wanted, known, 1):
                return f"did you mean {near[0]!r}?"
        return f"there are: {', '.join(known)}" if known else "make it with 'minicon create'"

    def _base(self) -> Path:
        raise UsageError(
            "no-base-environment",
            "minicon has no base environment: the tool lives outside all environments",
            hint="name another environment with -n",
        )


def check_environment_name(name: str) -> None:
    """Refuse names that conda refuses, and those that would leave the envs folder.

    Raises:
        UsageError: With reference ``invalid-environment-name``.
    """
    bad = sorted({character for character in name if character in FORBIDDEN_NAME_CHARACTERS})
    reserved = name in RESERVED_ENVIRONMENT_NAMES
    problem = place_problem(name)
    is_plain = name.isprintable() and not name.startswith((".", "-"))
    if name and not (bad or reserved or problem) and is_plain:
        return
    reason = "is reserved" if reserved else "holds " + " ".join(map(repr, bad)) if bad else "is odd"
    raise UsageError(
        "invalid-environment-name",
        f"{shortened(name, _SHOWN)!r} cannot be the name of an environment: it {problem or reason}",
        hint="use letters, digits, '-', '_' and '.'; or pass a path with -p",
    )
