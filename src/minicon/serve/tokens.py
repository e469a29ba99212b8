"""Tokens of clients: read from a file, compared by their hashes, found in requests.

A line of the file is a token, or ``sha256:`` and its hash, and then the channels that it is for;
without names it is for all of them::

    sha256:9f86d081…                  # all channels
    3b1c…  demo other                 # two channels
"""

from __future__ import annotations

import base64
import hashlib
import re
from urllib.parse import unquote

from minicon.errors import ConfigError
from minicon.fs import operations
from minicon.fs.plain_file import decode_text, read_named_file

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

_HASH = "sha256:"
_SHORTEST = 8


class TokenFile:
    """The tokens of a file, which is read again when it changes.

    Args:
        path: The file; None means that there are no tokens.

    Raises:
        ConfigError: ``invalid-tokens``.
        FileError: The file cannot be read.
    """

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._modified = -1
        self._channels: dict[bytes, frozenset[str]] = {}
        self._refresh()

    def __bool__(self) -> bool:
        return self._path is not None

    def channels_of(self, tokens: tuple[str, ...]) -> frozenset[str] | None:
        """Return the channels that tokens are for, empty for all; None if none is valid.

        Tokens are looked up by their hashes, so that the time says nothing about valid ones.
        """
        self._refresh()
        found = [self._channels.get(_digest(token)) for token in tokens]
        valid = [channels for channels in found if channels is not None]
        if not valid:
            return None
        return frozenset() if not all(valid) else frozenset().union(*valid)

    def _refresh(self) -> None:
        if self._path is None:
            return
        with operations.describing("read", self._path):
            modified = self._path.stat().st_mtime_ns
            if modified != self._modified:
                text = decode_text(read_named_file(self._path), "replace")
                self._channels, self._modified = dict(_entries(text, self._path)), modified


def presented_tokens(authorization: str, in_path: str | None) -> tuple[str, ...]:
    """Return the tokens of a request: in its path, as a bearer, as the password of any user."""
    found = [] if in_path is None else [in_path]
    kind, _, value = authorization.strip().partition(" ")
    if kind.lower() == "bearer":
        found.append(value.strip())
    elif kind.lower() == "basic":
        try:
            pair = base64.b64decode(value.strip(), validate=True).decode()
        except ValueError:
            return tuple(found)
        found.append(pair.partition(":")[2])
    return tuple(found)


def split_token(parts: tuple[str, ...]) -> tuple[str | None, tuple[str, ...]]:
    """Split ``/t/TOKEN`` off the parts of a path."""
    if len(parts) > 1 and parts[0] == "t":
        return unquote(parts[1]), parts[2:]
    return None, parts


def _entries(text: str, path: Path) -> Iterator[tuple[bytes, frozenset[str]]]:
    for number, line in enumerate(text.splitlines(), 1):
        words = re.sub(r"(?:^|\s)#.*", "", line).split()
        if not words:
            continue
        token, *channels = words
        if token.startswith(_HASH):
            try:
                digest = bytes.fromhex(token.removeprefix(_HASH))
            except ValueError:
                digest = b""
            is_valid = len(digest) == hashlib.sha256().digest_size
        else:
            digest, is_valid = _digest(token), len(token) >= _SHORTEST
        if not is_valid:
            raise ConfigError(
                "invalid-tokens",
                f"{path}, line {number}: not a token of {_SHORTEST} or more characters",
                hint="create one with 'python -c \"import secrets; print(secrets.token_hex())\"'",
            )
        yield digest, frozenset(channels)


def _digest(token: str) -> bytes:
    return hashlib.sha256(token.encode(errors="replace")).digest()
