"""Index a channel in a bucket or registry: where its packages are, its index is written.

::

    settings, patches, earlier index ──> directory of this machine ── index_channel ──> index files
                                                                                           │
    s3://, oci:// <── shards, then each file of the index, if nobody else has changed it ──┘

The directory is a cache. If it is lost, the members of all archives are read again, by ranges.
"""

from __future__ import annotations

import contextlib
from collections import defaultdict
from functools import partial
from pathlib import Path
from typing import NamedTuple

from minicon.constants import REPODATA, SHARDS_INDEX
from minicon.errors import ChannelError
from minicon.fs import operations
from minicon.fs.hashing import sha256_of
from minicon.fs.lock import locked
from minicon.models.strict_json import read_object
from minicon.net.client.http_errors import status_error
from minicon.net.parallel import run_parallel
from minicon.publish.channel_index import index_channel
from minicon.publish.index.channel_settings import FILE_NAME as SETTINGS
from minicon.publish.index.channel_settings import read_settings
from minicon.publish.index.index_files import INDEX_FILES, remove
from minicon.publish.index.patches import FILE_NAME as PATCHES
from minicon.publish.index.shard_files import FOLDER as SHARDS
from minicon.publish.reading.sources import OciSource, S3Source
from minicon.publish.remote.conditional_upload import etag_at, etag_of, upload_if
from minicon.redaction import redact
from minicon.repodata.shards.shard_format import (
    LARGEST_INDEX,
    ShardDamagedError,
    unpack,
)

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from typing import Any

    from minicon.net.routing import UrlFetcher
    from minicon.publish.channel_index import ChannelSummary
    from minicon.publish.index.channel_settings import ChannelSettings
    from minicon.publish.index.patches import PatchGenerator
    from minicon.publish.reading.shares import Runner
    from minicon.publish.reading.sources import ArchiveSource

_FOLDER = "channels"
_UPLOADED = Path(".cache", "minicon-uploaded.txt")
_CHANNEL_FILES = ("notices.json", "channeldata.json", "index.html", "rss.xml")
#: Runs before giving up, while others index the same channel.
_TRIES = 5
_WORKERS = 16
_LARGEST = 1 << 30
_SECONDS = 900.0


class RemoteChannel(NamedTuple):
    """A channel in a bucket or registry.

    Attributes:
        fetcher: Opens and uploads its files; has its credentials.
        url: Of the channel, without credentials.
        cache_dir: Directory of caches of this machine.
        s3_options: As in the settings.
    """

    fetcher: UrlFetcher
    url: str
    cache_dir: Path
    s3_options: Mapping[str, Mapping[str, str]] = {}

    @property
    def folder(self) -> Path:
        """The directory with its index on this machine."""
        url = self.url.rstrip("/")
        return self.cache_dir / _FOLDER / sha256_of(url.encode())[:16] / url.rpartition("/")[2]

    def note_upload(self, subdir: str, name: str) -> None:
        """Note the name of a package, for a registry that does not list its repositories."""
        path = self.folder / _UPLOADED
        with operations.describing("write", path):
            operations.make_directory(path.parent)
            operations.append_file_from([f"{subdir}/{name}\n".encode()], path)

    def source(self) -> ArchiveSource:
        """Return what lists its archives. Raises ChannelError."""
        if self.url.startswith("s3:"):
            return S3Source(self.fetcher, self.url, self.s3_options)
        return OciSource(self.fetcher, self.url, partial(_indexed_names, self))


def index_remote(
    channel: RemoteChannel,
    *,
    settings_of: Callable[[Path], ChannelSettings] = read_settings,
    patch_generator: PatchGenerator | None = None,
    workers: int | None = None,
    runner: Runner | None = None,
) -> ChannelSummary:
    """Index a channel, and upload the files of its index that have changed.

    Args:
        channel: The channel.
        settings_of: Reads the settings in a directory that has the channel's ``channel.yaml``.
        patch_generator: See :func:`.index_channel`, as for the other arguments.
        workers: The same.
        runner: The same.

    Raises:
        ChannelError: The channel cannot be read or written; ``index-conflict``: others index it
            all the time.
        FileError, ConfigError, RepodataError: As :func:`.index_channel`.
    """
    folder = channel.folder
    operations.make_directory(folder)
    with locked(folder / ".cache" / "minicon-upload.lock", timeout=_SECONDS):
        for _ in range(_TRIES):
            _fetch(channel, SETTINGS)
            source = channel.source()
            before = _state(channel, source.subdirs())
            summary = index_channel(
                folder,
                settings=settings_of(folder),
                source=channel.source(),  # archives that were added after the state was read count
                patch_generator=patch_generator,
                workers=workers,
                runner=runner,
            )
            if _upload(channel, [*summary.counts], before):
                return summary
    message = f"other programs keep changing the index of {redact(channel.url)}"
    raise ChannelError("index-conflict", message, hint="run 'minicon channel index' later")


