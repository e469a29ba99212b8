"""SHA-256 of short texts: keys of caches and of settings.

The standard ``hashlib`` loads OpenSSL, which takes a command 3 ms; the interpreter has a function
of its own. Large contents are hashed by :mod:`minicon.fs.hashing`, since OpenSSL is faster there.
"""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from hashlib import sha256
else:
    try:
        from _sha2 import sha256  # since Python 3.12
    except ImportError:
        try:
            from _sha256 import sha256
        except ImportError:  # a build without it
            from hashlib import sha256


def short_hash(text: str | bytes | memoryview) -> str:
    """Return the SHA-256 of a text, hexadecimal."""
    return sha256(text.encode() if isinstance(text, str) else text).hexdigest()
