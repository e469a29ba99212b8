"""The name of a package's folder in the cache: ``NAME-VERSION-BUILD-HASH``.

Records come from outside, so their texts never become a path as they are: each is held to the
characters that package names, versions and builds have, and the hash is of hexadecimal digits.
"""

from __future__ import annotations

import hashlib

from minicon.errors import PackageError
from minicon.lazy_pattern import lazy_pattern

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.models.records import RepodataRecord

_HASH_DIGITS = 16
_HINT = "what lists it is broken: the channel's index, or a list of packages"
_FIELD = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.+!~]*(?:-+[A-Za-z0-9_.+!~]+)*")
_FIELD_LIMIT = 96
_WORK = lazy_pattern(rf"(.+-[0-9a-f]{{{_HASH_DIGITS}}})\..+")
_HEX = lazy_pattern(r"[0-9a-f]{32,64}")
#: A record may be of a channel, of a lock file or of a list.
_REPORT = "whoever lists this package has to correct that"


def cache_key(record: RepodataRecord) -> str:
    """Folder name for a record.

    The hash is that of the archive: SHA-256, else MD5, else one over the record's identity for
    packages that are made on this machine.

    Raises:
        PackageError: ``bad-record``: a field is not what it should be, for instance has a slash.
    """
    for field in ("name", "version", "build"):
        text = getattr(record, field)
        if not _is_plain(text):
            message = (
                f"the record of {str(record.fn)[:120]!r} has an impossible {field}: {text!r:.120}"
            )
            raise PackageError("bad-record", message, hint=_REPORT)
    return f"{record.dist_name}-{_digest(record)[:_HASH_DIGITS]}"


def key_of_work(name: str) -> str:
    """The key that something in the work folder belongs to, be it ``KEY.archive.partial``."""
    match = _WORK.fullmatch(name)
    return match[1] if match else name


def _is_plain(text: object) -> bool:
    return isinstance(text, str) and len(text) <= _FIELD_LIMIT and bool(_FIELD.fullmatch(text))


def _digest(record: RepodataRecord) -> str:
    for text in (record.sha256, record.md5):
        if text is None:
            continue
        if not _HEX.fullmatch(str(text).lower()):
            message = f"the record of {record.dist_name} has a hash that is none: {text!r:.80}"
            raise PackageError("bad-record", message, hint=_REPORT)
        return text.lower()
    return hashlib.sha256(repr(record.key).encode()).hexdigest()
