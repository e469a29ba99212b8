"""Upload a file to a bucket or registry on a condition: it is new, or still the same as before."""

from __future__ import annotations

from minicon.fs import operations
from minicon.fs.hashing import hash_file
from minicon.net.client.http_errors import status_error

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from minicon.net.routing import UrlFetcher

#: The condition is not met, or another upload of the file is in progress.
_NOT_MET = (409, 412)
_HINT = "check the AWS credentials: s3:PutObject is needed"


def upload_if(fetcher: UrlFetcher, url: str, path: Path, *, known: str | None) -> bool:
    """Upload a file if the server has what the caller knows; False if it has something else.

    A server without conditional uploads gets the file without one.

    Args:
        fetcher: Sends the file.
        url: ``s3://`` or ``oci://`` URL of the file.
        path: The file.
        known: ETag of what the server has; None if it has no such file.

    Raises:
        ChannelError: The server refuses, or cannot be reached.
        FileError: The file cannot be read.
    """
    condition = {"If-None-Match": "*"} if known is None else {"If-Match": known}
    status = _put(fetcher, url, path, condition)
    if status == 501:
        if etag_at(fetcher, url) != known:
            return False
        status = _put(fetcher, url, path, {})
    if status in _NOT_MET:
        return False
    if status not in (200, 201):
        hint = _HINT if status in (401, 403) else None
        raise status_error(url, status, hint=hint, verb="upload")
    return True


def etag_at(fetcher: UrlFetcher, url: str) -> str | None:
    """Return the ETag of a file on a server; None if it has no such file.

    Raises:
        ChannelError: It cannot be read.
    """
    with fetcher.open(url, headers={"Cache-Control": "no-cache"}) as response:
        if response.status in (403, 404):  # S3 says 403 for what it does not list
            return None
        if response.status != 200:
            raise status_error(url, response.status)
        return response.headers.get("etag", "")


def etag_of(url: str, path: Path) -> str:
    """Return the ETag that a local file would have at a URL."""
    if url.startswith("oci:"):
        return f'"sha256:{hash_file(path).sha256}"'
    return f'"{hash_file(path, md5=True).md5}"'


def _put(fetcher: UrlFetcher, url: str, path: Path, condition: Mapping[str, str]) -> int:
    with operations.describing("read", path), fetcher.put(url, path, condition) as answer:
        return answer.status
