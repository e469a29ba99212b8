"""Prefix: one environment on disk, read-only. :mod:`minicon.prefix.executor` changes it."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path

from minicon.constants import CONDA_META, FROZEN, HISTORY, LATEST_TIME, PINNED, STATE
from minicon.counted import counted
from minicon.errors import NotAnEnvironment, PrefixError, SpecError
from minicon.fs.plain_file import decode_text, plain_opener, read_followed
from minicon.fs.safe_path import has_reserved_path
from minicon.models.strict_json import read_json
from minicon.prefix.environment.prefix_location import is_environment
from minicon.prefix.environment.python_layout import PythonLayout

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence
    from typing import Any

    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.history import Revision

#: A value in conda's state file that means "unset, and do not export".
UNSET = "***unset***"
#: How often to retry when the environment is switched while it is read.
_READ_ATTEMPTS = 20

#: Parts of paths that may leave the prefix, in a text with one path per line.
_LEAVING = ("\n/", "\n..", "/..", "\n\n", "\0")


class Prefix:
    """One environment, as the files below its path describe it (CEP 32).

    Only the records, and what follows from them, are cached, per object: create a new object to
    see a change.

    Args:
        path: The environment's directory; it need not exist yet.
        with_paths: False if nothing needs the records' entries of files, which are most of them:
            they may be missing, and are not checked.
    """

    def __init__(self, path: str | os.PathLike[str], *, with_paths: bool = True) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(path)))
        self._with_paths = with_paths

    @property
    def is_environment(self) -> bool:
        """See :func:`minicon.prefix.environment.prefix_location.is_environment`."""
        return is_environment(self.path)

    def require(self) -> Prefix:
        """Return this prefix if it is an environment.

        Raises:
            NotAnEnvironment: Otherwise.
        """
        if not self.is_environment:
            what = "is not an environment" if self.path.exists() else "does not exist"
            raise NotAnEnvironment(
                "not-an-environment",
                f"{self.path} {what}",
                hint="minicon env list shows the environments; minicon create creates one",
            ).with_facts(location=str(self.path))
        return self

    @cached_property
    def _read(self) -> tuple[tuple[PrefixRecord, ...], tuple[Path, ...]]:
        """All records that can be read, sorted by name, and the paths of the others."""
        for _ in range(_READ_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return self._read_once()
        return (), ()

    def _read_once(self) -> tuple[tuple[PrefixRecord, ...], tuple[Path, ...]]:
        """Read all records of one generation.

        They are read through the open directory, and used only if that is still the environment's
        in the end: another process may have switched it, and be removing the old generation.

        Raises:
            FileNotFoundError: The directory is missing, or was switched meanwhile.
        """
        records, broken = [], []
        with _open_directory(self.path / CONDA_META) as folder:
            for name in _record_names(os.listdir(folder)):
                record = _read_record(name, folder, with_paths=self._with_paths)
                if record is None:
                    broken.append(self.path / CONDA_META / name)
                else:
                    records.append(record)
            if not os.path.samestat(os.stat(folder), os.stat(self.path / CONDA_META)):
                raise FileNotFoundError(self.path)
        records.sort(key=lambda record: record.name)
        return tuple(records), tuple(broken)

    def record_paths(self) -> Iterator[Path]:
        """Paths of the records in ``conda-meta``, sorted by name."""
        try:
            names = os.listdir(self.path / CONDA_META)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in _record_names(names):
            yield self.path / CONDA_META / name

    def records(self) -> tuple[PrefixRecord, ...]:
        """All packages in ``conda-meta``, linked by whatever tool, sorted by name.

        Raises:
            PrefixError: ``corrupt-record``, with their names; see :meth:`broken_records`.
        """
        broken = self.broken_records()
        if broken:
            import shlex

            names = ", ".join(path.name for path in broken[:3])
            raise PrefixError(
                "corrupt-record",
                f"{counted(len(broken), 'unreadable record')} in {self.path / CONDA_META}: {names}",
                hint=f"minicon doctor --fix -p {shlex.quote(str(self.path))}",
            )
        return self.readable_records()

    def readable_records(self) -> tuple[PrefixRecord, ...]:
        """As :meth:`records`, without the unreadable ones; does not raise."""
        return self._by_name[0]

    def duplicate_records(self) -> tuple[PrefixRecord, ...]:
        """Records of packages that have a newer record too: no tool leaves these on purpose."""
        return self._by_name[1]

    @cached_property
    def _by_name(self) -> tuple[tuple[PrefixRecord, ...], tuple[PrefixRecord, ...]]:
        """One record for each name, the newest, and all others."""
        records = self._read[0]
        if len({record.name for record in records}) == len(records):
            return records, ()
        newest = {record.name: record for record in sorted(records, key=self._written_at)}
        kept = tuple(record for record in records if record is newest[record.name])
        return kept, tuple(record for record in records if record is not newest[record.name])

    def _written_at(self, record: PrefixRecord) -> int:
        try:
            return (self.path / CONDA_META / record.file_name).stat().st_mtime_ns
        except OSError:
            return 0

    def broken_records(self) -> tuple[Path, ...]:
        """Paths of records that cannot be read."""
        return self._read[1]

    def record(self, name: str) -> PrefixRecord | None:
        """The package with a name, or None."""
        return self._records_by_name.get(name)

    @cached_property
    def _records_by_name(self) -> dict[str, PrefixRecord]:
        return {record.name: record for record in self.readable_records()}

    def entries_of(
        self, record: PrefixRecord, paths: Sequence[PathsEntry] | None = None
    ) -> dict[str, PathsEntry]:
        """The entries of a package of this environment by path in the prefix.

        Conda records paths in the package for noarch python: ``site-packages/x.py``.

        Args:
            record: The package.
            paths: Those of its entries that are wanted; None means all.
        """
        paths = record.paths if paths is None else paths
        entries = {entry.path: entry for entry in paths}
        installed = self.path_mapping(record)
        if installed is not str:
            entries.update({installed(entry.path): entry for entry in paths})
        return entries

    def path_mapping(self, record: PrefixRecord) -> Callable[[str], str]:
        """Return what gives the path in the prefix of a path of a record, see above."""
        layout = self.python_layout if record.record.noarch == "python" else None
        return layout.target if layout else str

    def owned_files(self) -> frozenset[str]:
        """Every path that a package owns, relative to the prefix."""
        return frozenset(path for record in self.readable_records() for path in record.files)

    @cached_property
    def subdir(self) -> str | None:
        """Platform of its packages, or None if all are noarch."""
        subdirs = (record.record.subdir for record in self.readable_records())
        return next((s for s in subdirs if s not in ("noarch", "")), None)

    @cached_property
    def python_layout(self) -> PythonLayout | None:
        """Paths of its python, or None without a python."""
        python = self.record("python")
        if python is None:
            return None
        subdir = python.record.subdir
        if subdir == "noarch":
            subdir = self.subdir or "noarch"
        return PythonLayout.from_record(python.record, subdir)

    def python_version(self) -> str | None:
        """Full version of its python, for instance ``3.11.7``, or None."""
        python = self.record("python")
        return python.record.version if python else None

    @property
    def site_packages(self) -> Path | None:
        """The site-packages directory of its python, or None without a python."""
        layout = self.python_layout
        return self.path / layout.site_packages if layout else None

    def revisions(self) -> tuple[Revision, ...]:
        """The blocks of its history."""
        from minicon.prefix.environment.history import parse_history

        return parse_history(self._text(HISTORY) or "")

    def requested_specs(self) -> dict[str, str]:
        """The user's specs that still apply, by package name."""
        from minicon.prefix.environment.history import requested_specs

        names = {record.name for record in self.readable_records()}
        return requested_specs(self.revisions(), names)

    def pinned_specs(self) -> tuple[str, ...]:
        """Specs in ``conda-meta/pinned``: constraints on packages if they are installed."""
        lines = (line.partition("#")[0].strip() for line in (self._text(PINNED) or "").splitlines())
        return tuple(line for line in lines if line)

    def frozen_message(self) -> str | None:
        """The message of a frozen environment, which must not be changed (CEP 22), or None."""
        text = self._text(FROZEN)
        if text is None:
            return None
        try:
            message = read_json(text or "{}").get("message")
        except (ValueError, AttributeError):
            message = None
        return str(message) if message else "the environment is frozen"

    def environment_variables(self, *, of_packages: bool = True) -> dict[str, str]:
        """Variables that activation sets: ``etc/conda/env_vars.d``, then conda's state file.

        ``PATH`` is left out, as are values marked unset.

        Args:
            of_packages: Whether variables that packages set are included.
        """
        variables: dict[str, Any] = {}
        owned = frozenset() if of_packages else self.owned_files()
        folder = self.path / "etc" / "conda" / "env_vars.d"
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            if path.relative_to(self.path).as_posix() not in owned:
                variables.update(_json_object(path))
        variables.update(self.state_variables())
        return {
            key: str(value)
            for key, value in variables.items()
            if key.upper() != "PATH" and value != UNSET
        }

    def state_variables(self) -> dict[str, str]:
        """``env_vars`` of conda's state file, values marked unset included."""
        variables = _json_object(self.path / STATE).get("env_vars")
        return dict(variables) if isinstance(variables, dict) else {}

    @property
    def created_at(self) -> float | None:
        """Time of its creation in seconds since 1970, or None where no tool recorded it."""
        try:
            seconds = float(self._text(f"{CONDA_META}/created_at") or "")
        except ValueError:
            return None
        return seconds if 0 <= seconds <= LATEST_TIME else None

    @property
    def last_modified(self) -> float | None:
        """Time of the last change of its packages in seconds since 1970, or None."""
        try:
            return (self.path / HISTORY).stat().st_mtime
        except OSError:
            return None

    @property
    def is_writable(self) -> bool:
        """Whether this user can change it."""
        return os.access(self.path / HISTORY, os.W_OK) and os.access(self.path, os.W_OK | os.X_OK)

    def _text(self, relative: str) -> str | None:
        try:
            return decode_text(read_followed(self.path / relative), "replace")
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Prefix({str(self.path)!r})"


