"""Status: has an environment drifted from its records, from what was asked for, from its file?

Only names, sizes and times are looked at; a file is read only if it was written to after its
record, which in an environment that nobody touched is none. So it costs one ``lstat`` per file;
bytecode, which Python makes anew as it likes, is left out.
"""

from __future__ import annotations

import os
from collections import Counter

from minicon.api.inspect.comparing import compare_with_spec
from minicon.api.inspect.pip_changes import find_pip_changes
from minicon.errors import SpecError
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_files import PathType
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.generations.metadata import read_generation_metadata

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

    from minicon.api.inspect.comparing import Mismatch
    from minicon.api.inspect.pip_changes import PipChanges
    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

#: Files that are written anew in the course of use.
_LIVELY = (PathType.PYC_FILE, PathType.DIRECTORY, PathType.SOFTLINK)


@dataclass(frozen=True, slots=True, kw_only=True)
class Status:
    """The state of an environment beside what it should be.

    Attributes:
        path: The environment.
        revision: Number of its generation; 0 if another tool made it.
        packages: How many packages there are.
        frozen: Why it must not be changed, or None.
        broken_records: Record files that cannot be read.
        missing: Files that are gone, with their package.
        changed: Files that hold something else, with their package.
        pip: What pip did by hand.
        unmet_requests: What was asked for and is not so.
        broken_pins: Pins that a package breaks.
        file: Entries of the environment file that are not met; None without a file.
        extra: What was asked for and is not in the file.
        variables: Variables of the file that are not set so.
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

    @property
    def has_drifted(self) -> bool:
        """Whether anything is not as it should be."""
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
        )

    def to_json(self) -> dict[str, Any]:
        """All of it as an object."""
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
        }


def environment_status(
    path: Path,
    *,
    file: EnvironmentSpec | None = None,
    folder: Path | None = None,
    environ: Mapping[str, str] | None = None,
) -> Status:
    """Find out how far an environment has drifted.

    Args:
        path: The environment.
        file: What it should hold.
        folder: What paths in the file are relative to.
        environ: For variables in the file's ``pip:`` lines.

    Raises:
        NotAnEnvironment: It is none.
        SpecError: The file's ``pip:`` lines cannot be read.
    """
    prefix = Prefix(path).require()
    pip = find_pip_changes(prefix)
    untrue = pip.untrue_names
    recorded = [record for record in prefix.readable_records() if record.name not in untrue]
    there = [*recorded, *pip.by_hand]
    by_name = {record.name: record.record for record in there}
    requested = prefix.requested_specs()
    missing, changed = _check_files(prefix, recorded)
    return Status(
        path=prefix.path,
        revision=read_generation_metadata(prefix.path).number,
        packages=len(there),
        frozen=prefix.frozen_message(),
        broken_records=tuple(broken.name for broken in prefix.broken_records()),
        missing=tuple(missing),
        changed=tuple(changed),
        pip=pip,
        unmet_requests=tuple(_unmet(requested.values(), by_name, must_be_there=True)),
        broken_pins=tuple(_unmet(prefix.pinned_specs(), by_name, must_be_there=False)),
        file=None
        if file is None
        else compare_with_spec(there, file, folder=folder or path, environ=environ or {}),
        extra=() if file is None else tuple(_extra(requested, file)),
        variables=() if file is None else tuple(_variables(prefix, file)),
    )


def _check_files(
    prefix: Prefix, records: list[PrefixRecord]
) -> tuple[list[tuple[str, str]], list[tuple[str, str]]]:
    """Missing and changed files, each with its package.

    What several packages claim counts as changed for none of them.
    """
    missing, changed = [], []
    claims = Counter(path for record in records for path in record.files)
    for record in records:
        since = _modified(f"{prefix.path}/conda-meta/{record.file_name}") or 0
        suspects = []
        for path in record.files:
            if path.endswith(".pyc"):
                continue  # Python makes them anew as it likes
            moment = _modified(f"{prefix.path}/{path}")
            if moment is None:
                missing.append((path, record.name))
            elif moment > since and claims[path] == 1:
                suspects.append(path)
        if suspects:
            changed += [(path, record.name) for path in _changed(prefix, record, suspects, since)]
    return missing, changed


def _changed(
    prefix: Prefix, record: PrefixRecord, suspects: list[str], since: int
) -> Iterator[str]:
    """Those of some files whose content is not what the record says; these are read."""
    from minicon.prefix.link.carry_over import is_modified
    from minicon.prefix.repair import entries_by_file

    entries = entries_by_file(prefix, record)
    for path in suspects:
        entry = entries.get(path)
        if entry is None or entry.path_type in _LIVELY:
            continue
        if is_modified(f"{prefix.path}/{path}", entry, since):
            yield path


def _modified(path: str) -> int | None:
    try:
        return os.lstat(path).st_mtime_ns
    except OSError:
        return None


def _unmet(
    specs: Any, there: Mapping[str, RepodataRecord], *, must_be_there: bool
) -> Iterator[Mismatch]:
    from minicon.api.inspect.comparing import Mismatch

    for text in specs:
        try:
            spec = MatchSpec(text.removeprefix("pypi:"))
        except SpecError:
            continue  # a requirement of pip's own kind
        found = there.get(spec.exact_name or "")
        if found is None and not must_be_there:
            continue
        if found is None or not spec.matches(found):
            yield Mismatch(spec.exact_name or text, text, found)


def _extra(requested: Mapping[str, str], file: EnvironmentSpec) -> Iterator[str]:
    """Packages that were asked for by name, and that the file does not name."""
    from minicon.prefix.environment.history import spec_name

    entries = (*file.dependencies, *file.pip, *(entry.fn for entry in file.explicit))
    named = {spec_name(text.removeprefix("pypi:")) for text in entries}
    named |= {entry.fn.rsplit("-", 2)[0] for entry in file.explicit}
    yield from (name for name in requested if name not in named)


def _variables(prefix: Prefix, file: EnvironmentSpec) -> Iterator[str]:
    there = prefix.environment_variables()
    for name, value in file.variables.items():
        if there.get(name) != value:
            yield f"{name}={value}" + (f" (is {there[name]})" if name in there else " (not set)")
