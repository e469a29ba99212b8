"""Configuration files that belong to an installed package, and are therefore ignored.

A package must not be able to disable checks for packages that are installed after it. Files that
users create in an environment are read. This module is imported only if an environment contains a
configuration file, which is rare.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SITE_PACKAGES = ("lib", "Lib", "lib64")


def package_of(path: str, prefix: str) -> str | None:
    """The package that a file of an environment belongs to; None if it is the user's.

    A record that contains the file's name and cannot be parsed counts as its owner. Cost: reading
    all records of the environment.

    Args:
        path: The file, in the environment.
        prefix: The environment.
    """
    names = _names_of(path, prefix)
    marks = {os.path.basename(name).encode() for name in names}
    for record in _records(prefix):
        try:
            with open(record, "rb") as reader:
                data = reader.read()
        except OSError:
            continue
        if any(mark in data.lower() for mark in marks):
            listed = _listed(record, data)
            if listed is None or names & listed:
                return _package_name(record)
    return None


def _names_of(path: str, prefix: str) -> set[str]:
    """Names that a record may have for a file: its path, its real path, or a parent link.

    In lower case, because some file systems ignore letter case.
    """
    inside = {os.path.relpath(path, prefix)}
    real, root = os.path.realpath(path), os.path.realpath(prefix)
    if real.startswith(root + os.sep):
        inside.add(os.path.relpath(real, root))
    names = {name.replace(os.sep, "/").lower() for name in inside}
    return names | {name.partition("/")[0] for name in names if name.startswith("condarc.d/")}


def _records(prefix: str) -> Iterator[str]:
    """Records in conda-meta, and RECORD files of packages that pip installed."""
    meta = os.path.join(prefix, "conda-meta")
    yield from (os.path.join(meta, n) for n in _list(meta) if n.endswith(".json"))
    for start in _SITE_PACKAGES:
        folder = os.path.join(prefix, start)
        versions = [os.path.join(folder, n) for n in _list(folder) if n.startswith("python")]
        for site in (os.path.join(each, "site-packages") for each in [folder, *versions]):
            for name in _list(site):
                if name.endswith(".dist-info"):
                    yield os.path.join(site, name, "RECORD")


def _listed(record: str, data: bytes) -> set[str] | None:
    """Paths of a record, in lower case, relative to the prefix; None if it cannot be parsed."""
    text = data.decode("utf-8", "replace")
    if os.path.basename(record) == "RECORD":
        return _listed_by_pip(text)
    import json

    try:
        document = json.loads(text)
        found = [str(name) for name in document.get("files") or ()]
        entries = (document.get("paths_data") or {}).get("paths") or ()
        found += [str(entry.get("_path")) for entry in entries]
    except (ValueError, TypeError, AttributeError, RecursionError):
        return None
    return {name.lower() for name in found}


def _listed_by_pip(text: str) -> set[str]:
    """Paths of a RECORD: relative to site-packages; those with ``../`` to the prefix."""
    paths = (line.rpartition(",")[0].rpartition(",")[0].strip('"') for line in text.split("\n"))
    return {path.replace("\\", "/").replace("../", "").lower() for path in paths}


def _package_name(record: str) -> str:
    folder, name = os.path.split(record)
    return os.path.basename(folder).removesuffix(".dist-info") if name == "RECORD" else name[:-5]


def _list(folder: str) -> list[str]:
    try:
        return sorted(os.listdir(folder))
    except OSError:
        return []
