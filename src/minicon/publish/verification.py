"""Verify a package before it is published: every member, every hash, its names."""

from __future__ import annotations

from minicon.constants import PACKAGE_EXTENSIONS, WHEEL_EXTENSION
from minicon.errors import PackageError
from minicon.fs.hashing import hash_file
from minicon.models.record_checks import check_record_fields, check_record_values, split_file_name
from minicon.models.strict_json import read_object
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.extract import extract

TYPE_CHECKING = False
if TYPE_CHECKING:
    from pathlib import Path
    from typing import Any


def check_is_package(path: Path) -> None:
    """Refuse a file that is not named like a package. Raises PackageError."""
    if not path.name.endswith(PACKAGE_EXTENSIONS):
        message = f"{path.name} is not a .conda or .tar.bz2 file"
        is_wheel = path.suffix == WHEEL_EXTENSION
        hint = "convert a wheel with 'minicon channel convert'" if is_wheel else None
        raise PackageError("not-a-package", message, hint=hint)


def verify_package(path: Path, scratch: Path, subdir: str | None = None) -> dict[str, Any]:
    """Unpack an archive, so that every member and every hash is checked; return what it is.

    Args:
        path: The archive, with its final name.
        scratch: Directory that does not exist yet, for its files.
        subdir: Where it is to be published; None is the subdir of its metadata.

    Returns:
        ``name``, ``version``, ``build``, ``subdir``, ``sha256`` and ``size``.

    Raises:
        PackageError: It is damaged, contradicts itself or its name, or belongs elsewhere.
        SpecError: Its metadata is not valid for a record.
    """
    name, version, build = split_file_name(path.name)
    extract(path, scratch, expected=ExpectedArchive(name=name, version=version, build=build))
    record = read_object((scratch / "info" / "index.json").read_bytes())
    stated = record.setdefault("subdir", subdir or ("noarch" if record.get("noarch") else None))
    if subdir is not None and stated != subdir:
        message = f"{path.name} belongs to subdir {stated!r}, not {subdir!r}"
        raise PackageError("misplaced-package", message, hint="upload it to that subdir")
    check_record_fields(record, fn=path.name, subdir=subdir)
    check_record_values(record, path.name)
    digest = hash_file(path)
    fields = {"name": name, "version": version, "build": build, "subdir": stated}
    return {**fields, "sha256": digest.sha256, "size": digest.size}
