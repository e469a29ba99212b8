"""RepodataRecord: one package that a source offers.

Records are made by the hundred thousand and read by the hundred, so a record is a thin
view over the JSON object that the channel wrote: nothing is copied or converted until asked for.
"""

from __future__ import annotations

from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    Source = Literal["conda", "pypi", "interpreter"]


class RepodataRecord:
    """One package as a source lists it: a channel's build, a wheel, or an interpreter.

    Immutable by convention. Equality and hash are those of :attr:`key`.

    Args:
        data: The record's own JSON object (``repodata.json``'s shape, any keys kept).
        channel: Canonical channel name or base URL without subdir and credentials.
        subdir: Platform folder, for instance ``linux-64`` or ``noarch``.
        fn: File name, with extension.
        url: Where the file is, without credentials.
        source: What kind of package it is, and so how its files are made ready.
    """

    __slots__ = ("channel", "data", "fn", "source", "subdir", "url")

    def __init__(
        self,
        data: Mapping[str, Any],
        *,
        channel: str,
        subdir: str,
        fn: str,
        url: str,
        source: Source = "conda",
    ) -> None:
        self.data = data
        self.channel = channel
        self.subdir = subdir
        self.fn = fn
        self.url = url
        self.source = source

    @property
    def name(self) -> str:
        """Package name, lower case."""
        return self.data["name"]  # type: ignore[no-any-return]

    @property
    def version(self) -> str:
        """Version as text; see :class:`minicon.models.version.Version` for its order."""
        return self.data["version"]  # type: ignore[no-any-return]

    @property
    def build(self) -> str:
        """Build string, for instance ``py311h64a7726_0``."""
        return self.data.get("build") or self.data.get("build_string") or ""

    @property
    def build_number(self) -> int:
        """Build number; higher is newer within one version."""
        return self.data.get("build_number") or 0

    @property
    def depends(self) -> tuple[str, ...]:
        """MatchSpec texts of what must be there too."""
        return tuple(self.data.get("depends") or ())

    @property
    def constrains(self) -> tuple[str, ...]:
        """MatchSpec texts that hold for packages if those are there."""
        return tuple(self.data.get("constrains") or ())

    @property
    def track_features(self) -> tuple[str, ...]:
        """Features whose presence makes a build less preferred."""
        return _words(self.data.get("track_features"))

    @property
    def features(self) -> tuple[str, ...]:
        """Features that a build needs or has, by conda's first way to tell variants."""
        return _words(self.data.get("features"))

    @property
    def flags(self) -> tuple[str, ...]:
        """Labels of a build variant, ``cuda`` or ``blas:mkl`` (CEP 45)."""
        return _words(self.data.get("flags"))

    @property
    def extra_depends(self) -> Mapping[str, Sequence[str]]:
        """Optional groups of dependencies: MatchSpec texts by the group's name (CEP 44)."""
        found = self.data.get("extra_depends") or self.data.get("extra-depends")
        return found if isinstance(found, dict) else {}

    @property
    def noarch(self) -> str | None:
        """``python``, ``generic`` or None."""
        value = self.data.get("noarch")
        return "generic" if value is True else value or None

    @property
    def md5(self) -> str | None:
        """MD5 of the file as hexadecimal text, or None."""
        return self.data.get("md5") or None

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the file as hexadecimal text, or None."""
        return self.data.get("sha256") or None

    @property
    def size(self) -> int | None:
        """Size of the file in bytes, or None."""
        return self.data.get("size")

    @property
    def timestamp(self) -> int:
        """When it was built, milliseconds since 1970; 0 when unknown."""
        return int(self.data.get("timestamp") or 0)

    @property
    def available_since(self) -> int:
        """When the channel first listed it (CEP 47), else when it was built; 0 when unknown."""
        return int(self.data.get("indexed_timestamp") or self.data.get("timestamp") or 0)

    @property
    def license(self) -> str | None:
        """SPDX expression or free text, or None."""
        found = self.data.get("license")
        return found if isinstance(found, str) else None

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """What makes this record this one: channel, subdir, name, version, build, file name."""
        return (self.channel, self.subdir, self.name, self.version, self.build, self.fn)

    @property
    def dist_name(self) -> str:
        """``name-version-build``, conda's name for one build."""
        return f"{self.name}-{self.version}-{self.build}"

    def to_json(self) -> dict[str, Any]:
        """The record as JSON, the way ``info/repodata_record.json`` holds it."""
        return {
            **self.data,
            "channel": without_secrets(self.channel),
            "subdir": self.subdir,
            "fn": self.fn,
            "url": without_secrets(self.url),
        }

    def __eq__(self, other: object) -> bool:
        return isinstance(other, RepodataRecord) and self.key == other.key

    def __hash__(self) -> int:
        return hash(self.fn)  # a part of the key, whose hash text objects remember

    def __repr__(self) -> str:
        return f"RepodataRecord({self.channel}/{self.subdir}::{self.dist_name})"


def _words(value: Any) -> tuple[str, ...]:
    """A list of words, which older records have as one text."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(each for each in value or () if isinstance(each, str))
