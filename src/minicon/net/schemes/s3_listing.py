"""List a directory of an S3 bucket: its objects, and the directories in it."""

from __future__ import annotations

from typing import NamedTuple
from urllib.parse import quote
from xml.etree import ElementTree as ET

from minicon.errors import ChannelError
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterator

    from minicon.net.client.fetcher import Fetcher

#: A page has a thousand objects, each with some hundred bytes.
_LARGEST_PAGE = 1 << 24


class S3Object(NamedTuple):
    """An object, or a directory, whose name then ends with a slash.

    Attributes:
        name: Without the directory that was listed.
        size: In bytes.
        etag: Changes with the content; the MD5 of objects that were uploaded in one part.
    """

    name: str
    size: int = 0
    etag: str = ""


def list_objects(fetcher: Fetcher, url: str) -> Iterator[S3Object]:
    """Yield what a directory contains.

    Args:
        fetcher: Opens ``s3://`` URLs.
        url: ``s3://bucket/directory/``, with the slash.

    Raises:
        ChannelError: The bucket cannot be read, or its answer is not a listing.
    """
    token = ""
    while True:
        address = f"{url}?{quote(token, safe='')}" if token else url
        with fetcher.open(address) as response:
            if response.status != 200:
                raise status_error(url, response.status)
            document = _parsed(response.read(_LARGEST_PAGE), url)
        prefix = document.findtext("{*}Prefix") or ""
        for each in document.iterfind("{*}Contents"):
            name = (each.findtext("{*}Key") or "").removeprefix(prefix)
            size, etag = (each.findtext(f"{{*}}{key}") or "" for key in ("Size", "ETag"))
            if name and size.isdigit():
                yield S3Object(name, int(size), etag.strip('"'))
        for each in document.iterfind("{*}CommonPrefixes"):
            yield S3Object((each.findtext("{*}Prefix") or "").removeprefix(prefix))
        token = document.findtext("{*}NextContinuationToken") or ""
        if not token:
            return


def _parsed(data: bytes, url: str) -> ET.Element:
    try:
        if b"<!DOCTYPE" in data or b"<!ENTITY" in data:
            raise ValueError("it declares entities")
        return ET.fromstring(data)
    except (ET.ParseError, ValueError) as error:
        message = f"{redact(url)}: the server's answer is not a listing ({error})"
        raise ChannelError(
            "not-a-listing", message, hint="check the bucket's endpoint-url"
        ) from error
