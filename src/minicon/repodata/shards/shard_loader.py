"""ShardLoader: load shards from the cache, or fetch many in parallel, each once.

The solver names early the packages that it will need, and a shard that arrives names its
dependencies. Both only fill a queue; a caller that needs a shard now waits for that one, which is
moved to the front::

    request ─► SmallFiles ─► complete, hash matches ─► cached ─► loaded
                   └─► anything else ─► queue ─► threads ─► Fetcher ─► loaded, or an error

The dependencies of shards are looked at while nothing else arrives.
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

    from minicon.net.routing import UrlFetcher
    from minicon.net.small_files.client import SmallFiles
    from minicon.net.small_files.server import FileRequest

_WORKERS = 24
_IDLE_SECONDS = 0.5
#: Most dependencies that are prefetched, besides half the number of requested shards.
_MOST_FOLLOWED = 128
#: Number of requested shards on their way above which no dependencies are prefetched.
_BUSY = 32
_TRIES = 3
#: Seconds after which cached shards are removed once an index changes.
_CACHED_SECONDS = 60 * 86_400.0
_RETRIED = ("connection-broken", "timed-out", "stalled", "tls-failed")

#: Priorities: needed now, needed later, dependency of a shard.
NEEDED, HINTED, FOLLOWED = range(3)


class MissingShardError(Exception):
    """The server has no shard of this hash: its index has changed since it was read."""


class _Job:
    """One shard to load.

    Attributes:
        arrived: Called with the shard some time after it arrived.
        small_file: The request to SmallFiles, if there is one.
        is_requested: Whether a caller requested it, rather than another shard depends on it.
        is_for_threads: Whether it is left to the threads.
        is_taken: Whether a thread has taken it.
        over: Set once :attr:`data` or :attr:`error` is known.
    """

    def __init__(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> None:
        self.digest = digest
        self.url = url
        self.arrived = arrived
        self.small_file: FileRequest | None = None
        self.is_requested = self.is_for_threads = self.is_taken = False
        self.data: bytes | None = None
        self.error: BaseException | None = None
        self.over = threading.Event()

    def result(self) -> bytes:
        """Wait for the shard and return it, or raise its error."""
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

    def __init__(self, fetcher: UrlFetcher, directory: str) -> None:
        self._fetcher = fetcher
        self._directory = directory
        self._queue: queue.PriorityQueue[tuple[int, int, _Job]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._jobs: dict[str, _Job] = {}
        self._to_follow: deque[_Job] = deque()
        self._lock = threading.RLock()
        self._workers = 0
        self._requested = self._finished = 0
        self._followed = 0

    @property
    def _small_files(self) -> SmallFiles | None:
        return self._fetcher.small_files

    def cached(self, digest: str) -> bytes | None:
        """Return a shard from disk; None if it is missing or damaged."""
        try:
            with open(self._path(digest), "rb", buffering=0) as file:
                data = file.read()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def is_cached(self, digest: str) -> bool:
        """Whether a shard seems to be on disk, or was requested before; reads nothing."""
        return digest in self._jobs or os.path.exists(self._path(digest))

    def load(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> bytes:
        """Return a shard, from disk or from the server.

        Args:
            digest: SHA-256, hexadecimal.
            url: Its URL.
            arrived: As for :meth:`request`.

        Raises:
            MissingShardError: The server does not have it.
            ChannelError: It cannot be fetched, or does not match its hash.
        """
        job = self._jobs.get(digest)
        if job is None or job.error is not None:
            data = self.cached(digest)
            if data is not None:
                return data
        job = self.request(digest, url, arrived, NEEDED)
        if self._small_files is not None and not job.is_for_threads:
            waited = job
            self._small_files.wait(
                lambda: waited.over.is_set() or waited.is_for_threads, self._follow_one
            )
        return job.result()

    def request(
        self, digest: str, url: str, arrived: Callable[[bytes], None] | None, priority: int
    ) -> _Job:
        """Queue a shard.

        Args:
            digest: SHA-256, hexadecimal.
            url: Its URL.
            arrived: Called with the shard some time after it arrived.
            priority: :data:`NEEDED`, :data:`HINTED` or :data:`FOLLOWED`.
        """
        with self._lock:
            job = self._jobs.get(digest)
            if job is not None and job.error is None:
                if priority == NEEDED and not job.over.is_set():
                    self._prioritize(job)
                return job
            job = self._jobs[digest] = _Job(digest, url, arrived)
            job.is_requested = priority != FOLLOWED
            self._requested += job.is_requested
            if self._small_files is not None:
                waiting = job
                job.small_file = self._small_files.submit(
                    self._fetcher.best_url(url),
                    lambda request: self._receive(waiting, request),
                    priority=priority,
                )
            if job.small_file is None:
                self._leave_to_threads(job, priority)
        return job

    def start(self) -> None:
        """Send what was queued, without waiting for responses."""
        if self._jobs and self._small_files is not None:
            self._small_files.poll()

    def _prioritize(self, job: _Job) -> None:
        if job.is_for_threads:
            if not job.is_taken:
                self._queue.put((NEEDED, next(self._order), job))
        elif self._small_files is not None and job.small_file and not job.small_file.is_started:
            self._small_files.prioritize(job.small_file, NEEDED)

    def _receive(self, job: _Job, request: FileRequest) -> None:
        """Take the outcome of a request to SmallFiles."""
        self._finished += job.is_requested
        response = request.response
        if request.is_cancelled:
            message = f"fetching {redact(job.url)} was cancelled: the connections were closed"
            job.error = ChannelError("connection-broken", message, hint="run the command again")
            job.over.set()
            return
        if (
            response is None
            or response.status != 200
            or hashlib.sha256(response.body).hexdigest() != job.digest
        ):
            self._leave_to_threads(job, NEEDED)
            return
        self._save(job.digest, response.body)
        job.data = response.body
        self._to_follow.append(job)
        job.over.set()

    def _follow_one(self) -> bool:
        """Hand one shard that has arrived to its callback; False if there is none."""
        try:
            job = self._to_follow.popleft()
        except IndexError:
            return False
        if job.arrived is not None and job.data is not None:
            job.arrived(job.data)
        return True

    def may_follow(self) -> bool:
        """Whether one more dependency may be prefetched.

        Prefetching helps while little is known, at the start of a solve. It must not slow down
        requested shards.
        """
        with self._lock:
            if self._requested - self._finished > _BUSY:
                return False
            self._followed += 1
            return self._followed <= _MOST_FOLLOWED + self._requested // 2

    def sweep(self) -> None:
        """Remove shards that were cached long ago; those still in use are fetched again."""
        limit = time.time() - _CACHED_SECONDS
        with contextlib.suppress(OSError), os.scandir(self._directory) as entries:
            for entry in entries:
                with contextlib.suppress(OSError):
                    if entry.stat().st_mtime < limit:
                        operations.remove_file(entry.path)

    def _path(self, digest: str) -> str:
        return f"{self._directory}/{digest}{SHARD_EXTENSION}"

    def _leave_to_threads(self, job: _Job, priority: int) -> None:
        with self._lock:
            job.is_for_threads = True
            self._queue.put((priority, next(self._order), job))
            if self._workers < _WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="minicon-shard", daemon=True).start()

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
                self._run(job)

    def _run(self, job: _Job) -> None:
        try:
            data = self._fetch(job)
            if job.arrived is not None:
                job.arrived(data)
        except BaseException as error:  # noqa: BLE001 - raised again where the shard is needed
            job.error = error
        else:
            job.data = data
        if job.small_file is None:
            self._finished += job.is_requested
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
                if attempt == _TRIES or error.reference not in _RETRIED:
                    raise
                continue
            if hashlib.sha256(data).hexdigest() == job.digest:
                self._save(job.digest, data)
                return data
        from minicon.net.download import hint_for_wrong_bytes  # rarely needed

        message = f"{redact(job.url)} does not match the hash in its name"
        hint = "a proxy may change it, or the channel is broken; try again"
        hint = hint_for_wrong_bytes(job.url, hint)
        raise RepodataError("hash-mismatch", message, hint=hint)

    def _save(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        # Readers compare the hash, so a shard that is half written only counts as missing.
        with contextlib.suppress(OSError):
            try:
                operations.create_file(path, data)
            except FileNotFoundError:
                operations.make_directory(self._directory)
                operations.create_file(path, data)
            except FileExistsError:
                operations.replace_file(path, data, durable=False)
