"""Discovery: every base interpreter of this machine, asked once and remembered."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from pathlib import Path

from minicon.errors import FileError
from minicon.fs.operations import describing, make_directory, replace_file
from minicon.lean_dataclasses import dataclass
from minicon.machine.interpreters.candidates import candidate_paths, windows_registry_executables
from minicon.machine.interpreters.facts import InterpreterFacts, RejectedInterpreter
from minicon.machine.interpreters.probe import ProbeError, probe_interpreter
from minicon.models.strict_json import read_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping, Sequence
    from typing import Any

_PARALLEL_PROBES = 8
#: The number changes with the shape of the file or of InterpreterFacts.
CACHE_FILE = "interpreters-v1.json"
#: A failure may pass (a machine under load): it is tried again after this many seconds.
_FAILURE_LIFETIME = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """What was found on this machine.

    Attributes:
        interpreters: Base interpreters in the order of :func:`candidate_paths`, of any
            implementation, version and platform.
        rejected: Executables that could not be used, and why.
    """

    interpreters: tuple[InterpreterFacts, ...] = ()
    rejected: tuple[RejectedInterpreter, ...] = ()


def discover_interpreters(
    *,
    environ: Mapping[str, str],
    home: Path,
    cache_dir: Path | None,
    running: str | None = sys.executable,
    timeout: float = 5.0,
    clock: Callable[[], float] = time.time,
) -> Discovery:
    """Find the interpreters of this machine.

    Each executable is asked once, by one process, all of them in parallel; the answer is kept
    in CACHE_DIR until the file's time or size changes. Interpreters inside conda-style
    environments are rejected, because their libraries go when the environment goes; those of
    base installations (with ``condabin/``) are not.

    Args:
        environ: Process environment: PATH and the version managers' variables.
        home: The user's home folder.
        cache_dir: Folder for the remembered answers; None remembers nothing.
        running: Executable of the running Python, or None to leave it out.
        timeout: Seconds after which an executable counts as hanging.
        clock: Seconds since 1970.

    Cost: a few milliseconds when nothing changed; else 20-60 ms per new executable.
    """
    candidates = candidate_paths(environ=environ, home=home, running=running)
    candidates += [path for path in windows_registry_executables() if path not in candidates]
    with FactsCache.opened(cache_dir, clock) as cache:
        answers = {path: _known(path, cache) for path in candidates}
        unknown = [path for path, answer in answers.items() if answer is None]
        for path, answer in zip(unknown, _probe_all(unknown, environ, timeout), strict=True):
            cache.put(path, answer)
            answers[path] = answer
    return _sorted_out([answers[path] for path in candidates])


def _known(path: str, cache: FactsCache) -> InterpreterFacts | RejectedInterpreter | None:
    prefix = Path(path).parent if os.name == "nt" else Path(path).parent.parent
    if (prefix / "conda-meta").is_dir() and not _is_base_installation(prefix):
        return RejectedInterpreter(path, f"it belongs to the environment {prefix}")
    answer = cache.get(path)
    return RejectedInterpreter(path, answer) if isinstance(answer, str) else answer


def _is_base_installation(prefix: Path) -> bool:
    """Whether a conda-style prefix is an installation of conda itself, and so stays."""
    return (prefix / "condabin").is_dir()


def _probe_all(
    paths: Sequence[str], environ: Mapping[str, str], timeout: float
) -> list[InterpreterFacts | RejectedInterpreter]:
    if not paths:
        return []
    from concurrent.futures import ThreadPoolExecutor

    def ask(path: str) -> InterpreterFacts | RejectedInterpreter:
        try:
            return probe_interpreter(path, environ=environ, timeout=timeout)
        except ProbeError as error:
            return RejectedInterpreter(path, str(error))

    with ThreadPoolExecutor(min(_PARALLEL_PROBES, len(paths))) as pool:
        return list(pool.map(ask, paths))


def _sorted_out(
    answers: Sequence[InterpreterFacts | RejectedInterpreter | None],
) -> Discovery:
    interpreters: dict[str, InterpreterFacts] = {}
    rejected = []
    for answer in answers:
        if isinstance(answer, InterpreterFacts):
            interpreters.setdefault(answer.executable, answer)
        elif answer is not None:
            rejected.append(answer)
    return Discovery(interpreters=tuple(interpreters.values()), rejected=tuple(rejected))


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
