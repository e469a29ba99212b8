"""Origins: where a distribution came from if not from an index, and what was requested of pip.

Both are in its ``dist-info`` directory: ``direct_url.json`` (PEP 610) names a directory, a file or
a repository, and ``REQUESTED`` (PEP 376) marks what the user named. Another project of the same
name is never a newer version of what has an origin.
"""

from __future__ import annotations

import os

from minicon.constants import PYPI_PREFIX
from minicon.errors import MiniconError, SpecError
from minicon.fs.plain_file import read_followed
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.strict_json import check_shape, read_json
from minicon.models.url import Url
from minicon.pypi.urls import without_credentials
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.models.environment_files.pip_requirement import PipRequirement
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.prefix.environment.prefix import Prefix

_DIRECT_URL, _REQUESTED = ".dist-info/direct_url.json", ".dist-info/REQUESTED"
_SHAPE = {
    "url": str,
    "subdirectory": (str, None),
    "dir_info": ({"editable": (bool, None)}, None),
    "vcs_info": ({"vcs": str, "commit_id": str, "requested_revision": (str, None)}, None),
    "archive_info": ({"hashes": ({...: str}, None)}, None),
}
#: Files that make a directory a Python project, and change how it is installed.
BUILD_FILES = ("pyproject.toml", "setup.py", "setup.cfg")
#: Directories of a project that are no part of its source, besides hidden ones.
_NO_SOURCE = frozenset({"build", "dist", "node_modules", "__pycache__"})


@dataclass(frozen=True, slots=True, kw_only=True)
class Origin:
    """The directory, file or repository that a distribution was installed from.

    Attributes:
        name: The package's name.
        url: URL of the directory, file or repository, without credentials.
        is_editable: Whether it was installed in editable mode (PEP 660).
        vcs: ``git``, ``hg``, ``svn`` or ``bzr``; empty if it is no repository.
        commit: The installed commit of the repository.
        revision: The branch, tag or commit that was requested, or an empty text.
        subdirectory: The project's directory in a repository or an archive, or an empty text.
        sha256: Hash of the file, or an empty text.
        installed_at: Time of the installation, in nanoseconds since 1970.
    """

    name: str
    url: str
    is_editable: bool = False
    vcs: str = ""
    commit: str = ""
    revision: str = ""
    subdirectory: str = ""
    sha256: str = ""
    installed_at: int = 0

    @property
    def path(self) -> str:
        """The directory or file, or an empty text if it is not on this machine."""
        try:
            return "" if self.vcs else Url(self.url).file_path or ""
        except MiniconError:
            return ""

    @property
    def requirement(self) -> str:
        """A line for pip that installs exactly what is installed, as far as that is possible."""
        return self._line(self.commit, self.sha256)

    @property
    def source(self) -> str:
        """A line for pip that installs the present content of the origin."""
        return self._line(self.revision)

    @property
    def location(self) -> str:
        """The URL as a requirement names it: ``git+`` and ``@REVISION`` included."""
        return self._location(self.revision)

    def _location(self, revision: str) -> str:
        url = f"{self.vcs}+{self.url}" if self.vcs else self.url
        return f"{url}@{revision}" if self.vcs and revision else url

    def _line(self, revision: str, sha256: str = "") -> str:
        if self.is_editable:
            return f"-e {self.path}"
        url = self._location(revision)
        fragment = {"sha256": sha256, "subdirectory": self.subdirectory}
        marks = "&".join(f"{key}={value}" for key, value in fragment.items() if value)
        return f"{self.name} @ {url}#{marks}" if marks else f"{self.name} @ {url}"

    def is_of(self, requirement: PipRequirement) -> bool:
        """Whether a requirement names the same directory, file, or revision of a repository."""
        if requirement.is_editable != self.is_editable or not requirement.location:
            return False
        if self.vcs:
            url = f"{self.vcs}+{self.url}"
            found = (f"{url}@{each}" if each else url for each in (self.revision, self.commit))
            return requirement.location in map(without_credentials, found)
        return os.path.realpath(_local(requirement.location)) == os.path.realpath(_local(self.url))

    def has_changed(self) -> bool:
        """Whether the source on this machine was modified after the installation.

        Of an editable project only the files that describe its build count: the rest is in use as
        it is. Costs one ``stat`` per file of the source.
        """
        if not self.path:
            return False
        if self.is_editable:
            found: Iterable[str] = (os.path.join(self.path, name) for name in BUILD_FILES)
        else:
            found = _source_files(self.path)
        return any(_modified(path) > self.installed_at for path in found)


