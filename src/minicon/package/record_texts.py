"""Texts of ``conda-meta`` records: lists of files, as :mod:`json` writes them, but in one pass."""

from __future__ import annotations

import json
from json.encoder import encode_basestring_ascii

from minicon.models.package_files import PathsEntry, PathType

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable


def files_text(paths: Iterable[str]) -> bytes:
    """Return paths as JSON strings, separated by commas."""
    return ", ".join(map(encode_basestring_ascii, paths)).encode()


def paths_text(entries: Iterable[PathsEntry]) -> bytes:
    """Return entries of ``paths_data`` as JSON objects, separated by commas.

    They are as :mod:`json` writes :meth:`PathsEntry.to_prefix_json`.
    """
    return ", ".join(map(entry_text, entries)).encode()


#: The two usual forms: files of packages have a hash, bytecode has none.
_USUAL_HASH = {PathType.HARDLINK: True, PathType.PYC_FILE: False}


def entry_text(entry: PathsEntry) -> str:
    """Return an entry of ``paths_data`` as a JSON object."""
    if (
        entry.path_type not in _USUAL_HASH
        or entry.prefix_placeholder is not None
        or entry.sha256_in_prefix is not None
        or entry.file_mode is not None
        or entry.size_in_bytes is None
        or entry.no_link
        or (entry.sha256 is not None) != _USUAL_HASH[entry.path_type]
    ):
        return json.dumps(entry.to_prefix_json())
    start = f'{{"_path": {encode_basestring_ascii(entry.path)}, "path_type": "{entry.path_type}", '
    if entry.sha256 is None:
        return f'{start}"size_in_bytes": {entry.size_in_bytes}}}'
    return (
        f'{start}"sha256": "{entry.sha256}", "size_in_bytes": {entry.size_in_bytes}, '
        f'"sha256_in_prefix": "{entry.sha256}"}}'
    )
