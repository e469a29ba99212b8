"""RunExports: dependencies that packages add to those built against them (CEP 12, CEP 21).

Sharded channels have them in the records. Others serve ``run_exports.json`` beside their index,
which is fetched only when needed, and cached like an index: converted once, read by name.
"""

from __future__ import annotations

from minicon.fs.lock import locked
from minicon.repodata.fetch import SubdirFetch, SubdirRequest
from minicon.repodata.index.decode import Members

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

    from minicon.models.channel import Channel
    from minicon.models.records import RepodataRecord
    from minicon.models.reporter import Reporter
    from minicon.net.routing import UrlFetcher
    from minicon.repodata.cache import RepodataCache
    from minicon.repodata.index.index_file import IndexFile

_FILE_NAME = "run_exports.json"
_KINDS = ("weak", "strong", "noarch", "weak_constrains", "strong_constrains")
_LOCK_TIMEOUT = 300.0


class RunExports:
    """Finds the run exports of records.

    Args:
        fetcher: Opens URLs.
        cache: The repodata cache.
        reporter: Receives download progress.
        clock: Seconds since 1970.
        offline: Use cached files, however old, and no network.
        ttl_seconds: As for :class:`minicon.repodata.client.ChannelClient`.
    """

    def __init__(
        self,
        fetcher: UrlFetcher,
        cache: RepodataCache,
        *,
        reporter: Reporter,
        clock: Callable[[], float],
        offline: bool,
        ttl_seconds: int,
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._reporter = reporter
        self._clock = clock
        self._offline = offline
        self._ttl_seconds = ttl_seconds
        self._files: dict[tuple[str, str], IndexFile | None] = {}

    def of(self, channel: Channel, record: RepodataRecord) -> dict[str, tuple[str, ...]] | None:
        """Return specs by kind (``weak``, ``strong`` …); empty if there are none, None if unknown.

        Args:
            channel: The record's channel.
            record: The record.

        Raises:
            ChannelError: The channel cannot be reached.
        """
        if "run_exports" in record.data:
            return _checked(record.data["run_exports"])
        key = (channel.base_url, record.subdir)
        if key not in self._files:
            self._files[key] = self._open(channel, record.subdir)
        file = self._files[key]
        if file is None:
            return None
        members = Members()
        for section, payload in file.segments(record.name):
            members.add_payload(section, payload)
        found = members.by_file_name.get(record.fn)
        return _checked(found.get("run_exports")) if isinstance(found, dict) else None

    def _open(self, channel: Channel, subdir: str) -> IndexFile | None:
        url = channel.url_for(subdir)
        key = self._cache.key(f"{url}/{_FILE_NAME}", channel.name, f"{subdir}-run-exports")
        with locked(self._cache.lock_path(key), timeout=_LOCK_TIMEOUT):
            state = self._cache.load_state(key, url)
            file = self._cache.open_index(state.body_sha256) if state else None
            if state is not None and (file is not None or state.is_missing):
                if self._offline or state.is_fresh(self._clock(), self._ttl_seconds):
                    return file
            elif self._offline and not channel.is_local:
                return None
            request = SubdirRequest(
                url=url,
                subdir=subdir,
                label=f"{channel.name}/{subdir} run exports",
                state=state if file is not None else None,
                file_names=_file_names(channel),
                now=self._clock(),
            )
            new = SubdirFetch(self._fetcher, self._cache, self._reporter, request).run()
            self._cache.save_state(key, new)
            return self._cache.open_index(new.body_sha256)


def _file_names(channel: Channel) -> tuple[str, ...]:
    compressed = f"{_FILE_NAME}.zst"
    return (_FILE_NAME, compressed) if channel.is_local else (compressed, _FILE_NAME)


def _checked(found: Any) -> dict[str, tuple[str, ...]]:
    """The valid specs by kind; a list without kinds is ``weak``, as in old packages."""
    kinds: Mapping[str, Any] = found if isinstance(found, dict) else {"weak": found}
    specs = {kind: kinds.get(kind) for kind in _KINDS}
    return {
        kind: tuple(text for text in texts if isinstance(text, str))
        for kind, texts in specs.items()
        if isinstance(texts, list) and texts
    }
