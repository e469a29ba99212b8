"""One subdir's whole index from the server into the cache, or the word that nothing changed.

::

    ask (with ETag)─► 304 ─► keep the index, note the time
                   ├► 404 ─► next file name; none left: the subdir does not exist
                   └► 200 ─► body to disk, hashed ─► hash as before? ─► keep the index
                                                └──► convert ─► new index, new state
"""

from __future__ import annotations

from minicon.constants import REPODATA
from minicon.errors import ChannelError, OfflineError, RepodataError
from minicon.fs import operations
from minicon.fs.hashing import FileDigest
from minicon.lean_dataclasses import dataclass, replace
from minicon.net.client.headers import content_length, is_html
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact
from minicon.repodata.cache import SubdirState
from minicon.repodata.http_caching import condition_for, max_age_of
from minicon.repodata.index.body import ChunkReader, capped
from minicon.repodata.shards.shard_format import SHARDS_INDEX, load_codecs

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from minicon.models.reporter import Reporter, Task
    from minicon.net.client.fetcher import Fetcher, Response
    from minicon.repodata.cache import RepodataCache
    from minicon.repodata.index.body import Source

#: How long it is believed that a server lacks a file name, in seconds.
_ABSENCE_BELIEVED = 86_400.0
#: How long it is believed that a channel lacks a subdir: it may be on its way.
_MISSING_BELIEVED = 300.0
_BODY_TRIES = 3
_ABSENT_STATUSES = (404, 410)


@dataclass(frozen=True, slots=True, kw_only=True)
class SubdirRequest:
    """Which index to fetch, and what is known of it.

    Attributes:
        url: The subdir's URL, without credentials and slash at the end.
        subdir: Platform folder.
        label: What progress calls it.
        state: What the cache holds, if its index is sound; else None.
        file_names: Names to try, best first.
        now: Seconds since 1970.
        refresh: Ask every cache between here and the server to check too.
        take_turn: Called before work that leaves no time for other threads.
    """

    url: str
    subdir: str
    label: str
    state: SubdirState | None
    file_names: tuple[str, ...] = (f"{REPODATA}.zst", REPODATA)
    now: float
    refresh: bool = False
    take_turn: Callable[[], object] = bool


