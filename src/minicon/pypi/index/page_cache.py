"""PageCache: parsed project pages on disk, small and quick to read.

One file per index, platform and project. Its first line contains the page's freshness, its second
the releases, with the common start of all URLs stored once; the files of each release follow, which
are parsed only for the few releases that a resolution considers. The folder's name contains the
version of the format, so that a new format uses a new folder. A file that cannot be read, or does
not have its checksum, is a cache miss.
"""

from __future__ import annotations

import json
import os
import zlib
from functools import partial

from packaging.version import Version

from minicon.errors import FileError
from minicon.fs import operations
from minicon.fs.stamps import stamp_of
from minicon.lean_dataclasses import asdict, dataclass
from minicon.models.indexes.wheel_index import DistributionFile, Release, StoredFiles
from minicon.models.strict_json import read_json
from minicon.pypi.index.project_page import ProjectPage
from minicon.pypi.index_inputs import IndexInput
from minicon.short_hash import short_hash

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

FOLDER = "pypi-pages-v4"


@dataclass(frozen=True, slots=True, kw_only=True)
class Freshness:
    """When a page was fetched, and its validators (RFC 9110). Times: seconds since 1970."""

    fetched: float
    expires: float
    etag: str | None = None
    last_modified: str | None = None

    def is_fresh(self, now: float) -> bool:
        """Whether it may be used without a request; a clock that was set back makes it stale."""
        return self.fetched <= now < self.expires


@dataclass(frozen=True, slots=True)
class CachedPage:
    """A page (None: the index does not have the project), its freshness, and its file if read."""

    page: ProjectPage | None
    freshness: Freshness
    source: IndexInput | None = None


class PageCache:
    """Pages of one index for one platform, below minicon's cache folder.

    A page that cannot be stored is no error: it is fetched again next time.
    """

    def __init__(self, folder: Path, index_url: str, subdir: str) -> None:
        digest = short_hash(index_url)[:16]
        self._folder = folder / FOLDER / digest / subdir

    def load(self, name: str) -> CachedPage | None:
        """Return a stored page, fresh or not; None if there is no usable one."""
        path = self._folder / f"{name}.json"
        try:
            with open(path, "rb") as stream:
                stamp = stamp_of(os.fstat(stream.fileno()))
                freshness = Freshness(**read_json(stream.readline()))
                stored = read_json(stream.readline())
                page = None if stored is None else _load_page(stored, stream.read(), name)
        except (OSError, ValueError, TypeError, KeyError, IndexError):
            return None
        source = IndexInput(str(path), stamp, freshness.fetched, freshness.expires)
        return CachedPage(page, freshness, source)

    def store(self, name: str, cached: CachedPage) -> None:
        """Store a page."""
        head = json.dumps({k: v for k, v in asdict(cached.freshness).items() if v is not None})
        page, files = (None, b"") if cached.page is None else _dump_page(cached.page)
        try:
            operations.make_directory(self._folder, 0o700)
            path = self._folder / f"{name}.json"
            content = f"{head}\n{json.dumps(page)}\n".encode() + files
            operations.replace_file(path, content, durable=False)
        except (OSError, FileError):
            return


def _dump_page(page: ProjectPage) -> tuple[dict[str, Any], bytes]:
    """A page as JSON, and the files of all releases, one release after the other."""
    urls = [file.url for release in page.releases for file in release.files]
    base = os.path.commonprefix(urls).rpartition("/")[0] + "/" if urls else ""  # noqa: RUF071
    texts = [_dump_files(base, release).encode() for release in page.releases]
    files = b"".join(texts)
    releases = [
        [each.version_text, len(each.files), each.is_yanked, len(text), each.foreign_tags]
        for each, text in zip(page.releases, texts, strict=True)
    ]
    checksum = zlib.crc32(files)
    return {"status": page.status, "base": base, "crc": checksum, "releases": releases}, files


def _dump_files(base: str, release: Release) -> str:
    return json.dumps(
        [
            [
                file.filename,
                file.url[len(base) :].removesuffix(file.filename),
                file.sha256,
                file.size,
                file.requires_python,
                file.yanked_reason,
                file.upload_time,
                file.metadata_sha256,
            ]
            for file in release.files
        ]
    )


def _load_page(data: dict[str, Any], files: bytes, name: str) -> ProjectPage:
    if zlib.crc32(files) != data["crc"]:
        raise ValueError("the files of a stored page are damaged")
    base, begin, releases = data["base"], 0, []
    for version, count, yanked, size, tags in data["releases"]:
        end = begin + size
        parse = partial(_load_files, base, files, begin, end)
        stored = StoredFiles(count, yanked, parse)
        releases.append(Release(name, Version(version), stored, tuple(tags), version))
        begin = end
    return ProjectPage(tuple(releases), data["status"])


def _load_files(base: str, files: bytes, begin: int, end: int) -> tuple[DistributionFile, ...]:
    return tuple([_load_file(base, row) for row in read_json(files[begin:end])])


def _load_file(base: str, row: list[Any]) -> DistributionFile:
    filename, middle, sha256, size, requires_python, reason, upload_time, metadata = row
    url = base + (middle + filename if not middle or middle[-1] == "/" else middle)
    yanked = reason is not None
    return DistributionFile(
        filename, url, sha256, size, requires_python, yanked, reason, upload_time, metadata
    )
