"""From what is typed (names, specs, files) to a ChangeRequest."""

from __future__ import annotations

from pathlib import Path

from minicon.api.request import ChangeRequest
from minicon.envs.environment_file import (
    read_environment_file,
)
from minicon.errors import PrefixError, UsageError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minicon.api.request import Action
    from minicon.api.services import Services
    from minicon.models.environment_spec import EnvironmentSpec
    from minicon.models.explicit_list import ExplicitEntry


def create_request(
    services: Services,
    name: str | None,
    prefix: str | None,
    *,
    specs: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    **fields: Any,
) -> ChangeRequest:
    """Ask for a new environment; its name may come from the file.

    Raises:
        UsageError: No name is given anywhere.
        SpecError: A file or spec cannot be read.
        PrefixError: The path holds something that is not an environment.
    """
    environment_specs, explicit = _read_files(services, files)
    if name is None and prefix is None:
        name, prefix = _target_in_files(environment_specs)
    path = services.registry.target(name, prefix)
    _refuse_foreign_folder(path)
    defaults = () if explicit else services.settings.create_default_packages
    return _request(
        services, "create", path, (*specs, *defaults), environment_specs, explicit, fields
    )


def change_request(
    services: Services,
    action: Action,
    name: str | None,
    prefix: str | None,
    *,
    specs: Sequence[str] = (),
    files: Sequence[str | Path] = (),
    **fields: Any,
) -> ChangeRequest:
    """Ask for a change of an environment that is there.

    Raises:
        NotAnEnvironment: It is not.
        SpecError: A file or spec cannot be read.
    """
    environment_specs, explicit = _read_files(services, files)
    if name is None and prefix is None and any(spec.name for _, spec in environment_specs):
        name, prefix = _target_in_files(environment_specs)
    path = services.registry.existing(name, prefix)
    return _request(services, action, path, tuple(specs), environment_specs, explicit, fields)


def clone_request(
    services: Services, source: str, name: str | None, prefix: str | None, **fields: Any
) -> ChangeRequest:
    """Ask for a new environment with exactly the packages of another."""
    as_path = "/" in source or "\\" in source
    origin = services.registry.existing(None if as_path else source, source if as_path else None)
    path = services.registry.target(name, prefix)
    _refuse_foreign_folder(path)
    return ChangeRequest(action="create", prefix=path, clone_of=origin, **fields)


def _read_files(
    services: Services, files: Sequence[str | Path]
) -> tuple[list[tuple[Path, EnvironmentSpec]], list[ExplicitEntry]]:
    platform = services.settings.platform
    read = [(Path(f).expanduser(), read_environment_file(f, platform=platform)) for f in files]
    explicit = [entry for _, spec in read for entry in spec.explicit]
    specs = [(path.absolute().parent, spec) for path, spec in read if not spec.explicit]
    if explicit and specs:
        raise UsageError(
            "mixed-files",
            "an explicit list cannot be mixed with other files",
            hint="an explicit list already says every package; use it alone",
        )
    return specs, explicit


def _target_in_files(
    specs: Sequence[tuple[Path, EnvironmentSpec]],
) -> tuple[str | None, str | None]:
    for _, spec in specs:
        if spec.prefix or spec.name:
            return (spec.name, None) if spec.name else (None, spec.prefix)
    raise UsageError(
        "no-target-environment",
        "the environment has no name",
        hint="pass -n NAME or -p PATH, or give the file a 'name:'",
    )


def _refuse_foreign_folder(path: Path) -> None:
    """Never build over something that is not an environment."""
    from minicon.envs.registry import is_environment

    if not path.exists() or is_environment(path):
        return
    if path.is_dir() and not any(path.iterdir()):
        return
    raise PrefixError(
        "not-an-environment",
        f"{path} is there already and is not an environment",
        hint="choose another name or path, or move that away",
    )


def _request(
    services: Services,
    action: Action,
    path: Path,
    specs: tuple[str, ...],
    environment_specs: Sequence[tuple[Path, EnvironmentSpec]],
    explicit: Sequence[ExplicitEntry],
    fields: dict[str, Any],
) -> ChangeRequest:
    variables: dict[str, str] = {}
    channels = list(fields.pop("channels", ()))
    for _, spec in environment_specs:
        specs += spec.dependencies
        for text in spec.ignored:
            services.reporter.warn(f"the environment file's {text!r} means nothing here")
        named = spec.expanded_channels(services.environ)
        channels += [channel for channel in named if channel not in channels]
        variables.update(spec.variables)
    pip_lines = tuple((line, folder) for folder, spec in environment_specs for line in spec.pip)
    return ChangeRequest(
        action=action,
        prefix=path,
        specs=tuple(dict.fromkeys(specs)),
        pip_lines=pip_lines,
        channels=tuple(channels),
        explicit=tuple(explicit),
        variables=variables,
        **fields,
    )
