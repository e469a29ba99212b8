"""Discovery: every base interpreter of this machine, asked once and remembered."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from minicon.lean_dataclasses import dataclass
from minicon.machine.interpreters.candidates import candidate_paths, registered_installations
from minicon.machine.interpreters.facts import InterpreterFacts, RejectedInterpreter
from minicon.machine.interpreters.facts_cache import FactsCache
from minicon.machine.interpreters.probe import ProbeError, probe_interpreter

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

_PARALLEL_PROBES = 8


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
    candidates += [path for path in _registry_executables() if path not in candidates]
    with FactsCache.opened(cache_dir, clock) as cache:
        answers = {path: _known(path, cache) for path in candidates}
        unknown = [path for path, answer in answers.items() if answer is None]
        for path, answer in zip(unknown, _probe_all(unknown, environ, timeout), strict=True):
            cache.put(path, answer)
            answers[path] = answer
    return _sorted_out([answers[path] for path in candidates])


def _known(path: str, cache: FactsCache) -> InterpreterFacts | RejectedInterpreter | None:
    prefix = Path(path).parent if os.name == "nt" else Path(path).parent.parent
    if (prefix / "conda-meta").is_dir() and not is_base_installation(prefix):
        return RejectedInterpreter(path, f"it belongs to the environment {prefix}")
    answer = cache.get(path)
    return RejectedInterpreter(path, answer) if isinstance(answer, str) else answer


def is_base_installation(prefix: Path) -> bool:
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


def _registry_executables() -> list[str]:
    if sys.platform == "win32":
        from minicon.machine.interpreters.windows_registry import read_subkeys, read_value

        paths = registered_installations(read_subkeys, read_value)
        return [path for path in paths if os.path.isfile(path)]
    return []