@contextlib.contextmanager
def _open_directory(path: Path) -> Iterator[int | str]:
    """Open a directory; yields its descriptor, or its path on Windows."""
    if os.open not in os.supports_dir_fd:
        yield str(path)
        return
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    except NotADirectoryError as error:
        raise FileNotFoundError(path) from error
    try:
        yield descriptor
    finally:
        os.close(descriptor)


def _record_names(names: Iterable[str]) -> list[str]:
    return sorted(n for n in names if n.endswith(".json") and not n.startswith("."))


def _read_record(name: str, folder: int | str, *, with_paths: bool) -> PrefixRecord | None:
    """Read a record; None for a file that is truncated, invalid or not readable."""
    from minicon.models.prefix_record import PrefixRecord

    def opener(path: str, flags: int) -> int:
        if isinstance(folder, str):
            return plain_opener(os.path.join(folder, path), flags)
        return plain_opener(path, flags, folder)

    try:
        with open(name, "rb", opener=opener) as file:
            record = PrefixRecord.from_bytes(file.read(), with_paths=with_paths)
        _require_own_paths(record.files)
    except (PermissionError, ValueError, KeyError, TypeError, AttributeError, SpecError):
        return None
    data = record.record.data
    return record if all(isinstance(data.get(key), str) for key in ("name", "version")) else None


def _require_own_paths(paths: Sequence[str]) -> None:
    """Raise ValueError for a record with paths outside of the prefix, or of minicon's own files.

    Other tools write records too, and files of a record are compared, kept and restored. All
    paths are checked at once, which costs a fifth of reading them.
    """
    text = "\n".join(("", *paths, ""))
    if any(part in text for part in _LEAVING):
        for path in paths:
            if path[:1] in ("", "/") or ".." in path.split("/") or "\0" in path:
                raise ValueError(path)
    if has_reserved_path(paths):
        raise ValueError("a path of minicon's own files")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(read_followed(path))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
