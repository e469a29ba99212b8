"""The RecordIndex of a subdir that is served in shards: only names that are asked for are read."""

from __future__ import annotations

from minicon.errors import RepodataError
from minicon.lazy_pattern import lazy_pattern
from minicon.redaction import redact
from minicon.repodata.index.decode import Members, Place
from minicon.repodata.index.located_index import LocatedIndex
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
    from minicon.repodata.shards.shard_loader import ShardLoader

_SECTIONS = ("packages", "packages.conda")
_V3_SECTIONS = ("tar.bz2", "conda")
#: Of how many newest records the dependencies are fetched ahead.
_FOLLOWED_RECORDS = 2
_NAME = lazy_pattern(r"[A-Za-z0-9_.\-]+")


class ShardGroup:
    """The sharded subdirs of one channel: a dependency may lie in any of them."""

    def __init__(self) -> None:
        self._indices: list[ShardedIndex] = []
        self._followed: set[str] = set()

    def add(self, index: ShardedIndex) -> None:
        """One more subdir, which may hold what the others have led to."""
        self._indices.append(index)
        index.fetch_ahead(self._followed, FOLLOWED)

    def follow(self, names: Iterable[str]) -> None:
        """Fetch ahead what a shard that has just arrived leads to."""
        wanted = set(names) - self._followed
        self._followed |= wanted
        for index in self._indices:
            index.fetch_ahead(wanted, FOLLOWED)


class ShardedIndex(LocatedIndex):
    """A subdir whose records come name by name.

    Args:
        place: Where its records come from.
        file: The index of shards, as converted.
        fingerprint: Identifies the content: equal fingerprints mean equal records. Empty once
            that is no longer sure.
        shards_url: What shard file names are appended to; ends with a slash.
        loader: Loads shards.
        group: The channel's sharded subdirs; this one is added.
        warn: Told of records that cannot be used.
        offline: Names that are not cached have no records then.
        read_again: Called when the server lacks a shard; returns its index as it is now.
    """

    def __init__(
        self,
        place: Place,
        file: IndexFile,
        fingerprint: str,
        *,
        shards_url: str,
        loader: ShardLoader,
        group: ShardGroup,
        warn: Callable[[str], None],
        offline: bool,
        read_again: Callable[[], IndexFile],
    ) -> None:
        super().__init__(place, file, fingerprint, warn)
        self._shards_url = shards_url
        self._loader = loader
        self._group = group
        self._offline = offline
        self._read_again = read_again
        self._told_offline = False
        self._arrived: dict[bytes, Members] = {}
        group.add(self)

    @property
    def info(self) -> Mapping[str, Any]:
        """The ``info`` object that the channel gives."""
        found: Mapping[str, Any] = self._file.meta["info"]
        return found

    def records_for(self, name: str) -> tuple[RepodataRecord, ...]:
        """All usable records of a name; fetched and decoded once.

        Raises:
            ChannelError: Its shard is neither cached nor to be had.
        """
        found = self._records.get(name)
        if found is None:
            data = self._load(name)
            records = () if data is None else self._decode(name, data)
            with self._lock:
                found = self._records.setdefault(name, records)
        return found

    def prefetch(self, names: Iterable[str]) -> None:
        """Begin to fetch the shards of these names; returns at once."""
        self.fetch_ahead(names, HINTED)

    def fetch_ahead(self, names: Iterable[str], priority: int) -> None:
        """As :meth:`prefetch`, with a priority of the loader."""
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
            self._file = self._read_again()
            self.fingerprint = ""  # it may be newer
        newer = self._digest(name)
        if newer is None:
            return None
        try:
            return self._loader.load(newer, self._url(newer), self._follow)
        except MissingShardError as error:
            message = f"{redact(self._url(newer))} is not there, though the channel lists it"
            hint = "the channel is being updated; try again in some minutes"
            raise RepodataError("missing-shard", message, hint=hint) from error

    def _load_offline(self, digest: str) -> bytes | None:
        data = self._loader.cached(digest)
        if data is None:
            self.fingerprint = ""  # what is not cached seems not to be there
        if data is None and not self._told_offline:
            self._told_offline = True
            self._warn(
                f"offline: {self.channel}/{self.subdir} is cached in parts; "
                "packages never looked at before are not found"
            )
        return data

    def _decode(self, name: str, data: bytes) -> tuple[RepodataRecord, ...]:
        try:
            members = self._arrived.pop(data, None) or _members_of(data)
        except ShardDamagedError as error:
            digest = self._digest(name) or ""
            message = f"{redact(self._url(digest))} is not a shard: {error}"
            raise RepodataError("invalid-repodata", message, hint="tell its owner") from error
        return members.records(name, self._place, self._warn)

    def _follow(self, data: bytes) -> None:
        """Look at a shard that has arrived, and fetch ahead what its newest records need."""
        try:
            members = _members_of(data)
        except ShardDamagedError:
            return  # told where the records are needed
        self._arrived[data] = members
        self._group.follow(_names_needed(members.by_file_name.values()))


def _members_of(data: bytes) -> Members:
    """The members of a shard. Raises ShardDamagedError."""
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


def _names_needed(records: Iterable[Any]) -> set[str]:
    """Names that the newest records depend on; what is malformed is passed over."""
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
