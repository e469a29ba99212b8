"""make_fetcher: the one Fetcher for all schemes and all settings.

::

    https://… ─┐               ┌─ HttpFetcher ◄─┐  (requests, imported on first use)
    http://…  ─┤               │                │
    oci://…   ─┼─ UrlFetcher ──┼─ OciFetcher ───┤
    s3://…    ─┤               ├─ S3Fetcher ────┘  (signed by botocore, an extra)
    file://…  ─┘               └─ FileFetcher      (works offline too)

Shards and other small files are tried over :mod:`minicon.net.small_files` first.
"""

from __future__ import annotations

import os
import threading
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from minicon.errors import ChannelError, OfflineError
from minicon.models.strict_json import is_plain
from minicon.net.client.headers import EXPECTED_SHA256
from minicon.net.client.proxies import proxies_for
from minicon.net.client.tls import check_tls_files, tls_context, trusted_bundle
from minicon.net.credentials.secret_sources import secret_sources
from minicon.net.credentials.store import CredentialStore
from minicon.net.mirrors import Mirrors, may_fail_over
from minicon.net.schemes.file_fetcher import FileFetcher
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence
    from ssl import SSLContext

    from minicon.config.settings import Settings
    from minicon.net.client.fetcher import Response, Uploader
    from minicon.net.client.session import HttpFetcher
    from minicon.net.schemes.oci_fetcher import OciFetcher
    from minicon.net.schemes.oci_images import ImageRepository
    from minicon.net.schemes.s3_signing import S3Signer
    from minicon.net.small_files.client import SmallFiles


