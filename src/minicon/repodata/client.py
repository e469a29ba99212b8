"""ChannelClient: channels in, record indices out; fresh where needed, cached where allowed."""

from __future__ import annotations

import contextlib
import os
import threading
import time

from minicon.constants import REPODATA
from minicon.errors import ChannelError, OfflineError
from minicon.fs.lock import locked
from minicon.models.reporter import SilentReporter
from minicon.net.parallel import run_parallel
from minicon.repodata.age import age_text
from minicon.repodata.cache import RepodataCache
from minicon.repodata.channels.base_url import resolve_base_url
from minicon.repodata.index.decode import Place
from minicon.repodata.index.subdir_index import ConvertedIndex, EmptyIndex
from minicon.repodata.shards.shard_format import SHARDS_INDEX
from minicon.repodata.shards.shard_loader import ShardLoader
from minicon.repodata.shards.sharded_index import ShardedIndex, ShardGroup

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterable, Sequence
    from pathlib import Path

    from minicon.models.channel import Channel
    from minicon.models.record_index import RecordIndex
    from minicon.models.reporter import Reporter
    from minicon.net.client.fetcher import Fetcher
    from minicon.net.credentials.store import CredentialStore
    from minicon.repodata.cache import SubdirState
    from minicon.repodata.index.index_file import IndexFile
    from minicon.repodata.run_exports import RunExports

#: How many indexes are fetched at the same time.
_WORKERS = 8
_LOCK_TIMEOUT = 300.0


