"""Headers: a case-insensitive mapping, and the header fields that minicon reads.

No HTTP library is imported for it.
"""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


#: The hash that a file must have, for fetchers that can find it by its hash. It is never sent.
EXPECTED_SHA256 = "x-expected-sha256"


class Headers(Mapping[str, str]):
    """HTTP headers by name in any case (RFC 9110 §5.1)."""

    __slots__ = ("_values",)

    def __init__(self, values: Mapping[str, str] | None = None) -> None:
        self._values = {name.lower(): value for name, value in (values or {}).items()}

    def __getitem__(self, name: str) -> str:
        return self._values[name.lower()]

    def __iter__(self) -> Iterator[str]:
        return iter(self._values)

    def __len__(self) -> int:
        return len(self._values)

    def __repr__(self) -> str:
        return f"Headers({self._values!r})"


def content_length(headers: Mapping[str, str]) -> int | None:
    """Return the announced body length in bytes; None if absent, encoded or invalid."""
    text = headers.get("content-length", "").strip()
    encoded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    return int(text[:20]) if text.isdecimal() and not encoded else None


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether the body is a web page: no file that minicon fetches from channels is one."""
    return headers.get("content-type", "").lstrip().lower().startswith("text/html")


def range_start(headers: Mapping[str, str]) -> int | None:
    """Return the first byte of a 206 response by its Content-Range, or None."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    first = rest.partition("-")[0].strip()
    return int(first) if unit.lower() == "bytes" and first.isdecimal() else None
