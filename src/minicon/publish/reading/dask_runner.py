"""DaskRunner: reads the archives of a channel on a Dask cluster (the extra ``minicon[dask]``).

Shares are sent as they are, so that workers need minicon and the same directories. Dask gives the
share of a worker that died to another one; a share that keeps killing workers is given up.
"""

from __future__ import annotations

from minicon.closing import Closing
from minicon.errors import ConfigError, UsageError
from minicon.publish.reading.shares import read_share

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from minicon.publish.reading.shares import Found, Share

_SECONDS = 30


class DaskRunner(Closing):
    """A :class:`.Runner` on a cluster. Use as a context manager.

    Args:
        address: Of the scheduler, for instance ``tcp://scheduler:8786``.

    Raises:
        ConfigError: ``extra-missing``: distributed is not installed.
        UsageError: ``no-cluster``: there is no scheduler at that address.
    """

    def __init__(self, address: str) -> None:
        try:
            from distributed import Client
        except ImportError as error:
            message = "a Dask cluster needs the package distributed"
            hint = "pip install 'minicon[dask]'"
            raise ConfigError("extra-missing", message, hint=hint) from error
        try:
            self._client = Client(address, timeout=_SECONDS, set_as_default=False)
        except (OSError, ValueError, TimeoutError) as error:
            message = f"no Dask scheduler responds at {address}: {error}"
            hint = "start one with 'dask scheduler', and pass the address that it prints"
            raise UsageError("no-cluster", message, hint=hint) from error

    def run(self, shares: Sequence[Share]) -> Iterator[tuple[Share, Sequence[Found] | None]]:
        """See :meth:`.Runner.run`."""
        from distributed import as_completed
        from distributed.scheduler import KilledWorker

        futures = self._client.map(read_share, shares, pure=False)
        running = dict(zip(futures, shares, strict=True))
        for future in as_completed(futures, loop=self._client.loop):
            share = running.pop(future)
            try:
                found: Sequence[Found] | None = future.result()
            except KilledWorker:
                found = None
            future.release()  # the cluster need not keep it
            yield share, found

    def close(self) -> None:
        """Leave the cluster."""
        self._client.close()
