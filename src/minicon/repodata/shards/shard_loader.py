"""ShardLoader: shards from the cache, or fetched many at once, each once.

The solver says early which names it will ask for, and a shard that arrives names those that it
leads to. Both only fill a queue; whoever needs a shard now waits for that one alone, which goes
to the front::

    request ─► SmallFiles ─► whole, and its hash is right ─► kept ─► loaded
                   └─► anything else ─► careful queue ─► threads ─► Fetcher ─► loaded, or an error

What a shard leads to is looked at while nothing else arrives.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import os
import queue
import threading
import time
from collections import deque

from minicon.errors import ChannelError, RepodataError
from minicon.fs import operations
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact
from minicon.repodata.shards.shard_format import LARGEST_SHARD, SHARD_EXTENSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.client.fetcher import Fetcher
    from minicon.net.small_files.client import SmallFiles
    from minicon.net.small_files.server import FileRequest

_WORKERS = 24
_IDLE_SECONDS = 0.5
_FOLLOWED_AT_MOST = 128
#: With so many shards on their way that were asked for, nothing is fetched ahead.
_BUSY = 32
_TRIES = 3
#: Cached shards that were written longer ago are removed when an index changes.
_KEPT_SECONDS = 60 * 86_400.0

#: Priorities of the queue.
NEEDED, HINTED, FOLLOWED = range(3)


class MissingShardError(Exception):
    """The server has no shard of this hash: its index has changed since it was read."""


class _Job:
    """One shard that is wanted.

    Attributes:
        arrived: Called with the shard some time after it came.
        question: How it was asked for among small files, if it was.
        is_asked: Whether somebody asked for it, rather than another shard led to it.
        is_careful: Whether it is left to the threads.
        is_taken: Whether a thread has it.
        over: Set when :attr:`data` or :attr:`error` is known.
    """

    def __init__(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> None:
        self.digest = digest
        self.url = url
        self.arrived = arrived
        self.question: FileRequest | None = None
        self.is_asked = self.is_careful = self.is_taken = False
        self.data: bytes | None = None
        self.error: BaseException | None = None
        self.over = threading.Event()

    def result(self) -> bytes:
        """The shard, or its error raised, once it is there."""
        self.over.wait()
        if self.data is None:
            assert self.error is not None
            raise self.error
        return self.data


class ShardLoader:
    """Loads shards by hash. Thread-safe.

    Args:
        fetcher: Opens URLs.
        directory: ``repodata-v1/shards-v1``.
    """

    def __init__(self, fetcher: Fetcher, directory: str) -> None:
        self._fetcher = fetcher
        self._best_url: Callable[[str], str] = getattr(fetcher, "best_url", str)
        self._directory = directory
        self._queue: queue.PriorityQueue[tuple[int, int, _Job]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._jobs: dict[str, _Job] = {}
        self._to_follow: deque[_Job] = deque()
        self._lock = threading.RLock()
        self._workers = 0
        self._asked = self._answered = 0
        self._followed = 0

    @property
    def _small_files(self) -> SmallFiles | None:
        small_files: SmallFiles | None = getattr(self._fetcher, "small_files", None)
        return small_files

    def cached(self, digest: str) -> bytes | None:
        """A shard from disk if it is there and whole."""
        try:
            with open(self._path(digest), "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def is_cached(self, digest: str) -> bool:
        """Whether a shard seems to be on disk: one look, nothing read."""
        return digest in self._jobs or os.path.exists(self._path(digest))

    def load(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> bytes:
        """A shard, from disk or from the server.

        Raises:
            MissingShardError: The server does not have it.
            ChannelError: It cannot be fetched, or is not what its hash says.
        """
        job = self._jobs.get(digest)
        if job is None or job.error is not None:
            data = self.cached(digest)
            if data is not None:
                return data
        job = self.request(digest, url, arrived, NEEDED)
        if self._small_files is not None and not job.is_careful:
            waited = job
            self._small_files.wait(
                lambda: waited.over.is_set() or waited.is_careful, self._follow_one
            )
        return job.result()

    def request(
        self, digest: str, url: str, arrived: Callable[[bytes], None] | None, priority: int
    ) -> _Job:
        """Have a shard fetched; at once if it is :data:`NEEDED`.

        Args:
            digest: SHA-256, hexadecimal.
            url: Where it is.
            arrived: Called with what arrived, when there is time for that.
            priority: :data:`NEEDED`, :data:`HINTED` or :data:`FOLLOWED`.
        """
        with self._lock:
            job = self._jobs.get(digest)
            if job is not None and job.error is None:
                if priority == NEEDED and not job.over.is_set():
                    self._hasten(job)
                return job
            job = self._jobs[digest] = _Job(digest, url, arrived)
            job.is_asked = priority != FOLLOWED
            self._asked += job.is_asked
            if self._small_files is not None:
                waiting = job
                job.question = self._small_files.ask(
                    self._best_url(url),
                    lambda question: self._take(waiting, question),
                    priority=priority,
                )
            if job.question is None:
                self._ask_carefully(job, priority)
        return job

    def start(self) -> None:
        """Send what was requested, without waiting for it."""
        if self._jobs and self._small_files is not None:
            self._small_files.nudge()

    def _hasten(self, job: _Job) -> None:
        if job.is_careful:
            if not job.is_taken:
                self._queue.put((NEEDED, next(self._order), job))
        elif self._small_files is not None and job.question and not job.question.is_started:
            self._small_files.hasten(job.question, NEEDED)

    def _take(self, job: _Job, question: FileRequest) -> None:
        """A small file has arrived, or not."""
        self._answered += job.is_asked
        answer = question.answer
        if question.is_cancelled:
            message = f"{redact(job.url)} was given up: the connections are closed"
            job.error = ChannelError("connection-broken", message, hint="run the command again")
            job.over.set()
            return
        if (
            answer is None
            or answer.status != 200
            or hashlib.sha256(answer.body).hexdigest() != job.digest
        ):
            self._ask_carefully(job, NEEDED)
            return
        self._keep(job.digest, answer.body)
        job.data = answer.body
        self._to_follow.append(job)
        job.over.set()

    def _follow_one(self) -> bool:
        """Look at one shard that has arrived. Whether there was one."""
        try:
            job = self._to_follow.popleft()
        except IndexError:
            return False
        if job.arrived is not None and job.data is not None:
            job.arrived(job.data)
        return True

    def _ask_carefully(self, job: _Job, priority: int) -> None:
        with self._lock:
            job.is_careful = True
            self._queue.put((priority, next(self._order), job))
            if self._workers < _WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="minicon-shard", daemon=True).start()

    def may_follow(self) -> bool:
        """Whether one more shard may be fetched that nobody has asked for.

        Following pays where little is known yet, at the start of a solve, and must not take
        more of the network than what is asked for.
        """
        with self._lock:
            if self._asked - self._answered > _BUSY:
                return False
            self._followed += 1
            return self._followed <= _FOLLOWED_AT_MOST + self._asked // 2

    def sweep(self) -> None:
        """Remove shards that were cached long ago; those in use come back by themselves."""
        limit = time.time() - _KEPT_SECONDS
        with contextlib.suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat().st_mtime < limit:
                        operations.remove_file(entry.path)

    def _path(self, digest: str) -> str:
        return f"{self._directory}/{digest}{SHARD_EXTENSION}"

    def _work(self) -> None:
        while True:
            try:
                _, _, job = self._queue.get(timeout=_IDLE_SECONDS)
            except queue.Empty:
                with self._lock:
                    if self._queue.empty():
                        self._workers -= 1
                        return
                continue
            with self._lock:
                mine = not job.is_taken
                job.is_taken = True
            if mine:
                self._carry_out(job)

    def _carry_out(self, job: _Job) -> None:
        try:
            data = self._fetch(job)
            if job.arrived is not None:
                job.arrived(data)
        except BaseException as error:  # noqa: BLE001 - raised again where the shard is needed
            job.error = error
        else:
            job.data = data
        if job.question is None:
            self._answered += job.is_asked
        job.over.set()

    def _fetch(self, job: _Job) -> bytes:
        for attempt in range(1, _TRIES + 1):
            headers = {"Cache-Control": "no-cache"} if attempt > 1 else {}
            try:
                with self._fetcher.open(job.url, headers=headers) as response:
                    if response.status in (404, 410):
                        raise MissingShardError(job.digest)
                    if response.status != 200:
                        raise status_error(job.url, response.status)
                    data = response.read(LARGEST_SHARD)
            except ChannelError as error:
                if attempt == _TRIES or error.reference not in _WORTH_RETRYING:
                    raise
                continue
            if hashlib.sha256(data).hexdigest() == job.digest:
                self._keep(job.digest, data)
                return data
        from minicon.net.expected_file import hint_for_wrong_bytes  # seldom needed

        message = f"{redact(job.url)} is not what its name says: its hash differs"
        hint = "possibly a proxy changes it, or the channel is broken; try again"
        hint = hint_for_wrong_bytes(job.url, hint)
        raise RepodataError("hash-mismatch", message, hint=hint)

    def _keep(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        # Whoever reads a shard looks at its hash: one that is half written is only missing.
        with contextlib.suppress(OSError):
            try:
                operations.create_file(path, data)
            except FileNotFoundError:
                operations.make_directory(self._directory)
                operations.create_file(path, data)
            except FileExistsError:
                operations.replace_file(path, data, durable=False)


_WORTH_RETRYING = ("connection-broken", "timed-out", "stalled", "tls-failed")