class UrlFetcher:
    """A Fetcher that opens each URL with the Fetcher of its scheme. Thread-safe.

    Args:
        make_http: Makes the http(s) fetcher; called at most once, on first use.
        offline: Refuse all but ``file:``.
        credentials: The store that channels' secrets are added to.
        make_small_files: Makes the client for small files; called at most once, on first use.
            None means there is none.
        mirrors: Base URL → base URLs to use in its place, in order.
        others: Scheme → makes its fetcher, as ``make_http``.
        sign_s3: Returns the signed web address of an ``s3:`` URL.
    """

    def __init__(
        self,
        make_http: Callable[[], Uploader],
        *,
        offline: bool = False,
        credentials: CredentialStore | None = None,
        make_small_files: Callable[[], SmallFiles] | None = None,
        mirrors: Mapping[str, Sequence[str]] | None = None,
        others: Mapping[str, Callable[[], Uploader]] | None = None,
        sign_s3: Callable[[str], str] = str,
    ) -> None:
        self._offline = offline
        self.credentials = credentials or CredentialStore()
        self._makers = {**(others or {}), "http": make_http, "https": make_http}
        self._make_small_files = None if offline else make_small_files
        self._small_files: SmallFiles | None = None
        self._mirrors = Mirrors(mirrors or {}, self.credentials)
        self._sign_s3 = sign_s3
        self._fetchers: dict[Callable[[], Uploader], Uploader] = {}
        self._files = FileFetcher()
        self._lock = threading.Lock()
        self._confined_to: tuple[str, ...] | None = None

    def confine(self, base_urls: Iterable[str]) -> None:
        """Refuse all URLs but those below some base URLs, whatever names them."""
        self._confined_to = tuple(url.rstrip("/") + "/" for url in base_urls)

    def _urls_for(self, url: str) -> tuple[str, ...]:
        """Return the URLs to try in place of one, in order.

        Raises:
            ChannelError: ``channel-not-allowed``: it is outside of what :meth:`confine` allows.
        """
        found = self._mirrors.urls_for(url)
        if self._confined_to is not None:
            for each in found:
                if not each.startswith(self._confined_to) or "/../" in unquote(each):
                    message = f"{redact(url)} is not part of an allowed channel"
                    raise ChannelError("channel-not-allowed", message)
        return found

    @property
    def small_files(self) -> SmallFiles | None:
        """The client for small files; None offline."""
        if self._make_small_files is None:
            return None
        with self._lock:
            if self._small_files is None:
                self._small_files = self._make_small_files()
            return self._small_files

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Request a URL, or its mirrors in order; see :class:`.client.fetcher.Fetcher`."""
        *others, last = self._urls_for(url)
        for mirror in others:
            try:
                response = self._open(mirror, headers, timeout)
            except ChannelError:
                self._mirrors.note_failure(mirror)
                continue
            if not may_fail_over(response.status):
                return response
            response.close()
            if response.status >= 500:
                self._mirrors.note_failure(mirror)
        return self._open(last, headers, timeout)

    def _open(self, url: str, headers: Mapping[str, str] | None, timeout: float | None) -> Response:
        scheme = url.partition(":")[0].lower()
        if scheme == "file":
            return self._files.open(url, headers=headers, timeout=timeout)
        if not is_plain(url):
            message = f"{redact(url)!a} contains half a character: it is not a valid URL"
            raise ChannelError("invalid-url", message, hint="check its spelling")
        if scheme not in self._makers:
            message = f"{redact(url)} does not begin with https, http, file, oci or s3"
            raise ChannelError("unsupported-scheme", message, hint="check the channel's URL")
        self._require_network(url)
        if scheme != "oci" and headers and EXPECTED_SHA256 in headers:
            headers = {name: text for name, text in headers.items() if name != EXPECTED_SHA256}
        return self._fetcher_of(scheme).open(url, headers=headers, timeout=timeout)

    def open_small(
        self,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        meanwhile: Callable[[], bool] | None = None,
    ) -> Response:
        """Request a URL, as :meth:`open`, for a file that is known to be small.

        Args:
            url: The URL.
            headers: Additional request headers.
            meanwhile: Called after the request was sent, while nothing arrives.
        """
        best, *others = self._urls_for(url)
        if not best.startswith("http"):
            return self.open(url, headers=headers)
        answer = self.small_files and self.small_files.get(best, headers, meanwhile)
        if not answer or (others and may_fail_over(answer.status)):
            return self.open(url, headers=headers)
        from minicon.net.client.responses import BufferedResponse

        return BufferedResponse(best, answer.status, answer.headers, answer.body)

    def best_url(self, url: str) -> str:
        """Return the address that is requested first for a URL; it may contain a signature.

        It is the URL's best mirror, signed if that is on S3. Never show it.
        """
        best = self._urls_for(url)[0]
        return self._sign_s3(best) if best.startswith("s3:") and not self._offline else best

    def put(self, url: str, path: Path, headers: Mapping[str, str] | None = None) -> Response:
        """Upload a file once, without mirrors; see :meth:`.client.fetcher.Uploader.put`."""
        scheme = url.partition(":")[0].lower()
        if scheme not in self._makers:
            message = f"{redact(url)} is not a URL that packages can be uploaded to"
            hint = "give the http://, https://, s3:// or oci:// URL of a channel"
            raise ChannelError("unsupported-scheme", message, hint=hint)
        self._require_network(url)
        return self._fetcher_of(scheme).put(url, path, headers or {})

    @property
    def registries(self) -> OciFetcher:
        """The fetcher of ``oci:`` URLs, which can list what a registry has."""
        from minicon.net.schemes.oci_fetcher import OciFetcher

        fetcher = self._fetcher_of("oci")
        assert isinstance(fetcher, OciFetcher)
        return fetcher

    def images(self, url: str) -> ImageRepository:
        """Return the images of a repository, to read and push them.

        Args:
            url: ``oci://registry/name``, with a tag or digest, and maybe with credentials.

        Raises:
            UsageError: ``invalid-image-name``.
            OfflineError: minicon is offline.
        """
        from minicon.models.url import Url

        self._require_network(url)
        repository = self.registries.images(url)
        if (credentials := Url(url).credentials) is not None:
            self.credentials.add(repository.url, credentials)
        return repository

    def _require_network(self, url: str) -> None:
        if self._offline:
            message = f"{redact(url)} is needed, and the setting offline forbids the network"
            raise OfflineError(
                "offline", message, hint="run once without --offline, or set MINICON_OFFLINE=false"
            )

    def close(self) -> None:
        """Close all connections. The fetcher may be used again."""
        if self._small_files is not None:
            self._small_files.close()
        with self._lock:
            fetchers, self._fetchers = self._fetchers, {}
        for fetcher in fetchers.values():
            fetcher.close()

    def _fetcher_of(self, scheme: str) -> Uploader:
        make = self._makers[scheme]
        with self._lock:
            if make not in self._fetchers:
                self._fetchers[make] = make()
            return self._fetchers[make]


def make_fetcher(
    *,
    offline: bool = False,
    ssl_verify: bool | str = True,
    client_cert: str | None = None,
    client_cert_key: str | None = None,
    proxy_servers: Mapping[str, str] | None = None,
    connect_timeout: float = 9.15,
    read_timeout: float = 60.0,
    max_retries: int = 3,
    home: Path | None = None,
    environment: Mapping[str, str] | None = None,
    credentials: CredentialStore | None = None,
    mirrors: Mapping[str, Sequence[str]] | None = None,
    s3_options: Mapping[str, Mapping[str, str]] | None = None,
) -> UrlFetcher:
    """Make a Fetcher for all schemes. Nothing is imported or read until it is used.

    Args:
        offline: Refuse all but ``file:`` with an OfflineError.
        ssl_verify: True, False, a CA file or directory, or ``truststore``.
        client_cert: Client certificate file, with its key in it or in ``client_cert_key``.
        client_cert_key: Key of the client certificate.
        proxy_servers: conda's setting: scheme, or scheme and host, to proxy URL.
        connect_timeout: Seconds.
        read_timeout: Seconds without a byte.
        max_retries: Tries after the first one.
        home: The home directory, with netrc and credential files.
        environment: Variables that name such files, and a CA bundle.
        credentials: A store to use in place of one that reads those files.
        mirrors: Base URL → base URLs to use in its place, in order.
        s3_options: Bucket → options; see :class:`minicon.net.schemes.s3_signing.S3Options`.
    """
    variables = os.environ if environment is None else environment
    store = credentials or CredentialStore(secret_sources(home or Path.home(), variables))
    cert = (client_cert, client_cert_key) if client_cert and client_cert_key else client_cert
    trusted = trusted_bundle(variables) if ssl_verify is True else ssl_verify

    def make_http(credentials: CredentialStore = store) -> HttpFetcher:
        timeouts = (connect_timeout, read_timeout)
        return _make_http(credentials, trusted, cert, proxy_servers, timeouts, max_retries)

    make_oci, make_s3, sign_s3 = _other_schemes(
        lambda: make_http(CredentialStore()), store, s3_options or {}
    )
    return UrlFetcher(
        make_http,
        offline=offline,
        credentials=store,
        make_small_files=lambda: _make_small_files(
            store, proxy_servers or {}, lambda: tls_context(trusted, cert), read_timeout
        ),
        mirrors=mirrors,
        others={"oci": make_oci, "s3": make_s3},
        sign_s3=sign_s3,
    )


def _make_http(
    credentials: CredentialStore,
    ssl_verify: bool | str,
    client_cert: str | tuple[str, str] | None,
    proxies: Mapping[str, str] | None,
    timeouts: tuple[float, float],
    retries: int,
) -> HttpFetcher:
    from minicon.net.client.retry import RetryPolicy
    from minicon.net.client.session import HttpFetcher

    check_tls_files(ssl_verify, client_cert)
    connect_timeout, read_timeout = timeouts
    return HttpFetcher(
        credentials=credentials,
        ssl_verify=ssl_verify,
        client_cert=client_cert,
        proxies=proxies,
        connect_timeout=connect_timeout,
        read_timeout=read_timeout,
        retry=RetryPolicy(retries=retries),
        user_agent=_user_agent(),
    )


def _other_schemes(
    make_http: Callable[[], HttpFetcher],
    credentials: CredentialStore,
    s3_options: Mapping[str, Mapping[str, str]],
) -> tuple[Callable[[], Uploader], Callable[[], Uploader], Callable[[str], str]]:
    """What makes the fetchers of ``oci:`` and ``s3:``, and what signs an ``s3:`` URL.

    Args:
        make_http: Makes an http fetcher without credentials of its own.
        credentials: Secrets of the schemes.
        s3_options: As configured.
    """

    @lru_cache(maxsize=1)
    def signer() -> S3Signer:
        from minicon.net.schemes.s3_signing import S3Signer

        return S3Signer(s3_options, credentials)

    def make_oci() -> Uploader:
        from minicon.net.schemes.oci_fetcher import OciFetcher
        from minicon.net.schemes.oci_session import RegistrySession

        return OciFetcher(RegistrySession(make_http(), credentials))

    def make_s3() -> Uploader:
        from minicon.net.schemes.s3_fetcher import S3Fetcher

        return S3Fetcher(make_http(), signer())

    return make_oci, make_s3, lambda url: signer().sign(url).address


def _make_small_files(
    credentials: CredentialStore,
    proxies: Mapping[str, str],
    make_context: Callable[[], SSLContext | None],
    timeout: float,
) -> SmallFiles:
    from minicon.net.small_files.client import SmallFiles

    return SmallFiles(
        credentials,
        has_proxy=lambda url: bool(proxies_for(url, proxies)),
        make_context=make_context,
        user_agent=_user_agent(),
        timeout=timeout,
    )


def fetcher_for(
    settings: Settings,
    environment: Mapping[str, str] | None = None,
    mirrors: Mapping[str, Sequence[str]] | None = None,
) -> UrlFetcher:
    """Make the Fetcher that the settings describe; mirrors are by base URL, in order."""
    return make_fetcher(
        offline=settings.offline,
        ssl_verify=settings.ssl_verify,
        client_cert=settings.client_ssl_cert,
        client_cert_key=settings.client_ssl_cert_key,
        proxy_servers=settings.proxy_servers,
        connect_timeout=settings.remote_connect_timeout_secs,
        read_timeout=settings.remote_read_timeout_secs,
        max_retries=settings.remote_max_retries,
        home=settings.home,
        environment=environment,
        mirrors=mirrors,
        s3_options=settings.s3_options,
    )


def _user_agent() -> str:
    from minicon import __version__

    return f"minicon/{__version__}"
