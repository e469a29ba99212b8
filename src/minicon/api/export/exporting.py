"""An environment written down: environment.yml (CEP 24) or an explicit list (CEP 23)."""

from __future__ import annotations

from minicon.constants import HOST_CHANNEL, PYPI_CHANNEL
from minicon.errors import PrefixError
from minicon.fs.plain_file import read_followed
from minicon.models.environment_files.environment_spec import EnvironmentSpec
from minicon.models.environment_files.explicit_list import ExplicitEntry
from minicon.models.json_values.strict_json import read_json
from minicon.models.match_spec.spec import MatchSpec
from minicon.models.url import Url
from minicon.prefix.environment.prefix import Prefix
from minicon.prefix.environment.site_packages import installed_packages
from minicon.redaction import without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from minicon.models.prefix_record import PrefixRecord
    from minicon.models.records import RepodataRecord

_PYPI_SPEC = "pypi:"


def export_spec(
    path: Path,
    *,
    from_history: bool = False,
    builds: bool = True,
    with_channels: bool = True,
    extra_channels: Sequence[str] = (),
) -> EnvironmentSpec:
    """The environment as an EnvironmentSpec.

    Args:
        path: The environment.
        from_history: Only what the user asked for, in the user's words.
        builds: Whether versions are followed by build strings. An interpreter of this machine
            is always written without, since its build is of this machine alone.
        with_channels: Whether channels are named.
        extra_channels: Named before the environment's own.
    """
    prefix = Prefix(path).require()
    records = installed_packages(prefix)
    if from_history:
        dependencies, pip = _asked_for(prefix, records)
    else:
        dependencies = [
            _pinned(r.record, builds=builds) for r in records if r.record.source != "pypi"
        ]
        pip = [_pip_line(path, r) for r in records if r.record.source == "pypi"]
    channels = (*extra_channels, *_channels(records, extra_channels)) if with_channels else ()
    return EnvironmentSpec(
        name=path.name,
        prefix=str(path),
        channels=channels,
        dependencies=tuple(dependencies),
        pip=tuple(pip),
        variables=prefix.environment_variables(),
    )


def explicit_spec(path: Path) -> EnvironmentSpec:
    """Exactly the packages of an environment, by URL.

    Raises:
        PrefixError: Some come from this machine or from PyPI: such a list cannot hold them.
    """
    prefix = Prefix(path).require()
    records = [installed.record for installed in installed_packages(prefix)]
    others = [record.name for record in records if not record.url or record.source != "conda"]
    if others:
        names = ", ".join(others[:5]) + (f" and {len(others) - 5} more" if len(others) > 5 else "")
        raise PrefixError(
            "no-url",
            f"an explicit list holds packages of channels alone, not {names}",
            hint="export without '--format explicit', or write a lock with 'minicon lock'",
        )
    entries = tuple(ExplicitEntry(r.url, md5=r.md5, sha256=r.sha256) for r in records)
    return EnvironmentSpec(explicit=entries)


def _pinned(record: RepodataRecord, *, builds: bool) -> str:
    if builds and record.source == "conda":
        return f"{record.name}={record.version}={record.build}"
    return f"{record.name}={record.version}"


def _pip_line(prefix: Path, installed: PrefixRecord) -> str:
    """A line for pip that brings the same: by version, or by where it came from (PEP 610)."""
    metadata = next((f for f in installed.files if f.endswith(".dist-info/direct_url.json")), None)
    pinned = f"{installed.name}=={installed.record.version}"
    if metadata is None:
        return pinned
    try:
        origin = read_json(read_followed(prefix / metadata))
        url = str(origin["url"])
        if (origin.get("dir_info") or {}).get("editable"):
            return f"-e {Url(url).file_path}"
        if version_control := origin.get("vcs_info"):
            url = f"{version_control['vcs']}+{url}@{version_control['commit_id']}"
    except (OSError, ValueError, KeyError, TypeError, AttributeError):
        return pinned
    return f"{installed.name} @ {without_secrets(url)}"


def _asked_for(prefix: Prefix, installed: Sequence[PrefixRecord]) -> tuple[list[str], list[str]]:
    """Specs, and lines for pip, in the user's words; who answered then can answer again."""
    records = {each.name: each.record for each in installed}
    dependencies: list[str] = []
    pip: list[str] = []
    for name, text in prefix.requested_specs().items():
        record = records.get(name)
        if text.startswith(_PYPI_SPEC):
            pip.append(text.removeprefix(_PYPI_SPEC))
        elif record is not None and record.source == "pypi":
            pip.append(pip_requirement(text, record))
        else:
            dependencies.append(text)
    return dependencies, pip


def pip_requirement(text: str, record: RepodataRecord) -> str:
    """A spec that PyPI answered, as a line for pip (PEP 508).

    ``numpy=1.26`` gives ``numpy==1.26.*``. What only specs can say (``1.2|1.4``) becomes the
    version that was found.
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


def _channels(records: Sequence[PrefixRecord], named: Sequence[str]) -> list[str]:
    """Channels of the packages, most used first; ``host`` last, ``pypi`` not at all."""
    counts: dict[str, int] = {}
    for installed in records:
        channel = installed.record.channel
        counts[channel] = counts.get(channel, 0) + 1
    counts.pop(PYPI_CHANNEL, None)
    ranked = sorted(counts, key=lambda name: (name == HOST_CHANNEL, -counts[name], name))
    return [name for name in ranked if name and name not in named]
