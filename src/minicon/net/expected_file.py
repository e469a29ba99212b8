"""Expected: what a downloaded file shall be, by hash and size."""

from __future__ import annotations

from minicon.errors import HashMismatch, PackageError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from minicon.fs.hashing import FileDigest

#: Nothing that is downloaded without a known size may be larger.
LARGEST_FILE = 32 << 30
_SHA256 = lazy_pattern(r"[0-9a-f]{64}")
_MD5 = lazy_pattern(r"[0-9a-f]{32}")
_CHANGED_HINT = "the file was changed after it was listed: index that channel again"
_PROXY_HINT = "possibly a proxy or a login page answers in its place; try again, or another network"


@dataclass(frozen=True, slots=True)
class Expected:
    """The listed hash and size of what a URL serves.

    Attributes:
        url: Where it comes from, redacted.
        sha256: Hexadecimal, or None.
        md5: Hexadecimal; None where there is a sha256.
        size: Bytes, or None.
    """

    url: str
    sha256: str | None
    md5: str | None
    size: int | None

    @classmethod
    def of(
        cls,
        url: str,
        sha256: str | None,
        md5: str | None,
        size: int | None,
        *,
        allow_unverified: bool = False,
    ) -> Expected:
        """What a record says of its file. An empty hash is a wrong one, not a missing one.

        Raises:
            PackageError: A hash is no hash, or there is none and that is not allowed.
        """
        shown = redact(url)
        for name, value, grammar in (("sha256", sha256, _SHA256), ("md5", md5, _MD5)):
            if value is not None and not grammar.fullmatch(value.lower()):
                message = f"the channel lists {value!r} as {name} of {shown}, which is none"
                raise PackageError("invalid-hash", message, hint="tell the channel's owner")
        if sha256 is None and md5 is None and not allow_unverified:
            message = f"no hash is known for {shown}, so it cannot be verified"
            hint = "add #sha256=… to its URL, or pass --allow-unverified"
            raise PackageError("no-hash", message, hint=hint)
        weak = md5.lower() if md5 and sha256 is None else None
        return cls(shown, sha256.lower() if sha256 else None, weak, size)

    @property
    def has_hash(self) -> bool:
        """Whether a finished file can be told from a mixed one."""
        return self.sha256 is not None or self.md5 is not None

    @property
    def largest(self) -> int:
        """Most bytes that are accepted."""
        return LARGEST_FILE if self.size is None else self.size

    def problem_with(self, digest: FileDigest) -> HashMismatch | None:
        """Why bytes are not the expected ones, or None if they are."""
        if digest.size > self.largest or (self.size is not None and digest.size < self.size):
            received = f"more than {self.largest}" if digest.size > self.largest else digest.size
            message = f"{self.url} sends {received} bytes, the channel lists {self.size}"
            return HashMismatch("size-mismatch", message, hint=self._hint)
        if self.sha256 is not None and digest.sha256 != self.sha256:
            return self._mismatch("sha256", self.sha256, digest.sha256)
        if self.md5 is not None and digest.md5 != self.md5:
            return self._mismatch("md5", self.md5, digest.md5)
        return None

    def is_web_page(self) -> HashMismatch:
        """The error for an answer that is HTML."""
        message = f"{self.url} sends a web page in place of the file"
        return HashMismatch("web-page", message, hint=self._hint)

    @property
    def _hint(self) -> str:
        return hint_for_wrong_bytes(self.url, _PROXY_HINT)

    def _mismatch(self, kind: str, wanted: str, found: str) -> HashMismatch:
        message = f"{self.url} has not the listed hash: expected {kind} {wanted}, got {found}"
        return HashMismatch("hash-mismatch", message, hint=self._hint)


def hint_for_wrong_bytes(url: str, of_server: str) -> str:
    """What to do where a URL gave other bytes than were listed: OF_SERVER, unless it is a file."""
    return _CHANGED_HINT if url.startswith("file:") else of_server
