"""Configuration files as they were parsed before, kept by the hash of their text.

Importing PyYAML takes a command that plans a fifth of its time. Only what JSON can hold is kept,
and no file with a secret in it: users may delete the file, and do not know of a copy.
"""

from __future__ import annotations

import json
import os
from contextlib import suppress

from minicon.errors import FileError
from minicon.fs.ownership import folder_problem
from minicon.fs.plain_file import read_plain_file
from minicon.models.strict_json import check_shape, read_object
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any, TypeAlias

    #: Key → value, whether it is final, and marks of its items (see config/files.py).
    Parsed: TypeAlias = "dict[str, tuple[Any, bool, dict[str, str]]]"

FOLDER = "configuration-v1"
#: Files that are kept, and the seconds for which they are.
_MOST = 64
_LONGEST = 30 * 86_400.0


class ParsedFiles:
    """Parsed files in a directory that only this user can write.

    Args:
        cache_dir: ``MINICON_ROOT/cache``. If it is missing, nothing is kept: commands that read
            settings create no directories.
    """

    def __init__(self, cache_dir: str) -> None:
        self._cache = cache_dir
        self._folder = os.path.join(cache_dir, FOLDER)

    def find(self, text: str) -> Parsed | None:
        """Return what the text of a file was parsed to, or None."""
        try:
            if folder_problem(self._folder) is not None:
                return None
            rows = read_object(read_plain_file(self._path(text)))
            check_shape(rows, {...: list})
            parsed = {name: (value, final, marks) for name, (value, final, marks) in rows.items()}
            for _, final, marks in parsed.values():
                check_shape([final, marks], [(bool, {...: str})])
        except (OSError, ValueError):
            return None
        return parsed

    def keep(self, text: str, parsed: Parsed) -> None:
        """Keep a parsed file for the next time; one that cannot be kept is parsed again."""
        with suppress(OSError, FileError, TypeError, ValueError):
            if os.path.isdir(self._cache) and not _has_secret(parsed):
                kept = json.dumps(parsed, allow_nan=False)
                if _is_same(kept, parsed):
                    self._write(self._path(text), kept.encode())

    def _write(self, path: str, data: bytes) -> None:
        import time
        from pathlib import Path

        from minicon.fs import operations
        from minicon.fs.remove import remove_oldest

        folder = Path(self._folder)
        operations.make_directory(folder, 0o700)
        operations.replace_file(Path(path), data, 0o600, durable=False)
        remove_oldest(folder, most=_MOST, seconds=_LONGEST, now=time.time())

    def _path(self, text: str) -> str:
        return os.path.join(self._folder, f"{short_hash(text)[:32]}.json")


def _is_same(kept: str, parsed: Parsed) -> bool:
    """Whether JSON gives back what YAML gave: it has no dates, and no numbers as names."""
    return repr(json.loads(kept)) == repr({name: list(row) for name, row in parsed.items()})


def _has_secret(parsed: Parsed) -> bool:
    from minicon.redaction import redact

    shown = json.dumps({name: value for name, (value, _, _) in parsed.items()})
    return redact(shown) != shown
