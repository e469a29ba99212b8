"""Input files of a request: environment files, lists of specs, explicit lists and locks."""

from __future__ import annotations

import os

from minicon.errors import SpecError, UsageError
from minicon.fs.safe_path import typed_path
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path

    from minicon.api.services import Services
    from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec
    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.environment_files.lockfile import Lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContents:
    """The contents of the files of one request, whatever their formats.

    Attributes:
        environments: Environment files and lists of specs, each with its directory.
        explicit: Exact packages by URL.
        lock: A lock file.
    """

    environments: tuple[tuple[Path, EnvironmentSpec], ...] = ()
    explicit: tuple[ExplicitEntry, ...] = ()
    lock: Lockfile | None = None

    def groups(self, names: Sequence[str]) -> Iterator[tuple[Path, DependencyGroup]]:
        """Yield the groups of those names, of every file that has one.

        Raises:
            SpecError: No file has such a group.
        """
        for name in names:
            found = [
                (folder, spec.groups[name])
                for folder, spec in self.environments
                if name in spec.groups
            ]
            if not found:
                known = sorted({group for _, spec in self.environments for group in spec.groups})
                raise SpecError(
                    "no-such-group",
                    f"the file has no group {name!r}",
                    hint=f"its groups are: {', '.join(known) or 'none'}",
                )
            yield from found


def read_files(
    services: Services, files: Sequence[str | Path], environment: str | None = None
) -> FileContents:
    """Read environment files, lists and lock files for the settings' platform.

    Args:
        services: Settings.
        files: Their paths.
        environment: Which environment of a ``pixi.lock`` is meant.

    Raises:
        SpecError: One cannot be read.
        UsageError: A lock or an explicit list is combined with other files; or an environment was
            named and no file can hold several.
    """
    if not files and environment is None:
        return FileContents()
    from minicon.envs.environment_file import read_environment_file
    from minicon.envs.locks.lock_files import read_lock_file

    platform = services.settings.platform
    paths = [typed_path(os.fspath(file)) for file in files]
    found = (read_lock_file(path, platform=platform, environment=environment) for path in paths)
    locks = [lock for lock in found if lock is not None]
    if environment is not None and not any(lock.kind == "pixi" for lock in locks):
        raise UsageError(
            "no-environments-in-file",
            f"no pixi.lock is given that could hold the environment {environment!r}",
            hint="name the lock with -f pixi.lock; other files hold one environment",
        )
    if locks:
        if len(files) > 1:
            refuse_mixed("a lock file", "other files")
        return FileContents(lock=locks[0])
    read = [(path, read_environment_file(path, platform=platform)) for path in paths]
    for file, spec in read:
        for key in spec.ignored:
            services.reporter.warn(f"unknown key {key!r} in {file} is ignored")
    explicit = tuple(entry for _, spec in read for entry in spec.explicit)
    specs = tuple((path.absolute().parent, spec) for path, spec in read if not spec.explicit)
    if explicit and specs:
        refuse_mixed("an explicit list", "other files")
    return FileContents(environments=specs, explicit=explicit)


def refuse_mixed(what: str, others: str) -> None:
    """Raise the error for files that name every package, combined with other requests."""
    raise UsageError(
        "mixed-files",
        f"{what} cannot be mixed with {others}",
        hint=f"{what} names every package already; use it alone",
    )
