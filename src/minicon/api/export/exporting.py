"""Export an environment as an environment.yml (CEP 24) or an explicit list (CEP 23).

==================  ====================================================================
``export_spec``     every package with its version, or the requested specs of the history
``explicit_spec``   every package with its URL and hash
``portable_spec``   the requested packages with compatible versions: ``numpy`` 2.2.1 becomes
                    ``numpy>=2.2,<3``, which other machines and platforms can satisfy too
==================  ====================================================================
"""

from __future__ import annotations

from minicon.constants import HOST_CHANNEL, PYPI_CHANNEL, PYPI_PREFIX
from minicon.errors import PrefixError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import replace
from minicon.models.environment_files.environment_spec import EnvironmentSpec
from minicon.models.environment_files.explicit_list import ExplicitEntry
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.package_names import normalize_pypi_name
from minicon.prefix.environment.origins import read_origin, read_origins, requested_specs
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.prefix_location import usual_name
from minicon.prefix.environment.site_packages import installed_packages

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from pathlib import Path
    from typing import Any

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

    _Requested = tuple[str, RepodataRecord | None]

_NUMBERS = lazy_pattern(r"(?:\d+!)?(\d+)(?:\.(\d+))?")
#: A first number this large is a year, and says nothing about compatibility.
_FIRST_YEAR = 1990


def export_spec(
    path: Path,
    *,
    from_history: bool = False,
    builds: bool = True,
    with_channels: bool = True,
    extra_channels: Sequence[str] = (),
    channel_name: Callable[[str], str] = str,
    with_host: bool = False,
    records: Sequence[PrefixRecord] | None = None,
) -> EnvironmentSpec:
    """Export all packages, or the requested specs.

    Conda's readers can use the result: an interpreter of this machine is ``python`` by version,
    and wheels are requirements for pip.

    Args:
        path: The environment.
        from_history: Export only the specs that the user requested, as written.
        builds: Add build strings to versions. An interpreter of this machine never has one,
            since its build exists on this machine only.
        with_channels: Whether channels are included.
        extra_channels: Channels before the environment's own.
        channel_name: Gives conda's canonical name of a channel's base URL.
        with_host: Whether the channel ``host``, which only minicon has, is included.
        records: The packages, instead of the installed ones.
    """
    prefix = Prefix(path).require()
    records = installed_packages(prefix) if records is None else records
    if from_history:
        from_channels, from_pypi = _by_source(
            requested_specs(prefix, records, prefix.requested_specs()), records
        )
        dependencies = [text for text, _ in from_channels]
        pip = [text for text, _ in from_pypi]
    else:
        dependencies = [
            _pinned(r.record, builds=builds) for r in records if r.record.source != "pypi"
        ]
        pip = [_pip_line(path, r) for r in records if r.record.source == "pypi"]
    own = [*map(channel_name, _channels(records))] if with_channels else []
    channels = [name for name in own if with_host or name != HOST_CHANNEL]
    if not with_host:
        dependencies = [text.removeprefix(f"{HOST_CHANNEL}::") for text in dependencies]
    return EnvironmentSpec(
        name=usual_name(path),
        prefix=str(path),
        channels=tuple(dict.fromkeys((*extra_channels, *channels))) if with_channels else (),
        dependencies=tuple(dependencies),
        pip=tuple(pip),
        variables=prefix.environment_variables(of_packages=False),
    )


def explicit_spec(path: Path, packages: Sequence[PrefixRecord] | None = None) -> EnvironmentSpec:
    """Export the exact packages of an environment, by URL.

    Args:
        path: The environment.
        packages: The packages, instead of the installed ones.

    Raises:
        PrefixError: Some packages are not from a channel, which an explicit list requires.
    """
    prefix = Prefix(path).require()
    found = installed_packages(prefix) if packages is None else packages
    records = [installed.record for installed in found]
    others = [
        record.name
        for record in records
        if not record.url or record.source != "conda" or record.is_wheel
    ]
    if others:
        names = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        raise PrefixError(
            "no-url",
            f"an explicit list can only contain packages of channels, not {names}",
            hint="export without '--format explicit', or write a lock file with 'minicon lock'",
        )
    entries = tuple(ExplicitEntry(r.url, md5=r.md5, sha256=r.sha256) for r in records)
    return EnvironmentSpec(explicit=entries)


def _pinned(record: RepodataRecord, *, builds: bool) -> str:
    if builds and record.source == "conda":
        return f"{record.name}={record.version}={record.build}"
    return f"{record.name}={record.version}"


def _pip_line(prefix: Path, installed: PrefixRecord) -> str:
    """Return pip's requirement for a distribution: by version, or by its origin (PEP 610)."""
    origin = read_origin(prefix, installed)
    return origin.requirement if origin else f"{installed.name}=={installed.record.version}"


