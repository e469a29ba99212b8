"""Convert an index of shards (CEP 16) into an IndexFile: from a name to the hash of its shard."""

from __future__ import annotations

from minicon.models.strict_json import DEEPEST, is_plain
from minicon.repodata.index.body import damaged, unknown_version
from minicon.repodata.index.convert import check_info
from minicon.repodata.index.index_writer import hashes_file
from minicon.repodata.shards.shard_format import LARGEST_INDEX, ShardDamagedError, unpack

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

_HASH_SIZE = 32


def shards_index_bytes(data: bytes, url: str, subdir: str) -> bytes:
    """Convert ``repodata_shards.msgpack.zst`` into the bytes of an IndexFile.

    Args:
        data: The body as served.
        url: For errors.
        subdir: Required value of ``info.subdir``, if the file has one.

    Raises:
        RepodataError: It violates CEP 16, or is that of another subdir.
    """
    try:
        found = unpack(data, LARGEST_INDEX, texts=False)
    except ShardDamagedError as error:
        raise damaged(url, str(error)) from error
    info, shards = _checked(found, url)
    check_info({"info": info}, url, subdir)
    names, hashes = _in_order(shards, url)
    return hashes_file(names, hashes, {"info": info, "names": len(names)})


def _checked(found: Any, url: str) -> tuple[dict[str, Any], dict[bytes, bytes]]:
    if not isinstance(found, dict):
        raise damaged(url, "it is not a map")
    info, shards = found.get(b"info", {}), found.get(b"shards")
    if not isinstance(info, dict) or not isinstance(shards, dict):
        raise damaged(url, "it has no map of shards")
    version = found.get(b"version", 1)
    if type(version) is not int or version != 1:
        raise unknown_version(url, version)
    texts = _with_texts(info)
    return {key: value for key, value in texts.items() if is_plain(value)}, shards


def _in_order(shards: dict[bytes, bytes], url: str) -> tuple[list[bytes], bytes]:
    """Sorted names, and their hashes concatenated; a channel has tens of thousands of them."""
    try:
        names = sorted(shards)
        b"".join(names).decode()
    except (TypeError, UnicodeDecodeError) as error:
        raise damaged(url, "a name in it is not text") from error
    found = list(map(shards.__getitem__, names))
    try:
        hashes = b"".join(found)
    except TypeError as error:
        raise damaged(url, "a hash in it is invalid") from error
    if set(map(len, found)) - {_HASH_SIZE}:
        raise damaged(url, "a hash in it is invalid")
    return names, hashes


def _with_texts(value: Any, depth: int = DEEPEST) -> Any:
    """The value with its bytes decoded as text; what is nested too deeply is left out."""
    if isinstance(value, dict):
        return {
            key.decode("utf-8", "replace"): _with_texts(each, depth - 1)
            for key, each in (value.items() if depth else ())
            if isinstance(key, bytes)
        }
    if isinstance(value, list):
        return [_with_texts(each, depth - 1) for each in (value if depth else ())]
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else value
