"""What pip did by hand to an environment, against the records of its packages."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.site_packages import hand_installed, vanished_wheels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class PipChanges:
    """Hand-made changes.

    Attributes:
        installed: Distributions that no record knows of.
        replaced: Packages over which pip put another version: (the record, what is there).
        removed: Records of wheels that pip uninstalled.
    """

    installed: tuple[PrefixRecord, ...] = ()
    replaced: tuple[tuple[PrefixRecord, PrefixRecord], ...] = ()
    removed: tuple[PrefixRecord, ...] = ()

    @property
    def untrue_names(self) -> frozenset[str]:
        """Packages whose records do not tell what is there."""
        return frozenset(r.name for r in (*self.removed, *(old for old, _ in self.replaced)))

    @property
    def by_hand(self) -> tuple[PrefixRecord, ...]:
        """All that pip installed, over a package or not."""
        return (*self.installed, *(new for _, new in self.replaced))

    def sentences(self) -> list[str]:
        """One per change."""
        return [
            *(f"{r.name} {r.record.version} was installed by pip" for r in self.installed),
            *(
                f"{old.name} {old.record.version} was replaced by pip with {new.record.version}"
                for old, new in self.replaced
            ),
            *(f"{r.name} {r.record.version} was uninstalled by pip" for r in self.removed),
        ]

    def to_json(self) -> dict[str, Any]:
        """Lists of ``name-version-build``."""
        return {
            "installed": [record.record.dist_name for record in self.installed],
            "replaced": [
                {"recorded": old.record.dist_name, "found": new.record.dist_name}
                for old, new in self.replaced
            ],
            "removed": [record.record.dist_name for record in self.removed],
        }


def find_pip_changes(prefix: Prefix) -> PipChanges:
    """Look for them. Costs one listing of site-packages and a stat per wheel."""
    recorded = {record.name: record for record in prefix.readable_records()}
    gone = {record.name: record for record in vanished_wheels(prefix)}
    by_hand = hand_installed(prefix)
    present = {record.name for record in by_hand}
    return PipChanges(
        installed=tuple(record for record in by_hand if record.name not in recorded),
        replaced=tuple((recorded[r.name], r) for r in by_hand if r.name in recorded),
        removed=tuple(record for name, record in gone.items() if name not in present),
    )
