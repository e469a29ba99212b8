"""RegistrySession: requests to registries, with the Authorization that each of them requires.

::

    request ─► 401 ─► RegistryLogin ─► once more
"""

from __future__ import annotations

import time

from minicon.errors import ChannelError
from minicon.net.client.responses import BufferedResponse, aliased_error
from minicon.net.credentials.origin import Origin
from minicon.net.schemes.oci_login import RefusedError, RegistryLogin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import BinaryIO

    from minicon.net.client.fetcher import Response
    from minicon.net.client.session import HttpFetcher
    from minicon.net.credentials.store import CredentialStore
    from minicon.net.schemes.oci_login import Repository

    #: Sends one request to a web address with the given headers.
    Send = Callable[[str, Mapping[str, str]], Response]


class RegistrySession:
    """Sends requests to registries. Thread-safe.

    Args:
        http: Opens the registry's URLs; adds no credentials of its own.
        credentials: Secrets of channels and docker for ``oci://host``.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        http: HttpFetcher,
        credentials: CredentialStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._client = http
        self._login = RegistryLogin(http, credentials, clock)

    def request(
        self,
        url: str,
        repository: Repository,
        real_url: str,
        headers: Mapping[str, str],
        timeout: float | None = None,
        send: Send | None = None,
    ) -> Response:
        """Send a request, authenticated if the registry requires that.

        Args:
            url: The ``oci://`` URL, which selects the secret and is shown in errors.
            repository: What is requested of which registry.
            real_url: The web address.
            headers: Request headers.
            timeout: Seconds until the response headers arrive.
            send: Sends the request, by default a GET that follows redirects; it is called again
                once the registry has said which authentication it requires.

        Returns:
            The response; one with 401 or 403 has no body.

        Raises:
            ChannelError: ``unsafe-redirect``, ``invalid-answer``; or the registry cannot be
                reached.
        """
        used: str | None = ""
        is_own = Origin.of(real_url) == Origin.of(repository.registry)
        try:
            for _ in range(2):
                before, used = used, self._login.header_for(repository, url, timeout)
                if used == before:
                    break
                # An upload may continue on another server, which gets no credentials.
                sent = {**headers, "Authorization": used} if used and is_own else headers
                response = self._send(url, real_url, sent, timeout, send)
                if response.status != 401 or not _is_from(response, repository.registry):
                    return response
                response.close()
                self._login.learn(repository, response.headers.get("www-authenticate", ""), used)
        except RefusedError as refusal:
            return empty_response(url, refusal.status)
        # A registry that accepted the login answers 401 for what does not exist or is forbidden.
        return empty_response(url, 403 if used and used.startswith("Bearer ") else 401)

    def close(self) -> None:
        """Close all kept connections."""
        self._client.close()

    def send(
        self, method: str, real_url: str, headers: Mapping[str, str], body: bytes | BinaryIO | None
    ) -> Response:
        """Send a request that is no GET, once and without following redirects."""
        return self._client.send(method, real_url, headers=headers, body=body)

    def _send(
        self,
        url: str,
        real_url: str,
        headers: Mapping[str, str],
        timeout: float | None,
        send: Send | None,
    ) -> Response:
        try:
            if send is not None:
                return send(real_url, headers)
            return self._client.open(real_url, headers=headers, timeout=timeout)
        except ChannelError as error:
            raise aliased_error(error, url, real_url) from error


def _is_from(response: Response, registry: str) -> bool:
    """Whether the registry itself responds: no other server gets its credentials."""
    return Origin.of(response.url) == Origin.of(registry)


def empty_response(
    url: str, status: int, headers: Mapping[str, str | None] | None = None
) -> Response:
    """Return a response without a body."""
    kept = {name: text for name, text in (headers or {}).items() if text is not None}
    return BufferedResponse(url, status, kept)