def _state(channel: RemoteChannel, subdirs: Sequence[str]) -> dict[str, str | None]:
    """Fetch what an index is made from beside archives; return the ETags of the present index."""
    paths = [*_CHANNEL_FILES]
    for subdir in {*subdirs, "noarch"}:
        operations.make_directory(channel.folder / subdir)
        paths += [f"{subdir}/{name}" for name in INDEX_FILES]
        _fetch(channel, f"{subdir}/{PATCHES}")
        if not (channel.folder / subdir / REPODATA).exists():
            _fetch(channel, f"{subdir}/{REPODATA}")

    def etag(path: str, _: object) -> str | None:
        return etag_at(channel.fetcher, f"{channel.url}/{path}")

    return dict(zip(paths, run_parallel(etag, paths, workers=_WORKERS), strict=True))


def _fetch(channel: RemoteChannel, path: str) -> None:
    """Copy a file of the channel to its directory; remove it there if the channel has none."""
    content = _content(channel, path)
    target = channel.folder / path
    with operations.describing("write", target):
        if content is None:
            remove(target)
        else:
            operations.replace_file(target, content)


def _content(channel: RemoteChannel, path: str) -> bytes | None:
    url = f"{channel.url}/{path}"
    with channel.fetcher.open(url, headers={"Cache-Control": "no-cache"}) as response:
        if response.status in (403, 404):
            return None
        if response.status != 200:
            raise status_error(url, response.status)
        return response.read(_LARGEST)


def _upload(
    channel: RemoteChannel, subdirs: Sequence[str], before: Mapping[str, str | None]
) -> bool:
    """Upload the files that differ; False if another program has changed one meanwhile."""
    for subdir in subdirs:
        _upload_shards(channel, subdir)
        if not (channel.folder / subdir / SHARDS_INDEX).exists() and before.get(
            f"{subdir}/{SHARDS_INDEX}"
        ):
            message = f"{redact(channel.url)}/{subdir}/{SHARDS_INDEX} would hide the new index"
            raise ChannelError("stale-shards", message, hint="remove it, or index with --shards")
    paths = [f"{subdir}/{name}" for subdir in subdirs for name in INDEX_FILES]
    for path in (*paths, *_CHANNEL_FILES):
        local, url = channel.folder / path, f"{channel.url}/{path}"
        if not local.exists() or etag_of(url, local) == before.get(path):
            continue
        if not upload_if(channel.fetcher, url, local, known=before.get(path)):
            return False
    return True


def _upload_shards(channel: RemoteChannel, subdir: str) -> None:
    """Upload the shards that the channel's present index does not list; they never change."""
    index = channel.folder / subdir / SHARDS_INDEX
    if not index.exists():
        return
    listed = _shards_in(_content(channel, f"{subdir}/{SHARDS_INDEX}"))
    new = sorted(_shards_in(index.read_bytes()) - listed)

    def upload(digest: str, _: object) -> None:
        path = f"{subdir}/{SHARDS}/{digest}.msgpack.zst"
        upload_if(channel.fetcher, f"{channel.url}/{path}", channel.folder / path, known=None)

    run_parallel(upload, new, workers=_WORKERS)


def _shards_in(index: bytes | None) -> set[str]:
    """The hashes of the shards that an index lists; none if it is damaged, and replaced."""
    try:
        shards = unpack(index or b"", LARGEST_INDEX)["shards"]
        return {digest.hex() for digest in shards.values()}
    except (ShardDamagedError, KeyError, TypeError, AttributeError):
        return set()


def _indexed_names(channel: RemoteChannel) -> dict[str, set[str]]:
    """Names of packages by subdir: those that the channel's index lists, and uploaded ones."""
    found: defaultdict[str, set[str]] = defaultdict(set)
    with contextlib.suppress(FileNotFoundError):
        for line in (channel.folder / _UPLOADED).read_text().split():
            subdir, _, name = line.partition("/")
            found[subdir].add(name)
    for subdir in _object(_content(channel, "channeldata.json")).get("subdirs", ()):
        document = _object(_content(channel, f"{subdir}/{REPODATA}"))
        sections = [document.get("packages", {}), document.get("packages.conda", {})]
        found[subdir] |= {str(each["name"]) for records in sections for each in records.values()}
    return found


def _object(content: bytes | None) -> dict[str, Any]:
    return read_object(content) if content is not None else {}