def read_origin(prefix: Path, installed: PrefixRecord) -> Origin | None:
    """Return where a distribution came from; None if it came from an index or a channel."""
    if installed.record.source != "pypi":
        return None
    file = next((path for path in installed.files if path.endswith(_DIRECT_URL)), None)
    if file is None:
        return None
    try:
        data: Any = read_json(read_followed(prefix / file))
        data = {"url": data} if isinstance(data, str) else data
        check_shape(data, _SHAPE)
        installed_at = (prefix / file).stat().st_mtime_ns
    except (OSError, ValueError):
        return None
    vcs = data.get("vcs_info") or {}
    return Origin(
        name=installed.name,
        url=_public(data["url"]),
        is_editable=bool((data.get("dir_info") or {}).get("editable")),
        vcs=vcs.get("vcs") or "",
        commit=vcs.get("commit_id") or "",
        revision=vcs.get("requested_revision") or "",
        subdirectory=data.get("subdirectory") or "",
        sha256=((data.get("archive_info") or {}).get("hashes") or {}).get("sha256") or "",
        installed_at=installed_at,
    )


def read_origins(prefix: Path, records: Iterable[PrefixRecord]) -> dict[str, Origin]:
    """Return the origins of those packages that have one, by package name."""
    found = {record.name: read_origin(prefix, record) for record in records}
    return {name: origin for name, origin in found.items() if origin is not None}


def requested_specs(
    prefix: Prefix, records: Iterable[PrefixRecord], recorded: Mapping[str, str]
) -> dict[str, str]:
    """Return the specs that still apply, by package name: those of the history, and pip's.

    What has an origin is requested by it. Other distributions that the user installed with pip are
    requested in their version, unless they have a record and the history names them.

    Args:
        prefix: The environment.
        records: Its packages, see :func:`.site_packages.installed_packages`.
        recorded: Those of the history, see :meth:`.Prefix.requested_specs`.
    """
    found = dict(recorded)
    file_names = {path.name for path in prefix.record_paths()}
    for each in records:
        if each.record.source != "pypi" or not any(f.endswith(_REQUESTED) for f in each.files):
            continue
        origin = read_origin(prefix.path, each)
        if origin is not None:
            found[each.name] = f"{PYPI_PREFIX}{origin.requirement}"
        elif each.record.is_installed_by_pip and not (
            each.file_name in file_names and _is_met(found.get(each.name), each.record)
        ):
            found[each.name] = f"{PYPI_PREFIX}{each.name}=={each.record.version}"
    return found


def _is_met(text: str | None, record: RepodataRecord) -> bool:
    if text is None:
        return False
    try:
        return MatchSpec(text.removeprefix(PYPI_PREFIX)).matches(record)
    except SpecError:
        return True  # only pip can read it


def _public(url: str) -> str:
    """Return a URL without secrets; the user of ``ssh`` is none, and is needed."""
    host = url.partition("://")[2].partition("/")[0]
    return url if url.startswith("ssh://") and ":" not in host else without_secrets(url)


def _local(url: str) -> str:
    """Return the path of a ``file:`` URL, and other URLs as they are."""
    try:
        return Url(url).file_path or url
    except MiniconError:
        return url


def _source_files(path: str) -> Iterable[str]:
    if os.path.isfile(path):
        yield path
    for folder, folders, files in os.walk(path):
        folders[:] = [
            name
            for name in folders
            if name[0] != "." and name not in _NO_SOURCE and not name.endswith(".egg-info")
        ]
        yield from (os.path.join(folder, name) for name in files)


def _modified(path: str) -> int:
    try:
        return os.stat(path).st_mtime_ns
    except OSError:
        return 0
