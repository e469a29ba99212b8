"""The RecordIndex of a subdir that is served in shards: only requested names are fetched."""

from __future__ import annotations

import threading

from minicon.errors import RepodataError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact
from minicon.repodata.index.decode import Members
from minicon.repodata.index.subdir_index import LocatedIndex
from minicon.repodata.shards.shard_format import (
    LARGEST_SHARD,
    SHARD_EXTENSION,
    ShardDamagedError,
    unpack,
    with_text_hashes,
)
from minicon.repodata.shards.shard_loader import FOLLOWED, HINTED, MissingShardError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping
    from typing import Any

    from minicon.models.records import RepodataRecord
    from minicon.repodata.index.index_file import IndexFile
    from minicon.repodata.index.record_source import RecordSource
    from minicon.repodata.shards.shard_loader import ShardLoader

_SECTIONS = ("packages", "packages.conda")
_V3_SECTIONS = ("tar.bz2", "conda", "whl")
#: Number of newest records whose dependencies are prefetched.
_FOLLOWED_RECORDS = 2
_NAME = lazy_pattern(r"[A-Za-z0-9_.\-]+")


class ShardGroup:
    """The sharded subdirs of one channel: a dependency may be in any of them. Thread-safe."""

    def __init__(self) -> None:
        self._indices: list[ShardedIndex] = []
        self._followed: set[str] = set()
        self._lock = threading.Lock()

    def add(self, index: ShardedIndex) -> None:
        """Add a subdir, and prefetch the dependencies found in the others."""
        with self._lock:
            self._indices.append(index)
            followed = tuple(self._followed)
        index.queue_shards(followed, FOLLOWED)

    def follow(self, names: Iterable[str]) -> None:
        """Prefetch the dependencies of a shard that has just arrived."""
        with self._lock:
            new = set(names) - self._followed
            self._followed |= new
            indices = tuple(self._indices)
        for index in indices:
            index.queue_shards(new, FOLLOWED)


