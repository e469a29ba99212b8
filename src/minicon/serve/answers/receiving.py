"""Receive an upload: verify the archive, put it into its channel, and index that."""

from __future__ import annotations

from pathlib import Path

from minicon.errors import ChannelError, PackageError, SpecError
from minicon.fs import operations
from minicon.fs.hashing import sha256_of_file
from minicon.models.url import Url
from minicon.publish.channel_index import index_channel
from minicon.publish.verification import verify_package
from minicon.serve.refusal import Refusal

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.publish.remote.remote_index import RemoteChannel
    from minicon.serve.answers.channels import KnownChannels


def receive(known: KnownChannels, name: str, subdir: str, upload: str) -> dict[str, Any]:
    """Verify an uploaded archive and put it into its channel; it is not indexed yet.

    The archive is unpacked, so that every member and every hash is checked.

    Args:
        known: The channels.
        name: Of the channel.
        subdir: Where the archive belongs.
        upload: The uploaded file, with its final name, in a directory of its own: beside the
            channel's files, if these are on this machine.

    Raises:
        Refusal: It is no valid package of this name and subdir (422), or the channel has another
            file of this name (409).
    """
    path = Path(upload)
    folder = Url(known.served[name]).file_path
    try:
        if folder is None:
            return _send(known, name, path, subdir)
        found = verify_package(path, path.parent / "unpacked", subdir)
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


def index(known: KnownChannels, name: str) -> dict[str, Any]:
    """Index a channel again; only new archives are read."""
    folder = Url(known.served[name]).file_path
    if folder is not None:
        return {"counts": dict(index_channel(Path(folder)).counts)}
    from minicon.publish.remote.remote_index import index_remote

    return {"counts": dict(index_remote(_remote(known, name)).counts)}


def _send(known: KnownChannels, name: str, path: Path, subdir: str) -> dict[str, Any]:
    """Upload a package to a channel in a bucket or registry."""
    from minicon.publish.remote.package_upload import upload_package

    try:
        found = upload_package(_remote(known, name), path, subdir)
    except ChannelError as error:
        if error.reference != "upload-refused":
            raise
        message = f"{subdir}/{path.name} exists with other content"
        raise Refusal(409, "different-package", message, hint=error.hint) from error
    return {"status": "created" if found.is_new else "unchanged"} | found.facts


def _remote(known: KnownChannels, name: str) -> RemoteChannel:
    from minicon.publish.remote.remote_index import RemoteChannel

    services, location = known.services(), Url(known.served[name])
    public = str(location.without_credentials).rstrip("/")
    if location.credentials is not None:
        services.fetcher.credentials.add(public, location.credentials)
    options = services.settings.s3_options
    return RemoteChannel(services.fetcher, public, services.cache_dir, options)


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
