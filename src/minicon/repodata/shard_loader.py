"""ShardLoader: shards from the cache, or fetched in the background, many at once, each once.

The solver says early which names it will ask for, and a shard that arrives names those that it
leads to. Both only fill a queue; whoever needs a shard now waits for that one alone, which goes
to the front.
"""

from __future__ import annotations

import contextlib
import hashlib
import itertools
import queue
import threading
import time
from concurrent.futures import Future

from minicon.errors import ChannelError, FileError, RepodataError
from minicon.fs import operations
from minicon.models.url import redact
from minicon.net.statuses import status_error
from minicon.repodata.shard_format import LARGEST_SHARD, SHARD_EXTENSION

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from minicon.net.fetcher import Fetcher

_WORKERS = 24
_IDLE_SECONDS = 0.5
_FOLLOWED_AT_MOST = 128
_TRIES = 3
#: Cached shards that were written longer ago are removed when an index changes.
_KEPT_SECONDS = 60 * 86_400.0

#: Priorities of the queue.
NEEDED, HINTED, FOLLOWED = range(3)


class MissingShardError(Exception):
    """The server has no shard of this hash: its index has changed since it was read."""


class _Job:
    """One shard that is wanted."""

    def __init__(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> None:
        self.digest = digest
        self.url = url
        self.arrived = arrived
        self.future: Future[bytes] = Future()


class ShardLoader:
    """Loads shards by hash. Thread-safe.

    Args:
        fetcher: Opens URLs.
        directory: ``repodata-v1/shards``.
    """

    def __init__(self, fetcher: Fetcher, directory: Path) -> None:
        self._fetcher = fetcher
        self._directory = directory
        self._queue: queue.PriorityQueue[tuple[int, int, _Job]] = queue.PriorityQueue()
        self._order = itertools.count()
        self._jobs: dict[str, _Job] = {}
        self._lock = threading.Lock()
        self._workers = 0
        self._asked = 0
        self._followed = 0

    def cached(self, digest: str) -> bytes | None:
        """A shard from disk if it is there and whole."""
        try:
            data = self._path(digest).read_bytes()
        except OSError:
            return None
        return data if hashlib.sha256(data).hexdigest() == digest else None

    def is_cached(self, digest: str) -> bool:
        """Whether a shard seems to be on disk: one look, nothing read."""
        return digest in self._jobs or self._path(digest).exists()

    def load(self, digest: str, url: str, arrived: Callable[[bytes], None] | None) -> bytes:
        """A shard, from disk or from the server.

        Raises:
            MissingShardError: The server does not have it.
            ChannelError: It cannot be fetched, or is not what its hash says.
        """
        job = self._jobs.get(digest)
        if job is None or (job.future.done() and job.future.exception() is not None):
            data = self.cached(digest)
            if data is not None:
                return data
        return self.request(digest, url, arrived, NEEDED).result()

    def request(
        self, digest: str, url: str, arrived: Callable[[bytes], None] | None, priority: int
    ) -> Future[bytes]:
        """Have a shard fetched; at once if it is :data:`NEEDED`.

        Args:
            digest: SHA-256, hexadecimal.
            url: Where it is.
            arrived: Called in the background with what arrived, before the future is done.
            priority: :data:`NEEDED`, :data:`HINTED` or :data:`FOLLOWED`.
        """
        with self._lock:
            job = self._jobs.get(digest)
            if job is None or (job.future.done() and job.future.exception() is not None):
                job = self._jobs[digest] = _Job(digest, url, arrived)
                self._asked += priority != FOLLOWED
            elif priority != NEEDED or job.future.running() or job.future.done():
                return job.future
            self._queue.put((priority, next(self._order), job))
            if self._workers < _WORKERS:
                self._workers += 1
                threading.Thread(target=self._work, name="minicon-shard", daemon=True).start()
        return job.future

    def may_follow(self) -> bool:
        """Whether one more shard may be fetched that nobody has asked for.

        Following pays where little is known yet, at the start of a solve, and must not take
        more of the network than what is asked for.
        """
        with self._lock:
            self._followed += 1
            return self._followed <= _FOLLOWED_AT_MOST + self._asked // 2

    def sweep(self) -> None:
        """Remove shards that were cached long ago; those in use come back by themselves."""
        limit = time.time() - _KEPT_SECONDS
        for path in self._directory.glob(f"*/*{SHARD_EXTENSION}"):
            with contextlib.suppress(OSError):
                if path.stat().st_mtime < limit:
                    operations.remove_file(path)

    def _path(self, digest: str) -> Path:
        return self._directory / digest[:2] / f"{digest}{SHARD_EXTENSION}"

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
                mine = not job.future.running() and not job.future.done()
                if mine:
                    job.future.set_running_or_notify_cancel()
            if mine:
                self._carry_out(job)

    def _carry_out(self, job: _Job) -> None:
        try:
            data = self._fetch(job)
            if job.arrived is not None:
                job.arrived(data)
        except BaseException as error:  # noqa: BLE001 - raised again where the shard is needed
            job.future.set_exception(error)
        else:
            job.future.set_result(data)

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
        message = f"{redact(job.url)} is not what its name says: its hash differs"
        hint = "possibly a proxy changes it, or the channel is broken; try again"
        raise RepodataError("hash-mismatch", message, hint=hint)

    def _keep(self, digest: str, data: bytes) -> None:
        path = self._path(digest)
        with contextlib.suppress(FileError), operations.describing("write", path):
            operations.make_directory(path.parent)
            operations.replace_file(path, data, durable=False)


_WORTH_RETRYING = ("connection-broken", "timed-out", "stalled", "tls-failed")
