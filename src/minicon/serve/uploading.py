"""Upload packages to a channel that ``minicon channel serve --upload`` serves."""

from __future__ import annotations

from minicon.archive.package_archive import read_info_file
from minicon.errors import ChannelError
from minicon.fs import operations
from minicon.fs.hashing import sha256_of_file
from minicon.lean_dataclasses import dataclass
from minicon.models.record_checks import check_record_fields
from minicon.models.strict_json import read_object
from minicon.models.url import Url
from minicon.net.client.http_errors import status_error
from minicon.publish.verification import check_is_package
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from minicon.net.client.fetcher import Response
    from minicon.net.routing import UrlFetcher

_MOST_ANSWER = 1 << 20


@dataclass(frozen=True, slots=True)
class Uploaded:
    """One package that a channel has now.

    Attributes:
        path: The local file.
        url: Its URL.
        is_new: Whether the channel did not have it before.
    """

    path: Path
    url: str
    is_new: bool


def upload_packages(fetcher: UrlFetcher, paths: Iterable[Path], channel: str) -> Iterator[Uploaded]:
    """Upload packages, each to the subdir that its own metadata names.

    Args:
        fetcher: Sends the files.
        paths: The packages.
        channel: URL of the channel; credentials in it are used.

    Raises:
        ChannelError: The server refuses a package; those before it are published.
        PackageError: A file is not a package.
    """
    url = Url(channel)
    public = str(url.without_credentials).rstrip("/")
    if url.credentials is not None:
        fetcher.credentials.add(public, url.credentials)
    for path in paths:
        target = f"{public}/{_subdir_of(path)}/{path.name}"
        with operations.describing("read", path):
            answer = fetcher.put(target, path)
        with answer:
            yield _result(path, target, answer)


def _subdir_of(path: Path) -> str:
    check_is_package(path)
    record = read_object(read_info_file(path, "index.json"))
    check_record_fields(record, fn=path.name)
    return str(record.get("subdir") or ("noarch" if record.get("noarch") else ""))


def _result(path: Path, url: str, answer: Response) -> Uploaded:
    try:
        document = read_object(answer.read(_MOST_ANSWER))
    except ValueError:
        document = {}
    if answer.status not in (200, 201):
        raise _refused(path, url, answer.status, document.get("error"))
    if document.get("sha256") != sha256_of_file(path):
        message = f"{url} is not the file that was uploaded"
        raise ChannelError("hash-mismatch", message, hint="upload it again")
    return Uploaded(path, url, is_new=answer.status == 201)


def _refused(path: Path, url: str, status: int, error: object) -> ChannelError:
    if status in (401, 403) or not isinstance(error, dict):
        hint = "put a token for uploads into the URL (/t/TOKEN/ before the channel) or ~/.netrc"
        return status_error(url, status, hint=hint, verb="upload")
    message = f"the server refuses {path.name}: {shortened(str(error.get('message')), 400)}"
    hint_text = error.get("hint")
    return ChannelError(
        "upload-refused", message, hint=shortened(hint_text, 200) if hint_text else None
    )
