"""HttpFetcher: the Fetcher for http and https, and the only importer of requests.

requests sends every request; retries, redirects and credentials are decided here. Import this
module only when a web address is opened: loading requests takes several times as long as starting
Python (:mod:`minicon.net.routing` imports it on first use).
"""

from __future__ import annotations

import time
from functools import partial
from http.cookiejar import DefaultCookiePolicy
from urllib.parse import unquote, urlsplit

import requests
import urllib3

from minicon.net.client.adapter import BoundedAdapter
from minicon.net.client.http_errors import TIMED_OUT, UNRESPONSIVE, failure_of
from minicon.net.client.http_response import HttpResponse
from minicon.net.client.proxies import proxies_for
from minicon.net.client.retry import (
    RETRIED_STATUSES,
    CircuitBreaker,
    RetryPolicy,
    parse_retry_after,
)
from minicon.net.client.tls import truststore_context
from minicon.net.credentials.origin import (
    MOST_REDIRECTS,
    REDIRECT_STATUSES,
    Origin,
    next_url,
    too_many_redirects,
    without_userinfo,
)
from minicon.net.credentials.store import CredentialStore, Secret
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from pathlib import Path
    from typing import BinaryIO

    from minicon.net.client.http_errors import Failure

#: Timeouts in a row that every server is allowed: as many as a download has tries.
_FEWEST_TIMEOUTS = 4


class HttpFetcher:
    """Opens http(s) URLs over kept-alive connections. Thread-safe.

    Args:
        credentials: Secrets, added to requests here and bound to their origins.
        ssl_verify: True, False, a CA file or directory, or ``truststore`` for the system's store.
        client_cert: Client certificate file, or (certificate, key).
        proxies: The setting ``proxy_servers``.
        connect_timeout: Seconds to connect to the server.
        read_timeout: Seconds without a byte after which the connection counts as broken.
        retry: Number of retries and the waits between them.
        user_agent: Value of the ``User-Agent`` header.
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
        self._proxy_servers = dict(proxies or {})
        self._proxies: dict[Origin, dict[str, str]] = {}
        self._timeouts = (connect_timeout, read_timeout)
        self._retry = retry or RetryPolicy()
        self._breaker = CircuitBreaker(max(self._retry.retries + 1, _FEWEST_TIMEOUTS))
        self._sleep = sleep
        context = truststore_context() if ssl_verify == "truststore" else None
        self._session = _make_session(BoundedAdapter(read_timeout, context), user_agent)
        self._session.cert = client_cert
        self._session.verify = True if ssl_verify == "truststore" else ssl_verify
        if ssl_verify is False:
            # The user chose this; one warning per request would only be noise.
            urllib3.disable_warnings(urllib3.exceptions.InsecureRequestWarning)

    def open(
        self, url: str, *, headers: Mapping[str, str] | None = None, timeout: float | None = None
    ) -> HttpResponse:
        """Request a URL; see :class:`minicon.net.client.fetcher.Fetcher`.

        Args:
            url: With or without credentials; those in it are sent to its own origin only.
            headers: Additional request headers.
            timeout: Seconds until the response headers arrive, retries included.
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

    def send(
        self,
        method: str,
        url: str,
        *,
        headers: Mapping[str, str] | None = None,
        body: bytes | BinaryIO | None = None,
    ) -> HttpResponse:
        """Send a request that is no GET, once and without following redirects.

        Args:
            method: ``HEAD``, ``POST`` or ``PUT``.
            url: As for :meth:`open`.
            headers: Additional request headers.
            body: Bytes, or an open file.

        Raises:
            ChannelError: The server cannot be reached.
        """
        try:
            bare, inline = _split_userinfo(url)
            signed, secret = self._credentials.sign(bare)
            sent = {**(headers or {}), **secret, **inline}
            raw = self._send(signed, sent, None, method, body)
        except _HttpError as error:
            verb = "read" if method == "HEAD" else "upload"
            raise error.failure.as_error(error.url, verb) from error
        return HttpResponse(bare, raw)

    def put(self, url: str, path: Path, headers: Mapping[str, str]) -> HttpResponse:
        """Upload a file; see :meth:`minicon.net.client.fetcher.Uploader.put`."""
        with path.open("rb") as body:
            return self.send("PUT", url, headers=headers, body=body)

    def close(self) -> None:
        """Close all kept connections."""
        self._proxies.clear()
        self._session.close()

    def _wait_before(
        self, retry: int, retry_after: float | None, end: float | None, problem: _HttpError | None
    ) -> float | None:
        """Seconds to wait before a retry, or None if there must be no retry."""
        if retry > self._retry.retries or (problem and not problem.failure.retriable):
            return None
        wait = self._retry.wait_before(retry, retry_after)
        return None if end is not None and time.monotonic() + wait >= end else wait

    def _follow(self, url: str, headers: dict[str, str], end: float | None) -> HttpResponse:
        """Send one request and follow its redirects."""
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
            began = self._breaker.now()
            raw = self._send(signed, {**headers, **secret_headers}, end)
            # The query of a foreign origin may be a signature (presigned storage): do not show it.
            shown = url if _origin_of(url) == home else url.partition("?")[0]
            ended = partial(self._ended, _origin_of(url), began)
            response = HttpResponse(shown, raw, ended=ended)
            location = response.headers.get("location")
            if response.status not in REDIRECT_STATUSES or not location:
                return response
            response.close()
            url = next_url(signed, location)
        raise too_many_redirects(url)

    def _ended(self, origin: Origin, began: float, stalled: bool) -> None:
        """Note how a response body ended."""
        if stalled:
            self._breaker.timed_out(origin, began)
        else:
            self._breaker.answered(origin)

    def _send(
        self,
        url: str,
        headers: dict[str, str],
        end: float | None,
        method: str = "GET",
        body: bytes | BinaryIO | None = None,
    ) -> urllib3.response.BaseHTTPResponse:
        """Send one request; the response body is not read yet."""
        origin, began = _origin_of(url), self._breaker.now()
        if self._breaker.is_open(origin):
            raise _HttpError(url, failure=UNRESPONSIVE)
        connect, read = self._timeouts
        if end is not None:
            left = max(0.01, end - time.monotonic())
            connect, read = min(connect, left), min(read, left)
        try:
            headers = {**self._session.headers, **headers}  # type: ignore[dict-item]
            request = requests.Request(method, url, headers=headers, data=body)
            response = self._session.send(
                request.prepare(),
                stream=True,
                allow_redirects=False,
                proxies=self._proxies_to(origin, url),
                timeout=(connect, read),
            )
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            problem = _HttpError(url, error)
            if end is None and problem.failure.reference == TIMED_OUT:
                self._breaker.timed_out(origin, began)
            raise problem from error
        raw: urllib3.response.BaseHTTPResponse = response.raw
        return raw

    def _proxies_to(self, origin: Origin, url: str) -> dict[str, str]:
        """The proxies for an origin, looked up once."""
        found = self._proxies.get(origin)
        if found is None:
            found = self._proxies[origin] = proxies_for(url, self._proxy_servers)
        return found


