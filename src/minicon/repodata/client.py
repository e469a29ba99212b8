"""ChannelClient: from channels to record indexes, fetched if necessary and cached if allowed."""

from __future__ import annotations

import contextlib
import threading
import time
from functools import partial

from minicon.constants import REPODATA, SHARDS_INDEX
from minicon.errors import ChannelError
from minicon.models.reporter import SilentReporter
from minicon.repodata.cache import CachedIndex, RepodataCache, index_file_names
from minicon.repodata.index.base_url import resolve_base_url
from minicon.repodata.index.record_source import RecordSource
from minicon.repodata.index.subdir_index import ConvertedIndex, EmptyIndex

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from minicon.models.channel import Channel
    from minicon.models.indexes.record_index import RecordIndex
    from minicon.models.reporter import Reporter
    from minicon.net.routing import UrlFetcher
    from minicon.repodata.cache import SubdirState
    from minicon.repodata.index.index_file import IndexFile
    from minicon.repodata.index.subdir_index import LocatedIndex
    from minicon.repodata.run_exports import RunExports
    from minicon.repodata.shards.shard_loader import ShardLoader
    from minicon.repodata.shards.sharded_index import ShardGroup

#: Most indexes that are fetched at the same time.
_WORKERS = 8
#: Most indexes that are converted at the same time; requests for others are sent meanwhile.
_CONVERSIONS = 2
_LOCK_TIMEOUT = 300.0


