"""S3Fetcher: the Fetcher for ``s3://bucket/key``.

::

    s3://bucket/key ─► S3Signer (botocore) ─► https://…?X-Amz-Signature=… ─► HttpFetcher

Conditional requests, ranges, retries, timeouts, proxies and TLS therefore work as for web servers.
The signed address is sent to that server only.
"""

from __future__ import annotations

import binascii

from minicon.errors import ChannelError
from minicon.fs.hashing import sha256_of_file
from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.responses import AliasedResponse, BufferedResponse, aliased_error
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path

    from minicon.net.client.fetcher import Response, Uploader
    from minicon.net.schemes.s3_signing import S3Signer

#: Statuses of requests that were signed for the wrong region.
_OTHER_REGION = (301, 307, 400, 403)
_CODE = lazy_pattern(rb"<Code>([A-Za-z]{1,64})</Code>")
_LARGEST_ERROR = 1 << 16
#: Header of requests for an object with its checksums.
CHECKSUM_MODE = "x-amz-checksum-mode"

_LOG_IN = "check AWS_ACCESS_KEY_ID and its secret, or AWS_PROFILE; `aws sso login` renews a session"
#: S3's error codes, which say more than the status.
_CODES = {
    "NoSuchBucket": ("bucket-not-found", "the bucket does not exist", "check the channel's URL"),
    "InvalidAccessKeyId": ("access-denied", "the server does not know the AWS access key", _LOG_IN),
    "SignatureDoesNotMatch": ("access-denied", "the AWS secret key is wrong", _LOG_IN),
    "InvalidToken": ("access-denied", "the AWS session token is not valid", _LOG_IN),
    "ExpiredToken": ("access-denied", "the AWS session has expired", _LOG_IN),
    "RequestTimeTooSkewed": (
        "access-denied",
        "this machine's clock is wrong by minutes",
        "set the clock",
    ),
}


class S3Fetcher:
    """Opens ``s3://`` URLs. Thread-safe.

    Args:
        http: Opens signed addresses; adds no credentials of its own.
        signer: Signs.
    """

    def __init__(self, http: Uploader, signer: S3Signer) -> None:
        self._http = http
        self._signer = signer

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Request an object; see :class:`minicon.net.client.fetcher.Fetcher`.

        Raises:
            ConfigError: ``extra-missing``: botocore is not installed.
            ChannelError: ``s3-credentials``, ``bucket-not-found``, ``access-denied``; or the
                server cannot be reached.
        """
        response = self._in_region(url, lambda: self._request(url, headers, timeout))
        return response if response.status < 400 else _explained(url, response)

    def put(self, url: str, path: Path, headers: Mapping[str, str]) -> Response:
        """Upload an object with its SHA-256, which the server checks and keeps.

        See :meth:`minicon.net.client.fetcher.Uploader.put`.

        Raises:
            ConfigError, ChannelError: As :meth:`open` does.
        """
        digest = bytes.fromhex(sha256_of_file(path))
        sent = {name.lower(): text for name, text in headers.items()}
        sent["x-amz-checksum-sha256"] = binascii.b2a_base64(digest, newline=False).decode()
        response = self._in_region(url, lambda: self._upload(url, path, sent))
        return response if response.status < 400 else _explained(url, response, "upload")

    def close(self) -> None:
        """Close all kept connections."""
        self._http.close()

    def _in_region(
        self, url: str, send: Callable[[], tuple[AliasedResponse, str]]
    ) -> AliasedResponse:
        """Send a request, and once more if it was signed for another region than the bucket's."""
        response, signed_for = send()
        region = response.headers.get("x-amz-bucket-region", "")
        is_other_region = response.status in _OTHER_REGION and region
        if is_other_region and self._signer.learn_region(url, region, signed_for):
            response.close()
            response, _ = send()
        return response

    def _upload(
        self, url: str, path: Path, headers: Mapping[str, str]
    ) -> tuple[AliasedResponse, str]:
        address, region = self._signer.sign_upload(url, headers)
        try:
            response = self._http.put(address, path, headers)
        except ChannelError as error:
            raise aliased_error(error, url, address) from error
        return AliasedResponse(url, response, address), region

    def _request(
        self, url: str, headers: Mapping[str, str] | None, timeout: float | None
    ) -> tuple[AliasedResponse, str]:
        """The response, and the region that the request was signed for."""
        checksum = CHECKSUM_MODE in (headers or {})
        address, region = self._signer.sign(url, checksum=checksum)
        try:
            response = self._http.open(address, headers=headers, timeout=timeout)
        except ChannelError as error:
            raise aliased_error(error, url, address) from error
        return AliasedResponse(url, response, address), region


def _explained(url: str, response: AliasedResponse, verb: str = "read") -> BufferedResponse:
    """A failed response without its body. Raises ChannelError for a known S3 error code."""
    with response:
        try:
            body = response.read(_LARGEST_ERROR)
        except ChannelError:
            body = b""
    found = _CODE.search(body)
    if found is not None:
        code = found.group(1).decode()
        if code in _CODES:
            reference, reason, hint = _CODES[code]
            raise ChannelError(reference, f"cannot {verb} {redact(url)}: {reason}", hint=hint)
    return BufferedResponse(url, response.status)
