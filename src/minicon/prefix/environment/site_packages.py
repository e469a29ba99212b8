"""Find what pip installed, replaced and removed in an environment behind ``conda-meta``'s back.

A distribution has a ``NAME-VERSION.dist-info`` directory in site-packages. One that no record in
``conda-meta`` owns was installed by pip: it becomes a record of channel ``pypi`` with conda's
build string ``pypi_0``. A wheel's record whose dist-info is missing was uninstalled by pip.
"""

from __future__ import annotations

import posixpath

from minicon.constants import PYPI_BUILD, PYPI_CHANNEL, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.fs.plain_file import read_followed
from minicon.fs.safe_path import is_reserved_path
from minicon.models.package_names import normalize_pypi_name
from minicon.models.prefix_record import PrefixRecord
from minicon.models.record_checks import check_record_fields
from minicon.models.records import RepodataRecord

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence
    from pathlib import Path

    from minicon.prefix.environment.prefix import Prefix


def installed_packages(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """All packages of an environment, sorted by name.

    These are the records in ``conda-meta`` without wheels that pip uninstalled, and the
    distributions that pip installed; where pip replaced a package, its version counts.

    Raises:
        PrefixError: A record cannot be read.
    """
    removed = {record.name for record in uninstalled_wheels(prefix)}
    found = {r.name: r for r in prefix.records() if r.name not in removed}
    for record in pip_installed(prefix):
        found[record.name] = _replaced(found.get(record.name), record)
    return tuple(sorted(found.values(), key=lambda record: record.name))


def installed_name(name: str, installed: Mapping[str, PrefixRecord]) -> str:
    """The name under which a package is installed; a wheel's may be spelled otherwise (PEP 503).

    Args:
        name: As the user writes it, for instance ``typing_extensions``.
        installed: Packages by name.

    Returns:
        ``name`` itself if no package fits.
    """
    project = normalize_pypi_name(name)
    wheel = installed.get(project) if name not in installed else None
    return project if wheel is not None and wheel.record.source == "pypi" else name


def uninstalled_wheels(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """Records of wheels whose dist-info is missing."""
    return tuple(
        record
        for record in prefix.readable_records()
        if record.record.source == "pypi" and _has_lost_metadata(prefix.path, record)
    )


def superseded_records(prefix: Prefix, from_pip: Collection[str]) -> tuple[PrefixRecord, ...]:
    """Records in ``conda-meta`` that are no longer true.

    Args:
        prefix: The environment.
        from_pip: Names of packages that pip replaced by another version.
    """
    replaced = (record for record in prefix.readable_records() if record.name in from_pip)
    return (*uninstalled_wheels(prefix), *replaced, *prefix.duplicate_records())


def pip_installed(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """Distributions in site-packages that no record owns.

    Costs one directory listing, and reading one small file per distribution found.
    """
    folder = prefix.site_packages
    layout = prefix.python_layout
    if folder is None or layout is None or not folder.is_dir():
        return ()
    owned = {
        path.rpartition("/")[0]
        for record in prefix.readable_records()
        for path in record.files
        if ".dist-info/" in path or ".egg-info" in path
    }
    return tuple(
        record
        for path in sorted(folder.glob("*.dist-info"))
        if f"{layout.site_packages}/{path.name}" not in owned
        and (record := _read_distribution(path, layout.site_packages))
    )


def pip_installed_files(prefix: Prefix) -> frozenset[str]:
    """Paths of distributions that pip installed, relative to the prefix."""
    return frozenset(path for record in pip_installed(prefix) for path in record.files)


def requires_dist(prefix: Prefix, installed: PrefixRecord) -> Sequence[str]:
    """The ``Requires-Dist`` entries in the metadata of an installed distribution."""
    path = next((each for each in installed.files if each.endswith(".dist-info/METADATA")), None)
    try:
        text = read_followed(prefix.path / path).decode(errors="replace") if path else ""
    except OSError:
        return ()
    return _header(text).get("requires-dist", ())


def _replaced(record: PrefixRecord | None, from_pip: PrefixRecord) -> PrefixRecord:
    """The record of a distribution that pip installed; it owns the replaced package's files."""
    if record is None:
        return from_pip
    files = dict.fromkeys((*from_pip.files, *record.files))
    return PrefixRecord(from_pip.record, files=tuple(files), paths=())


def _has_lost_metadata(prefix: Path, record: PrefixRecord) -> bool:
    metadata = [path for path in record.files if path.endswith(".dist-info/METADATA")]
    return bool(metadata) and not any((prefix / path).exists() for path in metadata)


def _read_distribution(path: Path, site_packages: str) -> PrefixRecord | None:
    try:
        text = read_followed(path / "METADATA").decode(errors="replace")
    except OSError:
        return None
    header = _header(text)
    name, version = header.get("name", [""])[0], header.get("version", [""])[0]
    if not name or not version:
        return None
    data = {
        "name": normalize_pypi_name(name),
        "version": version,
        "build": PYPI_BUILD,
        "build_number": 0,
        "depends": [],
        "requires_dist": header.get("requires-dist", []),
    }
    fn = f"{data['name']}-{version}-{PYPI_BUILD}"
    try:  # nothing could be listed, requested or removed by an invalid name or version
        check_record_fields(data, fn=fn + WHEEL_EXTENSION)
    except SpecError:
        return None
    record = RepodataRecord(
        data,
        channel=PYPI_CHANNEL,
        subdir=PYPI_CHANNEL,
        fn=fn,
        url="",
        source="pypi",
    )
    return PrefixRecord(record, files=tuple(_record_files(path, site_packages)), paths=())


def _header(text: str) -> dict[str, list[str]]:
    """Parse the one-line fields of a METADATA file, by lower-case name.

    Importing Python's own parser would take longer than listing an environment.
    """
    fields: dict[str, list[str]] = {}
    for line in text.splitlines():
        if not line:
            break
        name, separator, value = line.partition(":")
        if separator and not line[0].isspace():
            fields.setdefault(name.lower(), []).append(value.strip())
    return fields


def _record_files(path: Path, site_packages: str) -> Iterator[str]:
    """Paths in a RECORD relative to the prefix, without those outside of it or minicon's own."""
    import csv

    try:
        text = read_followed(path / "RECORD").decode(errors="replace")
        names = [row[0] for row in csv.reader(text.splitlines(keepends=True)) if row and row[0]]
    except (OSError, csv.Error):
        names = [f"{path.name}/{file.name}" for file in path.iterdir() if file.is_file()]
    for name in names:
        inside = posixpath.normpath(posixpath.join(site_packages, name))
        if not inside.startswith(("/", "../")) and inside != ".." and not is_reserved_path(inside):
            yield inside
