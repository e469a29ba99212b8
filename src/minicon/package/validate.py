"""Compare an extracted package with its own list of files."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from minicon.errors import PackageError
from minicon.fs.hashing import ListedContent
from minicon.lean_dataclasses import dataclass
from minicon.models.package_files import PathType
from minicon.package.info_files import read_package_files

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.models.package_files import PackageFiles, PathsEntry


@dataclass(frozen=True, slots=True)
class Problem:
    """One difference between an extracted package and its list.

    Attributes:
        path: Inside the package.
        text: A clause, for instance ``is missing``.
    """

    path: str
    text: str

    def __str__(self) -> str:
        return f"{self.path} {self.text}"


def verify_package(
    directory: str | Path,
    *,
    hashes: bool = True,
    extras: bool = True,
    files: PackageFiles | None = None,
) -> list[Problem]:
    """Return all differences between an extracted package and its own list of files.

    Costs one ``lstat`` per file, and with ``hashes`` reading all of them.

    Args:
        directory: The extracted package.
        hashes: Whether to compare each listed SHA-256.
        extras: Whether to report files that are not listed.
        files: The list, if it was read before.

    Returns:
        The differences; none for a complete package.
    """
    directory = Path(directory)
    try:
        listed = files if files is not None else read_package_files(directory)
    except PackageError as error:
        return [Problem("info", error.message)]
    problems = [
        Problem(entry.path, text)
        for entry in listed.paths
        if (text := _entry_problem(directory, entry, hashes)) is not None
    ]
    if extras:
        known = {entry.path for entry in listed.paths}
        problems += [
            Problem(path, "is not listed") for path in _payload(directory) if path not in known
        ]
    return problems


def _entry_problem(directory: Path, entry: PathsEntry, hashes: bool) -> str | None:
    path = f"{directory}/{entry.path}"
    try:
        facts = os.lstat(path)
    except OSError:
        return "is missing"
    kinds = {PathType.SOFTLINK: stat.S_ISLNK, PathType.DIRECTORY: stat.S_ISDIR}
    if not kinds.get(entry.path_type, stat.S_ISREG)(facts.st_mode):
        return f"is not a {entry.path_type}"
    if not stat.S_ISREG(facts.st_mode):
        return None
    listed = ListedContent(entry.size_in_bytes, entry.sha256 if hashes else None)
    try:
        difference = listed.difference_of_file(path)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return f"{difference} instead of {difference.expected}" if difference else None


def _payload(directory: Path) -> Iterator[str]:
    """Yield the paths of files and links outside ``info/``."""
    folders = [""]
    while folders:
        folder = folders.pop()
        with os.scandir(directory / folder) as entries:
            for entry in entries:
                path = f"{folder}/{entry.name}" if folder else entry.name
                if entry.is_dir(follow_symlinks=False):
                    if path != "info":
                        folders.append(path)
                else:
                    yield path
