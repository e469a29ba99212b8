"""Input files of a request, by path or URL: environment files, lists, explicit lists and locks."""

from __future__ import annotations

import os
import re
from pathlib import Path

from minicon.errors import SpecError, UsageError
from minicon.fs.safe_path import typed_path
from minicon.lean_dataclasses import dataclass, replace
from minicon.models.channel import expand_references
from minicon.models.url import Url, is_url
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.api.services import Services
    from minicon.envs.input_text import InputText
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
            if not found and name != "main":  # as of locks: what is in no group
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
        services: Settings and network.
        files: Their paths or URLs.
        environment: Which environment of a ``pixi.lock`` is meant.

    Raises:
        SpecError: One cannot be read.
        ChannelError: One cannot be downloaded.
        UsageError: A lock or an explicit list is combined with other files; or an environment was
            named and no file can hold several.
    """
    if not files and environment is None:
        return FileContents()
    from minicon.envs.environment_file import parse_environment
    from minicon.envs.locks.lock_files import parse_lock

    platform = services.settings.platform
    texts = [input_text(services, os.fspath(file)) for file in files]
    found = (parse_lock(text, platform=platform, environment=environment) for text in texts)
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
    read = [(file, parse_environment(file, platform=platform)) for file in texts]
    for file, spec in read:
        for note in _notes(spec, file.source):
            services.reporter.warn(note)
    explicit = tuple(entry for _, spec in read for entry in spec.explicit)
    specs = tuple(
        (file.folder.absolute(), _with_whole_prefix(spec, services))
        for file, spec in read
        if not spec.explicit
    )
    if explicit and specs:
        refuse_mixed("an explicit list", "other files")
    return FileContents(environments=specs, explicit=explicit)


def _notes(spec: EnvironmentSpec, source: str) -> Iterator[str]:
    """Yield what a file has that is without effect, and what it lacks."""
    from minicon.models.environment_files.environment_spec import KEYS
    from minicon.models.near_names import near_names

    for key in spec.ignored:
        near = near_names(key, KEYS)
        better = f"; did you mean {near[0]!r}?" if near else ""
        yield f"unknown key {key!r} in {source} is ignored{better}"
    if not spec.has_dependencies_key:
        yield f"{source} has no 'dependencies:'"


def read_one_environment(services: Services, file: str) -> tuple[Path, EnvironmentSpec]:
    """Read an environment file or list by path or URL; return the base of its paths, and it.

    Raises:
        SpecError, ChannelError: As :func:`read_files`.
    """
    from minicon.envs.environment_file import parse_environment

    found = input_text(services, file)
    return found.folder.absolute(), parse_environment(found, platform=services.settings.platform)


def input_text(services: Services, file: str) -> InputText:
    """Read the text of a file by path or URL.

    Raises:
        SpecError: It cannot be read.
        ChannelError: It cannot be downloaded.
    """
    from minicon.envs.input_text import read_input_text

    url = Url(file) if is_url(file) else None
    if url is not None and url.file_path is None:
        return _downloaded(services, url)
    return read_input_text(local_path(file))


def local_path(file: str) -> Path:
    """The path of a file that a user named by path or ``file:`` URL.

    Raises:
        UsageError: It is on a server, or its path is invalid.
    """
    path = Url(file).file_path if is_url(file) else file
    if path is None:
        raise UsageError(
            "file-on-server",
            f"{redact(file)} is on a server, and a lock names its files by path",
            hint="download it first",
        )
    return typed_path(path)


def _downloaded(services: Services, url: Url) -> InputText:
    """Download a file; relative paths in it are those of the working directory."""
    from minicon.envs.input_text import MAX_BYTES, decoded_input
    from minicon.net.client.http_errors import status_error

    public = str(url.without_credentials)
    if url.credentials:
        services.fetcher.credentials.add(public, url.credentials)
    with services.fetcher.open(public) as response:
        if response.status != 200:
            raise status_error(public, response.status, hint="check the URL of the file")
        data = response.read(MAX_BYTES)
    return decoded_input(data, name=url.name, source=public, folder=Path())


def _with_whole_prefix(spec: EnvironmentSpec, services: Services) -> EnvironmentSpec:
    """Replace ``~`` and environment variables in the prefix of a file (CEP 24)."""
    if spec.prefix is None:
        return spec
    (prefix,) = expand_references([spec.prefix], services.environ)
    return replace(spec, prefix=os.path.expanduser(prefix))


def default_environment_file() -> str:
    """The environment file in the working directory: ``environment.yml``, else ``.yaml``."""
    first, *_ = names = ("environment.yml", "environment.yaml")
    return next((name for name in names if os.path.isfile(name)), first)


def channel_in(folder: Path, text: str) -> str:
    """Return a channel of a file; a relative path is relative to the file."""
    is_relative = re.match(r"\.{1,2}(?:[/\\]|$)", text) is not None
    return os.path.normpath(folder / text) if is_relative else text


def refuse_mixed(what: str, others: str) -> None:
    """Raise the error for files that name every package, combined with other requests."""
    raise UsageError(
        "mixed-files",
        f"{what} cannot be mixed with {others}",
        hint=f"{what} names every package already; use it alone",
    )
