"""From words (names, specs, files) to a ChangeRequest: everything is parsed here, once.

::

    NAME, PATH ─────── registry ─────────────┐
    SPEC… ─────────── MatchSpec, PyPI ───────┼─> ChangeRequest
    -f FILE… ──────── FileContents ──────────┤
    solver options ── constraints, policy ───┘
"""

from __future__ import annotations

import os
from pathlib import Path

from minicon.api.input_files import FileContents, channel_in, read_files, refuse_mixed
from minicon.api.plan.request import ChangeRequest, LockSelection
from minicon.api.plan.requested_packages import RequestedPackages, parse_constraint, parse_packages
from minicon.constants import PYPI_PREFIX
from minicon.errors import PrefixError, SpecError, UsageError
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import is_environment
from minicon.solver.request import UpdatePolicy

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minicon.api.plan.request import Action
    from minicon.api.services import Services
    from minicon.models.environment_files.environment_spec import DependencyGroup, EnvironmentSpec
    from minicon.models.environment_files.explicit_list import ExplicitEntry


_NO_FILES = FileContents()
#: Files for ``sync`` in the working directory, in order of preference.
_DEFAULT_FILES = ("conda-lock.yml", "environment.yml", "environment.yaml")


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
    """Request a new environment; its name may come from a file.

    Args:
        services: Settings and the registry of environments.
        name: Of the environment, or None.
        prefix: Its path, or None.
        specs: MatchSpecs and ``pypi:`` requirements.
        files: Paths of environment files, lists or a lock.
        with_groups: Groups of the files beyond what is always installed.
        environment_in_file: Which environment of a ``pixi.lock`` is meant.
        default_packages: Whether ``create_default_packages`` are added.
        fields: As for :func:`make_request`.

    Raises:
        UsageError: No name is given anywhere.
        SpecError: A file or spec cannot be read.
        PrefixError: The path holds something that is not an environment.
    """
    contents = read_files(services, files, environment_in_file)
    if name is None and prefix is None:
        name, prefix = _target_in_files(contents, services.registry.default_target)
    path = services.registry.target(name, prefix)
    return _creation(
        services,
        path,
        specs,
        contents,
        with_groups,
        default_packages=default_packages,
        **fields,
    )


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
    creates: bool = False,
    **fields: Any,
) -> ChangeRequest:
    """Request a change of an environment; with ``creates``, the creation of a missing one.

    Other arguments as for :func:`create_request`.

    Raises:
        NotAnEnvironment: It does not exist.
        SpecError: A file or spec cannot be read.
    """
    contents = read_files(services, files, environment_in_file)
    if name is None and prefix is None and any(spec.name for _, spec in contents.environments):
        name, prefix = _target_in_files(contents, None)
    target = services.registry.target(name, prefix)
    is_new = creates and not is_environment(target)
    if is_new or (_is_new_base(services, target) and action == "install"):
        fields.pop("prune", None)
        return _creation(services, target, specs, contents, with_groups, **fields)
    path = services.registry.existing(name, prefix)
    return _change(services, action, path, specs, contents, with_groups, **fields)


def sync_request(
    services: Services,
    name: str | None,
    prefix: str | None,
    *,
    files: Sequence[str | Path] = (),
    with_groups: Sequence[str] = (),
    environment_in_file: str | None = None,
    **fields: Any,
) -> ChangeRequest:
    """Request that an environment becomes exactly its files; it is created if need be.

    Installed packages that fit keep their version; those that the files do not need are removed,
    including what pip installed by hand. Arguments as for :func:`create_request`; without
    ``files``, the first of ``conda-lock.yml``, ``environment.yml`` and ``environment.yaml`` in
    the working directory is used.

    Raises:
        UsageError: No file is given or found.
        SpecError: A file cannot be read.
    """
    contents = read_files(services, files or [_default_file()], environment_in_file)
    if name is None and prefix is None:
        name = next((spec.name for _, spec in contents.environments if spec.name), None)
    path = services.registry.target(name, prefix)
    if not is_environment(path):
        return _creation(services, path, (), contents, with_groups, **fields)
    path = services.registry.existing(None, str(path))
    exact = {"prune": True, "keep_satisfied": True}
    return _change(services, "install", path, (), contents, with_groups, **exact, **fields)


