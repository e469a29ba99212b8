"""Convert a downloaded repodata file into an IndexFile, in one pass and bounded memory.

Unpacking, cutting and compressing run as pipeline stages in threads of their own: most of their
time is spent without the interpreter's lock.
"""

from __future__ import annotations

import queue
import threading
from typing import Generic, TypeVar

from minicon.constants import REPODATA
from minicon.counted import counted
from minicon.models.strict_json import is_plain
from minicon.repodata.index.body import damaged, text_of, unknown_version
from minicon.repodata.index.index_writer import IndexWriter
from minicon.repodata.index.scanner import InvalidRepodataError, RepodataScanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping
    from typing import Any

    from minicon.repodata.index.body import ByteSource

Item = TypeVar("Item")
_PIECES_AHEAD = 16
_BLOCKS_AHEAD = 1
#: The newest supported ``repodata_version`` (CEP 15).
_NEWEST_VERSION = 2
#: The newest supported revision of records (CEP 48), and the longest message shown about others.
_NEWEST_REVISION = "v3"
_LONGEST_MESSAGE = 500
#: Seconds until a stage notices that its output is no longer read.
_GRACE = 0.1
_END = object()


def index_bytes(source: ByteSource, file_name: str, url: str, subdir: str) -> Iterator[bytes]:
    """Yield the bytes of the IndexFile for a repodata file.

    Args:
        source: The body as sent by the server.
        file_name: Its name on the server, whose extension says how it is compressed.
        url: For errors.
        subdir: Required value of ``info.subdir``, if the file has one.

    Raises:
        RepodataError: It is cut, not JSON, not repodata, or that of another subdir.
    """
    scanner = RepodataScanner(prefetch_items(_text(source, file_name, url), _PIECES_AHEAD))
    writer = IndexWriter()
    try:
        for block in prefetch_items(scanner.blocks(), _BLOCKS_AHEAD):
            yield writer.add(block)
    except InvalidRepodataError as error:
        raise damaged(url, str(error)) from error
    _check_meta(scanner.meta, url, subdir)
    yield writer.finish({**scanner.meta, "records": scanner.records})


def _text(source: ByteSource, file_name: str, url: str) -> Iterator[bytes]:
    """The JSON text. An empty repodata.json is an empty channel (CEP 36); no other file may be."""
    text = text_of(source, file_name, url)
    first = next(text, b"{}" if file_name == REPODATA else b"")
    yield first
    yield from text


def _check_meta(meta: dict[str, Any], url: str, subdir: str) -> None:
    """Refuse an index of a newer version, or of another subdir. Raises RepodataError."""
    version = meta.get("repodata_version")
    if version is not None and (type(version) is not int or not 0 <= version <= _NEWEST_VERSION):
        raise unknown_version(url, version)
    check_info(meta, url, subdir)


def check_info(meta: dict[str, Any], url: str, subdir: str) -> None:
    """Refuse an index whose ``info`` names another subdir. Raises RepodataError."""
    info = meta.setdefault("info", {})
    if not isinstance(info, dict) or not is_plain(info):
        raise damaged(url, "its info is not an object, or cannot be used")
    found = info.get("subdir")
    if found is not None and found != subdir:
        raise damaged(url, f"its subdir is {str(found)[:40]!r}, not {subdir!r}")


def unread_revisions(info: Mapping[str, Any]) -> Iterator[str]:
    """Yield a text for each unsupported revision in ``info.repodata_revisions`` (CEP 48)."""
    revisions = info.get("repodata_revisions")
    for name, about in revisions.items() if isinstance(revisions, dict) else ():
        if name == _NEWEST_REVISION:
            continue
        known = about if isinstance(about, dict) else {}
        count, message = known.get("n_packages"), known.get("message")
        packages = counted(count, "package") if isinstance(count, int) else "packages"
        text = f"has {packages} in the format {name[:20]}, which needs a newer minicon"
        yield f"{text}: {message[:_LONGEST_MESSAGE]}" if isinstance(message, str) else text


def prefetch_items(items: Iterable[Item], depth: int) -> Iterator[Item]:
    """Iterate over items in a thread, at most ``depth`` of them ahead.

    What the iterator raises is raised here, in its turn. When this generator is closed, the
    thread ends after its current item.
    """
    stage = _Stage(items, depth)
    thread = threading.Thread(target=stage.run, name="minicon-prefetch", daemon=True)
    thread.start()
    try:
        yield from stage.items()
    finally:
        stage.abandoned.set()
        thread.join()


class _Stage(Generic[Item]):
    """A pipeline stage: an iterator whose items pass through a bounded queue."""

    def __init__(self, source: Iterable[Item], depth: int) -> None:
        self._source = source
        self._ready: queue.Queue[Item | object] = queue.Queue(depth)
        self._error: BaseException | None = None
        self.abandoned = threading.Event()

    def items(self) -> Iterator[Item]:
        while (item := self._ready.get()) is not _END:
            yield item  # type: ignore[misc]
        if self._error is not None:
            raise self._error

    def run(self) -> None:
        try:
            for item in self._source:
                if not self._put(item):
                    return
        except BaseException as error:  # noqa: BLE001 - raised again by the reader
            self._error = error
        self._put(_END)

    def _put(self, item: Item | object) -> bool:
        """Queue an item; False if the reader is gone."""
        while not self.abandoned.is_set():
            try:
                self._ready.put(item, timeout=_GRACE)
            except queue.Full:
                continue
            return True
        return False
