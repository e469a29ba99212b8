"""Names and versions of packages for completion, read from what is cached and installed.

Nothing is requested, solved or parsed as a whole: names are found in the tables of cached indexes,
versions in the records of one name. Every channel whose index is cached counts.
"""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from minicon.repodata.index.index_file import IndexFile

#: Words that are shown at most; the last one is always among them, see :func:`_limited`.
_MOST = 400
_OPERATORS = "=<>!~"
#: ``-``, 16 digits and ``.json``: the end of a state's file name, behind the subdir.
_STATE_END = len("-0123456789abcdef.json")
_VERSION_MEMBER = b'"version":'
_HASH_MEMBER = b'"body_sha256":"'


def package_words(cache: str, typed: str) -> list[str]:
    """Return the specs that begin as typed: names, or versions behind an operator.

    Args:
        cache: The directory of cached indexes.
        typed: The beginning of a spec, such as ``nump``, ``numpy=1`` or ``conda-forge::nu``.
    """
    channel, colons, spec = typed.rpartition("::")
    name, version = _divided(spec)
    begin = channel + colons
    if not name or ":" in spec:
        return []
    if version is None:
        found = _names(cache, name)
    else:
        begin += spec.removesuffix(version)
        found = _versions(cache, name, version)
    return [begin + word for word in found]


def installed_words(prefix: str, typed: str) -> list[str]:
    """Return the names of installed packages that begin as typed, from names of records."""
    try:
        files = os.listdir(os.path.join(prefix, "conda-meta"))
    except OSError:
        return []
    names = (f[:-5].rsplit("-", 2)[0] for f in files if f.endswith(".json") and f[0] != ".")
    return sorted({name for name in names if name.startswith(typed)})


def asks_for_versions(typed: str) -> bool:
    """Whether a spec is typed as far as its version."""
    return _divided(typed)[1] is not None


def _divided(spec: str) -> tuple[str, str | None]:
    """The name of a spec, and the version behind its last operator; None without operator."""
    ends = [index for index, letter in enumerate(spec) if letter in _OPERATORS]
    if not ends:
        return spec, None
    last = max(ends[-1], spec.rfind(","), spec.rfind("|"))
    return spec[: ends[0]].strip(), spec[last + 1 :].lstrip()


def _names(cache: str, begin: str) -> list[str]:
    return _limited(
        name for index in _indexes(cache) for name in index.names_starting(begin.lower(), _MOST)
    )


def _limited(words: Iterable[str]) -> list[str]:
    """The first words in order, and the last: a shell adds what all of them begin with."""
    found = sorted(set(words))
    return found if len(found) <= _MOST else [*found[: _MOST - 1], found[-1]]


def _versions(cache: str, name: str, begin: str) -> list[str]:
    """Versions of a package, newest first."""
    found = {
        version
        for index in _indexes(cache)
        for section, payload in _segments(index, name.lower())
        for version in _versions_in(cache, section, payload)
        if version.startswith(begin)
    }
    return sorted(found, key=_order, reverse=True)[:_MOST]


def _order(version: str) -> bytes:
    from minicon.errors import MiniconError
    from minicon.models.version import version_key

    try:
        return version_key(version)
    except MiniconError:
        return b""


def _segments(index: IndexFile, name: str) -> Sequence[tuple[str, bytes]]:
    from minicon.repodata.index.index_file import IndexDamagedError

    try:
        return index.segments(name)
    except IndexDamagedError:
        return ()


def _versions_in(cache: str, section: str, payload: bytes) -> Iterator[str]:
    if section != "shard":
        end = payload.find(_VERSION_MEMBER)
        while end >= 0:
            start = payload.find(b'"', end + len(_VERSION_MEMBER)) + 1
            end = payload.find(b'"', start)
            yield payload[start:end].decode("utf-8", "replace")
            end = payload.find(_VERSION_MEMBER, end)
        return
    from minicon.repodata.shards.shard_format import LARGEST_SHARD, ShardDamagedError, unpack

    try:
        with open(f"{cache}/shards-v1/{payload.hex()}.msgpack.zst", "rb") as file:
            shard = unpack(file.read(), LARGEST_SHARD)
        for part in ("packages", "packages.conda"):
            yield from (record["version"] for record in shard.get(part, {}).values())
    except (OSError, ShardDamagedError, KeyError, AttributeError, TypeError):
        return


def _indexes(cache: str) -> Iterator[IndexFile]:
    """Open the cached indexes of this platform."""
    from minicon.models.subdir import NOARCH, native_subdir
    from minicon.repodata.index.index_file import IndexDamagedError, IndexFile

    ends = (f"-{native_subdir()}", f"-{NOARCH}")
    try:
        states = os.listdir(cache)
    except OSError:
        return
    for state in states:
        if not state[:-_STATE_END].endswith(ends):
            continue
        try:
            with open(f"{cache}/{state}", "rb") as file:
                digest = file.read().partition(_HASH_MEMBER)[2][:64].decode()
            if digest.isalnum():
                yield IndexFile(f"{cache}/content/{digest}.index")
        except (OSError, ValueError, IndexDamagedError):
            continue
