"""Explicit lists of packages by URL (CEP 23, conda's ``@EXPLICIT`` files).

::

    # comment; ``# platform: linux-64`` sets the platform
    @EXPLICIT
    https://host/channel/linux-64/name-1.0-0.conda#md5-or-sha256:hash
"""

from __future__ import annotations

import re

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.match_spec.parser import is_package_reference
from minicon.models.url import Url, is_url
from minicon.redaction import redact, shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

_EXPLICIT_MARK = "@EXPLICIT"

_HASH = lazy_pattern(
    r"(?:sha256[:=]?(?P<sha256>[0-9A-Fa-f]{64})|(?P<bare>[0-9A-Fa-f]{64})"
    r"|(?:md5[:=])?(?P<md5>[0-9A-Fa-f]{32}))"
)
_PLATFORM = lazy_pattern(r"#\s*platform:\s*([a-z0-9_\-]+)\s*$")


@dataclass(frozen=True, slots=True)
class ExplicitEntry:
    """One package file of an explicit list.

    Attributes:
        url: URL or path as written, credentials included; ``str()`` removes them.
        md5: Hexadecimal, or None.
        sha256: Hexadecimal, or None.
    """

    url: str
    md5: str | None = None
    sha256: str | None = None

    @property
    def fn(self) -> str:
        """File name."""
        return Url(self.url).name if is_url(self.url) else re.split(r"[/\\]", self.url)[-1]

    def __str__(self) -> str:
        """The line without secrets, with the stronger of its hashes."""
        url = without_secrets(self.url)
        if self.sha256:
            return f"{url}#sha256:{self.sha256}"
        return f"{url}#{self.md5}" if self.md5 else url

    def __repr__(self) -> str:
        return f"ExplicitEntry({str(self)!r})"


@dataclass(frozen=True, slots=True)
class ExplicitList:
    """An explicit list: its entries in order, and its platform, or None."""

    entries: tuple[ExplicitEntry, ...]
    platform: str | None = None

    def __str__(self) -> str:
        """The file's text."""
        head = ["# This file may be used to create an environment using:"]
        head.append("# $ minicon create --name <env> --file <this file>")
        if self.platform:
            head.append(f"# platform: {self.platform}")
        return "\n".join([*head, _EXPLICIT_MARK, *map(str, self.entries)]) + "\n"


def is_explicit(text: str) -> bool:
    """Whether a line of a text is ``@EXPLICIT``."""
    return any(line.strip() == _EXPLICIT_MARK for line in text.splitlines())


def parse_explicit_list(text: str, *, source: str) -> ExplicitList:
    """Parse an explicit list.

    Args:
        text: The file's text.
        source: The file's name, for messages.

    Raises:
        SpecError: ``invalid-explicit-list``, naming the line.
    """
    lines = text.splitlines()
    platform = next((m.group(1) for m in map(_PLATFORM.match, lines) if m), None)
    return ExplicitList(tuple(_entries(lines, source)), platform)


def parse_explicit_entry(line: str, *, position: str) -> ExplicitEntry:
    """Parse ``URL[#hash]`` or ``path[#hash]``.

    Args:
        line: The line.
        position: File and line, for messages.

    Raises:
        SpecError: ``invalid-explicit-list``.
    """
    url, mark, tail = line.strip().partition("#")
    url = url.strip()
    if not is_package_reference(url):
        raise SpecError(
            "invalid-explicit-list",
            f"{position}: {redact(line.strip())[:120]!r} is not the URL of a package file",
            hint="every line after @EXPLICIT is https://…/name-version-build.conda#hash",
        )
    if is_url(url):
        Url(url)
    found = _HASH.fullmatch(tail.strip())
    if mark and tail.strip() and found is None:
        raise SpecError(
            "invalid-explicit-list",
            f"{position}: {shortened(tail.strip(), 80)!r} is neither an md5 nor a sha256 hash",
            hint="write URL#md5 or URL#sha256:HASH",
        )
    if found is None:
        return ExplicitEntry(url)
    md5, sha256 = found["md5"], found["sha256"] or found["bare"]
    return ExplicitEntry(url, md5.lower() if md5 else None, sha256.lower() if sha256 else None)


def _entries(lines: Iterable[str], source: str) -> Iterable[ExplicitEntry]:
    hashes: dict[tuple[str, str], str] = {}
    for number, line in enumerate(lines, 1):
        text = line.strip()
        if not text or text.startswith("#") or text == _EXPLICIT_MARK:
            continue
        entry = parse_explicit_entry(text, position=f"{source}, line {number}")
        for kind, value in (("md5", entry.md5), ("sha256", entry.sha256)):
            if value is not None and hashes.setdefault((entry.url, kind), value) != value:
                raise SpecError(
                    "invalid-explicit-list",
                    f"{source}, line {number}: {redact(entry.url)[:120]} has two different hashes",
                    hint="keep the line with the correct hash",
                )
        yield entry
