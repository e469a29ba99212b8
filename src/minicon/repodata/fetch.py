"""Fetch one subdir's index from the server into the cache, or confirm that it did not change.

::

    request (with ETag)─► 304 ─► keep the index, note the time
                       ├► 404 ─► next file name; none left: the subdir does not exist
                       └► 200 ─► body, hashed ─► hash as before? ─► keep the index
                                            └──► convert ─► new index, new state
"""

from __future__ import annotations

import contextlib
import re

from minicon.constants import REPODATA, SHARDS_INDEX
from minicon.errors import ChannelError, OfflineError, RepodataError
from minicon.fs import operations
from minicon.fs.hashing import FileDigest
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.net.client.headers import content_length, is_html
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact
from minicon.repodata.cache import SubdirState
from minicon.repodata.index.body import ChunkReader, capped
from minicon.repodata.shards.shard_format import load_codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from minicon.models.reporter import Reporter, Task
    from minicon.net.client.fetcher import Response
    from minicon.net.routing import UrlFetcher
    from minicon.repodata.cache import RepodataCache
    from minicon.repodata.index.body import ByteSource

#: Seconds for which a file name that the server lacks is not requested again.
_ABSENT_SECONDS = 86_400.0
#: Seconds for which a subdir that the channel lacks is not requested again: it may be added soon.
_MISSING_SECONDS = 300.0
#: Longest max-age that is honoured, in seconds.
_LONGEST_AGE = 86_400.0
_BODY_TRIES = 3
_ABSENT_STATUSES = (404, 410)
_MAX_AGE = lazy_pattern(r"max-age\s*=\s*\"?(\d{1,12})", re.IGNORECASE)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdirRequest:
    """Which index to fetch, and its cached state.

    Attributes:
        url: The subdir's URL, without credentials and slash at the end.
        subdir: Platform directory.
        label: Name shown with download progress.
        state: The cached state if its index is valid; else None.
        file_names: Names to try, best first.
        now: Seconds since 1970.
        refresh: Make every cache between here and the server check with the server too.
        start_converting: Called before work that keeps other threads waiting.
        conversion: Entered while repodata is converted: each takes tens of megabytes.
    """

    url: str
    subdir: str
    label: str
    state: SubdirState | None
    file_names: tuple[str, ...] = (f"{REPODATA}.zst", REPODATA)
    now: float
    refresh: bool = False
    start_converting: Callable[[], object] = bool
    conversion: contextlib.AbstractContextManager[object] = field(
        default_factory=contextlib.nullcontext
    )


