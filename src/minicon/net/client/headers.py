"""Headers: a mapping that ignores case, without importing an HTTP library."""

from __future__ import annotations

from collections.abc import Mapping

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator


#: What a file must hash to, told to fetchers that can find it by that. It goes over no wire.
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
    """The announced body length in bytes, or None when absent, encoded or nonsense."""
    text = headers.get("content-length", "").strip()
    encoded = headers.get("content-encoding", "identity").strip().lower() not in ("", "identity")
    return int(text[:20]) if text.isdecimal() and not encoded else None


def is_html(headers: Mapping[str, str]) -> bool:
    """Whether the body is a web page: nothing that minicon asks channels for is one."""
    return headers.get("content-type", "").lstrip().lower().startswith("text/html")


def range_start(headers: Mapping[str, str]) -> int | None:
    """First byte of a 206 answer as its Content-Range says, or None."""
    unit, _, rest = headers.get("content-range", "").partition(" ")
    first = rest.partition("-")[0].strip()
    return int(first) if unit.lower() == "bytes" and first.isdecimal() else None
