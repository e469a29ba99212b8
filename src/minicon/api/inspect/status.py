"""Status: differences of an environment from its records, its requested specs and its file.

Costs one ``lstat`` per file: a file is read only if it was modified after its record was written.
Bytecode, which Python rewrites at any time, is left out.
"""

from __future__ import annotations

import os
from collections import Counter

from minicon.api.inspect.comparing import Mismatch, compare_with_spec, is_met
from minicon.api.inspect.pip_changes import find_pip_changes
from minicon.api.inspect.python_path import hidden_modules
from minicon.constants import PYPI_PREFIX
from minicon.lean_dataclasses import dataclass
from minicon.models.package_files import PathType
from minicon.models.package_names import normalize_pypi_name
from minicon.prefix.environment.history import spec_name
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata
from minicon.prefix.plan.clobber import path_in_prefix, read_shadows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.api.inspect.linked_python import InterpreterChange
    from minicon.api.inspect.pip_changes import PipChanges
    from minicon.api.inspect.python_path import HiddenModule
    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

#: Types of paths whose content is not compared.
_NOT_COMPARED = (PathType.PYC_FILE, PathType.DIRECTORY, PathType.SOFTLINK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The differences of an environment from what is recorded and requested.

    Attributes:
        path: The environment.
        revision: Number of its current revision; 0 if another tool made it.
        packages: Number of installed packages.
        frozen: Why it must not be changed, or None.
        broken_records: Record files that cannot be read.
        missing: Missing files, with their package.
        changed: Files with other content, with their package.
        pip: Changes by pip.
        unmet_requests: Requested specs that are not satisfied.
        broken_pins: Pins that an installed package violates.
        file: Entries of the environment file that are not satisfied; None without a file.
        extra: Requested packages that are not in the file.
        variables: Variables of the file that are not set to its value.
        hidden: Modules that ``PYTHONPATH`` hides; no difference of the environment.
        interpreter: What became of the interpreter of this machine that python links to.
    """

    path: Path
    revision: int
    packages: int
    frozen: str | None
    broken_records: tuple[str, ...]
    missing: tuple[tuple[str, str], ...]
    changed: tuple[tuple[str, str], ...]
    pip: PipChanges
    unmet_requests: tuple[Mismatch, ...]
    broken_pins: tuple[Mismatch, ...]
    file: tuple[Mismatch, ...] | None = None
    extra: tuple[str, ...] = ()
    variables: tuple[str, ...] = ()
    hidden: tuple[HiddenModule, ...] = ()
    interpreter: InterpreterChange | None = None

    @property
    def has_drifted(self) -> bool:
        """Whether there is any difference."""
        return bool(
            self.broken_records
            or self.missing
            or self.changed
            or any(self.pip.to_json().values())
            or self.unmet_requests
            or self.broken_pins
            or self.file
            or self.extra
            or self.variables
            or (self.interpreter and self.interpreter.is_problem)
        )

    def to_json(self) -> dict[str, Any]:
        """Return all attributes as a JSON object."""
        return {
            "prefix": str(self.path),
            "revision": self.revision,
            "packages": self.packages,
            "frozen": self.frozen,
            "drifted": self.has_drifted,
            "broken_records": list(self.broken_records),
            "missing": [{"path": path, "package": name} for path, name in self.missing],
            "changed": [{"path": path, "package": name} for path, name in self.changed],
            "pip": self.pip.to_json(),
            "unmet_requests": [str(each) for each in self.unmet_requests],
            "broken_pins": [str(each) for each in self.broken_pins],
            "file": None if self.file is None else [str(each) for each in self.file],
            "extra": list(self.extra),
            "variables": list(self.variables),
            "hidden_by_pythonpath": [each._asdict() for each in self.hidden],
            "interpreter": self.interpreter and self.interpreter.text,
        }


def environment_status(
    path: Path,
    *,
    file: EnvironmentSpec | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
    interpreter: InterpreterChange | None = None,
) -> Status:
    """Compare an environment with its records, its requested specs and an environment file.

    Args:
        path: The environment.
        file: The environment file, or None.
        folder: Base of relative paths in the file.
        environ: PYTHONPATH, and values of variables in the file's ``pip:`` lines.
        interpreter: Of :func:`minicon.api.inspect.linked_python.interpreter_change`.

    Raises:
        NotAnEnvironment: The path is not an environment.
        SpecError: The file's ``pip:`` lines cannot be parsed.
    """
    prefix = Prefix(path).require()
    pip = find_pip_changes(prefix)
    outdated = pip.outdated_names
    recorded = [record for record in prefix.readable_records() if record.name not in outdated]
    installed = [*recorded, *pip.installed_by_pip]
    by_name = {record.name: record.record for record in installed}
    removed = {record.name for record in pip.removed}  # reported as changes by pip
    requested = {n: text for n, text in prefix.requested_specs().items() if n not in removed}
    missing, changed = _check_files(prefix, recorded)
    return Status(
        path=prefix.path,
        revision=read_generation_metadata(prefix.path).number,
        packages=len(installed),
        frozen=prefix.frozen_message(),
        broken_records=tuple(broken.name for broken in prefix.broken_records()),
        missing=tuple(missing),
        changed=tuple(changed),
        pip=pip,
        unmet_requests=tuple(
            Mismatch(name, text, by_name.get(name))
            for name, text in requested.items()
            if not is_met(text, by_name.get(name))
        ),
        broken_pins=tuple(_broken(prefix.pinned_specs(), by_name)),
        file=None
        if file is None
        else compare_with_spec(installed, file, folder=folder or path, environ=environ or {}),
        extra=() if file is None else tuple(_extra(requested, file)),
        variables=() if file is None else tuple(_variables(prefix, file)),
        hidden=hidden_modules(prefix, installed, environ or {}),
        interpreter=interpreter,
    )


def _check_files(
    prefix: Prefix, records: list[PrefixRecord]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Return missing and changed files, each with its package.

    A path that several packages claim is never reported as changed.
    """
    missing, changed = [], []
    shadows = read_shadows(prefix.path)
    claims = Counter(path for record in records for path in record.files)
    for record in records:
        since = _modified(f"{prefix.path}/conda-meta/{record.file_name}") or 0
        suspects = []
        for path in record.files:
            if path.endswith(".pyc"):
                continue  # Python may rewrite or remove it at any time
            actual = path_in_prefix(record.record.dist_name, path, shadows)
            moment = _modified(f"{prefix.path}/{actual}")
            if moment is None:
                missing.append((path, record.name))
            elif moment > since and claims[path] == 1 and actual == path:
                suspects.append(path)
        if suspects:
            changed += [(path, record.name) for path in _changed(prefix, record, suspects, since)]
    return missing, changed


def _changed(
    prefix: Prefix, record: PrefixRecord, suspects: list[str], since: int
) -> Iterator[str]:
    """Yield those of some files whose content differs from the record, by reading them."""
    from minicon.prefix.link.carry_over import is_modified

    entries = prefix.entries_of(record)
    for path in suspects:
        entry = entries.get(path)
        if entry is None or entry.path_type in _NOT_COMPARED:
            continue
        if is_modified(f"{prefix.path}/{path}", entry, since):
            yield path


def _modified(path: str) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return None


def _broken(pins: Iterable[str], installed: Mapping[str, RepodataRecord]) -> Iterator[Mismatch]:
    for text in pins:
        name = spec_name(text) or ""
        name = name if name in installed else normalize_pypi_name(name)
        if name in installed and not is_met(text, installed[name]):
            yield Mismatch(name, text, installed[name])


def _extra(requested: Mapping[str, str], file: EnvironmentSpec) -> Iterator[str]:
    """Yield the names of requested packages that are not in the file."""
    from minicon.models.package_names import NameMap

    entries = (*file.dependencies, *(f"{PYPI_PREFIX}{line}" for line in file.pip))
    named = {spec_name(text) or "" for text in entries}
    named |= {entry.fn.rsplit("-", 2)[0] for entry in file.explicit}
    extra = [name for name in requested if name not in named]
    if extra:  # one project can have several names
        names = NameMap.built_in()
        projects = set(map(names.pypi_name, named))
        yield from (name for name in extra if names.pypi_name(name) not in projects)


def _variables(prefix: Prefix, file: EnvironmentSpec) -> Iterator[str]:
    found = prefix.environment_variables()
    for name, value in file.variables.items():
        if found.get(name) != value:
            yield f"{name}={value}" + (f" (is {found[name]})" if name in found else " (not set)")
