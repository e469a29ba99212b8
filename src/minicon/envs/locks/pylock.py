"""Read ``pylock.toml``, the lock file of Python tools (PEP 751).

Such a lock may list many files of a package, for many pythons and systems; each becomes one
:class:`LockedPackage`. Which of them is installed is decided when the python is known
(``api/plan/solutions/python_lock_solution.py``).
"""

from __future__ import annotations

import importlib
import sys

from minicon.envs.locks import lock_values as values
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.lockfile import MAIN, LockedPackage, Lockfile, check_package
from minicon.models.package_names import normalize_pypi_name
from minicon.models.url import Url, is_url, path_to_url
from minicon.redaction import shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path
    from typing import Any

_FILE_NAME = lazy_pattern(r"pylock(?:\.[^.]+)?\.toml\Z")

#: Keys in the lock's metadata: the groups that are installed by default, all groups, all extras.
DEFAULT_GROUPS, GROUPS, EXTRAS = "default-groups", "dependency-groups", "extras"

_MAX_DEPTH = 100
#: Limit for one key (the text before "=" in a line): TOML parsers need quadratic time for its dots.
_MOST_DOTS = 200


def is_pylock_name(name: str) -> bool:
    """Whether a file name is ``pylock.toml`` or ``pylock.NAME.toml`` (PEP 751)."""
    return _FILE_NAME.match(name) is not None


def parse_pylock(
    text: str, *, source: str, folder: Path, platform: str, whole: bool = True
) -> Lockfile:
    """Parse a lock file.

    Args:
        text: Its text.
        source: Its name, for messages.
        folder: Its folder, base of the paths in it.
        platform: Subdir that packages are needed for.
        whole: Whether all packages are needed; else those that cannot be used are ``refused``, with
            their marker in place of a group.

    Raises:
        SpecError: ``invalid-lock-file``.
    """
    data = _load(text, source)
    version = values.required(data, "lock-version", source)
    if version.partition(".")[0] != "1":
        values.refuse(source, f"version {version[:20]} of pylock.toml is not supported")
    packages: list[LockedPackage] = []
    refused: list[tuple[str, str, str]] = []
    for item in values.items(data.get("packages"), source):
        entry = values.mapping(item, source)
        try:
            packages += _files(entry, source, folder, platform)
        except SpecError as error:
            if whole:
                raise
            refused.append((platform, str(entry.get("marker") or ""), error.message))
    return Lockfile(
        packages=tuple(packages),
        requires_python=values.optional(data, "requires-python", source),
        metadata={
            key: " ".join(values.texts(data.get(key), source))
            for key in (DEFAULT_GROUPS, GROUPS, EXTRAS)
        },
        kind="pylock",
        refused=tuple(refused),
    )


def _load(text: str, source: str) -> Mapping[str, Any]:
    if text.count("[[") > 200_000 or "[" * _MAX_DEPTH in text.replace(" ", ""):
        values.refuse(source, "the nesting is too deep")
    if any(line.partition("=")[0].count(".") > _MOST_DOTS for line in text.split("\n")):
        values.refuse(source, "a key has too many parts")
    try:
        return values.mapping(_toml().loads(text), source)
    except (ValueError, RecursionError) as error:
        values.refuse(source, f"it is not TOML: {str(error)[:200]}")


def _toml() -> Any:
    """Return the TOML parser; before Python 3.11 it is a third-party package."""
    return importlib.import_module("tomllib" if sys.version_info >= (3, 11) else "tomli")


def _files(
    data: Mapping[str, Any], source: str, folder: Path, platform: str
) -> Iterator[LockedPackage]:
    """Yield every wheel of a package, or its source distribution if it has no wheel."""
    name = values.required(data, "name", source)
    where = f"{source}, package {name[:60]!r}"
    for key in ("vcs", "directory"):
        if key in data:
            values.refuse(where, f"it is locked as a {key}, which only pip can install")
    common: dict[str, Any] = {
        "name": normalize_pypi_name(name),
        "version": values.optional(data, "version", where) or "",
        "platform": platform,
        "manager": "pip",
        "marker": values.optional(data, "marker", where),
        "requires_python": values.optional(data, "requires-python", where),
        "category": MAIN,
        "depends": tuple(
            values.required(values.mapping(each, where), "name", where)
            for each in values.items(data.get("dependencies"), where)
        ),
    }
    wheels = values.items(data.get("wheels"), where)
    files = wheels or [data[key] for key in ("sdist", "archive") if key in data]
    if not files:
        values.refuse(where, "it lists no file")
    for item in files:
        file = values.mapping(item, where)
        hashes = values.mapping(file.get("hashes"), where)
        with values.reading(where):
            package = LockedPackage(
                **common,
                url=_url(file, folder, where),
                sha256=values.lower_hash(hashes, "sha256", where),
                is_direct=not wheels and "sdist" not in data,
                size=values.size(file, where),
            )
            package = check_package(_with_version(package, where), where)
        yield package


def _with_version(package: LockedPackage, where: str) -> LockedPackage:
    """Fill in a missing version, which is optional in the file, from the file name."""
    if package.version:
        return package
    parts = package.fn.split("-")
    if len(parts) < 2:
        values.refuse(where, "its version is missing")
    return replace(package, version=parts[1])


def _url(file: Mapping[str, Any], folder: Path, where: str) -> str:
    url = values.optional(file, "url", where)
    if url is not None:
        if not is_url(url):
            values.refuse(where, f"{shortened(url, 80)!r} is not a URL")
        return without_secrets(url)
    path = values.required(file, "path", where)
    if is_url(path):
        values.refuse(where, f"{shortened(str(Url(path)), 80)!r} is not a path")
    return path_to_url(str((folder / path).absolute()))
