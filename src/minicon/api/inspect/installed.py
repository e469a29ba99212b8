"""Installed packages: those of one environment, and those of many that match a spec."""

from __future__ import annotations

import re

from minicon.errors import SpecError
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from minicon.models.prefix_record import PrefixRecord

_LONGEST_PATTERN = 200


def listed_packages(
    path: Path, *, pattern: str | None = None, full_name: bool = False, with_pip: bool = True
) -> list[PrefixRecord]:
    """Return the packages of an environment by name, those that pip installed by hand included.

    Args:
        path: The environment.
        pattern: A regular expression that is searched for in names.
        full_name: Whether ``pattern`` is a whole name, not an expression.
        with_pip: Whether packages without a conda record are listed.

    Raises:
        NotAnEnvironment: The environment does not exist.
        SpecError: ``pattern`` is not a regular expression.
    """
    from minicon.prefix.environment.site_packages import installed_name, installed_packages

    prefix = Prefix(path).require()
    records = installed_packages(prefix) if with_pip else prefix.records()
    if pattern is None:
        return list(records)
    name = installed_name(pattern.lower(), {record.name: record for record in records})
    if full_name:
        return [record for record in records if record.name == name]
    try:
        found = re.compile(pattern[:_LONGEST_PATTERN], re.IGNORECASE).search
    except re.error as error:
        raise SpecError(
            "invalid-regex", f"{pattern!r} is not a regular expression: {error}"
        ) from error
    return [record for record in records if record.name == name or found(record.name)]


def packages_of_environments(
    paths: Iterable[Path], spec: str
) -> dict[Path, tuple[PrefixRecord, ...]]:
    """Return the packages that match a spec, by environment; those without one are left out.

    Raises:
        SpecError: ``spec`` cannot be read.
    """
    from minicon.models.match_spec.spec import MatchSpec

    wanted = MatchSpec(spec)
    found = {}
    for path in paths:
        records = Prefix(path).readable_records()
        if matching := tuple(record for record in records if wanted.matches(record.record)):
            found[path] = matching
    return found
