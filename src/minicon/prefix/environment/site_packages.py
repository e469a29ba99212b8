"""What pip did by hand in an environment, so that lists and solves see the truth.

A distribution is known by its ``NAME-VERSION.dist-info`` folder in site-packages. One that no
record of ``conda-meta`` owns was installed by hand: it becomes a record of channel ``pypi`` with
conda's build string ``pypi_0``. A wheel's record whose dist-info is gone was uninstalled by hand.
"""

from __future__ import annotations

import posixpath
import re

from minicon.constants import PYPI_CHANNEL, WHEEL_EXTENSION
from minicon.errors import SpecError
from minicon.fs.plain_file import read_followed
from minicon.fs.safe_path import is_reserved_path
from minicon.models.prefix_record import PrefixRecord
from minicon.models.record_checks import check_record_fields
from minicon.models.records import RepodataRecord
from minicon.prefix.plan.transaction import PIP_BUILD

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Collection, Iterator
    from pathlib import Path

    from minicon.prefix.environment.prefix import Prefix


def installed_packages(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """Every package of an environment as it really is, sorted by name.

    The records of ``conda-meta``, without wheels that pip uninstalled, with what pip installed;
    where pip put another version over a package, pip's counts.

    Raises:
        PrefixError: A record cannot be read.
    """
    gone = {record.name for record in vanished_wheels(prefix)}
    found = {record.name: record for record in prefix.records() if record.name not in gone}
    for record in hand_installed(prefix):
        found[record.name] = _over(found.get(record.name), record)
    return tuple(sorted(found.values(), key=lambda record: record.name))


def vanished_wheels(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """Records of wheels whose dist-info is not there any more."""
    return tuple(
        record
        for record in prefix.readable_records()
        if record.record.source == "pypi" and _lost_metadata(prefix.path, record)
    )


def superseded_records(prefix: Prefix, by_hand: Collection[str]) -> tuple[PrefixRecord, ...]:
    """Records that lie in ``conda-meta`` and no longer tell the truth.

    Args:
        prefix: The environment.
        by_hand: Names of packages over which pip put another version.
    """
    over = (record for record in prefix.readable_records() if record.name in by_hand)
    return (*vanished_wheels(prefix), *over)


def hand_installed(prefix: Prefix) -> tuple[PrefixRecord, ...]:
    """Distributions in site-packages that no record owns.

    Costs one listing, and one small file per distribution found.
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


def hand_installed_files(prefix: Prefix) -> frozenset[str]:
    """Every path that pip's own records claim, relative to the prefix."""
    return frozenset(path for record in hand_installed(prefix) for path in record.files)


def _over(record: PrefixRecord | None, by_hand: PrefixRecord) -> PrefixRecord:
    """What pip put over a package still has the package's other files."""
    if record is None:
        return by_hand
    files = dict.fromkeys((*by_hand.files, *record.files))
    return PrefixRecord(by_hand.record, files=tuple(files), paths=())


def _lost_metadata(prefix: Path, record: PrefixRecord) -> bool:
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
        "name": re.sub(r"[-_.]+", "-", name).lower(),
        "version": version,
        "build": PIP_BUILD,
        "build_number": 0,
        "depends": [],
        "requires_dist": header.get("requires-dist", []),
    }
    fn = f"{data['name']}-{version}-{PIP_BUILD}"
    try:  # what is no name or version cannot be listed, asked for or removed by it either
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
    """The fields of a METADATA file by lower-case name; those that are needed have one line.

    Python's own reader of such headers costs more to import than listing an environment does.
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
    """Paths of a RECORD, relative to the prefix: without those outside of it and minicon's own."""
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