class SubdirFetch:
    """Carries out one :class:`SubdirRequest`."""

    def __init__(
        self, fetcher: UrlFetcher, cache: RepodataCache, reporter: Reporter, request: SubdirRequest
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._reporter = reporter
        self._request = request
        known = request.state.absent if request.state and not request.state.is_missing else {}
        self._absent = {name: since for name, since in known.items() if self._is_recent(since)}

    def run(self) -> SubdirState:
        """Return the new state, whose index is in the cache; without file name if there is none.

        Raises:
            ChannelError: The server cannot be reached or refuses.
            RepodataError: The response is not an index.
        """
        names = [name for name in self._request.file_names if name not in self._absent]
        for name in names or self._request.file_names[-1:]:
            try:
                state = self._try_name(name)
            except RepodataError as error:
                if name != SHARDS_INDEX:
                    raise
                self._reporter.warn(f"{error.message}; its complete index is used instead")
                continue
            if state is not None:
                return state
        return SubdirState(
            url=self._request.url,
            max_age=_MISSING_SECONDS,
            checked_at=self._request.now,
            absent=self._absent,
        )

    def _is_recent(self, since: float) -> bool:
        if self._request.refresh or self._request.url.startswith("file:"):
            return False
        return 0 <= self._request.now - since < _ABSENT_SECONDS

    def _try_name(self, name: str) -> SubdirState | None:
        """Fetch one file; None if the server does not have it."""
        use_cached = not self._request.refresh
        for attempt in range(_BODY_TRIES):
            last = attempt == _BODY_TRIES - 1
            try:
                return self._fetch(name, use_cached=use_cached)
            except OfflineError:
                raise
            except _TransferError as error:
                if last:
                    raise error.error from error
            except RepodataError:
                if not use_cached or last:
                    raise
                # A proxy may have a damaged copy: bypass all caches once.
                use_cached = False
        raise AssertionError("unreachable")

    def _fetch(self, name: str, *, use_cached: bool) -> SubdirState | None:
        url = f"{self._request.url}/{name}"
        previous = self._request.state
        if previous is not None and (previous.file_name != name or not use_cached):
            previous = None
        headers = {"Accept-Encoding": "gzip" if name == REPODATA else "identity"}
        headers.update(_condition_for(previous))
        if not use_cached:
            headers["Cache-Control"] = "no-cache"
        with self._open(name, url, headers, is_known=previous is not None) as response:
            if response.status == 200:
                return self._receive(name, url, response)
            if response.status == 304 and previous is not None:
                renewed = replace(previous, max_age=max_age_of(response.headers))
                return renewed.checked(self._request.now)
            self._note_absent(name, url, response.status)
            return None

    def _open(self, name: str, url: str, headers: Mapping[str, str], *, is_known: bool) -> Response:
        """Send the request; an index of shards is small, and so is a 304."""
        if not (name == SHARDS_INDEX or is_known):
            return self._fetcher.open(url, headers=headers)
        meanwhile = load_codecs if self._request.state is None else None
        return self._fetcher.open_small(url, headers=headers, meanwhile=meanwhile)

    def _note_absent(self, name: str, url: str, status: int) -> None:
        """Note that the server lacks a file. Raises ChannelError if the status means more."""
        if status in _ABSENT_STATUSES:
            self._absent[name] = self._request.now
        elif status == 304:
            message = f"{redact(url)} is unchanged according to its server, but nothing was cached"
            raise RepodataError("invalid-answer", message, hint="a proxy may be broken")
        elif status != 403 or name == self._request.file_names[-1]:
            # Storage without listing rights answers 403 for missing files: try other names.
            raise status_error(url, status)

    def _receive(self, name: str, url: str, response: Response) -> SubdirState:
        if is_html(response.headers):
            message = f"{redact(url)} sends a web page in place of the channel's index"
            hint = "log in to this network if it requires that, or check the channel's URL"
            raise RepodataError("web-page", message, hint=hint)
        digest = self._convert(name, url, response)
        return SubdirState(
            url=self._request.url,
            file_name=name,
            body_sha256=digest.sha256,
            etag=response.headers.get("etag", ""),
            last_modified=response.headers.get("last-modified", ""),
            max_age=max_age_of(response.headers),
            checked_at=self._request.now,
            absent=self._absent,
        )

    def _convert(self, name: str, url: str, response: Response) -> FileDigest:
        """Write the index of a body to the cache, unless it is in the cache already."""
        length = content_length(response.headers)
        task = self._reporter.start("download", self._request.label, length)
        digest = FileDigest()
        body = _hashed(capped(response.chunks(1 << 18), url), digest, task)
        try:
            if name == SHARDS_INDEX:
                self._convert_shards_index(b"".join(body), url, digest)
            elif self._request.state is None:
                # There is nothing to compare with: convert while it arrives.
                self._convert_text(ChunkReader(body), name, url, digest)
            else:
                self._convert_if_new(name, url, body, digest)
        finally:
            task.finish()
        return digest

    def _convert_shards_index(self, body: bytes, url: str, digest: FileDigest) -> None:
        if not self._is_known(digest):
            from minicon.repodata.shards.shards_index import shards_index_bytes

            self._request.start_converting()
            index = shards_index_bytes(body, url, self._request.subdir)
            self._cache.write_index(lambda: digest.sha256, [index])

    def _convert_if_new(
        self, name: str, url: str, body: Iterator[bytes], digest: FileDigest
    ) -> None:
        with (
            operations.describing("write", self._cache.directory),
            self._cache.scratch_file() as path,
        ):
            operations.create_file_from(body, path)
            if not self._is_known(digest):
                with open(path, "rb", buffering=0) as file:
                    self._convert_text(file, name, url, digest)

    def _convert_text(self, body: ByteSource, name: str, url: str, digest: FileDigest) -> None:
        from minicon.repodata.index.convert import index_bytes

        index = index_bytes(body, name, url, self._request.subdir)
        with self._request.conversion:
            self._cache.write_index(lambda: digest.sha256, index)

    def _is_known(self, digest: FileDigest) -> bool:
        old = self._request.state
        unchanged = old is not None and old.body_sha256 == digest.sha256
        return unchanged or self._cache.open_index(digest.sha256) is not None


class _TransferError(Exception):
    """The body ended early; a retry may help."""

    def __init__(self, error: ChannelError) -> None:
        super().__init__(error.message)
        self.error = error


def _hashed(chunks: Iterator[bytes], digest: FileDigest, task: Task) -> Iterator[bytes]:
    """Yield the chunks, and hash and count them. Raises _TransferError if they end early."""
    try:
        for chunk in chunks:
            digest.update(chunk)
            task.advance(len(chunk))
            yield chunk
    except RepodataError:
        raise
    except ChannelError as error:
        raise _TransferError(error) from error


def max_age_of(headers: Mapping[str, str]) -> float:
    """Seconds for which a response may be used without a request (RFC 9111); 0 if unstated."""
    text = headers.get("cache-control", "")
    if re.search(r"no-store|no-cache", text, re.IGNORECASE):
        return 0.0
    found = _MAX_AGE.search(text)
    return min(float(found.group(1)), _LONGEST_AGE) if found else 0.0


def _condition_for(state: SubdirState | None) -> dict[str, str]:
    """Headers that make the server answer 304 if nothing has changed since."""
    if state is None:
        return {}
    headers = {}
    if state.etag:
        headers["If-None-Match"] = state.etag
    if state.last_modified and not state.etag:
        headers["If-Modified-Since"] = state.last_modified
    return headers
