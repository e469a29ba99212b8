"""Prefix: one environment on disk, to be read. :mod:`minicon.prefix.executor` changes it."""

from __future__ import annotations

import contextlib
import os
from functools import cached_property
from pathlib import Path

from minicon.constants import CONDA_META, FROZEN, HISTORY, LATEST_TIME, PINNED, STATE
from minicon.errors import NotAnEnvironment, PrefixError, SpecError
from minicon.fs.plain_file import plain_opener, read_followed
from minicon.fs.safe_path import has_reserved_path
from minicon.models.prefix_record import PrefixRecord
from minicon.models.strict_json import read_json
from minicon.prefix.environment.history import Revision, parse_history, requested_specs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence
    from typing import Any

    from minicon.prefix.plan.noarch_python import PythonLayout

#: A value of conda's state file that means "not set, and do not export".
UNSET = "***unset***"
#: How often to begin anew when the environment is switched while it is read.
_READ_ATTEMPTS = 20

#: What no list of paths below a folder has in it; each path stands between two line ends.
_OUTWARD = ("\n/", "\n..", "/..", "\n\n", "\0")


class Prefix:
    """One environment, as the files below its path describe it (CEP 32).

    Nothing is cached but the records, which are read once per object: make a new object to
    see a change.

    Args:
        path: The environment's folder; it need not exist yet.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(os.path.expanduser(path)))

    @property
    def is_environment(self) -> bool:
        """Whether it has ``conda-meta/history``, which makes a folder an environment."""
        return (self.path / HISTORY).is_file()

    def require(self) -> Prefix:
        """This prefix, if it is an environment.

        Raises:
            NotAnEnvironment: It is not.
        """
        if not self.is_environment:
            what = "is not an environment" if self.path.exists() else "does not exist"
            raise NotAnEnvironment(
                "not-an-environment",
                f"{self.path} {what}",
                hint="minicon env list shows the environments; minicon create makes one",
            )
        return self

    @cached_property
    def _read(self) -> tuple[tuple[PrefixRecord, ...], tuple[Path, ...]]:
        for _ in range(_READ_ATTEMPTS):
            with contextlib.suppress(FileNotFoundError):
                return self._read_once()
        return (), ()

    def _read_once(self) -> tuple[tuple[PrefixRecord, ...], tuple[Path, ...]]:
        """All records of one generation.

        They are read through the open folder, and count only if it still is the environment's
        in the end: another process may have switched it, and be removing the old generation.

        Raises:
            FileNotFoundError: There is no such folder, or it was switched meanwhile.
        """
        records, broken = [], []
        with _opened_folder(self.path / CONDA_META) as folder:
            for name in _record_names(os.listdir(folder)):
                record = _read_record(name, folder)
                if record is None:
                    broken.append(self.path / CONDA_META / name)
                else:
                    records.append(record)
            if not os.path.samestat(os.stat(folder), os.stat(self.path / CONDA_META)):
                raise FileNotFoundError(self.path)
        records.sort(key=lambda record: record.name)
        return tuple(records), tuple(broken)

    def record_paths(self) -> Iterator[Path]:
        """The files of ``conda-meta`` that describe a package, sorted by name."""
        try:
            names = os.listdir(self.path / CONDA_META)
        except (FileNotFoundError, NotADirectoryError):
            return
        for name in _record_names(names):
            yield self.path / CONDA_META / name

    def records(self) -> tuple[PrefixRecord, ...]:
        """Every package of ``conda-meta``, whichever tool linked it, sorted by name.

        Raises:
            PrefixError: Records that are cut or foreign, named; see :meth:`broken_records`.
        """
        records, broken = self._read
        if broken:
            names = ", ".join(path.name for path in broken[:3])
            raise PrefixError(
                "corrupt-record",
                f"{len(broken)} record(s) in {self.path / CONDA_META} cannot be read: {names}",
                hint=f"minicon doctor --fix -p {self.path}",
            )
        return records

    def readable_records(self) -> tuple[PrefixRecord, ...]:
        """As :meth:`records`, leaving out what cannot be read instead of raising."""
        return self._read[0]

    def broken_records(self) -> tuple[Path, ...]:
        """Files of ``conda-meta`` that should be records and cannot be read."""
        return self._read[1]

    def record(self, name: str) -> PrefixRecord | None:
        """The package of that name, or None."""
        return next((r for r in self.readable_records() if r.name == name), None)

    def owned_files(self) -> frozenset[str]:
        """Every path that some package owns, relative to the prefix."""
        return frozenset(path for record in self.readable_records() for path in record.files)

    @property
    def subdir(self) -> str | None:
        """Platform of its packages, or None if all are noarch."""
        subdirs = (record.record.subdir for record in self.readable_records())
        return next((s for s in subdirs if s not in ("noarch", "")), None)

    @property
    def python_layout(self) -> PythonLayout | None:
        """Where its python keeps things, or None without a python."""
        from minicon.prefix.plan.noarch_python import PythonLayout

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
        """Folder of its python's packages, or None without a python."""
        layout = self.python_layout
        return self.path / layout.site_packages if layout else None

    def revisions(self) -> tuple[Revision, ...]:
        """The blocks of its history."""
        return parse_history(self._text(HISTORY) or "")

    def requested_specs(self) -> dict[str, str]:
        """What the user asked for and still holds, by package name."""
        names = {record.name for record in self.readable_records()}
        return requested_specs(self.revisions(), names)

    def pinned_specs(self) -> tuple[str, ...]:
        """Lines of ``conda-meta/pinned``: limits that hold for packages if they are there."""
        lines = (line.partition("#")[0].strip() for line in (self._text(PINNED) or "").splitlines())
        return tuple(line for line in lines if line)

    def frozen_message(self) -> str | None:
        """Why the environment must not be changed (CEP 22); None if it may be."""
        text = self._text(FROZEN)
        if text is None:
            return None
        try:
            message = read_json(text or "{}").get("message")
        except (ValueError, AttributeError):
            message = None
        return str(message) if message else "the environment is frozen"

    def environment_variables(self) -> dict[str, str]:
        """Variables that activation sets: ``etc/conda/env_vars.d``, then conda's state file.

        ``PATH`` is left out, as are values marked unset.
        """
        variables: dict[str, Any] = {}
        folder = self.path / "etc" / "conda" / "env_vars.d"
        for path in sorted(folder.glob("*.json")) if folder.is_dir() else ():
            variables.update(_json_object(path))
        variables.update(self.state_variables())
        return {
            key: str(value)
            for key, value in variables.items()
            if key.upper() != "PATH" and value != UNSET
        }

    def state_variables(self) -> dict[str, str]:
        """``env_vars`` of conda's state file as they stand, unset marks included."""
        variables = _json_object(self.path / STATE).get("env_vars")
        return dict(variables) if isinstance(variables, dict) else {}

    @property
    def created_at(self) -> float | None:
        """Seconds since 1970 when it was made, or None where no tool wrote it down."""
        try:
            seconds = float(self._text(f"{CONDA_META}/created_at") or "")
        except ValueError:
            return None
        return seconds if 0 <= seconds <= LATEST_TIME else None

    @property
    def last_modified(self) -> float | None:
        """Seconds since 1970 of the last change to its packages, or None."""
        try:
            return (self.path / HISTORY).stat().st_mtime
        except OSError:
            return None

    @property
    def is_writable(self) -> bool:
        """Whether this user may change it."""
        return os.access(self.path / HISTORY, os.W_OK) and os.access(self.path, os.W_OK | os.X_OK)

    def _text(self, relative: str) -> str | None:
        try:
            return read_followed(self.path / relative).decode(errors="replace")
        except (FileNotFoundError, NotADirectoryError, PermissionError):
            return None

    def __fspath__(self) -> str:
        return str(self.path)

    def __repr__(self) -> str:
        return f"Prefix({str(self.path)!r})"


