"""LinkScript: which link scripts packages have, and where (CEP 34)."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.models.subdir import is_windows

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord


@dataclass(frozen=True, slots=True)
class LinkScript:
    """One script of one package.

    Attributes:
        record: The package.
        action: ``pre-link``, ``post-link``, ``pre-unlink`` or ``post-unlink``.
        path: Its path in the prefix.
        source: A file to read it from while it is not in the prefix, or None.
    """

    record: RepodataRecord
    action: str
    path: str
    source: Path | None = None

    @property
    def text(self) -> str:
        """Its source text; empty if it cannot be read."""
        try:
            return self.source.read_text(errors="replace") if self.source else ""
        except OSError:
            return ""


def script_of(record: RepodataRecord, action: str, platform: str) -> str | None:
    """The path of a package's script for an action; the file need not exist.

    Returns:
        None for wheels and interpreters, whose standards have no link scripts: a file of such
        a name is an ordinary file.
    """
    if record.source != "conda":
        return None
    if is_windows(platform):
        return f"Scripts/.{record.name}-{action}.bat"
    return f"bin/.{record.name}-{action}.sh"


def scripts_of_record(record: PrefixRecord, action: str, platform: str) -> tuple[LinkScript, ...]:
    """The script of an installed package for an action: one or none."""
    path = script_of(record.record, action, platform)
    if path is None or path not in record.files:
        return ()
    return (LinkScript(record.record, action, path),)
