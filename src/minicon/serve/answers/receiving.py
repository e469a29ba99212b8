"""Receive an upload: verify the archive, put it into its channel, and index that."""

from __future__ import annotations

from pathlib import Path

from minicon.errors import PackageError, SpecError
from minicon.fs import operations
from minicon.fs.hashing import hash_file, sha256_of_file
from minicon.models.record_checks import check_record_fields, check_record_values, split_file_name
from minicon.models.strict_json import read_object
from minicon.package.prepare.expected_archive import ExpectedArchive
from minicon.package.prepare.extract import extract
from minicon.publish.channel_index import index_channel
from minicon.serve.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.serve.answers.channels import KnownChannels

_UNPACKED = "unpacked"


def receive(known: KnownChannels, folder: str, subdir: str, upload: str) -> dict[str, Any]:  # noqa: ARG001
    """Verify an uploaded archive and link it into its channel; it is not indexed yet.

    The archive is unpacked, so that every member and every hash is checked.

    Args:
        known: The channels.
        folder: Directory of the channel.
        subdir: Where the archive belongs.
        upload: The uploaded file, with its final name, in a directory of its own below ``folder``.

    Raises:
        Refusal: It is no valid package of this name and subdir (422), or the channel has another
            file of this name (409).
    """
    path = Path(upload)
    try:
        found = _verified(path, subdir)
    except (PackageError, SpecError) as error:
        raise Refusal.of(422, error) from error
    target = Path(folder, subdir, path.name)
    is_new = _put(path, target)
    if not is_new and sha256_of_file(target) != found["sha256"]:
        raise Refusal(
            409,
            "different-package",
            f"{subdir}/{path.name} exists with other content",
            hint="give the new package another build number: published packages do not change",
        )
    return {"status": "created" if is_new else "unchanged"} | found


def _verified(path: Path, subdir: str) -> dict[str, Any]:
    """Return what an archive is. Raises PackageError and SpecError."""
    name, version, build = split_file_name(path.name)
    unpacked = path.parent / _UNPACKED
    extract(path, unpacked, expected=ExpectedArchive(name=name, version=version, build=build))
    record = read_object((unpacked / "info" / "index.json").read_bytes())
    if record.setdefault("subdir", subdir) != subdir:
        message = f"{path.name} belongs to subdir {record['subdir']!r}, not {subdir!r}"
        raise PackageError("misplaced-package", message, hint="upload it to that subdir")
    check_record_fields(record, fn=path.name, subdir=subdir)
    check_record_values(record, path.name)
    digest = hash_file(path)
    fields = {"name": name, "version": version, "build": build, "subdir": subdir}
    return {**fields, "sha256": digest.sha256, "size": digest.size}


def index(known: KnownChannels, folder: str) -> dict[str, Any]:  # noqa: ARG001
    """Index a channel again; only new archives are read."""
    summary = index_channel(Path(folder))
    return {"counts": dict(summary.counts)}


def _put(path: Path, target: Path) -> bool:
    """Link a file to its final path; False if that exists. Never replaces anything."""
    with operations.describing("write", target):
        operations.make_directory(target.parent)
        operations.sync_file(path)
        try:
            operations.hard_link(path, target)
        except FileExistsError:
            return False
        operations.sync_directory(target.parent)
        return True