class _HttpError(Exception):
    """One try failed; the caller decides whether to retry."""

    def __init__(
        self, url: str, error: BaseException | None = None, failure: Failure | None = None
    ) -> None:
        super().__init__(redact(url))
        self.url = url
        self.failure = failure or failure_of(error or self)


class _Session(requests.Session):
    """A session that leaves redirects to its caller."""

    def get_redirect_target(self, resp: requests.Response) -> str | None:  # noqa: ARG002
        # Even with allow_redirects=False, requests would read the redirect's whole body.
        return None


def _make_session(adapter: BoundedAdapter, user_agent: str) -> requests.Session:
    """A session that ignores the process environment: no netrc, proxies or cookies."""
    session = _Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": user_agent, "Accept-Encoding": "identity"})
    session.mount("https://", adapter)
    session.mount("http://", adapter)
    return session


def _without_authorization(headers: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in headers.items() if name.lower() != "authorization"}


def _origin_of(url: str) -> Origin:
    try:
        return Origin.of(url)
    except ValueError as error:
        raise _HttpError(url, urllib3.exceptions.LocationParseError(url)) from error


def _split_userinfo(url: str) -> tuple[str, dict[str, str]]:
    """A URL without ``user:password@``, and the header that replaces it."""
    try:
        parts = urlsplit(url)
    except ValueError as error:
        raise _HttpError(url, urllib3.exceptions.LocationParseError(url)) from error
    if "@" not in parts.netloc:
        return url, {}
    secret = Secret(user=unquote(parts.username or ""), password=unquote(parts.password or ""))
    return without_userinfo(url), {"Authorization": secret.authorization or ""}
