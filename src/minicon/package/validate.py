"""Compares an extracted package with what it says of its own files."""

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
    """One thing that is wrong with an extracted package.

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
    """Everything by which an extracted package differs from its own list of files.

    Costs one ``lstat`` per file, and with HASHES reading all of them.

    Args:
        directory: The extracted package.
        hashes: Also compare SHA-256, where the list has it.
        extras: Also find files that the list does not have.
        files: The list, if it was read already.

    Returns:
        No problems, for a package that is whole.
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
            Problem(path, "belongs to no package")
            for path in _payload(directory)
            if path not in known
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
        return f"is no {entry.path_type}"
    if not stat.S_ISREG(facts.st_mode):
        return None
    listed = ListedContent(entry.size_in_bytes, entry.sha256 if hashes else None)
    try:
        difference = listed.difference_of_file(path)
    except OSError as error:
        return f"cannot be read ({error.strerror})"
    return f"{difference} instead of {difference.expected}" if difference else None


def _payload(directory: Path) -> Iterator[str]:
    """Paths of files and links outside ``info/``."""
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