class SubdirFetch:
    """Carries out one :class:`SubdirRequest`."""

    def __init__(
        self, fetcher: Fetcher, cache: RepodataCache, reporter: Reporter, request: SubdirRequest
    ) -> None:
        self._fetcher = fetcher
        self._cache = cache
        self._reporter = reporter
        self._request = request
        known = request.state.absent if request.state and not request.state.is_missing else {}
        self._absent = {name: since for name, since in known.items() if self._is_believed(since)}

    def run(self) -> SubdirState:
        """The new state; its index is in the cache. A state without file name means: no index.

        Raises:
            ChannelError: The server cannot be reached or refuses.
            RepodataError: What it sends is no index.
        """
        names = [name for name in self._request.file_names if name not in self._absent]
        for name in names or self._request.file_names[-1:]:
            try:
                state = self._try_name(name)
            except RepodataError as error:
                if name != SHARDS_INDEX:
                    raise
                self._reporter.warn(f"{error.message}; its whole index is used")
                continue
            if state is not None:
                return state
        return SubdirState(
            url=self._request.url,
            max_age=_MISSING_BELIEVED,
            checked_at=self._request.now,
            absent=self._absent,
        )

    def _is_believed(self, since: float) -> bool:
        if self._request.refresh or self._request.url.startswith("file:"):
            return False
        return 0 <= self._request.now - since < _ABSENCE_BELIEVED

    def _try_name(self, name: str) -> SubdirState | None:
        """Fetch one file; None if the server does not have it."""
        use_cached = not self._request.refresh
        for attempt in range(_BODY_TRIES):
            last = attempt == _BODY_TRIES - 1
            try:
                return self._ask(name, use_cached=use_cached)
            except OfflineError:
                raise
            except _TransferError as error:
                if last:
                    raise error.error from error
            except RepodataError:
                if not use_cached or last:
                    raise
                # A proxy may hold a damaged copy: ask once past every cache.
                use_cached = False
        raise AssertionError("unreachable")

    def _ask(self, name: str, *, use_cached: bool) -> SubdirState | None:
        url = f"{self._request.url}/{name}"
        previous = self._request.state
        if previous is not None and (previous.file_name != name or not use_cached):
            previous = None
        headers = {"Accept-Encoding": "gzip" if name == REPODATA else "identity"}
        headers.update(condition_for(previous))
        if not use_cached:
            headers["Cache-Control"] = "no-cache"
        with self._open(name, url, headers, is_known=previous is not None) as response:
            if response.status == 200:
                return self._receive(name, url, response)
            if response.status == 304 and previous is not None:
                renewed = replace(previous, max_age=max_age_of(response.headers))
                return renewed.checked(self._request.now)
            self._not_received(name, url, response.status)
            return None

    def _open(self, name: str, url: str, headers: Mapping[str, str], *, is_known: bool) -> Response:
        """Ask; an index of shards is small, and so is the answer that nothing changed."""
        ask = getattr(self._fetcher, "open_small", None)
        if ask is None or not (name == SHARDS_INDEX or is_known):
            return self._fetcher.open(url, headers=headers)
        is_cold = self._request.state is None
        response: Response = ask(url, headers=headers, meanwhile=load_codecs if is_cold else None)
        return response

    def _not_received(self, name: str, url: str, status: int) -> None:
        """Say that the server lacks a file, by returning, or that something is wrong."""
        if status in _ABSENT_STATUSES:
            self._absent[name] = self._request.now
        elif status == 304:
            message = f"{redact(url)} says that nothing changed, but nothing was cached"
            raise RepodataError("invalid-answer", message, hint="a proxy may be broken")
        elif status != 403 or name == self._request.file_names[-1]:
            # Storage without listing rights says 403 for what is not there: try other names.
            raise status_error(url, status)

    def _receive(self, name: str, url: str, response: Response) -> SubdirState:
        if is_html(response.headers):
            message = f"{redact(url)} sends a web page in place of the channel's index"
            hint = "log in to this network if it asks for that, or check the channel's URL"
            raise RepodataError("web-page", message, hint=hint)
        digest = self._convert(name, url, response)
        return SubdirState(
            url=self._request.url,
            file_name=name,
            body_sha256=digest.sha256,
            body_size=digest.size,
            etag=response.headers.get("etag", ""),
            last_modified=response.headers.get("last-modified", ""),
            max_age=max_age_of(response.headers),
            checked_at=self._request.now,
            absent=self._absent,
        )

    def _convert(self, name: str, url: str, response: Response) -> FileDigest:
        """Have the index of a body in the cache; a body that is known already changes nothing."""
        length = content_length(response.headers)
        task = self._reporter.start("download", self._request.label, length)
        digest = FileDigest()
        body = _watched(capped(response.chunks(1 << 18), url), digest, task)
        try:
            if name == SHARDS_INDEX:
                self._convert_shards_index(b"".join(body), url, digest)
            elif self._request.state is None:
                # Nothing to compare with: it is converted while it arrives.
                self._convert_text(ChunkReader(body), name, url, digest)
            else:
                self._convert_if_new(name, url, body, digest)
        finally:
            task.finish()
        return digest

    def _convert_shards_index(self, body: bytes, url: str, digest: FileDigest) -> None:
        if not self._is_known(digest):
            from minicon.repodata.shards.shards_index import shards_index_bytes

            self._request.take_turn()
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

    def _convert_text(self, body: Source, name: str, url: str, digest: FileDigest) -> None:
        from minicon.repodata.index.convert import index_bytes

        index = index_bytes(body, name, url, self._request.subdir)
        self._cache.write_index(lambda: digest.sha256, index)

    def _is_known(self, digest: FileDigest) -> bool:
        old = self._request.state
        unchanged = old is not None and old.body_sha256 == digest.sha256
        return unchanged or self._cache.open_index(digest.sha256) is not None


class _TransferError(Exception):
    """The body broke off; asking again may help."""

    def __init__(self, error: ChannelError) -> None:
        super().__init__(error.message)
        self.error = error


def _watched(chunks: Iterator[bytes], digest: FileDigest, task: Task) -> Iterator[bytes]:
    """The chunks as they pass by, hashed. Raises _TransferError where they break off."""
    try:
        for chunk in chunks:
            digest.update(chunk)
            task.advance(len(chunk))
            yield chunk
    except RepodataError:
        raise
    except ChannelError as error:
        raise _TransferError(error) from error
