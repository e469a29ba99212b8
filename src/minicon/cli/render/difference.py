"""The difference between two revisions of an environment, with the signs and sections of plans."""

from __future__ import annotations

from minicon.cli.render.listing import table
from minicon.cli.render.plan import SECTION_STYLES
from minicon.errors import SpecError
from minicon.models.version import Version

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.cli.console import Console

#: The sign and the past form of each section, in the order of plans.
_SECTIONS = {
    "install": ("+", "installed"),
    "update": ("↑", "updated"),
    "downgrade": ("↓", "downgraded"),
    "rebuild": ("~", "rebuilt"),
    "remove": ("-", "removed"),
}


def difference_text(
    found: Mapping[str, Sequence[str]], console: Console, *, past: bool = False
) -> str:
    """Return the packages that were installed, changed and removed, one per line.

    Args:
        found: Lists of ``name-version-build``: ``added`` and ``removed``.
        console: For colours.
        past: Name the sections by what was done, and not by what will be.
    """
    sections = []
    for title, rows in _rows(found).items():
        sign, done = _SECTIONS[title]
        style = SECTION_STYLES.get(title, "magenta")
        lines = table([(sign, *row) for row in rows]).split("\n")
        shown = [f"  {console.style(line[0], style)}{line[1:]}" for line in lines]
        sections.append("\n".join([f"{console.style(done if past else title, style)}:", *shown]))
    return "\n\n".join(sections)


def difference_counts(found: Mapping[str, Sequence[str]]) -> str:
    """Return how many packages were installed, changed and removed: ``+15 ↑2``."""
    return " ".join(f"{_SECTIONS[title][0]}{len(rows)}" for title, rows in _rows(found).items())


def packages_by_name(packages: Sequence[str]) -> dict[str, tuple[str, str]]:
    """Return version and build by name of ``name-version-build`` texts.

    As in plans, wheels and interpreters have no build: minicon makes it up.
    """
    split = (package.rsplit("-", 2) for package in packages)
    return {
        name: (version, "" if build == "pypi_0" or "_host_" in build else build)
        for name, version, build in split
    }


def _rows(found: Mapping[str, Sequence[str]]) -> dict[str, list[tuple[str, ...]]]:
    """Name, version and build of each package, by section; sections without rows are left out."""
    old, new = packages_by_name(found["removed"]), packages_by_name(found["added"])
    rows: dict[str, list[tuple[str, ...]]] = {title: [] for title in _SECTIONS}
    for name in sorted({*old, *new}):
        if name not in old:
            rows["install"].append((name, *new[name]))
        elif name not in new:
            rows["remove"].append((name, *old[name]))
        else:
            (before, old_build), (after, build) = old[name], new[name]
            if before == after:
                rows["rebuild"].append((name, after, f"{old_build} → {build}"))
            else:
                title = "downgrade" if _is_older(after, before) else "update"
                rows[title].append((name, f"{before} → {after}", build))
    return {title: each for title, each in rows.items() if each}


def _is_older(version: str, other: str) -> bool:
    try:
        return Version(version) < Version(other)
    except SpecError:  # another program wrote the record
        return False
