"""Upload packages to a channel in a bucket or registry: verified, and never in place of others."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import NamedTuple

from minicon.errors import ChannelError
from minicon.fs.hashing import FileDigest
from minicon.models.subdir import check_subdir
from minicon.net.client.http_errors import status_error
from minicon.net.schemes.s3_fetcher import CHECKSUM_MODE
from minicon.publish.reading.remote_entry import stated_hashes
from minicon.publish.remote.conditional_upload import upload_if
from minicon.publish.remote.remote_index import index_remote
from minicon.publish.verification import check_is_package, verify_package
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

    from minicon.publish.remote.remote_index import RemoteChannel


class Published(NamedTuple):
    """A package that a channel has.

    Attributes:
        url: Of the package.
        is_new: Whether the channel did not have it before.
        facts: See :func:`.verify_package`.
    """

    url: str
    is_new: bool
    facts: dict[str, Any]


def upload_and_index(channel: RemoteChannel, paths: Iterable[Path]) -> Iterator[Published]:
    """Upload packages in order and yield them; then index the channel.

    Raises:
        PackageError, SpecError, ChannelError: As :func:`upload_package` does; the packages before
            it are published and indexed. Or as :func:`.index_remote` does.
    """
    is_published = False
    try:
        for path in paths:
            found = upload_package(channel, path)
            is_published = True
            yield found
    finally:
        if is_published:
            index_remote(channel)


def upload_package(channel: RemoteChannel, path: Path, subdir: str | None = None) -> Published:
    """Verify a package and upload it; it is not indexed yet.

    Args:
        channel: The channel.
        path: The package, with its final name.
        subdir: Where it belongs; None is the subdir of its metadata.

    Raises:
        PackageError, SpecError: It is not valid.
        ChannelError: ``upload-refused``: the channel has another file of this name; or the
            server refuses, or cannot be reached.
    """
    check_is_package(path)
    with tempfile.TemporaryDirectory(prefix="minicon-upload-") as scratch:
        facts = verify_package(path, Path(scratch, "unpacked"), subdir)
    url = f"{channel.url}/{check_subdir(facts['subdir'])}/{path.name}"
    channel.note_upload(facts["subdir"], facts["name"])
    is_new = upload_if(channel.fetcher, url, path, known=None)
    if not is_new and _sha256_at(channel, url) != facts["sha256"]:
        raise ChannelError(
            "upload-refused",
            f"{redact(url)} exists with other content",
            hint="give the new package another build number: published packages do not change",
        )
    return Published(url, is_new, facts)


def _sha256_at(channel: RemoteChannel, url: str) -> str:
    headers = {CHECKSUM_MODE: "ENABLED", "Cache-Control": "no-cache"}
    with channel.fetcher.open(url, headers=headers) as response:
        if response.status != 200:
            raise status_error(url, response.status)
        stated = stated_hashes(response.headers)
        if stated is not None:
            return stated["sha256"]
        digest = FileDigest()
        for piece in response.chunks():
            digest.update(piece)
        return digest.sha256