@contextlib.contextmanager
def _opened_folder(path: Path) -> Iterator[int | str]:
    """A descriptor of a folder; its path where the system has no such (Windows)."""
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


def _read_record(name: str, folder: int | str) -> PrefixRecord | None:
    """A record; None for a file that is cut, foreign or forbidden to this user."""

    def opener(path: str, flags: int) -> int:
        if isinstance(folder, str):
            return plain_opener(os.path.join(folder, path), flags)
        return plain_opener(path, flags, folder)

    try:
        with open(name, "rb", opener=opener) as file:
            data = read_json(file.read())
        record = PrefixRecord.from_json(data)
        _require_own_paths(record.files)
    except (PermissionError, ValueError, KeyError, TypeError, AttributeError, SpecError):
        return None
    is_whole = all(isinstance(data.get(key), str) for key in ("name", "version"))
    return record if is_whole else None


def _require_own_paths(paths: Sequence[str]) -> None:
    """Raise ValueError for a record that claims what lies outside of the prefix, or is minicon's.

    Others write records too, and what a record claims is compared, kept and restored. All paths
    are looked at at once, which costs a fifth of what reading them does.
    """
    text = "\n".join(("", *paths, ""))
    if any(part in text for part in _OUTWARD):
        for path in paths:
            if path[:1] in ("", "/") or ".." in path.split("/") or "\0" in path:
                raise ValueError(path)
    if has_reserved_path(paths):
        raise ValueError("a place of minicon's own")


def _json_object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(read_followed(path))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}