class ChannelClient:
    """Finds the records of channels. Thread-safe.

    Args:
        make_fetcher: Makes what opens URLs; called once, when an index has to be fetched.
        cache_dir: ``MINICON_ROOT/cache``.
        offline: Use cached indexes, however old, and no network.
        ttl_seconds: conda's ``local_repodata_ttl``: 0 always checks with the server, 1 uses its
            max-age, more is a number of seconds.
        use_zst: Whether to request ``repodata.json.zst``.
        use_shards: Whether to request sharded repodata (CEP 16) first.
        repodata_fns: conda's setting: index files such as ``current_repodata.json`` to use first,
            where a channel has them; see :meth:`use_next_repodata_fn`.
        reporter: Receives download progress, and warnings about records that are left out.
        clock: Seconds since 1970.
        refreshing: Called with each channel before an index is requested from its server.
    """

    def __init__(
        self,
        make_fetcher: Callable[[], UrlFetcher],
        cache_dir: Path | str,
        *,
        offline: bool = False,
        ttl_seconds: int = 1,
        use_zst: bool = True,
        use_shards: bool = True,
        repodata_fns: Sequence[str] = (),
        reporter: Reporter | None = None,
        clock: Callable[[], float] = time.time,
        refreshing: Callable[[Channel], object] = bool,
    ) -> None:
        self._make_fetcher = make_fetcher
        self._cache = RepodataCache(cache_dir)
        self._offline = offline
        self._ttl_seconds = ttl_seconds
        self._formats = {"use_zst": use_zst, "use_shards": use_shards}
        # As in conda, the complete index comes last, whatever is configured.
        self._file_names_left = [*(name for name in repodata_fns if name != REPODATA), REPODATA]
        self._shards: ShardLoader | None = None
        self._opened_fetcher: UrlFetcher | None = None
        self._making = threading.RLock()
        self._groups: dict[str, ShardGroup] = {}
        self._reporter = reporter or SilentReporter()
        self._clock = clock
        self._refreshing = refreshing
        self._invalid_before: float | None = None
        self._is_swept = False
        self._noted: set[str] = set()
        # Indexes of shards are converted one after the other, each up to its first requests:
        # converting is all Python, and in parallel every one of them would be late.
        self._converting = threading.RLock()
        self._conversions = threading.BoundedSemaphore(_CONVERSIONS)

    def index(self, channel: Channel, subdir: str, *, refresh: bool = False) -> RecordIndex:
        """Return the records of one channel's subdir; empty if the channel has no such subdir.

        Args:
            channel: The channel.
            subdir: Platform directory.
            refresh: Fetch the index whatever is cached, for instance after a package that it
                lists was missing.

        Raises:
            ChannelError: The channel cannot be reached, or its index is invalid.
            OfflineError: Offline, and nothing is cached.
        """
        self._register_credentials(channel)
        found = self._index(channel, subdir, self._look_up(channel, subdir, refresh))
        return EmptyIndex(channel.name, subdir) if found is None else found

    def indices(
        self,
        channels: Sequence[Channel],
        subdirs: Sequence[str],
        *,
        refresh: bool = False,
        names: Collection[str] = (),
    ) -> tuple[tuple[RecordIndex, ...], ...]:
        """Return the records of channels in subdirs; outdated ones are fetched in parallel.

        A subdir that a channel lacks is empty, as in conda; a channel without any of them does
        not exist.

        Args:
            channels: In order of priority.
            subdirs: Platform directories; a channel that names its own uses those instead.
            refresh: As for :meth:`index`.
            names: Names whose records are needed first: prefetched as soon as an index arrived.

        Returns:
            Per channel, in order, its indexes in the order of the subdirs.

        Raises:
            ChannelError: ``channel-not-found``, or as :meth:`index`.
        """
        wanted = [(c, s) for c in channels for s in c.platforms or subdirs]
        for channel in channels:
            self._register_credentials(channel)

        cached = {key: self._look_up(*key, refresh) for key in wanted}

        def find(key: tuple[Channel, str], _: object = None) -> LocatedIndex | None:
            with contextlib.ExitStack() as stack:
                converting = partial(stack.enter_context, self._converting)
                index = self._index(*key, cached[key], converting)
                if index is not None:
                    index.prefetch(names)
            return index

        found = {key: find(key) for key, each in cached.items() if each.is_current}
        if outdated := [key for key in cached if key not in found]:
            from minicon.net.parallel import run_parallel

            new = run_parallel(find, outdated, workers=_WORKERS)
            found.update(zip(outdated, new, strict=True))
        self._note_unread_revisions(found[key] for key in wanted)
        return tuple(
            self._indices_of(c, [(s, found[c, s]) for s in c.platforms or subdirs])
            for c in channels
        )

    def use_next_repodata_fn(self) -> bool:
        """Use the next of ``repodata_fns`` from now on; False if the last one is in use."""
        if len(self._file_names_left) == 1:
            return False
        del self._file_names_left[0]
        return True

    def invalidate_cached_indexes(self) -> bool:
        """Check all indexes with their servers that were last checked before now, once.

        Returns:
            False if this was called before.
        """
        if self._invalid_before is not None:
            return False
        self._invalid_before = self._clock()
        return True

    def run_exports(self) -> RunExports:
        """Return a reader of run exports (CEP 12) with this client's network and cache."""
        from minicon.repodata.run_exports import RunExports

        return RunExports(
            self._fetcher,
            self._cache,
            reporter=self._reporter,
            clock=self._clock,
            offline=self._offline,
            ttl_seconds=self._ttl_seconds,
        )

    def is_reachable(self, channel: Channel, seconds: float = 2.0) -> bool:
        """Whether a channel responds within ``seconds``, remembered for some minutes.

        A channel whose cached index is fresh counts as reachable. Offline, so does a channel that
        is on this machine or cached.
        """
        if self._offline and not channel.is_local:
            return any(
                self._state(channel, subdir) for subdir in (*(channel.platforms or ()), "noarch")
            )
        self._register_credentials(channel)
        subdir = (channel.platforms or ("noarch",))[0]
        state = self._state(channel, subdir)
        if state is not None and not state.is_missing and self._is_current(channel, state):
            return True
        from minicon.repodata.channels.reachability import Reachability

        probe = Reachability(self._fetcher, self._cache.directory, self._clock)
        return probe.is_reachable(channel, seconds)

    def _register_credentials(self, channel: Channel) -> None:
        if channel.credentials is not None:
            self._fetcher.credentials.add(channel.base_url, channel.credentials)

    def _indices_of(
        self, channel: Channel, found: Sequence[tuple[str, RecordIndex | None]]
    ) -> tuple[RecordIndex, ...]:
        if found and all(index is None for _, index in found):
            from minicon.repodata.channels.names import channel_not_found

            subdirs = [subdir for subdir, _ in found]
            raise channel_not_found(channel, subdirs, offline=self._offline)
        return tuple(
            EmptyIndex(channel.name, subdir) if index is None else index for subdir, index in found
        )

    @property
    def _fetcher(self) -> UrlFetcher:
        with self._making:
            if self._opened_fetcher is None:
                self._opened_fetcher = self._make_fetcher()
            return self._opened_fetcher

    def _look_up(self, channel: Channel, subdir: str, refresh: bool) -> CachedIndex:
        state, file = self._cached(channel, subdir)
        before = self._invalid_before
        if state is not None and before is not None and state.checked_at < before:
            refresh = True
        is_current = state is not None and not refresh and self._is_current(channel, state)
        is_all = self._offline and not channel.is_local
        return CachedIndex(state, file, refresh, is_current or is_all)

    def _index(
        self,
        channel: Channel,
        subdir: str,
        cached: CachedIndex,
        start_converting: Callable[[], object] = bool,
    ) -> LocatedIndex | None:
        """The index of a subdir, or None if the channel (or, offline, the cache) has none."""
        state, file = cached.state, cached.file
        if cached.is_current:
            self._note_age(channel, subdir, state)
        else:
            state, file = self._updated(channel, subdir, state, cached.refresh, start_converting)
        if state is None or state.is_missing or file is None:
            return None
        return self._open(channel, subdir, state, file)

    def _open(
        self, channel: Channel, subdir: str, state: SubdirState, file: IndexFile
    ) -> LocatedIndex:
        info = file.meta["info"]
        base_url = resolve_base_url(state.url, info.get("base_url"))
        source = RecordSource(channel.name, subdir, base_url)
        if state.file_name != SHARDS_INDEX:
            return ConvertedIndex(
                source,
                file,
                state.body_sha256,
                self._reporter.warn,
                lambda: self._refetch(channel, subdir, discard=True),
            )
        from minicon.repodata.shards.sharded_index import ShardedIndex, ShardGroup

        name = "shards_base_url"
        shards_url = resolve_base_url(state.url, info.get(name), what=name)
        return ShardedIndex(
            source,
            file,
            state.body_sha256,
            shards_url=shards_url,
            loader=self._shard_loader(),
            group=self._groups.setdefault(channel.base_url, ShardGroup()),
            warn=self._reporter.warn,
            offline=self._offline and not channel.is_local,
            refetch=lambda: self._refetch(channel, subdir, discard=False),
        )

    def _is_current(self, channel: Channel, state: SubdirState) -> bool:
        """Whether a cached index may be used without a request."""
        if channel.is_local:  # checking it costs a system call or two, so it is always checked
            return state.is_unchanged(self._file_names(channel))
        return state.is_fresh(self._clock(), self._ttl_seconds)

    def _note_age(self, channel: Channel, subdir: str, state: SubdirState | None) -> None:
        if self._offline and not channel.is_local and state is not None and not state.is_missing:
            age = state.age_text(self._clock())
            self._reporter.note(f"offline: {channel.name}/{subdir} as of {age} ago")

    def _note_unread_revisions(self, indices: Iterable[LocatedIndex | None]) -> None:
        """Note once which packages of a channel need a newer minicon (CEP 48)."""
        for index in indices:
            if index is not None and "repodata_revisions" in index.info:
                from minicon.repodata.index.convert import unread_revisions

                for text in unread_revisions(index.info):
                    note = f"{index.channel}/{index.subdir} {text}"
                    if note not in self._noted:
                        self._noted.add(note)
                        self._reporter.note(note)

    def _file_names(self, channel: Channel) -> tuple[str, ...]:
        name = self._file_names_left[0]
        return index_file_names(name, is_local=channel.is_local, **self._formats)

    def _key(self, channel: Channel, subdir: str) -> tuple[str, str]:
        url = channel.url_for(subdir)
        name = self._file_names_left[0]
        own_url = url if name == REPODATA else f"{url}/{name}"
        return self._cache.key(own_url, channel.name, subdir), url

    def _state(self, channel: Channel, subdir: str) -> SubdirState | None:
        return self._cache.load_state(*self._key(channel, subdir))

    def _cached(self, channel: Channel, subdir: str) -> tuple[SubdirState | None, IndexFile | None]:
        """The cached state and its index; both or neither, unless the subdir is missing."""
        state = self._state(channel, subdir)
        if state is None or state.is_missing:
            return state, None
        file = self._cache.open_index(state.body_sha256)
        return (state, file) if file is not None else (None, None)

    def _updated(
        self,
        channel: Channel,
        subdir: str,
        known: SubdirState | None,
        refresh: bool,
        start_converting: Callable[[], object] = bool,
    ) -> tuple[SubdirState | None, IndexFile | None]:
        """Fetch the index, unless another process did so while this one waited for the lock."""
        from minicon.fs.lock import locked
        from minicon.repodata.fetch import SubdirFetch, SubdirRequest

        key, url = self._key(channel, subdir)
        with locked(self._cache.lock_path(key), timeout=_LOCK_TIMEOUT):
            state, file = self._cached(channel, subdir)
            if state is not None and state != known:
                return state, file

            self._refreshing(channel)
            request = SubdirRequest(
                url=url,
                subdir=subdir,
                label=f"{channel.name}/{subdir}",
                state=state,
                file_names=self._file_names(channel),
                now=self._clock(),
                refresh=refresh,
                start_converting=start_converting,
                conversion=self._conversions,
            )
            new = SubdirFetch(self._fetcher, self._cache, self._reporter, request).run()
            self._cache.save_state(key, new)
            if state is None or state.body_sha256 != new.body_sha256:
                self._sweep()
            return new, self._cache.open_index(new.body_sha256)

    def _sweep(self) -> None:
        """Remove unused files from the cache, once per process."""
        if not self._is_swept:
            self._is_swept = True
            self._cache.sweep()
            self._shard_loader().sweep()

    def _shard_loader(self) -> ShardLoader:
        from minicon.repodata.shards.shard_loader import ShardLoader

        with self._making:
            if self._shards is None:
                self._shards = ShardLoader(self._fetcher, f"{self._cache.directory}/shards-v1")
            return self._shards

    def _refetch(self, channel: Channel, subdir: str, *, discard: bool) -> IndexFile:
        """Fetch an index that is damaged on disk, or older than the server's shards."""
        state = self._state(channel, subdir)
        if state is not None and discard:
            self._cache.discard_index(state.body_sha256)
        _, file = self._updated(channel, subdir, state, refresh=True)
        if file is None:
            message = f"the server no longer has the index of {channel.name}/{subdir}"
            raise ChannelError("channel-not-found", message, hint="run the command again")
        return file
