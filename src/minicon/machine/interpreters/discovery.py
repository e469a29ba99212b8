"""Discovery of all base interpreters of this machine, with a cache of their facts."""

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
#: The number is increased when the format of the file or InterpreterFacts changes.
CACHE_FILE = "interpreters-v1.json"
#: Seconds after which a failed probe is repeated, because failures can be temporary.
_FAILURE_LIFETIME = 600.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Discovery:
    """The interpreters of this machine.

    Attributes:
        interpreters: Base interpreters in the order of :func:`candidate_paths`, of any
            implementation, version and platform.
        rejected: Executables that cannot be used, with the reason.
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

    Each executable is probed by one process, in parallel; the result is cached until the file's
    modification time or size changes. Interpreters in conda environments are rejected, because
    they disappear with the environment; those of base installations (with ``condabin/``) are not.

    Args:
        environ: Environment variables: PATH and those of version managers.
        home: The user's home directory.
        cache_dir: Directory of the cache; None disables it.
        running: Executable of the running Python, or None to exclude it.
        timeout: Seconds after which a probe is ended.
        clock: Returns seconds since 1970.

    Cost: a few milliseconds if nothing has changed, else 20-60 ms per new executable.
    """
    candidates = candidate_paths(environ=environ, home=home, running=running)
    candidates += [path for path in windows_registry_executables() if path not in candidates]
    with FactsCache.opened(cache_dir, clock) as cache:
        results = {path: _known(path, cache) for path in candidates}
        unknown = [path for path, result in results.items() if result is None]
        for path, result in zip(unknown, _probe_all(unknown, environ, timeout), strict=True):
            cache.put(path, result)
            results[path] = result
    return _partitioned([results[path] for path in candidates])


def facts_of(
    path: str, *, environ: Mapping[str, str], cache_dir: Path | None, timeout: float = 5.0
) -> InterpreterFacts | RejectedInterpreter:
    """Return the facts of one executable, by a probe if it is new or was changed.

    Args:
        path: Real path of the executable.
        environ: Environment variables of the probe.
        cache_dir: Directory of the cache; None disables it.
        timeout: Seconds after which the probe is ended.
    """
    with FactsCache.opened(cache_dir, time.time) as cache:
        cached = cache.get(path)
        if cached is None:
            (result,) = _probe_all([path], environ, timeout)
            cache.put(path, result)
            return result
    return RejectedInterpreter(path, cached) if isinstance(cached, str) else cached


def _known(path: str, cache: FactsCache) -> InterpreterFacts | RejectedInterpreter | None:
    """The result for an executable without a probe; None if a probe is needed."""
    prefix = Path(path).parent if os.name == "nt" else Path(path).parent.parent
    if (prefix / "conda-meta").is_dir() and not _is_base_installation(prefix):
        return RejectedInterpreter(path, f"it belongs to the environment {prefix}")
    cached = cache.get(path)
    return RejectedInterpreter(path, cached) if isinstance(cached, str) else cached


def _is_base_installation(prefix: Path) -> bool:
    """Whether a prefix is an installation of conda itself, which is permanent."""
    return (prefix / "condabin").is_dir()


def _probe_all(
    paths: Sequence[str], environ: Mapping[str, str], timeout: float
) -> list[InterpreterFacts | RejectedInterpreter]:
    if not paths:
        return []
    from concurrent.futures import ThreadPoolExecutor

    def probe(path: str) -> InterpreterFacts | RejectedInterpreter:
        try:
            return probe_interpreter(path, environ=environ, timeout=timeout)
        except ProbeError as error:
            return RejectedInterpreter(path, str(error))

    with ThreadPoolExecutor(min(_PARALLEL_PROBES, len(paths))) as pool:
        return list(pool.map(probe, paths))


def _partitioned(
    results: Sequence[InterpreterFacts | RejectedInterpreter | None],
) -> Discovery:
    interpreters: dict[str, InterpreterFacts] = {}
    rejected = []
    for result in results:
        if isinstance(result, InterpreterFacts):
            interpreters.setdefault(result.executable, result)
        elif result is not None:
            rejected.append(result)
    return Discovery(interpreters=tuple(interpreters.values()), rejected=tuple(rejected))


class FactsCache:
    """Cache of interpreter facts by real path. Use :meth:`opened`.

    An entry is valid until the executable's modification time or size changes. A file that cannot
    be read or is invalid counts as empty.
    """

    def __init__(self, entries: dict[str, Any], clock: Callable[[], float]) -> None:
        self._entries = entries
        self._clock = clock
        self._changed = False

    @classmethod
    @contextlib.contextmanager
    def opened(cls, folder: Path | None, clock: Callable[[], float]) -> Iterator[FactsCache]:
        """Read the cache in a directory, and write it on exit if it has changed.

        A directory that cannot be written is ignored.
        """
        cache = cls(_load(folder / CACHE_FILE) if folder else {}, clock)
        yield cache
        if folder and cache._changed:
            with contextlib.suppress(FileError), describing("write", folder / CACHE_FILE):
                make_directory(folder)
                text = json.dumps({"entries": cache._existing()}, separators=(",", ":"))
                replace_file(folder / CACHE_FILE, text.encode(), durable=False)

    def get(self, path: str) -> InterpreterFacts | str | None:
        """Facts, the reason of an earlier failure, or None if a probe is needed."""
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

    def put(self, path: str, result: InterpreterFacts | RejectedInterpreter) -> None:
        """Save the result of a probe."""
        try:
            entry: dict[str, Any] = {"stamp": _stamp(path)}
        except OSError:
            return
        if isinstance(result, InterpreterFacts):
            entry["facts"] = result.to_json()
        else:
            entry.update(failure=result.reason, at=self._clock())
        self._entries[path] = entry
        self._changed = True

    def _existing(self) -> dict[str, Any]:
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
