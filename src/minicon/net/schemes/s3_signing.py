"""S3Signer: ``s3://bucket/key`` to a signed web address, by botocore.

botocore knows where AWS keeps credentials (variables, profiles, single sign-on, roles) and how
requests are signed; the requests themselves are ours, like all others. A signature is made here,
on this machine: signing asks no server, finding credentials may.
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

#: How long a signed address may be used, in seconds.
_VALID_SECONDS = 3600
_REGION = lazy_pattern(r"[a-z0-9][a-z0-9\-]{1,40}")
_TRUE = ("true", "yes", "on", "1")
_LOG_IN = "see `aws configure list`, and set AWS_PROFILE or AWS_ACCESS_KEY_ID and its secret"


@dataclass(frozen=True, slots=True, kw_only=True)
class S3Options:
    """What ``s3_options`` says of a bucket; pixi's names and meanings.

    Attributes:
        endpoint_url: The server, where it is not AWS.
        region: Where the bucket is; else as AWS is configured.
        force_path_style: Whether the bucket's name is in the path, or in the host's name; None
            leaves it to botocore.
        profile: The AWS profile whose credentials are used.
        anonymous: Whether to sign nothing: for public buckets.
    """

    endpoint_url: str | None = None
    region: str | None = None
    force_path_style: bool | None = None
    profile: str | None = None
    anonymous: bool = False

    @classmethod
    def of(cls, bucket: str, values: Mapping[str, str]) -> S3Options:
        """The options of a bucket as they are configured.

        Raises:
            ConfigError: ``wrong-value`` for an unknown name, or an endpoint that is no server.
        """
        given = {name.replace("-", "_"): text for name, text in values.items()}
        unknown = sorted(given.keys() - set(cls.__slots__))
        if unknown:
            known = ", ".join(name.replace("_", "-") for name in cls.__slots__)
            raise _wrong(f"s3_options of {bucket} has {unknown[0]!r}", f"known are: {known}")
        endpoint = given.get("endpoint_url")
        if endpoint is not None and not _is_server(endpoint):
            raise _wrong(
                f"the endpoint-url of {bucket} is no server",
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
        address: Never to be shown.
        region: What it was signed for.
    """

    address: str
    region: str


class S3Signer:
    """Signs. Thread-safe; botocore is imported when the first address is signed.

    Args:
        options: Bucket → its ``s3_options``.
        credentials: Where channels' and rattler's secrets for ``s3://bucket`` are.
    """

    def __init__(
        self, options: Mapping[str, Mapping[str, str]], credentials: CredentialStore
    ) -> None:
        self._options = {bucket.lower(): values for bucket, values in options.items()}
        self._credentials = credentials
        self._clients: dict[str, Any] = {}
        self._regions: dict[str, str] = {}
        self._lock = threading.Lock()

    def sign(self, url: str) -> SignedAddress:
        """The web address of an object.

        Raises:
            ConfigError: botocore is not installed, or the options of the bucket are wrong.
            ChannelError: The credentials cannot be found out, or the URL names no object.
        """
        parts = urlsplit(url)
        bucket, key = parts.netloc.rpartition("@")[2].lower(), unquote(parts.path).lstrip("/")
        client = self._client(url, bucket)
        try:
            address = client.generate_presigned_url(
                "get_object", Params={"Bucket": bucket, "Key": key}, ExpiresIn=_VALID_SECONDS
            )
        except Exception as error:  # each source of credentials has errors of its own
            raise _unusable(bucket, error) from error
        return SignedAddress(address, str(client.meta.region_name))

    def learn_region(self, url: str, region: str, signed_for: str) -> bool:
        """Sign for the region that a server named from now on.

        Args:
            url: What was asked for.
            region: What the server named.
            signed_for: What it was asked with.

        Returns:
            Whether signing again makes a difference. A bucket moves once, and no more.
        """
        if region == signed_for or not _REGION.fullmatch(region):
            return False
        bucket = urlsplit(url).netloc.rpartition("@")[2].lower()
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


def _make_client(bucket: str, options: S3Options, secret: Secret | None, region: str | None) -> Any:
    """A botocore client for one bucket. It is never let near the network: it only signs."""
    try:
        import botocore.session
        from botocore import UNSIGNED
        from botocore.config import Config
    except ImportError as error:
        message = f"s3://{bucket} needs the package botocore, which is not installed"
        hint = "pip install 'minicon[s3]'"
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
            # The host that has the bucket's name is that of its region, and no detour.
            found = client("virtual")
            if _is_amazons(found.meta.endpoint_url):
                return found
        return client("auto")
    except Exception as error:  # each source of credentials has errors of its own
        raise _unusable(bucket, error) from error


def _is_amazons(url: str) -> bool:
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
    """Botocore's own texts are not shown: some repeat what a credential program printed."""
    kind = type(error).__name__
    what = {
        "ProfileNotFound": "the AWS profile does not exist",
        "PartialCredentialsError": "half of the AWS credentials is missing",
        "ParamValidationError": "it is no name of a bucket and an object",
        "InvalidRegionError": "the region is none",
    }.get(kind, f"the AWS credentials cannot be used ({kind})")
    return ChannelError("s3-credentials", f"cannot read s3://{bucket}: {what}", hint=_LOG_IN)


def _wrong(what: str, hint: str) -> ConfigError:
    return ConfigError("wrong-value", what, hint=hint)
