"""S3Signer: sign ``s3://bucket/key`` into a web address, by botocore.

botocore finds AWS credentials (variables, profiles, single sign-on, roles) and signs requests;
HttpFetcher sends them. Signing sends no request; finding credentials may.
"""

from __future__ import annotations

import threading
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

from minicon.errors import ChannelError, ConfigError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.net.credentials.store import CredentialStore, Secret

#: Seconds that a signed address is valid.
_VALID_SECONDS = 3600
#: Headers of uploads, and what botocore calls them.
_UPLOAD_PARAMETERS = {
    "if-match": "IfMatch",
    "if-none-match": "IfNoneMatch",
    "x-amz-checksum-sha256": "ChecksumSHA256",
}
_REGION = lazy_pattern(r"[a-z0-9][a-z0-9\-]{1,40}")
_TRUE = ("true", "yes", "on", "1")
_LOG_IN = "see `aws configure list`, and set AWS_PROFILE or AWS_ACCESS_KEY_ID and its secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """The setting ``s3_options`` of a bucket, with pixi's names and meanings.

    Attributes:
        endpoint_url: The server, if it is not AWS.
        region: The bucket's region; by default the one configured for AWS.
        force_path_style: Whether the bucket's name is in the path instead of the host name; None
            lets botocore decide.
        profile: The AWS profile whose credentials are used.
        anonymous: Whether not to sign requests, for public buckets.
    """

    endpoint_url: str | None = None
    region: str | None = None
    force_path_style: bool | None = None
    profile: str | None = None
    anonymous: bool = False

    @classmethod
    def of(cls, bucket: str, values: Mapping[str, str]) -> S3Options:
        """Parse the options of a bucket.

        Raises:
            ConfigError: ``wrong-value`` for an unknown name or an invalid endpoint.
        """
        given = {name.replace("-", "_"): text for name, text in values.items()}
        unknown = sorted(given.keys() - set(cls.__slots__))
        if unknown:
            known = ", ".join(name.replace("_", "-") for name in cls.__slots__)
            raise _wrong(
                f"s3_options of {bucket} has the unknown name {unknown[0]!r}",
                f"use one of: {known}",
            )
        endpoint = given.get("endpoint_url")
        if endpoint is not None and not _is_server(endpoint):
            raise _wrong(
                f"the endpoint-url of {bucket} is not a server",
                "write https://host, or https://host:port",
            )
        style = given.get("force_path_style")
        return cls(
            endpoint_url=endpoint,
            region=given.get("region"),
            force_path_style=None if style is None else style.lower() in _TRUE,
            profile=given.get("profile"),
            anonymous=given.get("anonymous", "").lower() in _TRUE,
        )


class SignedAddress(NamedTuple):
    """A web address with its signature in the query.

    Attributes:
        address: Never show it.
        region: The region that it was signed for.
    """

    address: str
    region: str


class S3Signer:
    """Signs addresses. Thread-safe; botocore is imported for the first one.

    Args:
        options: Bucket → its ``s3_options``.
        credentials: Secrets of channels and rattler for ``s3://bucket``.
    """

    def __init__(
        self, options: Mapping[str, Mapping[str, str]], credentials: CredentialStore
    ) -> None:
        self._options = {bucket.lower(): values for bucket, values in options.items()}
        self._credentials = credentials
        self._clients: dict[str, Any] = {}
        self._regions: dict[str, str] = {}
        self._lock = threading.Lock()

    def sign(self, url: str, *, checksum: bool = False) -> SignedAddress:
        """Sign the web address of an object; of a listing, if the URL ends with a slash.

        Args:
            url: The object; or the directory, with the token of a further page as its query.
            checksum: Whether the request has the header ``x-amz-checksum-mode: ENABLED``, which
                must be signed.

        Raises:
            ConfigError: botocore is not installed, or the options of the bucket are wrong.
            ChannelError: The credentials cannot be used, or the URL does not name an object.
        """
        parts = urlsplit(url)
        key = _key_of(url)
        operation, parameters = "get_object", {"Key": key}
        if key.endswith("/") or not key:
            operation, parameters = "list_objects_v2", {"Prefix": key}
            parameters["Delimiter"] = "/"
            if parts.query:
                parameters["ContinuationToken"] = unquote(parts.query)
        elif checksum:
            parameters["ChecksumMode"] = "ENABLED"
        return self._sign(url, operation, parameters)

    def sign_upload(self, url: str, headers: Mapping[str, str]) -> SignedAddress:
        """Sign the web address to upload an object to.

        Args:
            url: The object.
            headers: Those of the request that must be signed, by lower-case name.

        Raises:
            ConfigError, ChannelError: As :meth:`sign` does.
        """
        parameters = {_UPLOAD_PARAMETERS[name]: text for name, text in headers.items()}
        return self._sign(url, "put_object", {"Key": _key_of(url), **parameters})

    def _sign(self, url: str, operation: str, parameters: Mapping[str, str]) -> SignedAddress:
        bucket = _bucket_of(url)
        client = self._client(url, bucket)
        try:
            address = client.generate_presigned_url(
                operation, Params={"Bucket": bucket, **parameters}, ExpiresIn=_VALID_SECONDS
            )
        except Exception as error:  # every source of credentials has its own exceptions
            raise _unusable(bucket, error) from error
        return SignedAddress(address, str(client.meta.region_name))

    def learn_region(self, url: str, region: str, signed_for: str) -> bool:
        """Sign a bucket's addresses for the region that its server named from now on.

        Args:
            url: The requested URL.
            region: The region that the server named.
            signed_for: The region that the request was signed for.

        Returns:
            Whether signing again makes a difference. A bucket's region changes once at most.
        """
        if region == signed_for or not _REGION.fullmatch(region):
            return False
        bucket = _bucket_of(url)
        with self._lock:
            if bucket not in self._regions:
                self._regions[bucket] = region
                self._clients.pop(bucket, None)
            return self._regions[bucket] == region

    def _client(self, url: str, bucket: str) -> Any:
        with self._lock:
            if bucket not in self._clients:
                options = S3Options.of(bucket, self._options.get(bucket, {}))
                secret = self._credentials.secret_for(url)
                region = self._regions.get(bucket) or options.region
                self._clients[bucket] = _make_client(bucket, options, secret, region)
            return self._clients[bucket]


def _bucket_of(url: str) -> str:
    return urlsplit(url).netloc.rpartition("@")[2].lower()


def _key_of(url: str) -> str:
    return unquote(urlsplit(url).path).lstrip("/")


def _make_client(bucket: str, options: S3Options, secret: Secret | None, region: str | None) -> Any:
    """A botocore client for one bucket, used for signing only; it sends no requests for objects."""
    try:
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config
    except ImportError as error:
        message = f"s3://{bucket} needs the package botocore, which is not installed"
        hint = "pip install botocore"
        raise ConfigError("extra-missing", message, hint=hint) from error
    try:
        session = botocore.session.Session(profile=options.profile)
        if secret is not None and secret.user and secret.password:
            session.set_credentials(secret.user, secret.password, secret.session)
        anonymous = options.anonymous or session.get_credentials() is None
        version = UNSIGNED if anonymous else "s3v4"

        def client(style: str) -> Any:
            config = Config(signature_version=version, s3={"addressing_style": style})
            server = options.endpoint_url
            return session.create_client("s3", region, endpoint_url=server, config=config)

        if options.force_path_style is not None:
            return client("path" if options.force_path_style else "virtual")
        if options.endpoint_url is None and "." not in bucket:
            # The host name with the bucket's name needs no redirect to the region's.
            found = client("virtual")
            if _is_aws(found.meta.endpoint_url):
                return found
        return client("auto")
    except Exception as error:  # every source of credentials has its own exceptions
        raise _unusable(bucket, error) from error


def _is_aws(url: str) -> bool:
    return (urlsplit(url).hostname or "").endswith((".amazonaws.com", ".amazonaws.com.cn"))


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return (
            parts.scheme in ("http", "https") and bool(parts.hostname) and "@" not in parts.netloc
        )
    except ValueError:
        return False


def _unusable(bucket: str, error: Exception) -> ChannelError:
    """The error without botocore's message, which may repeat a credential program's output."""
    kind = type(error).__name__
    what = {
        "ProfileNotFound": "the AWS profile does not exist",
        "PartialCredentialsError": "a part of the AWS credentials is missing",
        "ParamValidationError": "it is not a valid name of a bucket and an object",
        "InvalidRegionError": "the region is invalid",
    }.get(kind, f"the AWS credentials cannot be used ({kind})")
    return ChannelError("s3-credentials", f"cannot read s3://{bucket}: {what}", hint=_LOG_IN)


def _wrong(what: str, hint: str) -> ConfigError:
    return ConfigError("wrong-value", what, hint=hint)
