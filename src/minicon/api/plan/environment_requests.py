"""From what is typed (names, specs, files) to a ChangeRequest."""

from __future__ import annotations

import os

from minicon.api.plan.request import ChangeRequest
from minicon.api.plan.requirements import spec_for_pypi
from minicon.errors import PrefixError, SpecError, UsageError
from minicon.fs.safe_path import typed_path
from minicon.lean_dataclasses import dataclass, replace

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.api.lock.lock_selection import LockSelection
    from minicon.api.plan.request import Action
    from minicon.api.services import Services
    from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec
    from minicon.models.environment_files.explicit_list import ExplicitEntry
    from minicon.models.environment_files.lockfile import Lockfile


@dataclass(frozen=True, slots=True, kw_only=True)
class FileContents:
    """What the files of one request hold, whatever their kinds.

    Attributes:
        environments: Environment files and lists of specs, each with its folder.
        explicit: Exact packages by URL.
        lock: A lock file.
    """

    environments: tuple[tuple[Path, EnvironmentSpec], ...] = ()
    explicit: tuple[ExplicitEntry, ...] = ()
    lock: Lockfile | None = None

    def groups(self, names: Sequence[str]) -> Iterator[tuple[Path, DependencyGroup]]:
        """The groups of that name, of every file that has one.

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
                    f"there is no group {name!r} in the file",
                    hint=f"its groups are: {', '.join(known) or 'none'}",
                )
            yield from found


def create_request(
    services: Services,
    name: str | None,
    prefix: str | None,
    *,
    specs: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    with_groups: Sequence[str] = (),
    environment_in_file: str | None = None,
    default_packages: bool = True,
    **fields: Any,
) -> ChangeRequest:
    """Ask for a new environment; its name may come from the file.

    Raises:
        UsageError: No name is given anywhere.
        SpecError: A file or spec cannot be read.
        PrefixError: The path holds something that is not an environment.
    """
    contents = read_files(services, files, environment_in_file)
    if name is None and prefix is None:
        name, prefix = _target_in_files(contents)
    path = services.registry.target(name, prefix)
    refuse_foreign_folder(path)
    exact = contents.explicit or contents.lock or not default_packages
    defaults = () if exact else services.settings.create_default_packages
    return make_request("create", path, (*specs, *defaults), contents, with_groups, **fields)


def change_request(
    services: Services,
    action: Action,
    name: str | None,
    prefix: str | None,
    *,
    specs: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    with_groups: Sequence[str] = (),
    environment_in_file: str | None = None,
    **fields: Any,
) -> ChangeRequest:
    """Ask for a change of an environment that is there.

    Raises:
        NotAnEnvironment: It is not.
        SpecError: A file or spec cannot be read.
    """
    contents = read_files(services, files, environment_in_file)
    if name is None and prefix is None and any(spec.name for _, spec in contents.environments):
        name, prefix = _target_in_files(contents)
    path = services.registry.existing(name, prefix)
    request = make_request(action, path, tuple(specs), contents, with_groups, **fields)
    if not (request.prune and contents.environments):
        return request
    return replace(request, variables={**_given_up(path, request), **request.variables})


def _given_up(path: Path, request: ChangeRequest) -> dict[str, None]:
    """Variables that a file named earlier and does not name any more."""
    from minicon.api.change.environments import variables_of_files

    return {name: None for name in variables_of_files(path) if name not in request.variables}


def clone_request(
    services: Services, source: str, name: str | None, prefix: str | None, **fields: Any
) -> ChangeRequest:
    """Ask for a new environment with exactly the packages of another."""
    as_path = "/" in source or "\\" in source
    origin = services.registry.existing(None if as_path else source, source if as_path else None)
    path = services.registry.target(name, prefix)
    refuse_foreign_folder(path)
    return ChangeRequest(action="create", prefix=path, clone_of=origin, **fields)


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
        UsageError: A lock or an explicit list stands beside other files; or no file can hold
            several environments, and one was named.
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
            f"there is no pixi.lock to take the environment {environment!r} of",
            hint="name the lock with -f pixi.lock; other files hold one environment",
        )
    if locks:
        if len(files) > 1:
            _refuse_mixed("a lock file", "other files")
        return FileContents(lock=locks[0])
    read = [(path, read_environment_file(path, platform=platform)) for path in paths]
    for file, spec in read:
        for key in spec.ignored:
            services.reporter.warn(f"{key!r} in {file} means nothing here")
    explicit = tuple(entry for _, spec in read for entry in spec.explicit)
    specs = tuple((path.absolute().parent, spec) for path, spec in read if not spec.explicit)
    if explicit and specs:
        _refuse_mixed("an explicit list", "other files")
    return FileContents(environments=specs, explicit=explicit)


def _refuse_mixed(what: str, others: str) -> None:
    raise UsageError(
        "mixed-files",
        f"{what} cannot be mixed with {others}",
        hint=f"{what} already says every package; use it alone",
    )


def _target_in_files(contents: FileContents) -> tuple[str | None, str | None]:
    for _, spec in contents.environments:
        if spec.prefix or spec.name:
            return (spec.name, None) if spec.name else (None, spec.prefix)
    raise UsageError(
        "no-target-environment",
        "the environment has no name",
        hint="pass -n NAME or -p PATH, or give the file a 'name:'",
    )


def refuse_foreign_folder(path: Path) -> None:
    """Never build over something that is not an environment.

    Raises:
        PrefixError: ``not-an-environment``.
    """
    from minicon.prefix.environment.prefix_location import is_empty, is_environment

    if not path.exists() or is_environment(path):
        return
    if path.is_dir() and is_empty(path):
        return
    raise PrefixError(
        "not-an-environment",
        f"{path} is there already and is not an environment",
        hint="choose another name or path, or move that away",
    )


def make_request(
    action: Action,
    path: Path,
    specs: tuple[str, ...],
    contents: FileContents,
    with_groups: Sequence[str] = (),
    **fields: Any,
) -> ChangeRequest:
    """Put what was typed and what the files hold together as one request.

    Raises:
        SpecError: A group that no file has.
        UsageError: Specs beside a lock, which would then not be one any more.
    """
    variables: dict[str, str | None] = {}
    channels = list(fields.pop("channels", ()))
    if contents.explicit and specs:
        _refuse_mixed("an explicit list", specs[0])
    lock = _selection(contents, specs, with_groups)
    if lock is None:
        groups = list(contents.groups(with_groups))
        for _, spec in contents.environments:
            specs += spec.dependencies
            channels += [channel for channel in spec.channels if channel not in channels]
            variables.update(spec.variables)
        specs += tuple(text for _, group in groups for text in group.dependencies)
        pip_lines = [(line, folder) for folder, spec in contents.environments for line in spec.pip]
        pip_lines += [(line, folder) for folder, group in groups for line in group.pip]
    else:
        specs, pip_lines = (), []
    return ChangeRequest(
        action=action,
        prefix=path,
        specs=tuple(dict.fromkeys(map(spec_for_pypi, specs))),
        pip_lines=tuple(pip_lines),
        channels=tuple(channels),
        explicit=contents.explicit,
        lock=lock,
        variables=variables,
        **fields,
    )


def _selection(
    contents: FileContents, specs: Sequence[str], groups: Sequence[str]
) -> LockSelection | None:
    if contents.lock is None:
        return None
    allowed = 1 if contents.lock.kind == "pylock" else 0
    if len(specs) > allowed:
        raise UsageError(
            "mixed-files",
            f"a lock file already says every package, and cannot be mixed with {specs[0]!r}",
            hint="install further packages afterwards",
        )
    from minicon.api.lock.lock_selection import LockSelection

    return LockSelection(
        lock=contents.lock, groups=tuple(groups), python=specs[0] if specs else None
    )
