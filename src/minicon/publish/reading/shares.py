"""Shares: the archives to read, in pieces that threads, processes or a cluster work on.

A share is a plain value, and :func:`read_share` a plain function, so that both can be sent to
another process or machine. A worker that dies costs the shares that it was working on: these are
read once more, archive by archive, so that one archive cannot take others with it.
"""

from __future__ import annotations

import contextlib
from pathlib import Path
from typing import NamedTuple, Protocol

from minicon.constants import WHEEL_EXTENSION
from minicon.errors import MiniconError
from minicon.net.parallel import run_parallel
from minicon.publish.reading.package_entry import PackageEntry, Refusal, read_entry

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence
    from typing import Any, TypeAlias

    from minicon.net.client.fetcher import Fetcher

    Found: TypeAlias = PackageEntry | Refusal

#: Archives of a share: enough that handing it over costs little, few enough to lose.
_SHARE = 64
#: Below this number of archives, starting processes costs more than it gains.
_WORTH_PROCESSES = 2000
#: Requests at the same time, if archives are on a server.
_CONNECTIONS = 16
_DIED = "the process that read it died"


class ListedArchive(NamedTuple):
    """An archive as its directory lists it: name, size, and a mark that changes with content."""

    fn: str
    size: int
    modified: int


class Share(NamedTuple):
    """Archives of one subdir.

    Attributes:
        folder: The subdir's directory, or its URL.
        archives: Those to read.
        now: Milliseconds since 1970, see :func:`.read_entry`.
        s3_options: Of buckets, if the directory is the URL of one.
    """

    folder: str
    archives: tuple[ListedArchive, ...]
    now: int
    s3_options: Mapping[str, Mapping[str, str]] = {}


class Runner(Protocol):
    """Reads shares somewhere."""

    def run(self, shares: Sequence[Share]) -> Iterator[tuple[Share, Sequence[Found] | None]]:
        """Yield each share with what was found, in any order; None if its worker died."""


def read_share(share: Share, fetcher: Fetcher | None = None) -> list[Found]:
    """Read the archives of a share; one that cannot be read becomes a refusal.

    Args:
        share: The share.
        fetcher: Opens URLs; None makes one with the credentials of this machine.
    """
    if "://" not in share.folder or fetcher is not None:
        return [_read(share, archive, fetcher) for archive in share.archives]
    from minicon.net.routing import make_fetcher

    with contextlib.closing(make_fetcher(s3_options=share.s3_options)) as own:
        return [_read(share, archive, own) for archive in share.archives]


def _read(share: Share, archive: ListedArchive, fetcher: Fetcher | None) -> Found:
    path = Path(share.folder, archive.fn)
    try:
        if fetcher is not None:
            from minicon.publish.reading.remote_entry import read_remote_entry

            url = f"{share.folder}/{archive.fn}"
            subdir = share.folder.rpartition("/")[2]
            return read_remote_entry(fetcher, url, subdir, archive.modified, share.now)
        if archive.fn.endswith(WHEEL_EXTENSION):
            from minicon.publish.reading.wheel_entry import read_wheel_entry

            return read_wheel_entry(path, path.parent.name, archive.modified, share.now)
        return read_entry(path, path.parent.name, archive.modified, share.now)
    except (MiniconError, OSError) as error:
        message = error.message if isinstance(error, MiniconError) else str(error)
        return Refusal(*archive, message)


def read_all(
    runner: Runner,
    folder: Path | str,
    archives: Sequence[ListedArchive],
    now: int,
    s3_options: Mapping[str, Mapping[str, str]] | None = None,
) -> Iterator[Sequence[Found]]:
    """Yield what was found in archives, share by share as they are done."""
    shares = [
        Share(str(folder), tuple(archives[start : start + _SHARE]), now, s3_options or {})
        for start in range(0, len(archives), _SHARE)
    ]
    again: list[Share] = []
    for share, found in runner.run(shares):
        if found is None:
            again += [share._replace(archives=(each,)) for each in share.archives]
        else:
            yield found
    for share, found in runner.run(again) if again else ():
        yield [Refusal(*each, _DIED) for each in share.archives] if found is None else found


class LocalRunner:
    """Reads shares in threads, or in processes if there are many files.

    Args:
        workers: Most threads or processes.
        fetcher: Opens URLs, in threads: what takes long is waiting for the server.
    """

    def __init__(self, workers: int, fetcher: Fetcher | None = None) -> None:
        self._workers = workers if fetcher is None else max(workers, _CONNECTIONS)
        self._fetcher = fetcher

    def run(self, shares: Sequence[Share]) -> Iterator[tuple[Share, Sequence[Found] | None]]:
        """See :meth:`Runner.run`."""
        count = sum(len(each.archives) for each in shares)
        if self._fetcher is None and self._workers > 1 and count >= _WORTH_PROCESSES:
            yield from self._in_processes(shares)
            return
        for share in shares:  # archive by archive: what takes long is hashing the large ones
            single = [share._replace(archives=(one,)) for one in share.archives]
            found = run_parallel(self._read_in_thread, single, workers=self._workers)
            yield share, [each for one in found for each in one]

    def _read_in_thread(self, share: Share, _: object) -> list[Found]:
        return read_share(share, self._fetcher)

    def _in_processes(
        self, shares: Sequence[Share]
    ) -> Iterator[tuple[Share, Sequence[Found] | None]]:
        from multiprocessing.connection import wait

        left = list(reversed(shares))
        pool = [_Worker(left.pop()) for _ in range(min(self._workers, len(left)))]
        try:
            while pool:
                ready = wait([worker.connection for worker in pool])
                for worker in [each for each in pool if each.connection in ready]:
                    share, found = worker.share, worker.result()
                    if found is None:  # it died
                        pool.remove(worker)
                    yield share, found
                    if not left and found is not None:
                        worker.close()
                        pool.remove(worker)
                    elif left and found is not None:
                        worker.start(left.pop())
                    elif left:
                        pool.append(_Worker(left.pop()))
        finally:
            for worker in pool:
                worker.kill()


class _Worker:
    """A process that reads one share after the other.

    Attributes:
        share: What it is reading.
        connection: Has the result once it is readable, or is at its end.
    """

    def __init__(self, share: Share) -> None:
        import multiprocessing

        context = multiprocessing.get_context("spawn")
        self.connection, other = context.Pipe()
        self._process = context.Process(target=_work, args=(other,), daemon=True)
        self._process.start()
        other.close()
        self.start(share)

    def start(self, share: Share) -> None:
        """Give it a share."""
        self.share = share
        with contextlib.suppress(OSError):  # it died: its result is None
            self.connection.send(share)

    def result(self) -> list[Found] | None:
        """Return what it found; None if it died."""
        try:
            return self.connection.recv()  # type: ignore[no-any-return]
        except (EOFError, OSError):
            self._process.join()
            return None

    def close(self) -> None:
        """Let it end, and wait for it."""
        self.connection.close()
        self._process.join()

    def kill(self) -> None:
        """End it at once."""
        self._process.kill()
        self.close()


def _work(connection: Any) -> None:
    """Read the shares that arrive; the main function of a worker."""
    with contextlib.suppress(EOFError, OSError, KeyboardInterrupt):
        while True:
            connection.send(read_share(connection.recv()))