class ShardedIndex(LocatedIndex):
    """A subdir whose records are fetched by name.

    Args:
        source: As for :class:`LocatedIndex`.
        file: The index of shards, as converted.
        fingerprint: As for :class:`LocatedIndex`.
        shards_url: URL that file names of shards are appended to; ends with a slash.
        loader: Loads shards.
        group: The channel's sharded subdirs; this one is added.
        warn: As for :class:`LocatedIndex`.
        offline: Whether names that are not cached have no records.
        refetch: Called when the server lacks a shard; returns the present index of shards.
    """

    def __init__(
        self,
        source: RecordSource,
        file: IndexFile,
        fingerprint: str,
        *,
        shards_url: str,
        loader: ShardLoader,
        group: ShardGroup,
        warn: Callable[[str], None],
        offline: bool,
        refetch: Callable[[], IndexFile],
    ) -> None:
        super().__init__(source, file, fingerprint, warn)
        self._shards_url = shards_url
        self._loader = loader
        self._group = group
        self._offline = self.is_partial = offline
        self._refetch = refetch
        self._warned_offline = False
        self._arrived: dict[bytes, Members] = {}
        group.add(self)

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:
        """Return all usable records of a name; fetched and decoded once.

        Raises:
            ChannelError: Its shard is not cached and cannot be fetched.
        """
        found = self._records.get(name)
        if found is None:
            records = self.read_once(name)
            with self._lock:
                found = self._records.setdefault(name, records)
        return found

    def read_once(self, name: str) -> tuple[RepodataRecord, ...]:
        """See :meth:`RecordIndex.read_once`."""
        data = self._load(name)
        return () if data is None else self._decode(name, data)

    def names_tracking(self, feature: str) -> list[str]:
        """Return the names whose cached shards have a record that tracks a feature."""

        def is_tracking(name: str) -> bool:
            digest = self._digest(name)
            is_here = digest is not None and self._loader.is_cached(digest)
            return is_here and any(feature in r.track_features for r in self.records_for(name))

        return [name for name in self.names() if is_tracking(name)]

    def prefetch(self, names: Iterable[str]) -> None:
        """Begin to fetch the shards of names; returns at once."""
        self.queue_shards(names, HINTED)

    def queue_shards(self, names: Iterable[str], priority: int) -> None:
        """Begin to fetch the shards of names, with a priority of the loader."""
        if self._offline:
            return
        for name in names:
            digest = None if name in self._records else self._digest(name)
            if digest is None or self._loader.is_cached(digest):
                continue
            if priority != FOLLOWED or self._loader.may_follow():
                self._loader.request(digest, self._url(digest), self._follow, priority)
        self._loader.start()

    def _digest(self, name: str) -> str | None:
        segments = self._file.segments(name)
        return segments[0][1].hex() if segments else None

    def _url(self, digest: str) -> str:
        return f"{self._shards_url}{digest}{SHARD_EXTENSION}"

    def _load(self, name: str) -> bytes | None:
        digest = self._digest(name)
        if digest is None:
            return None
        if self._offline:
            return self._load_offline(digest)
        try:
            return self._loader.load(digest, self._url(digest), self._follow)
        except MissingShardError:
            self._file = self._refetch()
            self.fingerprint = ""  # it may be newer
        newer = self._digest(name)
        if newer is None:
            return None
        try:
            return self._loader.load(newer, self._url(newer), self._follow)
        except MissingShardError as error:
            message = f"{redact(self._url(newer))} does not exist, although the channel lists it"
            hint = "the channel is being updated; try again in some minutes"
            raise RepodataError("missing-shard", message, hint=hint) from error

    def _load_offline(self, digest: str) -> bytes | None:
        data = self._loader.cached(digest)
        if data is None:
            self.fingerprint = ""  # names that are not cached seem to be missing
        if data is None and not self._warned_offline:
            self._warned_offline = True
            self._warn(
                f"offline: {self.channel}/{self.subdir} is partly cached; "
                "packages that were never looked up before are not found"
            )
        return data

    def _decode(self, name: str, data: bytes) -> tuple[RepodataRecord, ...]:
        try:
            members = self._arrived.pop(data, None) or _members_of(data)
        except ShardDamagedError as error:
            digest = self._digest(name) or ""
            message = f"{redact(self._url(digest))} is not a shard: {error}"
            raise RepodataError(
                "invalid-repodata", message, hint="report it to its owner"
            ) from error
        return members.records(name, self._source, self._warn)

    def _follow(self, data: bytes) -> None:
        """Prefetch the dependencies of the newest records in a shard that has arrived."""
        try:
            members = _members_of(data)
        except ShardDamagedError:
            return  # raised where the records are needed
        self._arrived[data] = members
        self._group.follow(_dependencies(members.by_file_name.values()))


def _members_of(data: bytes) -> Members:
    """Decode the members of a shard. Raises ShardDamagedError."""
    shard = unpack(data, LARGEST_SHARD)
    if not isinstance(shard, dict):
        raise ShardDamagedError("it is not a map")
    members = Members()
    v3 = shard.get("v3")
    sections = [(name, shard.get(name)) for name in _SECTIONS]
    if isinstance(v3, dict):
        sections += [(f"v3.{extension}", v3.get(extension)) for extension in _V3_SECTIONS]
    for name, section in sections:
        if isinstance(section, dict):
            texts = {fn: record for fn, record in section.items() if isinstance(fn, str)}
            members.add(name, {fn: _as_json(record) for fn, record in texts.items()})
    removed = shard.get("removed")
    if isinstance(removed, list):
        members.removed.update(fn for fn in removed if isinstance(fn, str))
    return members


def _as_json(record: Any) -> Any:
    return with_text_hashes(record) if isinstance(record, dict) else record


def _dependencies(records: Iterable[Any]) -> set[str]:
    """Names of the newest records' dependencies; malformed records are skipped."""
    usable = [r for r in records if isinstance(r, dict) and isinstance(r.get("depends"), list)]
    usable.sort(key=_timestamp, reverse=True)
    names = set()
    for record in usable[:_FOLLOWED_RECORDS]:
        for spec in record["depends"]:
            found = _NAME.match(spec) if isinstance(spec, str) else None
            if found:
                names.add(found.group().lower())
    return names


def _timestamp(record: Mapping[str, Any]) -> float:
    moment = record.get("timestamp")
    return moment if isinstance(moment, int | float) else 0
