"""HttpFetcher: the Fetcher for http and https, and the only importer of requests.

Import it only when a web address is opened: loading requests costs several times the start
of Python itself (``minicon.net.routing`` sees to that).
"""

from __future__ import annotations

import time
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from typing import NamedTuple
from urllib.parse import unquote, urlsplit

import requests
import urllib3
from requests.adapters import HTTPAdapter

from minicon.errors import ConfigError
from minicon.net.client.circuit_breaker import CircuitBreaker
from minicon.net.client.failures import GIVEN_UP, TIMED_OUT, failure_of
from minicon.net.client.header_timeout import patient_pools
from minicon.net.client.http_response import HttpResponse
from minicon.net.client.proxies import proxies_for
from minicon.net.client.redirects import (
    MOST_REDIRECTS,
    REDIRECT_STATUSES,
    next_url,
    too_many_redirects,
)
from minicon.net.client.retry import RETRIED_STATUSES, RetryPolicy, parse_retry_after
from minicon.net.credentials.origin import Origin, without_userinfo
from minicon.net.credentials.store import CredentialStore, Secret
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from ssl import SSLContext
    from typing import Any

    from minicon.net.client.failures import Failure

#: Connections kept open to each host; more may be used, and are closed after use.
_KEPT_CONNECTIONS = 32
_KEPT_ORIGINS = 128
#: Stalls in a row that every server may have: as many as a download has tries.
_FEWEST_STALLS = 4