def clone_request(
    services: Services, source: str, name: str | None, prefix: str | None, **fields: Any
) -> ChangeRequest:
    """Request a new environment with exactly the packages of another.

    Args:
        services: Settings and the registry of environments.
        source: Name or path of the other environment.
        name: Of the new one, or None.
        prefix: Its path, or None.
        fields: As for :func:`make_request`.

    Raises:
        NotAnEnvironment: ``source`` does not exist.
        PrefixError: The path exists.
        UsageError: Neither ``name`` nor ``prefix`` is given.
    """
    as_path = "/" in source or "\\" in source
    origin = services.registry.existing(None if as_path else source, source if as_path else None)
    if name is None and prefix is None and services.registry.default_target is None:
        raise _no_name()
    path = services.registry.target(name, prefix)
    if is_environment(path):
        raise PrefixError(
            "path-exists",
            f"{path} exists already",
            hint="choose another name, or remove it first",
        )
    refuse_foreign_directory(services, path)
    return make_request(services, "create", path, clone_of=origin, **fields)


def _is_new_base(services: Services, path: Path) -> bool:
    """Whether a path is the root directory before anything was installed into it."""
    return path == services.settings.root and not is_environment(path)


def _creation(
    services: Services,
    path: Path,
    specs: Sequence[str],
    contents: FileContents,
    with_groups: Sequence[str],
    *,
    default_packages: bool = True,
    **fields: Any,
) -> ChangeRequest:
    refuse_foreign_directory(services, path)
    if default_packages and not (contents.explicit or contents.lock):
        specs = (*specs, *services.settings.create_default_packages)
    return make_request(services, "create", path, specs, contents, with_groups, **fields)


def _change(
    services: Services,
    action: Action,
    path: Path,
    specs: Sequence[str],
    contents: FileContents,
    with_groups: Sequence[str],
    **fields: Any,
) -> ChangeRequest:
    """Return a request that sets variables that differ.

    With ``prune``, it unsets those that the files no longer name.
    """
    request = make_request(services, action, path, specs, contents, with_groups, **fields)
    before = Prefix(path).state_variables()
    variables = {key: value for key, value in request.variables.items() if before.get(key) != value}
    # Locks of other tools never have variables: one without any says nothing about them.
    names_variables = contents.environments or (contents.lock and request.variables)
    if request.prune and names_variables:
        from minicon.api.environment_variables import variables_of_files

        dropped = {name: None for name in variables_of_files(path) if name not in request.variables}
        variables = {**dropped, **variables}
    return replace(request, variables=variables)


def _default_file() -> Path:
    for file in _DEFAULT_FILES:
        if Path(file).is_file():
            return Path(file)
    raise UsageError(
        "no-file",
        f"the working directory has no {' and no '.join(_DEFAULT_FILES[:2])}",
        hint="name the file with -f",
    )


def _target_in_files(
    contents: FileContents, otherwise: str | None
) -> tuple[str | None, str | None]:
    """Return the name, or else the path, that a file gives its environment."""
    for _, spec in contents.environments:
        if spec.prefix or spec.name:
            return (spec.name, None) if spec.name else (None, spec.prefix)
    if otherwise is not None:
        return None, otherwise
    raise _no_name(", or give the file a 'name:'" if contents.environments else "")


def _no_name(otherwise: str = "") -> UsageError:
    return UsageError(
        "no-target-environment",
        "the new environment has no name",
        hint=f"pass -n NAME or -p PATH{otherwise}",
    )


def refuse_foreign_directory(services: Services, path: Path) -> None:
    """Refuse to create an environment around the user's or minicon's directories, or at a file.

    What lies in another directory is kept.

    Raises:
        PrefixError: ``not-an-environment``, or as :func:`refuse_unusable_path`.
    """
    from minicon.prefix.environment.prefix_location import refuse_unusable_path

    refuse_unusable_path(path)
    if is_environment(path) or not os.path.lexists(path) or _is_new_base(services, path):
        return
    settings = services.settings
    inside = {settings.home, *settings.home.parents, settings.root, *settings.root.parents}
    if path not in inside:
        return
    raise PrefixError(
        "not-an-environment",
        f"{path} exists and is not an environment",
        hint="choose another name or path, or move it elsewhere",
    )


