"""S3Gate: an S3 server that verifies signatures, with the errors of AWS.

moto serves every request; this server only those with a valid signature. Signature Version 4 is
computed here from the documentation of AWS alone.
"""

from __future__ import annotations

import datetime as dt
import hashlib
import hmac
import urllib.parse
from pathlib import Path

from tests.support.channel_server import ChannelServer, Handler

KEY, SECRET = "AKIAIOSFODNN7EXAMPLE", "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY"


class S3Gate(ChannelServer):
    """A bucket on ``http://127.0.0.1:PORT/BUCKET/``: a directory of that name.

    Attributes:
        region: Its region.
        clock_offset: Seconds that its clock is fast.
        session_token: If set, required with the key.
    """

    def __init__(self, folder: Path) -> None:
        super().__init__(folder)
        self.region = "us-east-1"
        self.clock_offset = 0.0
        self.session_token: str | None = None
        handler = type("BoundGate", (_GateHandler,), {"channel": self})
        self._server.RequestHandlerClass = handler


class _GateHandler(Handler):
    channel: S3Gate

    def serve_file(self) -> None:
        problem = self.problem()
        if problem is None and self.file_bytes() is None:
            problem = (404, "NoSuchKey")
        if problem is None:
            self.respond_file()
            return
        status, code = problem
        body = f'<?xml version="1.0"?><Error><Code>{code}</Code><Message>no</Message></Error>'
        self.respond(status, body.encode(), {"x-amz-bucket-region": self.channel.region})

    def problem(self) -> tuple[int, str] | None:
        """Return the error of AWS for a signature, or None if it is valid."""
        parts = urllib.parse.urlsplit(self.path)
        query = dict(urllib.parse.parse_qsl(parts.query, keep_blank_values=True))
        if "Authorization" in self.headers:
            return 400, "InvalidArgument"  # only one way to authenticate is allowed
        given = query.pop("X-Amz-Signature", None)
        if given is None:
            return 403, "AccessDenied"
        key, day, region, *service = query["X-Amz-Credential"].split("/")
        if key != KEY:
            return 403, "InvalidAccessKeyId"
        if region != self.channel.region:
            return 400, "AuthorizationHeaderMalformed"
        if query.get("X-Amz-Security-Token") != self.channel.session_token:
            return 400, "ExpiredToken"
        made = dt.datetime.strptime(query["X-Amz-Date"], "%Y%m%dT%H%M%SZ")
        now = dt.datetime.now(dt.timezone.utc).replace(tzinfo=None)
        if abs((now - made).total_seconds() + self.channel.clock_offset) > 900:
            return 403, "RequestTimeTooSkewed"
        assert service == ["s3", "aws4_request"]
        assert query["X-Amz-SignedHeaders"] == "host"
        wanted = signature(parts.path, query, self.headers["Host"], day, region)
        return None if hmac.compare_digest(wanted, given) else (403, "SignatureDoesNotMatch")


def signature(path: str, query: dict[str, str], host: str, day: str, region: str) -> str:
    """Return Signature Version 4 of a GET whose only signed header is Host."""

    def encoded(text: str) -> str:
        return urllib.parse.quote(text, safe="-_.~")

    pairs = sorted((encoded(name), encoded(value)) for name, value in query.items())
    encoded_query = "&".join(f"{name}={value}" for name, value in pairs)
    parts = ["GET", path, encoded_query, f"host:{host}", "", "host", "UNSIGNED-PAYLOAD"]
    canonical = "\n".join(parts)
    scope = f"{day}/{region}/s3/aws4_request"
    digest = hashlib.sha256(canonical.encode()).hexdigest()
    text = "\n".join(["AWS4-HMAC-SHA256", query["X-Amz-Date"], scope, digest])
    secret = b"AWS4" + SECRET.encode()
    for part in (day, region, "s3", "aws4_request"):
        secret = hmac.new(secret, part.encode(), hashlib.sha256).digest()
    return hmac.new(secret, text.encode(), hashlib.sha256).hexdigest()