class HttpFetcher:
    """Opens http(s) URLs over kept-alive connections. Thread-safe.

    Args:
        credentials: Secrets, added here and bound to their origins.
        ssl_verify: True, False, a CA file or folder, or ``truststore`` for the system's store.
        client_cert: Client certificate file, or (certificate, key).
        proxies: ``proxy_servers`` of the configuration.
        connect_timeout: Seconds to reach the server.
        read_timeout: Seconds without a byte before the connection counts as broken.
        retry: How often and how patiently to ask again.
        user_agent: Value of that header.
        sleep: Waits; replaced in tests.
    """

    def __init__(
        self,
        *,
        credentials: CredentialStore | None = None,
        ssl_verify: bool | str = True,
        client_cert: str | tuple[str, str] | None = None,
        proxies: Mapping[str, str] | None = None,
        connect_timeout: float = 9.15,
        read_timeout: float = 60.0,
        retry: RetryPolicy | None = None,
        user_agent: str = "minicon",
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        self._credentials = credentials or CredentialStore()
        self._proxies = dict(proxies or {})
        self._routes: dict[Origin, _Route] = {}
        self._timeouts = (connect_timeout, read_timeout)
        self._retry = retry or RetryPolicy()
        self._stalls = CircuitBreaker(max(self._retry.retries + 1, _FEWEST_STALLS))
        self._sleep = sleep
        adapter = _Adapter(read_timeout, _system_trust() if ssl_verify == "truststore" else None)
        self._session = _make_session(adapter, client_cert, user_agent)
        if ssl_verify is False:
            # The user chose this; a warning for each of a hundred requests helps nobody.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)
        self._verify: bool | str = True if ssl_verify == "truststore" else ssl_verify

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Ask for a URL; see :class:`minicon.net.client.fetcher.Fetcher`.

        Args:
            url: With or without credentials; those in it are used for its origin alone.
            headers: Further request headers.
            timeout: Seconds for all of it, retries included, until the headers are there.
        """
        end = None if timeout is None else time.monotonic() + timeout
        retry = 0
        while True:
            retry_after = None
            try:
                response = self._follow(url, dict(headers or {}), end)
                if response.status not in RETRIED_STATUSES:
                    return response
                retry_after = parse_retry_after(response.headers.get("retry-after"), time.time())
                problem = None
            except _HttpError as error:
                problem = error
            retry += 1
            wait = self._wait_before(retry, retry_after, end, problem)
            if wait is None:
                if problem is None:
                    return response
                raise problem.failure.as_error(problem.url) from problem
            if problem is None:
                response.close()
            self._sleep(wait)

    def close(self) -> None:
        """Close all kept connections."""
        self._routes.clear()
        self._session.close()

    def _wait_before(
        self, retry: int, retry_after: float | None, end: float | None, problem: _HttpError | None
    ) -> float | None:
        """Seconds to wait before a retry, or None if there shall be none."""
        if retry > self._retry.retries or (problem and not problem.failure.retriable):
            return None
        wait = self._retry.wait_before(retry, retry_after)
        return None if end is not None and time.monotonic() + wait >= end else wait

    def _follow(self, url: str, headers: dict[str, str], end: float | None) -> HttpResponse:
        """One try: the request and the redirects that its answers ask for."""
        url, inline = _split_userinfo(url)
        home = _origin_of(url)
        for _ in range(MOST_REDIRECTS + 1):
            signed: str = url
            secret_headers: dict[str, str] = {}
            if _origin_of(url) == home:
                signed, secret_headers = self._credentials.sign(url)
                secret_headers = {**secret_headers, **inline}
            else:
                headers = _without_authorization(headers)
            began = self._stalls.now()
            answer = self._send(signed, {**headers, **secret_headers}, end)
            # A foreign origin's query may be a signature (presigned storage): not for display.
            shown = url if _origin_of(url) == home else url.partition("?")[0]
            ended = partial(self._ended, _origin_of(url), began)
            response = HttpResponse(shown, answer, ended=ended)
            location = response.headers.get("location")
            if response.status not in REDIRECT_STATUSES or not location:
                return response
            response.close()
            url = next_url(signed, location)
        raise too_many_redirects(url)

    def _ended(self, origin: Origin, began: float, stalled: bool) -> None:
        """An answer's body came to its end, or never did."""
        if stalled:
            self._stalls.stalled(origin, began)
        else:
            self._stalls.answered(origin)

    def _send(
        self, url: str, headers: dict[str, str], end: float | None
    ) -> urllib3.response.BaseHTTPResponse:
        origin, began = _origin_of(url), self._stalls.now()
        if self._stalls.is_given_up(origin):
            raise _HttpError(url, failure=GIVEN_UP)
        connect, read = self._timeouts
        if end is not None:
            left = max(0.01, end - time.monotonic())
            connect, read = min(connect, left), min(read, left)
        try:
            route = self._route_to(url)
            return route.pool.urlopen(
                "GET",
                route.target_of(url),
                headers={**route.headers, **headers},
                timeout=urllib3.Timeout(connect=connect, read=read),
                retries=False,
                redirect=False,
                assert_same_host=False,
                preload_content=False,
                decode_content=False,
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = _HttpError(url, error)
            if end is None and problem.failure.reference == TIMED_OUT:
                self._stalls.stalled(origin, began)
            raise problem from error

    def _route_to(self, url: str) -> _Route:
        """How to reach a URL's origin; found out once, for it means reading much."""
        origin = _origin_of(url)
        found = self._routes.get(origin)
        if found is None:
            proxies = proxies_for(url, self._proxies)
            found = self._routes[origin] = _make_route(self._session, url, self._verify, proxies)
        return found


class _Route(NamedTuple):
    """The way to an origin.

    requests finds it (TLS, proxies), and urllib3 then sends each request along it: preparing
    every one of a thousand small requests anew would cost more than answering it.

    Attributes:
        pool: Kept-alive connections to the origin, or to the proxy before it.
        headers: Those that every request has.
        is_relayed: Whether a proxy must be told the whole URL.
    """

    pool: urllib3.connectionpool.HTTPConnectionPool
    headers: dict[str, str]
    is_relayed: bool

    def target_of(self, url: str) -> str:
        """What the request line says."""
        whole = requests.utils.requote_uri(url.partition("#")[0])
        if self.is_relayed:
            return whole
        parts = urlsplit(whole)
        return f"{parts.path or '/'}?{parts.query}" if parts.query else parts.path or "/"


def _make_route(
    session: requests.Session, url: str, verify: bool | str, proxies: dict[str, str]
) -> _Route:
    request = session.prepare_request(requests.Request("GET", url))
    adapter = session.get_adapter(url)
    assert isinstance(adapter, _Adapter)
    pool = adapter.get_connection_with_tls_context(
        request, verify, proxies=proxies, cert=session.cert
    )
    adapter.cert_verify(pool, url, verify, session.cert)  # type: ignore[no-untyped-call]
    assert isinstance(pool, urllib3.connectionpool.HTTPConnectionPool)
    headers = {name: str(value) for name, value in session.headers.items()}
    scheme = urlsplit(url).scheme
    proxy = proxies.get(scheme, "")
    is_relayed = bool(proxy) and scheme == "http" and not proxy.startswith("socks")
    if is_relayed:
        headers.update(adapter.proxy_headers(proxy))
    return _Route(pool, headers, is_relayed)


class _HttpError(Exception):
    """One try failed; whether to retry is decided by who asked."""

    def __init__(
        self, url: str, error: BaseException | None = None, failure: Failure | None = None
    ) -> None:
        super().__init__(redact(url))
        self.url = url
        self.failure = failure or failure_of(error or self)


def _make_session(
    adapter: HTTPAdapter, client_cert: str | tuple[str, str] | None, user_agent: str
) -> requests.Session:
    """A session that takes nothing from its surroundings: no netrc, proxies or cookies."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.cert = client_cert
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


class _Adapter(HTTPAdapter):
    """Keeps more connections than requests does, and bounds the wait for headers.

    Args:
        header_timeout: Seconds until all headers must be there.
        context: Another trust store than the usual one.
    """

    def __init__(self, header_timeout: float, context: SSLContext | None) -> None:
        self._header_timeout = header_timeout
        self._context = context
        super().__init__(pool_connections=_KEPT_ORIGINS, pool_maxsize=_KEPT_CONNECTIONS)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        if self._context is not None:
            kwargs["ssl_context"] = self._context
        super().init_poolmanager(*args, **kwargs)
        self._make_patient(self.poolmanager)

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        is_new = proxy not in self.proxy_manager
        if self._context is not None:
            kwargs["ssl_context"] = self._context
            if proxy.startswith("https:"):
                kwargs["proxy_ssl_context"] = self._context
        manager = super().proxy_manager_for(proxy, **kwargs)
        if is_new:
            self._make_patient(manager)
        return manager

    def _make_patient(self, manager: Any) -> None:
        pools = manager.pool_classes_by_scheme  # those for SOCKS are not those for the web
        manager.pool_classes_by_scheme = patient_pools(pools, self._header_timeout)


def _system_trust() -> SSLContext:
    """The operating system's certificates, through the truststore package."""
    import ssl

    try:
        import truststore  # type: ignore[import-not-found,unused-ignore]
    except ImportError as error:
        message = "ssl_verify is truststore, but the truststore package is not installed"
        hint = "install minicon[truststore], or set ssl_verify to a CA file"
        raise ConfigError("truststore-missing", message, hint=hint) from error
    context: SSLContext = truststore.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    return context


def _without_authorization(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() != "authorization"}


def _origin_of(url: str) -> Origin:
    try:
        return Origin.of(url)
    except ValueError as error:
        raise _HttpError(url, urllib3.exceptions.LocationParseError(url)) from error


def _split_userinfo(url: str) -> tuple[str, dict[str, str]]:
    """A URL without ``user:password@``, and the header that stands for it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _HttpError(url, urllib3.exceptions.LocationParseError(url)) from error
    if "@" not in parts.netloc:
        return url, {}
    secret = Secret(user=unquote(parts.username or ""), password=unquote(parts.password or ""))
    return without_userinfo(url), {"Authorization": secret.authorization or ""}
