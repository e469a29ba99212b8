"""Unpackers: unpack packages side by side, in processes of their own where that is worth it.

Unpacking is Python code between calls into C, file by file, so threads of one process hinder each
other. Where several large packages are missing, processes are forked before the first download
starts; each gets packages one after the other::

    this process                                   a forked process
    lock, download ─ number, archive, directory ─► unpack, verify, write the manifest
                   ◄─ bytes read, warnings ───────
                   ◄─ true ───────────────────────
    rename, sync, rename, unlock

A process that fails is no error: this process unpacks the package again, and raises what is wrong
with it. So errors have one origin, and a process that the system ends costs time only.

A forked process ends with the one that forked it, but some milliseconds later, when the lock of
its package is free already. So each of its directories has a name of its own, which no other
process uses.
"""

from __future__ import annotations

import contextlib
import json
import os
import select
import signal
import sys
import threading
import time
from pathlib import Path
from queue import SimpleQueue

from minicon.closing import Closing
from minicon.fs import operations
from minicon.fs.remove import remove_tree
from minicon.lean_dataclasses import dataclass
from minicon.models.reporter import SilentReporter, SilentTask

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from typing import Any

    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter, Task

    #: Unpacks an archive, and writes the manifest. Raises what is wrong with it.
    Unpack = Callable[["Unpacking"], object]

#: Bytes of archives from which a process is worth what starting it costs (some 0.04 s).
WORTH_A_PROCESS = 4 << 20
#: Milliseconds between two looks at whether the work was cancelled.
_LOOK = 100
#: Compressed bytes that a process reports at once.
_REPORTED = 1 << 20
#: Signals that a terminal sends to all processes of a command.
_OF_TERMINALS = frozenset(
    number
    for name in ("SIGINT", "SIGQUIT", "SIGHUP")
    if (number := getattr(signal, name, None)) is not None
)
_THREADS = "/proc/self/task"
#: Looks, a millisecond apart, at whether a thread that ended is gone.
_LOOKS = 20


@dataclass(frozen=True, slots=True)
class Unpacking:
    """One package to unpack.

    Attributes:
        record: The package.
        archive: The downloaded file.
        directory: The empty directory to fill.
        verify: Whether to compare the archive with the record.
        task: Advanced by the compressed bytes read.
        reporter: Receives warnings.
    """

    record: RepodataRecord
    archive: Path
    directory: Path
    verify: bool
    task: Task
    reporter: Reporter


class Unpackers(Closing):
    """Unpacks as many packages at once as there are processors. Thread-safe.

    Args:
        records: The packages that are to be unpacked, the largest first.
        unpack: Unpacks one of them.
    """

    def __init__(self, records: Sequence[RepodataRecord], unpack: Unpack) -> None:
        self._turns: SimpleQueue[_Process | None] = SimpleQueue()
        self._processes: list[_Process] = []
        processors = _processors()
        for _ in range(min(processors, len(records)) if _is_worth_it(records, processors) else 0):
            with contextlib.suppress(OSError):  # too many processes: this one unpacks
                self._processes.append(_Process(records, unpack))
        for turn in self._processes or (None,) * processors:
            self._turns.put(turn)

    @contextlib.contextmanager
    def turn(self) -> Iterator[_Process | None]:
        """Wait for a turn: in one of the processes, or (None) in this one."""
        process = self._turns.get()
        try:
            yield process
        finally:
            self._turns.put(process if process is not None and process.is_running else None)

    def close(self) -> None:
        """End the processes; what they have not finished is lost."""
        for process in self._processes:
            process.end()


