"""VirtualPackage: a fact about the machine that packages may depend on (CEP 30)."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True)
class VirtualPackage:
    """For instance ``__glibc`` 2.36: name with its two underscores, version, build string."""

    name: str
    version: str = "0"
    build: str = "0"

    @classmethod
    def from_text(cls, text: str) -> VirtualPackage:
        """Read ``__glibc=2.36`` or ``__archspec=1=x86_64_v3`` (also without the underscores)."""
        name, _, rest = text.partition("=")
        version, _, build = rest.partition("=")
        return cls("__" + name.lstrip("_"), version or "0", build or "0")

    def as_record(self) -> RepodataRecord:
        """The same fact as a record, so that the solver needs no second kind of package."""
        data = {"name": self.name, "version": self.version, "build": self.build, "build_number": 0}
        return RepodataRecord(data, channel="@", subdir="noarch", fn=self.name, url="")
