"""Synchronising: an environment becomes exactly what a file or a lock says."""

from __future__ import annotations

from pathlib import Path

from minicon.api.plan.environment_requests import change_request, create_request, read_files
from minicon.errors import UsageError
from minicon.lean_dataclasses import replace
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import is_environment

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import Any

    from minicon.api.plan.request import ChangeRequest
    from minicon.api.services import Services

#: Looked for in the working directory, first wins.
DEFAULT_FILES = ("conda-lock.yml", "environment.yml", "environment.yaml")


def sync_request(
    services: Services,
    name: str | None,
    prefix: str | None,
    *,
    files: Sequence[str | Path] = (),
    with_groups: Sequence[str] = (),
    **fields: Any,
) -> ChangeRequest:
    """Ask that an environment becomes exactly its files; it is made if it is not there.

    What is installed and fits keeps its version; what the files do not need goes, what pip
    installed by hand included.

    Args:
        services: Settings.
        name: Of the environment, or None.
        prefix: Its path, or None.
        files: Environment files or one lock; without any, the first of :data:`DEFAULT_FILES`.
        with_groups: Groups of the files beyond what is always installed.
        fields: Further fields of the request.

    Raises:
        UsageError: There is no file.
        SpecError: A file cannot be read.
    """
    chosen = list(files) or [_default_file()]
    common = {"files": chosen, "with_groups": with_groups, **fields}
    path = _target(services, name, prefix, chosen, fields.get("environment_in_file"))
    if not is_environment(path):
        return create_request(services, None, str(path), **common)
    request = change_request(
        services, "install", None, str(path), prune=True, keep_satisfied=True, **common
    )
    there = Prefix(path).state_variables()
    new = {key: value for key, value in request.variables.items() if there.get(key) != value}
    return replace(request, variables=new)


def _default_file() -> Path:
    for file in DEFAULT_FILES:
        if Path(file).is_file():
            return Path(file)
    raise UsageError(
        "no-file",
        f"there is no {' and no '.join(DEFAULT_FILES[:2])} here",
        hint="name the file with -f",
    )


def _target(
    services: Services,
    name: str | None,
    prefix: str | None,
    files: Sequence[str | Path],
    environment: str | None,
) -> Path:
    if name is None and prefix is None:
        for _, spec in read_files(services, files, environment).environments:
            if spec.name:
                return services.registry.target(spec.name, None)
    return services.registry.target(name, prefix)
