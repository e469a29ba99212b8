"""make_fetcher: the one way to get a Fetcher, for all schemes and all settings.

::

    https://… ─┐               ┌─ HttpFetcher   (requests, imported when first needed)
    http://…  ─┼─ UrlFetcher ──┤
    file://…  ─┘               └─ FileFetcher   (works offline too)

Small files (shards) try a quicker way first: :mod:`minicon.net.small_files`.
"""

from __future__ import annotations

import os
import threading
from pathlib import Path

from minicon.errors import ChannelError, OfflineError
from minicon.models.url import redact
from minicon.net.credential_files import file_sources
from minicon.net.credentials import CredentialStore
from minicon.net.file_fetcher import FileFetcher
from minicon.net.mirrors import Mirrors, may_fail_over
from minicon.net.proxies import proxies_for
from minicon.net.tls import tls_context, trusted_bundle

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from minicon.config.settings import Settings
    from minicon.models.channel import Channel
    from minicon.net.fetcher import Fetcher, Response
    from minicon.net.small_files import SmallFiles


class UrlFetcher:
    """Sends each URL to the Fetcher of its scheme. Thread-safe.

    Args:
        make_http: Makes the http(s) fetcher; called at most once, when first needed.
        offline: Refuse http(s).
        credentials: The store that channels' secrets are added to.
        make_small_files: Makes a quicker way to small files, which is tried first; called at most
            once, when first needed. None means there is none.
        mirrors: Base URL → base URLs to ask in its place, in order.
    """

    def __init__(
        self,
        make_http: Callable[[], Fetcher],
        *,
        offline: bool = False,
        credentials: CredentialStore | None = None,
        make_small_files: Callable[[], SmallFiles] | None = None,
        mirrors: Mapping[str, Sequence[str]] | None = None,
    ) -> None:
        self.offline = offline
        self.credentials = credentials or CredentialStore()
        self._make_http = make_http
        self._make_small_files = None if offline else make_small_files
        self._small_files: SmallFiles | None = None
        self._mirrors = Mirrors(mirrors or {}, self.credentials)
        self._http: Fetcher | None = None
        self._files = FileFetcher()
        self._lock = threading.Lock()

    @property
    def small_files(self) -> SmallFiles | None:
        """The quicker way to small files; None offline."""
        if self._make_small_files is None:
            return None
        with self._lock:
            if self._small_files is None:
                self._small_files = self._make_small_files()
            return self._small_files

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> Response:
        """Ask for a URL, or its mirrors in order; see :class:`minicon.net.fetcher.Fetcher`."""
        *others, last = self._mirrors.urls_for(url)
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
        if scheme not in ("http", "https"):
            message = f"{redact(url)} is not an http, https or file URL"
            raise ChannelError("unsupported-scheme", message, hint="check the channel's URL")
        if self.offline:
            message = f"{redact(url)} is needed and --offline forbids the network"
            raise OfflineError("offline", message, hint="run once without --offline")
        return self._http_fetcher().open(url, headers=headers, timeout=timeout)

    def open_small(self, url: str, *, headers: Mapping[str, str] | None = None) -> Response:
        """As :meth:`open`, for a file of which it is known that it is small."""
        best, *others = self._mirrors.urls_for(url)
        answer = self.small_files and self.small_files.get(best, headers)
        if not answer or (others and may_fail_over(answer.status)):
            return self.open(url, headers=headers)
        from minicon.net.whole_response import WholeResponse

        return WholeResponse(best, answer)

    def best_url(self, url: str) -> str:
        """The URL that is asked first for one: of its best mirror."""
        return self._mirrors.urls_for(url)[0]

    def close(self) -> None:
        """Give all connections back. The fetcher may be used again."""
        if self._small_files is not None:
            self._small_files.close()
        with self._lock:
            close = getattr(self._http, "close", None)
            self._http = None
        if close is not None:
            close()

    def _http_fetcher(self) -> Fetcher:
        with self._lock:
            if self._http is None:
                self._http = self._make_http()
            return self._http


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
) -> UrlFetcher:
    """A Fetcher for http, https and file URLs. Nothing is imported or read until it is used.

    Args:
        offline: Refuse http(s) with an OfflineError.
        ssl_verify: True, False, a CA file or folder, or ``truststore``.
        client_cert: Client certificate file, with its key in it or in ``client_cert_key``.
        client_cert_key: Key of the client certificate.
        proxy_servers: conda's setting: scheme, or scheme and host, to proxy URL.
        connect_timeout: Seconds.
        read_timeout: Seconds without a byte.
        max_retries: Tries after the first one.
        home: Where netrc and credential files are looked for.
        environment: Variables that name such files, and a CA bundle.
        credentials: A store to use in place of one that reads those files.
        mirrors: Base URL → base URLs to ask in its place, in order.
    """
    variables = os.environ if environment is None else environment
    store = credentials or CredentialStore(file_sources(home or Path.home(), variables))
    cert = (client_cert, client_cert_key) if client_cert and client_cert_key else client_cert
    trusted = trusted_bundle(variables) if ssl_verify is True else ssl_verify

    def make_http() -> Fetcher:
        from minicon.net.retry import RetryPolicy
        from minicon.net.session import HttpFetcher

        return HttpFetcher(
            credentials=store,
            ssl_verify=trusted,
            client_cert=cert,
            proxies=proxy_servers,
            connect_timeout=connect_timeout,
            read_timeout=read_timeout,
            retry=RetryPolicy(retries=max_retries),
            user_agent=_user_agent(),
        )

    def make_small_files() -> SmallFiles:
        from minicon.net.small_files import SmallFiles

        return SmallFiles(
            store,
            has_proxy=lambda url: bool(proxies_for(url, proxy_servers or {})),
            make_context=lambda: tls_context(trusted, cert),
            user_agent=_user_agent(),
            timeout=read_timeout,
        )

    return UrlFetcher(
        make_http,
        offline=offline,
        credentials=store,
        make_small_files=make_small_files,
        mirrors=mirrors,
    )


def fetcher_for(settings: Settings, environment: Mapping[str, str] | None = None) -> UrlFetcher:
    """The Fetcher that the settings describe."""
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
        mirrors={
            channel.base_url: urls
            for text, urls in settings.mirrored_channels.items()
            for channel in _channels_of(settings, text)
            if channel.base_url
        },
    )


def _channels_of(settings: Settings, text: str) -> tuple[Channel, ...]:
    from minicon.models.channel import parse_channels

    return parse_channels(
        text,
        alias=settings.channel_alias,
        custom_channels=settings.custom_channels,
        custom_multichannels=settings.custom_multichannels,
        default_channels=settings.default_channels,
    )


def _user_agent() -> str:
    from minicon import __version__

    return f"minicon/{__version__}"