def make_request(
    services: Services,
    action: Action,
    path: Path,
    specs: Sequence[str] = (),
    contents: FileContents = _NO_FILES,
    with_groups: Sequence[str] = (),
    *,
    constraints: Sequence[str] = (),
    update_policy: str = UpdatePolicy.UPDATE_SPECS.value,
    **fields: Any,
) -> ChangeRequest:
    """Parse words and combine them with the contents of files.

    Args:
        services: Whose environment variables fill ``${VARIABLE}`` in lines of ``pip:`` sections.
        action: What to do.
        path: Absolute path of the environment.
        specs: MatchSpecs and ``pypi:`` requirements.
        contents: Of the files.
        with_groups: Groups of the files beyond what is always installed.
        constraints: MatchSpecs that apply only to packages that are installed anyway.
        update_policy: A value of :class:`UpdatePolicy`.
        fields: Further fields of the request.

    Raises:
        SpecError: A spec cannot be read, package files are mixed with specs, or no file has a
            group.
        UsageError: Specs beside an explicit list or a lock.
    """
    channels = [*fields.pop("channels", ()), *_channels_of(contents)]
    if contents.explicit and specs:
        refuse_mixed("an explicit list", specs[0])
    lock = _lock_selection(contents, specs, with_groups)
    packages = RequestedPackages()
    if lock is None:
        parts: list[tuple[Path, EnvironmentSpec | DependencyGroup]]
        parts = [*contents.environments, *contents.groups(with_groups)]
        packages = parse_packages(
            [*specs, *(text for _, part in parts for text in part.dependencies)],
            [(line, folder) for folder, part in parts for line in part.pip],
            environ=services.environ,
        )
    return ChangeRequest(
        action=action,
        prefix=path,
        packages=packages,
        constraints=tuple(map(parse_constraint, constraints)),
        channels=tuple(dict.fromkeys(channels)),
        explicit=contents.explicit or (() if action == "remove" else _explicit_entries(packages)),
        lock=lock,
        update_policy=UpdatePolicy(update_policy),
        variables=_variables_of(contents, services.settings.platform),
        **fields,
    )


def _channels_of(contents: FileContents) -> list[str]:
    return [
        channel_in(folder, text) for folder, spec in contents.environments for text in spec.channels
    ]


def _variables_of(contents: FileContents, platform: str) -> dict[str, str | None]:
    variables: dict[str, str | None] = {}
    for _, spec in contents.environments:
        variables.update(spec.variables)
    if contents.lock is not None:
        variables.update(contents.lock.variables(platform))
    return variables


def _explicit_entries(packages: RequestedPackages) -> tuple[ExplicitEntry, ...]:
    """Return the specs that are URLs or paths of package files, as entries of a list.

    Raises:
        SpecError: Only some of them are: nothing would resolve the dependencies of the others.
    """
    urls = [spec for spec in packages.specs if spec.url]
    if not urls:
        return ()
    if len(urls) < len(packages.texts):
        others = [str(spec) for spec in packages.specs if not spec.url]
        others += [text for text in packages.texts if text.startswith(PYPI_PREFIX)]
        raise SpecError(
            "mixed-specs",
            f"package files cannot be mixed with specs such as {others[0]!r}",
            hint="install the files first, then the specs",
        )
    from minicon.models.environment_files.explicit_list import ExplicitEntry

    return tuple(ExplicitEntry(s.url, md5=s.md5, sha256=s.sha256) for s in urls if s.url)


def _lock_selection(
    contents: FileContents, specs: Sequence[str], groups: Sequence[str]
) -> LockSelection | None:
    if contents.lock is None:
        return None
    allowed = 1 if contents.lock.kind == "pylock" else 0
    if len(specs) > allowed:
        raise UsageError(
            "mixed-files",
            f"a lock file names every package already, and cannot be mixed with {specs[0]!r}",
            hint="install further packages afterwards",
        )
    from minicon.models.match_spec.spec import MatchSpec

    return LockSelection(
        lock=contents.lock,
        groups=tuple(groups),
        python=MatchSpec(specs[0]) if specs else None,
    )