class ChannelClient:
    """Knows the records of channels. Thread-safe.

    Args:
        fetcher: Opens http(s) and file URLs.
        cache_dir: ``MINICON_ROOT/cache``.
        offline: Use what is cached, however old, and never the network.
        ttl_seconds: conda's ``local_repodata_ttl``: 0 always asks the server, 1 believes its
            max-age, more is a number of seconds.
        use_zst: Whether to ask for ``repodata.json.zst``.
        use_shards: Whether to ask for sharded repodata (CEP 16) before the whole.
        repodata_fns: conda's setting: index files such as ``current_repodata.json`` to use first,
            where a channel has them; see :meth:`use_next_repodata_fn`.
        reporter: Told of downloads, of cached indexes in use, of records left out.
        clock: Seconds since 1970.
        credentials: Where the channels' credentials are put for the fetcher to find.
        refreshing: Told of each channel whose server is about to be asked for an index.
    """

    def __init__(
        self,
        fetcher: Fetcher,
        cache_dir: Path | str,
        *,
        offline: bool = False,
        ttl_seconds: int = 1,
        use_zst: bool = True,
        use_shards: bool = True,
        repodata_fns: Sequence[str] = (),
        reporter: Reporter | None = None,
        clock: Callable[[], float] = time.time,
        credentials: CredentialStore | None = None,
        refreshing: Callable[[Channel], object] = bool,
    ) -> None:
        self._fetcher = fetcher
        self._cache = RepodataCache(cache_dir)
        self._offline = offline
        self._ttl_seconds = ttl_seconds
        self._use_zst = use_zst
        self._use_shards = use_shards
        # conda's rule: whatever is named, the whole is what it ends with.
        self._file_names_left = [*(name for name in repodata_fns if name != REPODATA), REPODATA]
        self._shards = ShardLoader(fetcher, os.path.join(self._cache.directory, "shards-v1"))
        self._groups: dict[str, ShardGroup] = {}
        self._reporter = reporter or SilentReporter()
        self._clock = clock
        self._credentials = credentials
        self._refreshing = refreshing
        self._distrusted_before: float | None = None
        self._is_swept = False
        self._told: set[str] = set()
        # Indexes of shards are converted one after the other, each up to its first requests:
        # the work is all python's, and side by side every one of them would be late.
        self._turn = threading.RLock()

    def index(self, channel: Channel, subdir: str, *, refresh: bool = False) -> RecordIndex:
        """The records of one channel in one subdir; empty if the channel has no such subdir.

        Args:
            channel: Where to look.
            subdir: Platform folder.
            refresh: Fetch anew whatever the cache says, for instance after a package that the
                index lists was not there.

        Raises:
            ChannelError: The channel cannot be reached, or its index is no index.
            OfflineError: Offline, and nothing is cached.
        """
        self._lend_credentials(channel)
        found = self._index(channel, subdir, refresh)
        return EmptyIndex(channel.name, subdir) if found is None else found

    def indices(
        self,
        channels: Sequence[Channel],
        subdirs: Sequence[str],
        *,
        refresh: bool = False,
        names: Collection[str] = (),
    ) -> tuple[tuple[RecordIndex, ...], ...]:
        """The records of channels in subdirs, fetched at the same time.

        A subdir that a channel lacks is empty, as for conda; a channel without any of them does
        not exist.

        Args:
            channels: In order of priority.
            subdirs: Platform folders; a channel that names its own is asked for those.
            refresh: As for :meth:`index`.
            names: Will be asked for first: fetched ahead from each index as soon as it is there.

        Returns:
            Per channel, in order, its indices in the order of the subdirs.

        Raises:
            ChannelError: ``channel-not-found``, or as :meth:`index`.
        """
        wanted = [(c, s) for c in channels for s in c.platforms or subdirs]
        for channel in channels:
            self._lend_credentials(channel)

        def find(place: tuple[Channel, str], _: object) -> RecordIndex | None:
            with contextlib.ExitStack() as turn:
                index = self._index(*place, refresh, lambda: turn.enter_context(self._turn))
                if index is not None:
                    index.prefetch(names)
            return index

        found = run_parallel(find, wanted, workers=_WORKERS)
        self._tell_revisions(index for index in found if index is not None)
        by_place = dict(zip(wanted, found, strict=True))
        return tuple(
            self._indices_of(c, [(s, by_place[c, s]) for s in c.platforms or subdirs])
            for c in channels
        )

    def use_next_repodata_fn(self) -> bool:
        """Use the next of ``repodata_fns`` from here on, for what the last one lacks.

        Returns:
            False if there is none: all that channels have was seen.
        """
        if len(self._file_names_left) == 1:
            return False
        del self._file_names_left[0]
        return True

    def invalidate_cached_indexes(self) -> bool:
        """Believe no index that was checked before now. False if that was said already."""
        if self._distrusted_before is not None:
            return False
        self._distrusted_before = self._clock()
        return True

    def run_exports(self) -> RunExports:
        """What finds packages' run exports (CEP 12), with this client's network and cache."""
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
        """Whether a channel answers, found out within SECONDS and remembered for some minutes.

        One whose index need not be asked for is not asked either.

        Offline, a channel is reachable if it is on this machine or cached.
        """
        if self._offline and not channel.is_local:
            return any(
                self._state(channel, subdir) for subdir in (*(channel.platforms or ()), "noarch")
            )
        self._lend_credentials(channel)
        subdir = (channel.platforms or ("noarch",))[0]
        state = self._state(channel, subdir)
        if state is not None and not state.is_missing and self._may_use(channel, state, False):
            return True
        from minicon.repodata.channels.reachability import Reachability

        asked = Reachability(self._fetcher, self._cache.directory, self._clock)
        return asked.is_reachable(channel, seconds)

    def _lend_credentials(self, channel: Channel) -> None:
        if channel.credentials is not None and self._credentials is not None:
            self._credentials.add(channel.base_url, channel.credentials)

    def _indices_of(
        self, channel: Channel, found: Sequence[tuple[str, RecordIndex | None]]
    ) -> tuple[RecordIndex, ...]:
        if found and all(index is None for _, index in found):
            raise _not_found(channel, [subdir for subdir, _ in found], offline=self._offline)
        return tuple(
            EmptyIndex(channel.name, subdir) if index is None else index for subdir, index in found
        )

    def _index(
        self,
        channel: Channel,
        subdir: str,
        refresh: bool,
        take_turn: Callable[[], object] = bool,
    ) -> RecordIndex | None:
        """The index of a subdir, or None if the channel (or, offline, the cache) has none."""
        state, file = self._cached(channel, subdir)
        refresh = refresh or self._is_distrusted(state)
        if self._may_use(channel, state, refresh):
            self._tell_age(channel, subdir, state)
        else:
            state, file = self._updated(channel, subdir, state, refresh, take_turn)
        if state is None or state.is_missing or file is None:
            return None
        return self._open(channel, subdir, state, file)

    def _open(
        self, channel: Channel, subdir: str, state: SubdirState, file: IndexFile
    ) -> RecordIndex:
        info = file.meta["info"]
        place = Place(channel.name, subdir, resolve_base_url(state.url, info.get("base_url")))
        if state.file_name != SHARDS_INDEX:
            return ConvertedIndex(
                place,
                file,
                state.body_sha256,
                self._reporter.warn,
                lambda: self._read_again(channel, subdir, discard=True),
            )
        where = resolve_base_url(state.url, info.get("shards_base_url"), what="shards_base_url")
        return ShardedIndex(
            place,
            file,
            state.body_sha256,
            shards_url=where,
            loader=self._shards,
            group=self._groups.setdefault(channel.base_url, ShardGroup()),
            warn=self._reporter.warn,
            offline=self._offline and not channel.is_local,
            read_again=lambda: self._read_again(channel, subdir, discard=False),
        )

    def _may_use(self, channel: Channel, state: SubdirState | None, refresh: bool) -> bool:
        if self._offline and not channel.is_local:
            return True
        # A local channel costs one stat to check, so it is always checked.
        if state is None or refresh or channel.is_local:
            return False
        return state.is_fresh(self._clock(), self._ttl_seconds)

    def _is_distrusted(self, state: SubdirState | None) -> bool:
        before = self._distrusted_before
        return before is not None and state is not None and state.checked_at < before

    def _tell_age(self, channel: Channel, subdir: str, state: SubdirState | None) -> None:
        if self._offline and state is not None and not state.is_missing:
            age = age_text(self._clock() - state.checked_at)
            self._reporter.note(f"offline: {channel.name}/{subdir} as it was {age} ago")

    def _tell_revisions(self, indices: Iterable[RecordIndex]) -> None:
        """Say once what a channel has in forms that are not known here (CEP 48)."""
        for index in indices:
            if "repodata_revisions" in getattr(index, "info", {}):
                from minicon.repodata.revisions import unread_revisions

                for text in unread_revisions(index):
                    if text not in self._told:
                        self._told.add(text)
                        self._reporter.note(text)

    def _key(self, channel: Channel, subdir: str) -> tuple[str, str]:
        url = channel.url_for(subdir)
        name = self._file_names_left[0]
        own_url = url if name == REPODATA else f"{url}/{name}"
        return self._cache.key(own_url, channel.name, subdir), url

    def _state(self, channel: Channel, subdir: str) -> SubdirState | None:
        return self._cache.load_state(*self._key(channel, subdir))

    def _cached(self, channel: Channel, subdir: str) -> tuple[SubdirState | None, IndexFile | None]:
        """The cached state and its index; neither is given without the other."""
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
        take_turn: Callable[[], object] = bool,
    ) -> tuple[SubdirState | None, IndexFile | None]:
        """Ask the server, unless another process did so while this one waited for the lock."""
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
                take_turn=take_turn,
            )
            new = SubdirFetch(self._fetcher, self._cache, self._reporter, request).run()
            self._cache.save_state(key, new)
            if state is None or state.body_sha256 != new.body_sha256:
                self._sweep()
            return new, self._cache.open_index(new.body_sha256)

    def _sweep(self) -> None:
        """Remove from the cache what nothing names any more, once."""
        if not self._is_swept:
            self._is_swept = True
            self._cache.sweep()
            self._shards.sweep()

    def _file_names(self, channel: Channel) -> tuple[str, ...]:
        """Index files to ask for, best first."""
        name = self._file_names_left[0]
        return self._variants_of(name, channel) + self._whole_file_names(channel)

    def _variants_of(self, name: str, channel: Channel) -> tuple[str, ...]:
        if name == REPODATA:
            return ()
        zst = (f"{name}.zst",) if self._use_zst else ()
        return (name, *zst) if channel.is_local else (*zst, name)

    def _whole_file_names(self, channel: Channel) -> tuple[str, ...]:
        zst = (f"{REPODATA}.zst",) if self._use_zst else ()
        shards = (SHARDS_INDEX,) if self._use_shards else ()
        if channel.is_local:
            # Reading costs little here, and what is written beside repodata.json may lag behind.
            return (REPODATA, *zst, *shards)
        return (*shards, *zst, REPODATA, f"{REPODATA}.bz2")

    def _read_again(self, channel: Channel, subdir: str, *, discard: bool) -> IndexFile:
        """Fetch an index anew that was damaged on disk, or that the server no longer follows."""
        state = self._state(channel, subdir)
        if state is not None and discard:
            self._cache.discard_index(state.body_sha256)
        _, file = self._updated(channel, subdir, state, refresh=True)
        if file is None:
            message = f"the index of {channel.name}/{subdir} is gone from the server"
            raise ChannelError("channel-not-found", message, hint="run the command again")
        return file


def _not_found(channel: Channel, subdirs: Sequence[str], *, offline: bool) -> ChannelError:
    listed = " and ".join(subdirs)
    if offline and not channel.is_local:
        message = f"nothing of the channel {channel.name} is cached for {listed}"
        return OfflineError("offline", message, hint="run once without --offline")
    message = f"there is no channel at {channel.base_url}: no index for {listed}"
    from minicon.repodata.channels.nearest_channel import nearest_channel

    near = nearest_channel(channel)
    hint = f"did you mean {near}?" if near else "check its name or URL"
    return ChannelError("channel-not-found", message, hint=hint)
