"""Configuration files that a package brought into the active environment: they are not read.

A package is installed for what is in it, not to turn off the checks of all that is installed
afterwards. What users put into an environment themselves is theirs, and is read.

Nothing here is imported unless there is such a file, which is seldom.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

_SITE_PACKAGES = ("lib", "Lib", "lib64")


def package_of(path: str, prefix: str) -> str | None:
    """The package that has a file of an environment in its list; None if it is the user's.

    Costs reading the records of the environment. A record that names the file and cannot be read
    counts as one that has it.

    Args:
        path: The file, below PREFIX.
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
    """How a record may name a file: as written, where it leads, or a link on the way to it.

    Letters are compared in lower case: some file systems make no difference.
    """
    inside = {os.path.relpath(path, prefix)}
    real, root = os.path.realpath(path), os.path.realpath(prefix)
    if real.startswith(root + os.sep):
        inside.add(os.path.relpath(real, root))
    names = {name.replace(os.sep, "/").lower() for name in inside}
    return names | {name.partition("/")[0] for name in names if name.startswith("condarc.d/")}


def _records(prefix: str) -> Iterator[str]:
    """conda-meta's records, and the RECORDs of what pip installed."""
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
    """The paths of a record, in lower case, relative to the environment; None: unreadable."""
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
    """RECORD's paths are relative to site-packages; what leaves it goes to the environment."""
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