class _Process:
    """A forked process, used by one thread at a time.

    Attributes:
        is_running: Whether it can unpack another package.
    """

    def __init__(self, records: Sequence[RepodataRecord], unpack: Unpack) -> None:
        self._numbers = {record: number for number, record in enumerate(records)}
        requests, self._requests = os.pipe()
        self._answers, answers = os.pipe()
        # An interruption would make the child leave this function, as a second minicon.
        before = signal.pthread_sigmask(signal.SIG_BLOCK, _OF_TERMINALS)
        try:
            self._process = os.fork()
            if not self._process:
                _be_unpacker(requests, answers, records, unpack)
            self.is_running = True
        except OSError:
            os.close(self._requests)
            os.close(self._answers)
            raise
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, before)
            os.close(requests)
            os.close(answers)

    def unpack(self, work: Unpacking, *, check: Callable[[], object]) -> bool:
        """Unpack a package; False if the process failed, and the directory is still empty.

        Args:
            work: The package.
            check: Called now and then; if it raises, the process is ended.
        """
        directory = work.directory
        own = directory.with_name(f"{directory.name}.{self._process}")
        number = self._numbers[work.record]
        request = [number, os.fspath(work.archive), os.fspath(own), work.verify]
        with operations.describing("write", directory):
            remove_tree(own)  # of an earlier process with this number
            try:
                unpacked = self._answer_to(request, work, check)
                if unpacked:
                    operations.rename(own, directory)
                return unpacked
            finally:
                with contextlib.suppress(OSError):
                    remove_tree(own)

    def _answer_to(
        self, request: list[object], work: Unpacking, check: Callable[[], object]
    ) -> bool:
        try:
            os.write(self._requests, f"{json.dumps(request)}\n".encode())
            for answer in self._read_answers(check):
                if isinstance(answer, bool):
                    return answer
                if isinstance(answer, str):
                    work.reporter.warn(answer)
                else:
                    work.task.advance(answer)
        except OSError:
            pass
        except BaseException:
            self.end()
            raise
        self.end()  # it ended by itself
        return False

    def _read_answers(self, check: Callable[[], object]) -> Iterator[Any]:
        answered = select.poll()
        answered.register(self._answers, select.POLLIN)
        rest = b""
        while True:
            check()
            if not answered.poll(_LOOK):
                continue
            data = os.read(self._answers, 1 << 16)
            if not data:
                return
            *lines, rest = (rest + data).split(b"\n")
            yield from map(json.loads, lines)

    def end(self) -> None:
        """Kill it, and wait until it has ended. May be called more than once."""
        if not self.is_running:
            return
        self.is_running = False
        os.close(self._requests)
        with contextlib.suppress(OSError):
            os.kill(self._process, signal.SIGKILL)
            os.waitpid(self._process, 0)
        os.close(self._answers)


def _processors() -> int:
    """Return how many processors this process may use."""
    if hasattr(os, "sched_getaffinity"):
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _is_worth_it(records: Sequence[RepodataRecord], processors: int) -> bool:
    """Whether to fork: only where no other thread can hold a lock that the child would need.

    Elsewhere than on Linux, system libraries do not work in forked processes.
    """
    sizes = sorted((record.size or 0 for record in records), reverse=True)
    if processors < 2 or len(sizes) < 2 or sum(sizes) < WORTH_A_PROCESS:
        return False
    return sys.platform == "linux" and _is_only_thread()


def _is_only_thread() -> bool:
    """Whether no other thread runs. The system lists one that has ended for a moment longer."""
    for _ in range(_LOOKS):
        if len(os.listdir(_THREADS)) == 1:
            return True
        if threading.active_count() > 1:
            return False
        time.sleep(0.001)
    return False


def _be_unpacker(
    requests: int, answers: int, records: Sequence[RepodataRecord], unpack: Unpack
) -> None:
    """Unpack what is requested until the other process ends. Does not return."""
    try:
        for number in _OF_TERMINALS:  # the parent decides
            signal.signal(number, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        _leave_files({requests, answers})
        _load_decoder()
        answering = _Answers(answers)
        with open(requests, encoding="utf-8") as lines:
            for line in lines:
                number, archive, directory, verify = json.loads(line)
                paths = (Path(archive), Path(directory))
                answering.begin()
                try:
                    unpack(Unpacking(records[number], *paths, verify, answering, answering))
                except Exception:  # noqa: BLE001 - the parent tries again, and raises it
                    answering.write(data=False)
                else:
                    answering.write(data=True)
    finally:
        os._exit(0)


def _leave_files(kept: set[int]) -> None:
    """Close what was inherited: a lock would be held on, and a pipe would not end."""
    nothing = os.open(os.devnull, os.O_RDWR)
    for descriptor in map(int, os.listdir("/proc/self/fd")):
        if descriptor <= 2:
            os.dup2(nothing, descriptor)
        elif descriptor not in kept:
            with contextlib.suppress(OSError):
                os.close(descriptor)


def _load_decoder() -> None:
    """Load what unpacking needs while the first package is being downloaded."""
    from minicon.archive.libarchive_decoder import load_libarchive
    from minicon.package.prepare import extract  # noqa: F401

    load_libarchive()


class _Answers(SilentReporter, SilentTask):
    """Sends progress and warnings to the other process, as lines of JSON."""

    def __init__(self, descriptor: int) -> None:
        self._descriptor = descriptor
        self._unreported = 0

    def begin(self) -> None:
        """Begin with a package."""
        self._unreported = 0

    def advance(self, amount: int) -> None:
        """Report compressed bytes, many at once."""
        self._unreported += amount
        if self._unreported >= _REPORTED:
            self.write(self._unreported)
            self._unreported = 0

    def warn(self, text: str) -> None:
        """Pass a warning on."""
        self.write(text)

    def write(self, data: object) -> None:
        """Write one line. If the other process has ended, so does this one, and cleans nothing."""
        try:
            os.write(self._descriptor, f"{json.dumps(data)}\n".encode())
        except OSError:
            os._exit(1)
