"""From a downloaded repodata file to an IndexFile, in one pass and bounded memory."""

from __future__ import annotations

from minicon.constants import REPODATA
from minicon.models.json_values.strict_json import is_plain
from minicon.repodata.index.body import damaged, text_of, unknown_version
from minicon.repodata.index.index_file import IndexWriter
from minicon.repodata.index.prefetch import prefetch_items
from minicon.repodata.index.scanner import InvalidRepodataError, RepodataScanner

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from minicon.repodata.index.body import Source

_PIECES_AHEAD = 8
_BLOCKS_AHEAD = 1
#: The newest ``repodata_version`` that is read (CEP 15).
_NEWEST = 2


def index_bytes(source: Source, file_name: str, url: str, subdir: str) -> Iterator[bytes]:
    """The bytes of the index that stands for a repodata file, front to back.

    Args:
        source: The body as the server sends it.
        file_name: What it is called on the server: says how it is packed.
        url: For errors.
        subdir: What its ``info.subdir`` must be, if it has one.

    Raises:
        RepodataError: It is cut, not JSON, not repodata, or that of another subdir.
    """
    # Unpacking, cutting and compressing are three stages that hardly hold each other up.
    scanner = RepodataScanner(prefetch_items(_text(source, file_name, url), _PIECES_AHEAD))
    writer = IndexWriter()
    try:
        for block in prefetch_items(scanner.blocks(), _BLOCKS_AHEAD):
            yield writer.add(block)
    except InvalidRepodataError as error:
        raise damaged(url, str(error)) from error
    check_meta(scanner.meta, url, subdir)
    yield writer.finish({**scanner.meta, "records": scanner.records})


def _text(source: Source, file_name: str, url: str) -> Iterator[bytes]:
    """The JSON text. CEP 36: an empty repodata.json is an empty channel; nothing else may be."""
    text = text_of(source, file_name, url)
    first = next(text, b"{}" if file_name == REPODATA else b"")
    yield first
    yield from text


def check_meta(meta: dict[str, Any], url: str, subdir: str) -> None:
    """Refuse an index that is in a newer form, or belongs elsewhere. Raises RepodataError."""
    version = meta.get("repodata_version")
    if version is not None and (type(version) is not int or not 0 <= version <= _NEWEST):
        raise unknown_version(url, version)
    check_info(meta, url, subdir)


def check_info(meta: dict[str, Any], url: str, subdir: str) -> None:
    """Refuse an index whose ``info`` says that it belongs elsewhere. Raises RepodataError."""
    info = meta.setdefault("info", {})
    if not isinstance(info, dict) or not is_plain(info):
        raise damaged(url, "its info is not an object, or cannot be used")
    found = info.get("subdir")
    if found is not None and found != subdir:
        raise damaged(url, f"it says that it is for {str(found)[:40]!r}, not for {subdir!r}")
