"""An environment as its user asked for it, with the versions that were found as bounds.

``numpy`` that became 2.2.1 is written ``numpy>=2.2,<3``: another machine, another platform and
another month get compatible versions, and no builds that exist here alone.
"""

from __future__ import annotations

import re

from packaging.requirements import InvalidRequirement, Requirement

from minicon.api.export.exporting import export_spec, pip_requirement
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_name import normalize_pypi_name
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence
    from pathlib import Path

    from minicon.models.environment_files.environment_spec import EnvironmentSpec
    from minicon.models.records import RepodataRecord

_PYPI_SPEC = "pypi:"
_NUMBERS = lazy_pattern(r"(?:\d+!)?(\d+)(?:\.(\d+))?")
#: A first number this large is a year, and says nothing of what is compatible.
_FIRST_YEAR = 1990


def portable_spec(
    path: Path, *, with_channels: bool = True, extra_channels: Sequence[str] = ()
) -> EnvironmentSpec:
    """The environment for other machines.

    What the user bounded above (``numpy=1.26``, ``<3``) stays in the user's words; where nothing
    was asked for (an environment of another tool, say) all that no other package needs is listed.

    Args:
        path: The environment.
        with_channels: Whether channels are named.
        extra_channels: Named before the environment's own.
    """
    prefix = Prefix(path).require()
    records = {each.name: each.record for each in installed_packages(prefix)}
    asked = prefix.requested_specs() or {name: name for name in _leaves(records)}
    conda: list[str] = []
    pip: list[str] = []
    for name, text in asked.items():
        record = records.get(name) or records.get(normalize_pypi_name(name))
        if text.startswith(_PYPI_SPEC):
            pip.append(_bounded_requirement(text.removeprefix(_PYPI_SPEC), record))
        elif record is not None and record.source == "pypi":
            pip.append(_bounded_requirement(pip_requirement(text, record), record))
        else:
            conda.append(_bounded(text, record))
    named = {normalize_pypi_name(re.split(r"[^\w.\-]", line)[0]) for line in pip}
    pip += [
        _bounded_requirement(record.name, record)
        for record in records.values()
        if record.source == "pypi" and not record.url and record.name not in named
    ]
    whole = export_spec(path, with_channels=with_channels, extra_channels=extra_channels)
    return replace(whole, prefix=None, dependencies=tuple(sorted(conda)), pip=tuple(sorted(pip)))


def version_bounds(version: str, *, is_python: bool = False) -> str:
    """The versions that are taken for compatible: ``2.2.1`` gives ``>=2.2,<3``.

    Below 1.0 and for python a change of the second number counts; years have no upper bound.
    """
    match = _NUMBERS.match(version)
    if match is None:
        return ""
    major, minor = int(match[1]), match[2]
    if minor is None:
        return f">={major}" if major >= _FIRST_YEAR else f">={major},<{major + 1}"
    lower = f">={major}.{minor}"
    if major >= _FIRST_YEAR:
        return lower
    by_minor = major == 0 or is_python
    return f"{lower},<{major}.{int(minor) + 1}" if by_minor else f"{lower},<{major + 1}"


def _bounded(text: str, record: RepodataRecord | None) -> str:
    spec = MatchSpec(text)
    if spec.build is not None or spec.build_number is not None:
        return str(spec.replace(build=None, build_number=None))
    if record is None or not _is_open(str(spec.version or "")):
        return text
    bounds = version_bounds(record.version, is_python=record.name == "python")
    channel = f"{spec.channel}::" if spec.channel else ""
    extras = f"[{','.join(spec.extras)}]" if spec.extras else ""
    return f"{channel}{spec.exact_name}{extras}{bounds}"


def _bounded_requirement(text: str, record: RepodataRecord | None) -> str:
    try:
        requirement = Requirement(text)
    except InvalidRequirement:
        return text
    if record is None or requirement.url or not _is_open(str(requirement.specifier)):
        return text
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{version_bounds(record.version)}"


def _is_open(version: str) -> bool:
    """Whether a version has no upper bound: nothing, or only lower ones."""
    return all(part.strip().startswith(">") for part in version.split(",") if part.strip())


def _leaves(records: Mapping[str, RepodataRecord]) -> list[str]:
    needed = {MatchSpec(text).exact_name for record in records.values() for text in record.depends}
    return sorted(name for name in records if name not in needed)
