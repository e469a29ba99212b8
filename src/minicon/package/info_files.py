"""Read a package's list of files: paths.json and link.json, or the older formats.

Since 2017, paths are in ``info/paths.json``; noarch kind and entry points in ``info/link.json``.
Before, paths were in ``info/files``, ``info/has_prefix`` and ``info/no_link``; the rest was in
``info/package_metadata.json``, ``info/noarch.json`` or ``info/index.json``.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import Any

from minicon.archive.problems import printable, unsafe
from minicon.constants import PREFIX_PLACEHOLDER
from minicon.errors import PackageError
from minicon.fs.safe_path import are_plain, has_reserved_path, is_reserved_path, path_problem
from minicon.lazy_pattern import lazy_pattern
from minicon.models.package_files import (
    EntryPoint,
    PackageFiles,
    PathsEntry,
    PathType,
    cut_out_paths,
    parse_items,
)
from minicon.models.package_names import is_interpreter_name
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

#: The files below ``info/`` that :func:`parse_package_files` reads.
DESCRIBING_FILES = (
    "index.json",
    "paths.json",
    "link.json",
    "files",
    "has_prefix",
    "no_link",
    "package_metadata.json",
    "noarch.json",
)
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")
_HEXADECIMAL = lazy_pattern(r"[0-9a-f]*")
#: An absolute path with a name of at least three characters: shorter ones match by chance.
_PLACEHOLDER = lazy_pattern(r"(?:[A-Za-z]:)?[/\\]+[^/\\]{3}")
_PATH_TYPES = (PathType.HARDLINK, PathType.SOFTLINK, PathType.DIRECTORY)
_FILE_MODES = ("text", "binary")
_COMMAND = lazy_pattern(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,199}")
_EXTRAS = lazy_pattern(r"\s*\[[A-Za-z0-9_.,\s-]*\]\s*$")
_ENTRY_POINT_LIMIT = 400


def read_package_files(directory: str | Path) -> PackageFiles:
    """Read the list of files of an extracted package.

    Costs reading and parsing ``info/paths.json``: about 4 µs per file of the package.

    Args:
        directory: The extracted package, which contains ``info/``.

    Raises:
        PackageError: ``info/`` is missing or invalid.
        UnsafeArchive: A path or an entry point would reach outside a prefix.
    """
    directory = Path(directory)
    info: dict[str, bytes] = {}
    for name in DESCRIBING_FILES:
        content = _read_if_exists(directory / "info" / name, directory.name)
        if content is not None:
            info[name] = content
    files = parse_package_files(info, directory.name)
    if "paths.json" in info:
        return files
    for entry in files.paths:  # the older formats do not list which files are links
        if (directory / entry.path).is_symlink():
            entry.path_type = PathType.SOFTLINK
    return files


def _read_if_exists(path: Path, package: str) -> bytes | None:
    try:
        return path.read_bytes()
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise _unreadable(package, path.name, error.strerror or str(error)) from error


def parse_package_files(
    info: Mapping[str, bytes], package: str, *, paths: Sequence[PathsEntry] | None = None
) -> PackageFiles:
    """Parse a package's list of files from the files below ``info/``.

    Args:
        info: Content by name, of :data:`DESCRIBING_FILES`.
        package: Name of the package, for errors.
        paths: Result of :func:`parse_paths`, if it was called before.

    Raises:
        PackageError: Both ``paths.json`` and ``files`` are missing, or one is invalid.
        UnsafeArchive: A path or an entry point would reach outside a prefix.
    """
    index = read_json_object(info, "index.json", package)
    windows = str(index.get("subdir", "")).startswith("win-")
    if paths is None:
        paths = parse_paths(info, package)
    if windows:
        _check_paths(paths, "paths.json", package, windows=True)
    noarch, entry_points = _read_noarch(info, index, package)
    return PackageFiles(paths=tuple(paths), entry_points=tuple(entry_points), noarch=noarch)


def parse_paths(info: Mapping[str, bytes], package: str) -> list[PathsEntry]:
    """Parse only the paths, from ``paths.json`` or the older formats.

    Raises:
        PackageError: Both are missing, or one is invalid.
        UnsafeArchive: A path would reach outside a prefix, or is listed twice.
    """
    if "paths.json" in info:
        return _read_paths(info, package)
    if "files" in info:
        return _read_legacy(info, package)
    message = f"{package} has neither info/paths.json nor info/files"
    raise PackageError("incomplete-package", message, hint="report it to the channel's owner")


def read_json_object(info: Mapping[str, bytes], name: str, package: str) -> dict[str, Any]:
    """Parse a JSON object below ``info/``; empty if the file is missing. Raises PackageError."""
    if name not in info:
        return {}
    try:
        data = read_json(info[name])
    except (ValueError, RecursionError) as error:
        raise _unreadable(package, name, str(error)) from None
    if not isinstance(data, dict):
        raise _unreadable(package, name, "it is not an object")
    return data


def _unreadable(package: str, name: str, why: str) -> PackageError:
    return PackageError("damaged-package", f"{package}: info/{name} cannot be read: {why}")


def _read_paths(info: Mapping[str, bytes], package: str) -> list[PathsEntry]:
    """Read paths.json: its entries in pieces, since parsed objects take ten times their text."""
    found = cut_out_paths(info["paths.json"])
    if found is not None and b"\\" not in found[0]:  # no further list under an escaped name
        with contextlib.suppress(ValueError):
            document = read_json(found[0])
            if isinstance(document, dict) and document.get("paths") == []:
                return _parse_entries(document, parse_items(found[1]), package)
    document = read_json_object(info, "paths.json", package)
    return _parse_entries(document, (document.get("paths"),), package)


def _parse_entries(
    document: Mapping[str, Any], lists: Iterable[Any], package: str
) -> list[PathsEntry]:
    if document.get("paths_version") != 1:
        raise _unreadable(package, "paths.json", "it does not have paths_version 1")
    entries: list[PathsEntry] = []
    for each in lists:
        if not isinstance(each, list):
            raise _unreadable(package, "paths.json", "it does not have paths_version 1")
        entries += _entries_of_list(each, package)
    _check_paths(entries, "paths.json", package)
    return entries


def _entries_of_list(items: list[Any], package: str) -> list[PathsEntry]:
    entries: list[PathsEntry] = []
    hashes: list[str] = []
    for data in items:
        try:  # a regular file with size and hash and nothing else, as nearly all are
            path, size, sha256 = data["_path"], data["size_in_bytes"], data["sha256"]
            is_usual = data["path_type"] == PathType.HARDLINK and len(data) == 4
            is_usual &= type(path) is str and type(size) is int and type(sha256) is str
        except (KeyError, TypeError):
            is_usual = False
        if is_usual and size >= 0 and len(sha256) == 64:
            entries.append(PathsEntry(path, sha256=sha256, size_in_bytes=size))
            hashes.append(sha256)
            continue
        problem = _entry_problem(data)
        if problem is not None:
            raise _unreadable(package, "paths.json", f"an entry {problem}")
        entries.append(PathsEntry.from_json(data))
    if not _HEXADECIMAL.fullmatch("".join(hashes)):
        problem = next(problem for data in items if (problem := _entry_problem(data)))
        raise _unreadable(package, "paths.json", f"an entry {problem}")
    return entries


def _entry_problem(data: Any) -> str | None:
    """Return what is wrong with an object of ``paths``, or None."""
    if type(data) is not dict or type(data.get("_path")) is not str:
        return "has no _path"
    size = data.get("size_in_bytes")
    sha256 = data.get("sha256")
    problem = None
    if size is not None and (type(size) is not int or size < 0):
        problem = "a size that is not a number"
    elif sha256 is not None and (type(sha256) is not str or not _SHA256.fullmatch(sha256)):
        problem = "an invalid sha256"
    elif (data.get("path_type") or PathType.HARDLINK) not in _PATH_TYPES:
        problem = "an unknown path_type"
    elif "prefix_placeholder" in data:
        problem = _placeholder_problem(data["prefix_placeholder"], data.get("file_mode"))
    return f"({printable(data['_path'])}) has {problem}" if problem else None


def _placeholder_problem(placeholder: Any, file_mode: Any) -> str | None:
    if placeholder is None:
        return None
    if type(placeholder) is not str or not placeholder:
        return "an empty prefix placeholder"
    if not _PLACEHOLDER.match(placeholder):
        return "a prefix placeholder that is not an absolute path"
    return None if file_mode in _FILE_MODES else "an unknown file_mode"


def _check_paths(
    entries: Sequence[PathsEntry], name: str, package: str, *, windows: bool = False
) -> None:
    paths = [entry.path for entry in entries]
    is_own = has_reserved_path(paths)
    if not windows and not is_own and len(set(paths)) == len(paths) and are_plain(paths):
        return
    seen: set[str] = set()
    for entry in entries:
        path = entry.path
        problem = path_problem(path, windows=windows)
        if problem is None and path in seen:
            problem = "is listed twice"
        if problem is None and is_own and is_reserved_path(path):
            problem = "is reserved for minicon's own files"
        if problem is not None:
            raise unsafe(package, f"of info/{name} {problem}", member=path)
        seen.add(path)


def _read_legacy(info: Mapping[str, bytes], package: str) -> list[PathsEntry]:
    prefixes = dict(_has_prefix_line(line, package) for line in _lines(info, "has_prefix", package))
    no_link = set(_lines(info, "no_link", package))
    entries = []
    for path in _lines(info, "files", package):
        placeholder, mode = prefixes.get(path, (None, None))
        entries.append(
            PathsEntry(
                path, prefix_placeholder=placeholder, file_mode=mode, no_link=path in no_link
            )
        )
    _check_paths(entries, "files", package)
    return entries


def _lines(info: Mapping[str, bytes], name: str, package: str) -> list[str]:
    try:
        text = info.get(name, b"").decode()
    except UnicodeDecodeError as error:
        raise _unreadable(package, name, str(error)) from None
    lines = (line.strip() for line in text.split("\n"))
    return [line for line in lines if line and not line.startswith("#")]


def _has_prefix_line(line: str, package: str) -> tuple[str, tuple[str, str]]:
    """Parse ``path`` or ``placeholder mode path``, each with or without quotes."""
    import shlex

    try:
        parts = [part.strip("\"'") for part in shlex.split(line, posix=False)]
    except ValueError:
        parts = []
    if len(parts) == 1:
        return parts[0], (PREFIX_PLACEHOLDER, "text")
    if len(parts) != 3 or _placeholder_problem(parts[0], parts[1]) is not None:
        raise _unreadable(package, "has_prefix", f"line {printable(line)} is malformed")
    return parts[2], (parts[0], parts[1])


def _read_noarch(
    info: Mapping[str, bytes], index: Mapping[str, Any], package: str
) -> tuple[str | None, list[EntryPoint]]:
    """Return the kind of noarch package, and its entry points."""
    for name in ("link.json", "package_metadata.json"):
        document = read_json_object(info, name, package)
        if document:
            noarch = document.get("noarch")
            break
    else:
        name, noarch = "noarch.json", read_json_object(info, "noarch.json", package)
    if not isinstance(noarch, dict) or not noarch:
        kind = index.get("noarch")
        return ("generic" if kind is True else kind if isinstance(kind, str) else None), []
    texts = noarch.get("entry_points") or []
    if not isinstance(texts, list):
        raise _unreadable(package, name, "entry_points is not a list")
    try:
        points = [parse_entry_point(str(text)) for text in texts]
    except ValueError as error:
        raise unsafe(package, f"has a bad info/{name}: {error}") from None
    kind = noarch.get("type")
    return (kind if isinstance(kind, str) else None), points


def parse_entry_point(text: str) -> EntryPoint:
    """Parse ``command = module:function``; extras in brackets are ignored, as by every tool.

    The command becomes a file name in ``bin/`` and the rest Python source, so both must be plain
    names.

    Raises:
        ValueError: The command is not a plain file name, or that of an interpreter; or the
            function is not dotted names.
    """
    if len(text) > _ENTRY_POINT_LIMIT:
        raise ValueError(
            f"entry point {text[:120]!r} is longer than {_ENTRY_POINT_LIMIT} characters"
        )
    command, separator, target = text.partition("=")
    command = command.strip()
    module, colon, function = _EXTRAS.sub("", target).strip().partition(":")
    module, function = module.strip(), function.strip()
    if not separator or not colon or not _COMMAND.fullmatch(command):
        raise ValueError(f"entry point {text[:120]!r} is not 'command = module:function'")
    if not (_is_dotted(module) and _is_dotted(function)):
        raise ValueError(f"entry point {text[:120]!r} does not name a Python function")
    if is_interpreter_name(command):
        raise ValueError(f"entry point {text[:120]!r} would replace the interpreter")
    return EntryPoint(command, module, function)


def _is_dotted(text: str) -> bool:
    return all(part.isidentifier() for part in text.split("."))
