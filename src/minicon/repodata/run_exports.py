"""RunExports: what a package exports to those that are built against it (CEP 12, CEP 21).

Sharded channels say it in the record. Others serve ``run_exports.json`` beside their index, which
is fetched only when somebody asks, and kept as an index is: converted once, found by name.
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
    from minicon.net.client.fetcher import Fetcher
    from minicon.repodata.cache import RepodataCache
    from minicon.repodata.index.index_file import IndexFile

RUN_EXPORTS = "run_exports.json"
KINDS = ("weak", "strong", "noarch", "weak_constrains", "strong_constrains")
_LOCK_TIMEOUT = 300.0


class RunExports:
    """Finds the exports of records.

    Args:
        fetcher: Opens URLs.
        cache: Where channels' indexes are kept.
        reporter: Told of downloads.
        clock: Seconds since 1970.
        offline: Believe what is cached, however old.
        ttl_seconds: As for :class:`minicon.repodata.client.ChannelClient`.
    """

    def __init__(
        self,
        fetcher: Fetcher,
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
        """Specs by kind (``weak``, ``strong`` …); empty if there are none, None if not known.

        Args:
            channel: Where the record is from.
            record: Which.

        Raises:
            ChannelError: The channel cannot be asked.
        """
        if "run_exports" in record.data:
            return _checked(record.data["run_exports"])
        place = (channel.base_url, record.subdir)
        if place not in self._files:
            self._files[place] = self._open(channel, record.subdir)
        file = self._files[place]
        if file is None:
            return None
        members = Members()
        for section, payload in file.segments(record.name):
            members.add_payload(section, payload)
        found = members.by_file_name.get(record.fn)
        return _checked(found.get("run_exports")) if isinstance(found, dict) else None

    def _open(self, channel: Channel, subdir: str) -> IndexFile | None:
        url = channel.url_for(subdir)
        key = self._cache.key(f"{url}/{RUN_EXPORTS}", channel.name, f"{subdir}-run-exports")
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
    compressed = f"{RUN_EXPORTS}.zst"
    return (RUN_EXPORTS, compressed) if channel.is_local else (compressed, RUN_EXPORTS)


def _checked(found: Any) -> dict[str, tuple[str, ...]]:
    """What is well-formed; a bare list is ``weak``, as in old packages."""
    kinds: Mapping[str, Any] = found if isinstance(found, dict) else {"weak": found}
    specs = {kind: kinds.get(kind) for kind in KINDS}
    return {
        kind: tuple(text for text in texts if isinstance(text, str))
        for kind, texts in specs.items()
        if isinstance(texts, list) and texts
    }
