"""The entry of a wheel in a channel: a record in ``v3.whl`` of repodata, as conda-pypi writes it.

The record's ``url`` is relative to the subdir, so that the channel can be moved.
"""

from __future__ import annotations

from urllib.parse import quote

from minicon.archive.wheel_archive import WheelArchive
from minicon.constants import PYPI_CHANNEL
from minicon.errors import PackageError
from minicon.fs.hashing import hash_file
from minicon.models.package_names import NameMap
from minicon.models.record_checks import check_record_fields, check_record_values
from minicon.models.records import RepodataRecord
from minicon.package.prepare.wheel_layout import read_dist_info
from minicon.publish.reading.package_entry import PackageEntry, make_entry
from minicon.publish.wheel_builds import builds_of
from minicon.publish.wheel_dependencies import Target, dependencies_of
from minicon.pypi.wheels.filenames import split_wheel_name

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any

    from minicon.package.prepare.wheel_layout import DistInfo


def read_wheel_entry(path: Path, subdir: str, modified: int, now: int) -> PackageEntry:
    """Read a wheel: its metadata, and its hashes.

    Args: as of :func:`.read_entry`.

    Raises:
        PackageError: It is damaged, or belongs to another subdir.
        SpecError: Its name or version is not valid for a record.
        OSError: It cannot be read.
    """
    name = split_wheel_name(path.name)
    if name is None:
        raise PackageError("unsupported-wheel", f"{path.name} is not named like a wheel")
    stated = RepodataRecord(
        {"name": name.name, "version": name.version},
        channel=PYPI_CHANNEL,
        subdir=subdir,
        fn=path.name,
        url="",
    )
    with WheelArchive(path) as wheel:
        record = wheel_record(path.name, read_dist_info(wheel, stated), subdir)
    digest = hash_file(path, md5=True)
    record.update(md5=digest.md5, sha256=digest.sha256, size=digest.size)
    check_record_fields(record, fn=path.name, subdir=subdir)
    check_record_values(record, path.name)
    return make_entry(path.name, modified, record, {}, now)


def wheel_record(fn: str, info: DistInfo, subdir: str) -> dict[str, Any]:
    """Return the record of a wheel, without hashes and size.

    Raises:
        PackageError: It belongs to another subdir, or its requirements are invalid.
    """
    metadata = info.metadata
    builds = {build.subdir: build for build in builds_of(fn, metadata.requires_python)}
    build = builds.get(subdir)
    if build is None:
        belongs = " or ".join(sorted(builds))
        message = f"{fn} belongs to {belongs}, not {subdir}"
        raise PackageError("misplaced-package", message, hint="move it")
    names = NameMap.built_in()

    def conda_name(project: str) -> str:
        return (names.conda_names(project) or [project])[0]

    target = Target(subdir, build.python)
    found = dependencies_of(metadata.requirements(), metadata.extras, target, conda_name)
    name = split_wheel_name(fn)
    number = name.build[0] if name and name.build else 0
    tags = "py3_none_any" if subdir == "noarch" else name.tags.replace("-", "_") if name else ""
    record: dict[str, Any] = {
        "name": conda_name(metadata.name),
        "version": metadata.version,
        "build": f"{tags}_{number}",
        "build_number": number,
        "depends": [*found.depends, *build.depends],
        "extra_depends": found.extra_depends,
        "fn": fn,
        "noarch": "python",
        "subdir": subdir,
        "url": quote(fn),
    }
    if build.constrains:
        record["constrains"] = list(build.constrains)
    if metadata.license:
        record["license"] = metadata.license
    return record
