"""CoreMetadata: the fields of a wheel's METADATA file that solving and records need."""

from __future__ import annotations

from packaging.requirements import InvalidRequirement

from minicon.constants import WHEEL_EXTENSION
from minicon.errors import PackageError
from minicon.lean_dataclasses import dataclass
from minicon.models.package_names import normalize_pypi_name
from minicon.pypi.requirement_syntax import parse_requirement
from minicon.pypi.wheels.filenames import parse_version, split_sdist_name, split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import Any

    from packaging.requirements import Requirement

_LONGEST_LICENSE = 120
#: The first Metadata-Version in which a source distribution says what a build may change.
_FIRST_STATIC = (2, 2)
_SOLVED_FIELDS = {"name", "version", "requires-dist", "requires-python", "provides-extra"}


@dataclass(frozen=True, slots=True, kw_only=True)
class CoreMetadata:
    """The fields of METADATA that minicon uses (core metadata specification).

    Attributes:
        requires: Values of ``Requires-Dist``.
        requires_python: Value of ``Requires-Python``, or None.
        extras: Normalized values of ``Provides-Extra``.
        license: ``License-Expression``, else a short ``License``, else None.
        summary: One line about the project, or None.
    """

    name: str
    version: str
    requires: tuple[str, ...] = ()
    requires_python: str | None = None
    extras: tuple[str, ...] = ()
    license: str | None = None
    summary: str | None = None

    @classmethod
    def from_text(cls, text: str) -> CoreMetadata:
        """Parse METADATA. Raises PackageError if it has no name or version."""
        fields: dict[str, list[str]] = {}
        for key, value in _headers(text):
            fields.setdefault(key, []).append(value)
        if not fields.get("name") or not fields.get("version"):
            raise PackageError("broken-metadata", "its METADATA has no name or no version")
        return cls(
            name=fields["name"][0],
            version=fields["version"][0],
            requires=tuple(fields.get("requires-dist", ())),
            requires_python=next(iter(fields.get("requires-python", ())), None) or None,
            extras=tuple(map(normalize_pypi_name, fields.get("provides-extra", ()))),
            license=_license(fields),
            summary=next(iter(fields.get("summary", ())), None) or None,
        )

    @classmethod
    def static(cls, text: bytes) -> CoreMetadata | None:
        """Parse metadata of a source distribution; None unless its requirements are static.

        They are if Metadata-Version is at least 2.2 and no field that matters is listed as
        ``Dynamic`` (PEP 643).
        """
        fields = list(_headers(text.decode("utf-8", "replace")))
        version = parse_version(next((v for key, v in fields if key == "metadata-version"), "0"))
        dynamic = {value.lower() for key, value in fields if key == "dynamic"}
        if version is None or version.release < _FIRST_STATIC or dynamic & _SOLVED_FIELDS:
            return None
        return cls.from_text(text.decode("utf-8", "replace"))

    @classmethod
    def from_json(cls, data: dict[str, Any]) -> CoreMetadata:
        """Parse the result of :meth:`to_json`. Raises KeyError or TypeError for anything else."""
        lists = {key: tuple(data[key]) for key in ("requires", "extras")}
        return cls(**{**data, **lists})

    def to_json(self) -> dict[str, Any]:
        """Return the fields, for the metadata cache."""
        return {
            "name": self.name,
            "version": self.version,
            "requires": list(self.requires),
            "requires_python": self.requires_python,
            "extras": list(self.extras),
            "license": self.license,
            "summary": self.summary,
        }

    def requirements(self, parsed: dict[str, Requirement] | None = None) -> tuple[Requirement, ...]:
        """Parse ``Requires-Dist``, markers unevaluated. Raises PackageError if one is invalid.

        Args:
            parsed: Requirements that were parsed before, by text; new ones are added.
        """
        known = {} if parsed is None else parsed
        try:
            for text in self.requires:
                if text not in known:
                    known[text] = parse_requirement(text)
        except InvalidRequirement as error:
            reason = str(error).partition("\n")[0]
            raise PackageError(
                "broken-metadata", f"its METADATA has an invalid requirement: {reason}"
            ) from error
        return tuple([known[text] for text in self.requires])

    def check_belongs_to(self, filename: str) -> None:
        """Raise PackageError unless name and version are those of the distribution's file name."""
        name = normalize_pypi_name(self.name)
        wheel = split_wheel_name(filename)
        if wheel is not None:
            version = wheel.version if wheel.name == name else None
        elif filename.endswith(WHEEL_EXTENSION):
            raise PackageError("broken-metadata", "it is not named like a wheel")
        else:
            version = split_sdist_name(filename, name)
        if version is None or parse_version(version) != parse_version(self.version):
            raise PackageError(
                "broken-metadata", f"its METADATA is that of {self.name} {self.version}"
            )


def _headers(text: str) -> Iterator[tuple[str, str]]:
    """Yield header fields up to the first empty line; the description after it may be very long."""
    key, value = "", ""
    for line in text.replace("\r\n", "\n").partition("\n\n")[0].split("\n"):
        if line[:1] in (" ", "\t"):
            value += "\n" + line.strip()
            continue
        if key:
            yield key, value
        key, colon, value = line.partition(":")
        key, value = (key.strip().lower(), value.strip()) if colon else ("", "")
    if key:
        yield key, value


def _license(fields: dict[str, list[str]]) -> str | None:
    for key in ("license-expression", "license"):
        text = next(iter(fields.get(key, ())), "").strip()
        # Old projects put the whole license text into it.
        if text and text.upper() != "UNKNOWN" and "\n" not in text:
            return text[:_LONGEST_LICENSE]
    return None