def _by_source(
    requested: Mapping[str, str], installed: Iterable[PrefixRecord]
) -> tuple[list[_Requested], list[_Requested]]:
    """Return requested specs and, for those that PyPI satisfied, requirements for pip.

    Each is given with the record of its package, if it is installed.
    """
    records = {each.name: each.record for each in installed}
    conda: list[_Requested] = []
    pip: list[_Requested] = []
    for name, text in requested.items():
        record = records.get(name) or records.get(normalize_pypi_name(name))
        if text.startswith(PYPI_PREFIX):
            pip.append((text.removeprefix(PYPI_PREFIX), record))
        elif record is not None and record.source == "pypi":
            pip.append((pip_requirement(text, record), record))
        else:
            conda.append((text, record))
    return conda, pip


def pip_requirement(text: str, record: RepodataRecord) -> str:
    """Convert a MatchSpec that PyPI satisfied to a requirement (PEP 508).

    ``numpy=1.26`` gives ``numpy==1.26.*``. Versions that only a MatchSpec can express
    (``1.2|1.4``) become the installed version.
    """
    from packaging.specifiers import InvalidSpecifier, SpecifierSet

    spec = MatchSpec(text)
    extras = f"[{','.join(sorted(spec.extras))}]" if spec.extras else ""
    wanted = str(spec.version or "*")
    parts = [part for part in wanted.split(",") if part != "*"]
    version = ",".join(part if part[0] in "<>=!~" else f"=={part}" for part in parts)
    try:
        fits = SpecifierSet(version).contains(record.version, prereleases=True)
    except InvalidSpecifier:
        fits = False
    return f"{record.name}{extras}{version if fits else f'=={record.version}'}"


def _channels(records: Sequence[PrefixRecord]) -> list[str]:
    """Return the channels of the packages, most used first, ``host`` last, without ``pypi``."""
    counts: dict[str, int] = {}
    for installed in records:
        channel = installed.record.channel
        counts[channel] = counts.get(channel, 0) + 1
    counts.pop(PYPI_CHANNEL, None)
    ranked = sorted(counts, key=lambda name: (name == HOST_CHANNEL, -counts[name], name))
    return [name for name in ranked if name]


def portable_spec(path: Path, **options: Any) -> EnvironmentSpec:
    """Export the requested packages for other machines, without builds.

    Specs with an upper bound (``numpy=1.26``, ``<3``) are kept as written. If no requested specs
    are recorded (an environment of another tool, for example), the packages without dependents
    are exported. Packages from a directory, a file or a repository are exported as such.

    Args:
        path: The environment.
        options: About channels, as for :func:`export_spec`.
    """
    prefix = Prefix(path).require()
    installed = installed_packages(prefix)
    records = {each.name: each.record for each in installed}
    requested = requested_or_independent(path)
    from_channels, from_pypi = _by_source(requested, installed)
    conda = [_bounded(text, record) for text, record in from_channels]
    pip = [_bounded_requirement(text, record) for text, record in from_pypi]
    named = set(map(normalize_pypi_name, requested))
    pip += [
        _bounded_requirement(record.name, record)
        for record in records.values()
        if record.is_installed_by_pip and record.name not in named
    ]
    if not options.get("with_host"):
        conda = [text.removeprefix(f"{HOST_CHANNEL}::") for text in conda]
    whole = export_spec(path, **options)
    return replace(whole, prefix=None, dependencies=tuple(sorted(conda)), pip=tuple(sorted(pip)))


def requested_or_independent(path: Path) -> dict[str, str]:
    """Return the requested specs of an environment by name.

    If none are recorded (an environment of another tool, for example), they are the packages
    without dependents. Packages from a directory, a file or a repository are requested as such.
    """
    prefix = Prefix(path).require()
    installed = installed_packages(prefix)
    records = {each.name: each.record for each in installed}
    requested = prefix.requested_specs() or {name: name for name in _without_dependents(records)}
    for name, origin in read_origins(path, installed).items():
        requested[name] = f"{PYPI_PREFIX}{origin.requirement}"
    return requested


def _version_bounds(version: str, *, is_python: bool = False) -> str:
    """Return the versions that are assumed to be compatible: ``2.2.1`` gives ``>=2.2,<3``.

    Below 1.0 and for python the second number is decisive; years have no upper bound.
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
    bounds = _version_bounds(record.version, is_python=record.name == "python")
    channel = f"{spec.channel}::" if spec.channel else ""
    extras = f"[{','.join(spec.extras)}]" if spec.extras else ""
    return f"{channel}{spec.exact_name}{extras}{bounds}"


def _bounded_requirement(text: str, record: RepodataRecord | None) -> str:
    from packaging.requirements import InvalidRequirement

    from minicon.pypi.requirement_syntax import parse_requirement

    try:
        requirement = parse_requirement(text)
    except InvalidRequirement:
        return text
    if record is None or requirement.url or not _is_open(str(requirement.specifier)):
        return text
    extras = f"[{','.join(sorted(requirement.extras))}]" if requirement.extras else ""
    return f"{requirement.name}{extras}{_version_bounds(record.version)}"


def _is_open(version: str) -> bool:
    """Whether a version constraint has no upper bound: it is empty, or has lower bounds only."""
    return all(part.strip().startswith(">") for part in version.split(",") if part.strip())


def _without_dependents(records: Mapping[str, RepodataRecord]) -> list[str]:
    needed = {MatchSpec(text).exact_name for record in records.values() for text in record.depends}
    return sorted(name for name in records if name not in needed)
