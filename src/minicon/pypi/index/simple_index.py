"""SimpleIndex: fetch and cache the project pages of one package index (PEP 503, PEP 691)."""

from __future__ import annotations

import time

from minicon.errors import ChannelError, OfflineError
from minicon.fs.plain_file import read_named_file
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.pypi.index.page_cache import CachedPage, Freshness, PageCache
from minicon.pypi.index.project_page import ACCEPTED_TYPES, ProjectPage, parse_page
from minicon.pypi.index_inputs import IndexInput, IndexInputs
from minicon.pypi.urls import is_remote, local_path, project_url, without_credentials
from minicon.pypi.wheels.filenames import is_project_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from minicon.net.client.fetcher import Fetcher, Response

#: Lifetime of a page for which the index names none (seconds).
_DEFAULT_LIFETIME = 600
#: Upper bound of the lifetime that an index may name (seconds).
_LONGEST_LIFETIME = 86_400
#: Larger pages are refused (bytes); the largest real ones have some 40 MB.
LARGEST_PAGE = 1 << 28
_MAX_AGE = lazy_pattern(r"max-age\s*=\s*(\d{1,9})")
_UNKNOWN = (404, 410)


class SimpleIndex:
    """The project pages of one index, cached on disk. Safe to use from several threads.

    A ``file:`` index is a folder that contains ``<project>/index.html``; it is not cached.

    Args:
        url: What project names are appended to; the fetcher handles credentials in it.
        fetcher: Opens URLs.
        cache_dir: minicon's cache folder.
        subdir: Platform whose files of each page are kept.
        clock: Seconds since 1970.
        refresh: Send a request even if a cached page is still fresh.

    Attributes:
        inputs: The files that its pages were read from.
    """

    def __init__(
        self,
        url: str,
        *,
        fetcher: Fetcher,
        cache_dir: Path,
        subdir: str,
        clock: Callable[[], float] = time.time,
        refresh: bool = False,
    ) -> None:
        self.url = without_credentials(url)
        self._fetcher = fetcher
        self._subdir = subdir
        self._clock = clock
        self._refresh = refresh
        self._cache = PageCache(cache_dir, self.url, subdir)
        self.inputs = IndexInputs()

    def page(self, name: str) -> ProjectPage | None:
        """Return the page of a project (normalized name), or None if the index has no such project.

        Raises:
            OfflineError: No page is cached and the network must not be used.
            ChannelError: The index cannot be reached, refuses, or its answer is invalid.
        """
        if not is_project_name(name):
            return None
        if not is_remote(self.url):
            return self._read_local(name)
        cached = self._cache.load(name)
        if cached and cached.freshness.is_fresh(self._clock()) and not self._refresh:
            self.inputs.add(cached.source)
            return cached.page
        try:
            fetched = self._fetch(name, cached)
        except OfflineError:
            if cached is None or cached.source is None:
                raise
            self.inputs.add(replace(cached.source, expires=None))
            return cached.page
        self._cache.store(name, fetched)
        self.inputs.add(None)
        return fetched.page

    def _read_local(self, name: str) -> ProjectPage | None:
        url = project_url(self.url, name)
        folder = local_path(url)
        if folder is None:
            raise ChannelError(
                "index-url",
                f"the package index {self.url} is neither http, https nor file",
                hint="correct index-url or extra-index-url in pip's configuration",
            )
        for file, kind in (("index.html", "text/html"), ("index.json", "application/json")):
            self.inputs.add(IndexInput.of(folder / file))
            body = _read_if_exists(folder / file)
            if body is not None:
                page = parse_page(body, kind, url, name, self._subdir)
                if not all(f.sha256 for release in page.releases for f in release.files):
                    self.inputs.add(None)  # such a file may be replaced
                return page
        return None

    def _fetch(self, name: str, cached: CachedPage | None) -> CachedPage:
        url = project_url(self.url, name)
        headers = {"Accept": ACCEPTED_TYPES, **_conditions(cached)}
        with self._fetcher.open(url, headers=headers) as response:
            if response.status == 304 and cached is not None:
                page = cached.page
            elif response.status in _UNKNOWN:
                page = None
            elif response.status == 200:
                kind = response.headers.get("content-type", "")
                body = response.read(LARGEST_PAGE)
                page = parse_page(body, kind, response.url, name, self._subdir)
            else:
                raise _refused(url, response.status)
            return CachedPage(page, self._freshness(response, cached))

    def _freshness(self, response: Response, cached: CachedPage | None) -> Freshness:
        now = self._clock()
        known = cached.freshness if cached and response.status == 304 else None
        return Freshness(
            fetched=now,
            expires=now + lifetime(response.headers),
            etag=response.headers.get("etag") or (known.etag if known else None),
            last_modified=response.headers.get("last-modified")
            or (known.last_modified if known else None),
        )


def lifetime(headers: Mapping[str, str]) -> float:
    """Return a response's freshness lifetime in seconds (RFC 9111); ten minutes if it names none.

    It is at most a day.
    """
    control = headers.get("cache-control", "").lower()
    if "no-cache" in control or "no-store" in control:
        return 0
    found = _MAX_AGE.search(control)
    if found:
        return min(int(found[1]), _LONGEST_LIFETIME)
    from email.utils import parsedate_to_datetime

    try:
        expires = parsedate_to_datetime(headers.get("expires", ""))
        date = parsedate_to_datetime(headers.get("date", ""))
        return min(max((expires - date).total_seconds(), 0), _LONGEST_LIFETIME)
    except (TypeError, ValueError):
        return _DEFAULT_LIFETIME


def _read_if_exists(path: Path) -> bytes | None:
    try:
        return read_named_file(path, LARGEST_PAGE)
    except (FileNotFoundError, NotADirectoryError):
        return None
    except OSError as error:
        raise ChannelError("index-unreadable", f"cannot read {path}: {error.strerror}") from error


def _conditions(cached: CachedPage | None) -> dict[str, str]:
    headers = {}
    if cached and cached.freshness.etag:
        headers["If-None-Match"] = cached.freshness.etag
    if cached and cached.freshness.last_modified:
        headers["If-Modified-Since"] = cached.freshness.last_modified
    return headers


def _refused(url: str, status: int) -> ChannelError:
    """Return the error for an index that refuses; it is never treated as one without the project.

    Continuing with the next index would install whatever anyone registered there under the same
    name (dependency confusion).
    """
    hint = {
        401: "its credentials are missing or wrong: see pip's configuration or ~/.netrc",
        403: "its credentials are missing or wrong: see pip's configuration or ~/.netrc",
        407: "the proxy requires credentials: set them in the proxy's URL",
    }.get(status, "try again later, or set another index-url in pip's configuration")
    return ChannelError(
        "index-refused", f"the package index answered {url} with HTTP status {status}", hint=hint
    )
