"""RepodataRecord: one package as a channel, PyPI or this machine lists it; VirtualPackage.

Hundreds of thousands of records are created and some hundred are read, so a record is a thin view
of the JSON object that the channel wrote: values are converted when they are read.
"""

from __future__ import annotations

from minicon.constants import WHEEL_EXTENSION
from minicon.lean_dataclasses import dataclass
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from typing import Any, Literal

    Source = Literal["conda", "pypi", "interpreter"]

#: What tables show, and what their rows are ordered by.
_BRIEF_KEYS = ("name", "version", "build", "build_string", "build_number", "timestamp")


class RepodataRecord:
    """One package as a source lists it: a channel's build, a wheel, or an interpreter.

    Immutable by convention. Equality and hash are those of :attr:`key`.

    Args:
        data: The record's JSON object as in ``repodata.json``, unknown keys included.
        channel: Canonical channel name or base URL without subdir and credentials.
        subdir: Platform directory, for instance ``linux-64`` or ``noarch``.
        fn: File name, with extension.
        url: URL of the file, without credentials.
        source: Kind of package, which decides how it is prepared for installation.
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
    def is_wheel(self) -> bool:
        """Whether its file is a wheel: of PyPI, or of a channel that lists wheels (CEP 48)."""
        return self.source == "pypi" or self.fn.endswith(WHEEL_EXTENSION)

    @property
    def project(self) -> str:
        """Name of the Python project in a wheel: a channel may list it under another name."""
        is_listed = self.source == "conda" and self.fn.endswith(WHEEL_EXTENSION)
        return self.fn.partition("-")[0] if is_listed else self.name

    @property
    def is_installed_by_pip(self) -> bool:
        """Whether pip installed it: a package from PyPI of which no wheel is known."""
        return self.source == "pypi" and not self.url

    @property
    def build_number(self) -> int:
        """Build number; higher is newer within one version."""
        return self.data.get("build_number") or 0

    @property
    def depends(self) -> tuple[str, ...]:
        """Run-time dependencies, as MatchSpec strings."""
        return tuple(self.data.get("depends") or ())

    @property
    def constrains(self) -> tuple[str, ...]:
        """MatchSpec strings that apply only if the named package is installed."""
        return tuple(self.data.get("constrains") or ())

    @property
    def track_features(self) -> tuple[str, ...]:
        """Features that lower the priority of a build."""
        return _words(self.data.get("track_features"))

    @property
    def features(self) -> tuple[str, ...]:
        """Features of a build: conda's original way to mark variants."""
        return _words(self.data.get("features"))

    @property
    def flags(self) -> tuple[str, ...]:
        """Labels of a build variant, ``cuda`` or ``blas:mkl`` (CEP 45)."""
        return _words(self.data.get("flags"))

    @property
    def extra_depends(self) -> Mapping[str, Sequence[str]]:
        """Optional dependencies: MatchSpec strings by the name of the extra (CEP 44)."""
        found = self.data.get("extra_depends") or self.data.get("extra-depends")
        return found if isinstance(found, dict) else {}

    @property
    def noarch(self) -> str | None:
        """``python``, ``generic`` or None."""
        value = self.data.get("noarch")
        return "generic" if value is True else value or None

    @property
    def md5(self) -> str | None:
        """MD5 of the file, hexadecimal, or None."""
        return self.data.get("md5") or None

    @property
    def sha256(self) -> str | None:
        """SHA-256 of the file, hexadecimal, or None."""
        return self.data.get("sha256") or None

    @property
    def size(self) -> int | None:
        """Size of the file in bytes, or None."""
        return self.data.get("size")

    @property
    def timestamp(self) -> int:
        """Time of the build, in milliseconds since 1970; 0 if unknown."""
        return int(self.data.get("timestamp") or 0)

    @property
    def available_since(self) -> int:
        """Time of the first listing in the channel (CEP 47), else of the build; 0 if unknown."""
        return int(self.data.get("indexed_timestamp") or self.data.get("timestamp") or 0)

    @property
    def license(self) -> str | None:
        """SPDX expression or other text, or None."""
        found = self.data.get("license")
        return found if isinstance(found, str) else None

    @property
    def key(self) -> tuple[str, str, str, str, str, str]:
        """Identity of the record: channel, subdir, name, version, build, file name."""
        return (self.channel, self.subdir, self.name, self.version, self.build, self.fn)

    @property
    def dist_name(self) -> str:
        """``name-version-build``, conda's name for one build."""
        return f"{self.name}-{self.version}-{self.build}"

    @property
    def label(self) -> str:
        """Name and version, as a sentence would say them."""
        return f"{self.name} {self.version}"

    def with_channel(self, channel: str) -> RepodataRecord:
        """The same package, with its channel written in another way."""
        return RepodataRecord(
            self.data,
            channel=channel,
            subdir=self.subdir,
            fn=self.fn,
            url=self.url,
            source=self.source,
        )

    def brief(self) -> RepodataRecord:
        """The record without what tables do not show: a fifth of the memory."""
        brief = self.with_channel(self.channel)
        brief.data = {key: self.data[key] for key in _BRIEF_KEYS if key in self.data}
        return brief

    def to_json(self) -> dict[str, Any]:
        """The JSON object of the record, as in ``info/repodata_record.json``."""
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
        return hash(self.fn)  # a part of the key; strings cache their hash

    def __repr__(self) -> str:
        return f"RepodataRecord({self.channel}/{self.subdir}::{self.dist_name})"


def direct_url(url: str, sha256: str | None) -> dict[str, Any]:
    """What a record and ``direct_url.json`` say of a wheel that was named by URL or path (PEP 610).

    Args:
        url: Of the wheel, without credentials.
        sha256: Of the wheel, hexadecimal.
    """
    return {"archive_info": {"hashes": {"sha256": sha256} if sha256 else {}}, "url": url}


def _words(value: Any) -> tuple[str, ...]:
    """A list of words, which older records write as one string."""
    if isinstance(value, str):
        return tuple(value.replace(",", " ").split())
    return tuple(each for each in value or () if isinstance(each, str))


@dataclass(frozen=True, slots=True)
class VirtualPackage:
    """A property of the machine that packages can depend on (CEP 30), such as ``__glibc`` 2.36."""

    name: str
    version: str = "0"
    build: str = "0"

    @classmethod
    def from_text(cls, text: str) -> VirtualPackage:
        """Read ``__glibc=2.36`` or ``__archspec=1=x86_64_v3``; underscores may be omitted."""
        name, _, rest = text.partition("=")
        version, _, build = rest.partition("=")
        return cls("__" + name.lstrip("_"), version or "0", build or "0")

    def as_record(self) -> RepodataRecord:
        """A record of the same name and version, which the solver treats like a package."""
        data = {"name": self.name, "version": self.version, "build": self.build, "build_number": 0}
        return RepodataRecord(data, channel="@", subdir="noarch", fn=self.name, url="")
