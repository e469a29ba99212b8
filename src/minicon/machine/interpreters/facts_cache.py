"""FactsCache: the answers of interpreters, kept until their files change."""

from __future__ import annotations

import contextlib
import json
import os

from minicon.errors import FileError
from minicon.fs.operations import describing, make_directory, replace_file
from minicon.machine.interpreters.facts import InterpreterFacts, RejectedInterpreter
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path
    from typing import Any


#: The number changes with the shape of the file or of InterpreterFacts.
CACHE_FILE = "interpreters-v1.json"
#: A failure may pass (a machine under load): it is tried again after this many seconds.
_FAILURE_LIFETIME = 600.0


class FactsCache:
    """Interpreter facts by real path. Use :meth:`opened`.

    An entry holds as long as the executable's modification time and size do. A file that
    cannot be read or is not what was written counts as empty: it can all be asked again.
    """

    def __init__(self, entries: dict[str, Any], clock: Callable[[], float]) -> None:
        self._entries = entries
        self._clock = clock
        self._changed = False

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path | None, clock: Callable[[], float]) -> Iterator[FactsCache]:
        """Read the cache of a folder, and write it back if it changed.

        A folder that cannot be written costs the next run its speed, nothing more.
        """
        cache = cls(_load(folder / CACHE_FILE) if folder else {}, clock)
        yield cache
        if folder and cache._changed:
            with contextlib.suppress(FileError), describing("write", folder / CACHE_FILE):
                make_directory(folder)
                text = json.dumps({"entries": cache._living()}, separators=(",", ":"))
                replace_file(folder / CACHE_FILE, text.encode(), durable=False)

    def get(self, path: str) -> InterpreterFacts | str | None:
        """Facts, the reason of an earlier failure, or None when it must be asked."""
        entry = self._entries.get(path)
        try:
            if not isinstance(entry, dict) or entry["stamp"] != _stamp(path):
                return None
            if "failure" in entry:
                age = self._clock() - float(entry["at"])
                return str(entry["failure"]) if 0 <= age < _FAILURE_LIFETIME else None
            facts = InterpreterFacts.from_json(entry["facts"])
        except (OSError, KeyError, TypeError, ValueError):
            return None
        is_whole = os.path.isabs(facts.executable) and os.path.isdir(facts.stdlib)
        return facts if is_whole else None

    def put(self, path: str, answer: InterpreterFacts | RejectedInterpreter) -> None:
        """Remember an answer."""
        try:
            entry: dict[str, Any] = {"stamp": _stamp(path)}
        except OSError:
            return
        if isinstance(answer, InterpreterFacts):
            entry["facts"] = answer.to_json()
        else:
            entry.update(failure=answer.reason, at=self._clock())
        self._entries[path] = entry
        self._changed = True

    def _living(self) -> dict[str, Any]:
        return {path: entry for path, entry in self._entries.items() if os.path.exists(path)}


def _load(path: Path) -> dict[str, Any]:
    try:
        entries = read_json(path.read_bytes())["entries"]
    except (OSError, ValueError, KeyError, TypeError):
        return {}
    return entries if isinstance(entries, dict) else {}


def _stamp(path: str) -> list[int]:
    status = os.stat(path)
    return [status.st_mtime_ns, status.st_size]
