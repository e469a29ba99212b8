"""Verify the files of an environment against its records, and plan the repair."""

from __future__ import annotations

import os
import stat

from minicon.constants import CONDA_META
from minicon.fs.hashing import ListedContent
from minicon.lean_dataclasses import dataclass
from minicon.models.package_files import PathType
from minicon.prefix.plan.clobber import path_in_prefix, read_shadows
from minicon.prefix.plan.transaction import make_transaction
from minicon.solver.request import Solution
from minicon.solver.result.dependencies import in_link_order

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from minicon.models.package_files import PathsEntry
    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord
    from minicon.prefix.environment.prefix import Prefix
    from minicon.prefix.plan.transaction import Transaction


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference from a record.

    Attributes:
        package: Name of the package; empty for a record that cannot be read.
        path: Relative to the prefix.
        kind: ``missing``, ``changed``, ``not-a-file``, ``corrupt-record`` or
            ``duplicate-record``.
    """

    package: str
    path: str
    kind: str

    def __str__(self) -> str:
        owner = f" ({self.package})" if self.package else ""
        return f"{self.path}{owner}: {self.kind.replace('-', ' ')}"


def verify_prefix(prefix: Prefix, *, hashes: bool = True) -> tuple[Problem, ...]:
    """Compare every file of an environment with the records of its packages.

    Args:
        prefix: The environment.
        hashes: Whether to read every file (about 1 s per GB); else only sizes are compared.

    Returns:
        Problems by package and path. A file of several packages is correct if it matches one of
        their records; files that lost to another package's are compared where they are kept.
    """
    problems = [
        Problem("", os.path.relpath(path, prefix.path), "corrupt-record")
        for path in prefix.broken_records()
    ]
    problems += [
        Problem(each.name, f"{CONDA_META}/{each.file_name}", "duplicate-record")
        for each in prefix.duplicate_records()
    ]
    records = prefix.readable_records()
    shadows = read_shadows(prefix.path)
    shared = _claimed_twice(records)
    fitting: set[str] = set()
    doubtful: list[Problem] = []
    for record in records:
        lost = shadows.get(record.record.dist_name, ())
        for problem, path in _check_record(prefix, record, shadows, hashes=hashes):
            if path not in shared or path in lost:
                problems += [problem] if problem else []
            elif problem is None:
                fitting.add(path)
            else:
                doubtful.append(problem)
    problems += [problem for problem in doubtful if problem.path not in fitting]
    return tuple(sorted(problems, key=lambda problem: (problem.package, problem.path)))


def make_repair(
    prefix: Prefix,
    problems: Sequence[Problem],
    *,
    platform: str,
    lost: Sequence[RepodataRecord] = (),
) -> Transaction:
    """Compute the transaction that repairs an environment from the same packages.

    Args:
        prefix: The environment.
        problems: From :func:`verify_prefix`.
        platform: Its subdir.
        lost: Packages whose records cannot be read, as far as they were found; and replacements
            of packages that are no longer available.

    Changed files are kept beside those that replace them.
    """
    installed = prefix.readable_records()
    records = {record.name: record.record for record in installed}
    records.update({record.name: record for record in lost})
    requested = {r.name: r.requested_specs for r in installed if r.requested_specs}
    return make_transaction(
        prefix,
        Solution(records=in_link_order(records), requested=requested),
        platform=platform,
        installed=installed,
        reinstall={problem.package for problem in problems},
    )


def _check_record(
    prefix: Prefix,
    record: PrefixRecord,
    shadows: Mapping[str, frozenset[str]],
    *,
    hashes: bool,
) -> Iterator[tuple[Problem | None, str]]:
    entries = prefix.entries_of(record)
    for path in record.files:
        actual = path_in_prefix(record.record.dist_name, path, shadows)
        kind = _check_file(f"{prefix.path}/{actual}", entries.get(path), hashes=hashes)
        yield (Problem(record.name, path, kind) if kind else None), path


def _check_file(path: str, entry: PathsEntry | None, *, hashes: bool) -> str | None:
    if entry is not None and entry.path_type == PathType.DIRECTORY:
        return None  # another package's file excludes it
    try:
        status = os.lstat(path)
    except OSError:
        return "missing"
    if entry is None or entry.path_type in PathType.VOLATILE:
        return None
    if entry.path_type == PathType.SOFTLINK:
        return None if stat.S_ISLNK(status.st_mode) else "changed"
    if stat.S_ISDIR(status.st_mode):
        return "not-a-file"
    if not os.path.exists(path):
        return "missing"  # a broken link
    size = None if entry.prefix_placeholder is not None else entry.size_in_bytes
    listed = ListedContent(size, entry.expected_sha256 if hashes else None)
    return "changed" if listed.difference_of_file(path) else None


def _claimed_twice(records: tuple[PrefixRecord, ...]) -> set[str]:
    seen: set[str] = set()
    twice: set[str] = set()
    for record in records:
        files = set(record.files)
        twice |= seen & files
        seen |= files
    return twice
