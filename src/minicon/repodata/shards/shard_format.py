"""The format of sharded repodata (CEP 16): msgpack in zstd, one shard per package name.

``repodata_shards.msgpack.zst`` maps names to SHA-256 hashes; ``<hash>.msgpack.zst`` contains the
records of a name. Inside shards, ``md5`` and ``sha256`` are bytes; elsewhere they are texts.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any

SHARD_EXTENSION = ".msgpack.zst"
#: Most bytes of a shard, and of an index of shards, after decompression.
LARGEST_SHARD = 1 << 27
LARGEST_INDEX = 1 << 28
_LARGEST_WINDOW = 1 << 27
_HASH_KEYS = ("md5", "sha256")
#: Prefix of the sections of revision 3 (CEP 48).
_V3 = "v3."


class ShardDamagedError(Exception):
    """The bytes violate CEP 16. The message is the reason in a few words."""


def load_codecs() -> bool:
    """Import what :func:`unpack` needs, while nothing else is to be done. Returns False."""
    import msgpack  # noqa: F401
    import zstandard  # noqa: F401

    return False


def pack(value: Any) -> bytes:
    """Encode a value as msgpack in zstd."""
    import msgpack
    import zstandard

    return zstandard.ZstdCompressor().compress(msgpack.packb(value))


def unpack(data: bytes, limit: int, *, texts: bool = True) -> Any:
    """Decode msgpack in zstd.

    Args:
        data: The bytes as served.
        limit: Most bytes after decompression.
        texts: Whether texts are decoded, or stay bytes, which is faster.

    Raises:
        ShardDamagedError: It is neither, is truncated, or larger than ``limit``.
    """
    import msgpack
    import zstandard

    decompressor = zstandard.ZstdDecompressor(max_window_size=_LARGEST_WINDOW)
    try:
        size = zstandard.frame_content_size(data)
        if 0 <= size <= limit:  # a stream would first allocate ``limit`` bytes
            text = decompressor.decompress(data)
        else:
            with decompressor.stream_reader(data) as reader:
                text = reader.read(limit + 1)
        if len(text) > limit:
            raise ShardDamagedError(f"it decompresses to more than {limit} bytes")
        return msgpack.unpackb(text, raw=not texts, strict_map_key=False)
    except zstandard.ZstdError as error:
        raise ShardDamagedError("it is not zstd") from error
    except (ValueError, TypeError, msgpack.exceptions.UnpackException) as error:
        raise ShardDamagedError("it is not msgpack, or truncated") from error


def make_shard(
    sections: Mapping[str, Mapping[str, Mapping[str, Any]]], removed: Sequence[str] = ()
) -> bytes:
    """Make the shard of one name, ready to be served.

    Args:
        sections: Records by section and key; ``v3.conda`` is the section ``conda`` of ``v3``.
        removed: File names of packages that are withdrawn.
    """
    shard: dict[str, Any] = {"packages": {}, "packages.conda": {}, "removed": list(removed)}
    for section, records in sections.items():
        packed = {key: _with_bytes(record) for key, record in records.items()}
        if section.startswith(_V3):
            shard.setdefault("v3", {})[section.removeprefix(_V3)] = packed
        else:
            shard[section] = packed
    return pack(shard)


def make_shards_index(info: Mapping[str, Any], hashes: Mapping[str, bytes]) -> bytes:
    """Make the index of all shards of a subdir, ready to be served.

    Args:
        info: Its ``info`` object, with ``subdir``, ``base_url`` and ``shards_base_url``.
        hashes: SHA-256 of the shard by name.
    """
    return pack({"version": 1, "info": dict(info), "shards": dict(hashes)})


def shard_name(shard: bytes) -> tuple[bytes, str]:
    """Return (hash, file name) of a shard."""
    import hashlib

    digest = hashlib.sha256(shard)
    return digest.digest(), digest.hexdigest() + SHARD_EXTENSION


def with_text_hashes(record: dict[str, Any]) -> dict[str, Any]:
    """Convert a record's hashes to texts, as in ``repodata.json``, in place; return the record."""
    for key in _HASH_KEYS:
        value = record.get(key)
        if isinstance(value, bytes):
            record[key] = value.hex()
    return record


def _with_bytes(record: Mapping[str, Any]) -> dict[str, Any]:
    # Sorted, so that equal records make equal shards, which are one file.
    packed = dict(sorted(record.items()))
    for key in _HASH_KEYS:
        if isinstance(packed.get(key), str):
            packed[key] = bytes.fromhex(packed[key])
    return packed
