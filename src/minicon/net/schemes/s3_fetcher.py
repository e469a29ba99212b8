"""S3Fetcher: the Fetcher for ``s3://bucket/key``.

::

    s3://bucket/key ─► S3Signer (botocore) ─► https://…?X-Amz-Signature=… ─► HttpFetcher

So everything that holds for web servers holds here: conditions by ETag, ranges, retries, time
limits, proxies, TLS. The signed address is seen by that server alone.
"""

from __future__ import annotations

from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.net.client.aliased_response import AliasedResponse, renamed
from minicon.net.client.buffered_response import BufferedResponse
from minicon.net.client.headers import Headers
from minicon.net.small_files.connection import Answer
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from minicon.net.client.fetcher import Fetcher, Response
    from minicon.net.schemes.s3_signing import S3Signer

#: Answers that a bucket gives whose region is another one.
_ELSEWHERE = (301, 307, 400, 403)
_CODE = lazy_pattern(rb"<Code>([A-Za-z]{1,64})</Code>")
_LARGEST_ERROR = 1 << 16

_LOG_IN = "check AWS_ACCESS_KEY_ID and its secret, or AWS_PROFILE; `aws sso login` renews a session"
#: S3's own codes, for what a status alone does not tell.
_CODES = {
    "NoSuchBucket": ("bucket-not-found", "there is no such bucket", "check the channel's URL"),
    "InvalidAccessKeyId": ("access-denied", "the AWS access key is not known there", _LOG_IN),
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
        http: Opens what was signed; adds no credentials of its own.
        signer: Signs.
    """

    def __init__(self, http: Fetcher, signer: S3Signer) -> None:
        self._http = http
        self._signer = signer

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Ask for an object; see :class:`minicon.net.client.fetcher.Fetcher`.

        Raises:
            ConfigError: ``extra-missing``: botocore is not installed.
            ChannelError: ``s3-credentials``, ``bucket-not-found``, ``access-denied``; or the
                server cannot be reached.
        """
        response, signed_for = self._ask(url, headers, timeout)
        region = response.headers.get("x-amz-bucket-region", "")
        is_elsewhere = response.status in _ELSEWHERE and region
        if is_elsewhere and self._signer.learn_region(url, region, signed_for):
            response.close()
            response, _ = self._ask(url, headers, timeout)
        return response if response.status < 400 else _explained(url, response)

    def signed_url(self, url: str) -> str:
        """The web address of an object, for whoever asks for it in another way; a secret."""
        return self._signer.sign(url).address

    def close(self) -> None:
        """Close all kept connections."""
        close = getattr(self._http, "close", None)
        if close is not None:
            close()

    def _ask(
        self, url: str, headers: Mapping[str, str] | None, timeout: float | None
    ) -> tuple[AliasedResponse, str]:
        """The answer, and the region that was asked."""
        address, region = self._signer.sign(url)
        try:
            response = self._http.open(address, headers=headers, timeout=timeout)
        except ChannelError as error:
            raise renamed(error, url, address) from error
        return AliasedResponse(url, response, address), region


def _explained(url: str, response: AliasedResponse) -> BufferedResponse:
    """A refusal without its body; raises what S3 says of it where the status says too little."""
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
            raise ChannelError(reference, f"cannot read {redact(url)}: {reason}", hint=hint)
    return BufferedResponse(url, Answer(response.status, Headers(), b""))
