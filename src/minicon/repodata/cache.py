"""The on-disk cache of channel indexes. All of it can be fetched again, so no damage is an error.

::

    cache/repodata-v1/
      conda-forge-linux-64-3f9c….json     SubdirState: which index was fetched, when, its hash
      content/ab12….index                 IndexFile, named after the hash of the fetched body
      shards-v1/ab12….msgpack.zst         shards, named after their hash
      locks/conda-forge-linux-64-3f9c…    one process fetches, others wait for it

A state is used only if all of it is valid; the index that it names, only if its trailer and
checksum match. Anything else (half-written, foreign, damaged, too old) is a cache miss.
"""

from __future__ import annotations

import contextlib
import json
import os
import re
import time
from pathlib import Path

from minicon.constants import REPODATA, SHARDS_INDEX
from minicon.counted import counted
from minicon.fs import operations
from minicon.lean_dataclasses import asdict, dataclass, replace
from minicon.models.strict_json import read_json
from minicon.repodata.index.index_file import IndexDamagedError, IndexFile
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

#: Each format has its own directory: versions of minicon never misread each other's files.
FOLDER = "repodata-v1"
#: Seconds that unused content is kept, for processes that have just read a state naming it.
_GRACE_SECONDS = 600.0
_AGE_UNITS = ((86_400, "day"), (3_600, "hour"), (60, "minute"))


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdirState:
    """The cached state of one channel's subdir.

    Attributes:
        url: The subdir's URL, without credentials.
        file_name: The index file that was fetched, or empty if the server has none.
        body_sha256: Hash of the body as fetched; names the converted index.
        etag: ETag of the response, or empty.
        last_modified: Last-Modified of the response, or empty.
        max_age: Seconds that the server's Cache-Control allows, at most a day.
        checked_at: When the server last confirmed this, in seconds since 1970.
        absent: File names that the server did not have, with the time of its response.
    """

    url: str
    file_name: str = ""
    body_sha256: str = ""
    etag: str = ""
    last_modified: str = ""
    max_age: float = 0.0
    checked_at: float = 0.0
    absent: dict[str, float]

    @property
    def is_missing(self) -> bool:
        """Whether the server has no index for this subdir."""
        return not self.file_name

    def is_fresh(self, now: float, ttl_seconds: int) -> bool:
        """Whether the index may be used without a request (conda's ``local_repodata_ttl``).

        Args:
            now: Seconds since 1970. A check in the future does not count.
            ttl_seconds: 0 means never, 1 for the server's max-age, more is seconds.
        """
        limit = self.max_age if ttl_seconds == 1 else float(ttl_seconds)
        return 0 <= now - self.checked_at < limit

    def is_unchanged(self, file_names: Iterable[str]) -> bool:
        """Whether the index of a local channel is the one that was read.

        Args:
            file_names: All names that it may have, best first.
        """
        from minicon.net.schemes.file_fetcher import file_etag

        for name in file_names:
            etag = file_etag(f"{self.url}/{name}")
            if etag != "" or name == self.file_name:
                return etag == self.etag
        return self.is_missing

    def age_text(self, now: float) -> str:
        """The time since the last check in its largest unit: ``3 days``, ``20 seconds``."""
        seconds = now - self.checked_at
        for size, name in _AGE_UNITS:
            count = int(seconds // size)
            if count >= 1:
                return counted(count, name)
        return counted(max(0, int(seconds)), "second")

    def checked(self, now: float) -> SubdirState:
        """Return the state as confirmed at this time (seconds since 1970)."""
        return replace(self, checked_at=now)


_STATE_TYPES = {
    "url": str,
    "file_name": str,
    "body_sha256": str,
    "etag": str,
    "last_modified": str,
    "max_age": float,
    "checked_at": float,
    "absent": dict,
}


@dataclass(frozen=True, slots=True)
class CachedIndex:
    """What the cache has of a subdir.

    Attributes:
        state: Its state, or None.
        file: Its index, or None.
        refresh: Whether every cache on the way to the server has to check it.
        is_current: Whether it may be used without a request.
    """

    state: SubdirState | None
    file: IndexFile | None
    refresh: bool
    is_current: bool


def index_file_names(
    name: str, *, is_local: bool, use_zst: bool, use_shards: bool
) -> tuple[str, ...]:
    """Return the index files to try, best first.

    Args:
        name: ``repodata.json``, or one of ``repodata_fns`` to try before it.
        is_local: Whether it is a ``file:`` channel. There, reading costs little, and the files
            beside ``repodata.json`` may be out of date, so the plain file comes first.
        use_zst: Whether to try ``.zst`` files.
        use_shards: Whether to try sharded repodata.
    """

    def variants(name: str) -> tuple[str, ...]:
        zst = (f"{name}.zst",) if use_zst else ()
        return (name, *zst) if is_local else (*zst, name)

    first = () if name == REPODATA else variants(name)
    shards = (SHARDS_INDEX,) if use_shards else ()
    if is_local:
        return (*first, *variants(REPODATA), *shards)
    return (*first, *shards, *variants(REPODATA), f"{REPODATA}.bz2")


class RepodataCache:
    """Reads and writes the cache in one directory. Safe for several processes.

    Args:
        cache_dir: ``MINICON_ROOT/cache``; created when something is written.
    """

    def __init__(self, cache_dir: Path | str) -> None:
        self.directory = Path(cache_dir) / FOLDER

    def key(self, url: str, channel: str, subdir: str) -> str:
        """Return a file name for a subdir, which is readable and unique by its URL."""
        slug = re.sub(r"[^a-z0-9]+", "-", f"{channel.rpartition('://')[2]}-{subdir}".lower())
        return f"{slug.strip('-')[-60:]}-{short_hash(url)[:16]}"

    def lock_path(self, key: str) -> Path:
        """Return the path of a subdir's lock."""
        return self.directory / "locks" / key

    def load_state(self, key: str, url: str) -> SubdirState | None:
        """Return the state of a subdir, or None if there is no valid one."""
        try:
            data = read_json((self.directory / f"{key}.json").read_bytes())
        except (OSError, ValueError):
            return None
        if not isinstance(data, dict) or data.keys() != _STATE_TYPES.keys():
            return None
        is_valid = all(isinstance(data[name], kind) for name, kind in _STATE_TYPES.items())
        if not is_valid or data["url"] != url or not _is_content_name(data["body_sha256"]):
            return None
        if not set(map(type, data["absent"].values())) <= {int, float}:
            return None
        return SubdirState(**data)

    def save_state(self, key: str, state: SubdirState) -> None:
        """Replace the state of a subdir. Raises FileError."""
        path = self.directory / f"{key}.json"
        with operations.describing("write", path):
            operations.make_directory(self.directory)
            data = json.dumps(asdict(state), separators=(",", ":")).encode()
            operations.replace_file(path, data, durable=False)

    def index_path(self, body_sha256: str) -> Path:
        """Return the path of the index converted from a body."""
        return self.directory / "content" / f"{body_sha256}.index"

    def open_index(self, body_sha256: str) -> IndexFile | None:
        """Open the index converted from a body; None if there is no valid one."""
        if not body_sha256:
            return None
        try:
            return IndexFile(self.index_path(body_sha256))
        except (OSError, IndexDamagedError, ValueError):
            return None

    def discard_index(self, body_sha256: str) -> None:
        """Remove a damaged index."""
        with contextlib.suppress(OSError):
            operations.remove_file(self.index_path(body_sha256))

    def write_index(self, body_sha256: Callable[[], str], pieces: Iterable[bytes]) -> None:
        """Write an index atomically.

        Args:
            body_sha256: Returns the hash of the body; called after the last piece is written.
            pieces: The bytes of the index, in order.

        Raises:
            FileError: It cannot be written.
        """
        folder = self.directory / "content"
        with operations.describing("write", folder), self.scratch_file(folder) as path:
            operations.create_file_from(pieces, path)
            operations.rename(path, self.index_path(body_sha256()))

    @contextlib.contextmanager
    def scratch_file(self, folder: Path | None = None) -> Iterator[Path]:
        """A unique path whose file is removed at the end of the ``with`` block."""
        folder = folder or self.directory
        operations.make_directory(folder)
        path = folder / f".{os.getpid()}-{os.urandom(4).hex()}.tmp"
        try:
            yield path
        finally:
            with contextlib.suppress(FileNotFoundError):
                operations.remove_file(path)

    def sweep(self) -> None:
        """Remove content that no state names any more, and files of killed processes."""
        used = {str(state.get("body_sha256")) for state in self._raw_states()}
        limit = time.time() - _GRACE_SECONDS
        for path in [*self.directory.glob("content/*"), *self.directory.glob(".*.tmp")]:
            with contextlib.suppress(OSError):
                if path.stem not in used and path.stat().st_mtime < limit:
                    operations.remove_file(path)

    def _raw_states(self) -> Iterator[dict[str, object]]:
        for path in self.directory.glob("*.json"):
            with contextlib.suppress(OSError, ValueError):
                data = read_json(path.read_bytes())
                if isinstance(data, dict):
                    yield data


def _is_content_name(text: str) -> bool:
    return not text or re.fullmatch(r"[0-9a-f]{64}", text) is not None
