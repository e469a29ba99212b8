"""Find changes that a user made with pip: distributions that differ from the package records."""

from __future__ import annotations

from minicon.lean_dataclasses import dataclass
from minicon.prefix.environment.site_packages import pip_installed, uninstalled_wheels

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.models.prefix_record import PrefixRecord
    from minicon.prefix.environment.prefix import Prefix


@dataclass(frozen=True, slots=True, kw_only=True)
class PipChanges:
    """Changes by pip that minicon did not make.

    Attributes:
        installed: Distributions without a record.
        replaced: Packages that pip replaced: (the record, the distribution that is installed).
        removed: Records of wheels that pip uninstalled.
    """

    installed: tuple[PrefixRecord, ...] = ()
    replaced: tuple[tuple[PrefixRecord, PrefixRecord], ...] = ()
    removed: tuple[PrefixRecord, ...] = ()

    @property
    def outdated_names(self) -> frozenset[str]:
        """Names of packages whose records are outdated."""
        return frozenset(r.name for r in (*self.removed, *(old for old, _ in self.replaced)))

    @property
    def installed_by_pip(self) -> tuple[PrefixRecord, ...]:
        """All distributions that pip installed, replacements included."""
        return (*self.installed, *(new for _, new in self.replaced))

    def sentences(self) -> list[str]:
        """Return one sentence per change."""
        return [
            *(f"{r.name} {r.record.version} was installed by pip" for r in self.installed),
            *(
                f"{old.name} {old.record.version} was replaced by pip with {new.record.version}"
                for old, new in self.replaced
            ),
            *(f"{r.name} {r.record.version} was uninstalled by pip" for r in self.removed),
        ]

    def to_json(self) -> dict[str, Any]:
        """Return lists of ``name-version-build``."""
        return {
            "installed": [record.record.dist_name for record in self.installed],
            "replaced": [
                {"recorded": old.record.dist_name, "found": new.record.dist_name}
                for old, new in self.replaced
            ],
            "removed": [record.record.dist_name for record in self.removed],
        }


def find_pip_changes(prefix: Prefix) -> PipChanges:
    """Compare records with site-packages. Costs one listing and a stat per wheel."""
    recorded = {record.name: record for record in prefix.readable_records()}
    gone = {record.name: record for record in uninstalled_wheels(prefix)}
    installed_by_pip = pip_installed(prefix)
    present = {record.name for record in installed_by_pip}
    return PipChanges(
        installed=tuple(record for record in installed_by_pip if record.name not in recorded),
        replaced=tuple((recorded[r.name], r) for r in installed_by_pip if r.name in recorded),
        removed=tuple(record for name, record in gone.items() if name not in present),
    )
