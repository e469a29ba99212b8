"""RegistryLogin: the Authorization header that a registry requires.

A registry describes in a 401 how to authenticate (RFC 9110 §11, distribution-spec)::

    Basic  ─► user and password, with every request
    Bearer ─► a token of the realm for one repository, user and password optional

Challenges are cached, and tokens until shortly before they expire.
"""

from __future__ import annotations

import re
import threading
import time
from urllib.parse import urlencode, urlsplit

from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.strict_json import read_json
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import Protocol

    from minicon.net.client.fetcher import Fetcher
    from minicon.net.credentials.store import CredentialStore, Secret

    class Repository(Protocol):
        """What is requested of a registry."""

        @property
        def registry(self) -> str:
            """Base URL of the registry."""

        @property
        def scopes(self) -> tuple[str, ...]:
            """What a token must allow, as ``repository:NAME:pull``."""


_CHALLENGE = lazy_pattern(r"(?:^|,)\s*(Basic|Bearer)(?:\s+|$)", re.IGNORECASE)
_PARAMETER = lazy_pattern(r"""([a-z_]{1,32})="([^"]{0,2048})\"""")
_TOKEN = lazy_pattern(r"[!-~]{1,65536}")
_LARGEST_ANSWER = 1 << 20
#: Seconds that a token is valid if the response does not say (distribution's token spec).
_DEFAULT_SECONDS = 60.0
#: A token is not used in its last seconds, in which it might expire on the way.
_MARGIN = 10.0


class RefusedError(Exception):
    """The realm refuses a token. Never reaches users.

    Attributes:
        status: 401 for wrong credentials, 403 for a forbidden repository.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class _Challenge:
    """How a registry requires authentication.

    Attributes:
        is_bearer: Whether by a token instead of user and password.
        realm: URL that issues tokens.
        service: The token's service, as the realm names it.
    """

    is_bearer: bool
    realm: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class RegistryLogin:
    """Finds and caches Authorization headers. Thread-safe.

    Args:
        http: Opens realms; adds no credentials of its own.
        credentials: Secrets for ``oci://host``.
        clock: Monotonic seconds.
    """

    def __init__(
        self,
        http: Fetcher,
        credentials: CredentialStore,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._http = http
        self._credentials = credentials
        self._clock = clock
        self._challenges: dict[str, _Challenge] = {}
        self._tokens: dict[tuple[str, tuple[str, ...]], _Token] = {}
        self._locks: dict[tuple[str, tuple[str, ...]], threading.Lock] = {}

    def header_for(self, repository: Repository, url: str, timeout: float | None) -> str | None:
        """Return the Authorization header; None while no challenge of the registry is known.

        Args:
            repository: What is requested.
            url: Its ``oci://`` URL, which selects the secret.
            timeout: Seconds for a token.

        Raises:
            RefusedError: The realm refuses a token.
            ChannelError: The realm cannot be reached.
        """
        challenge = self._challenges.get(repository.registry)
        if challenge is None:
            return None
        secret = self._credentials.secret_for(url)
        if secret is not None and secret.bearer is not None:
            return secret.authorization
        if not challenge.is_bearer:
            return None if secret is None else secret.authorization
        key = (repository.registry, repository.scopes)
        with self._locks.setdefault(key, threading.Lock()):
            token = self._tokens.get(key)
            if token is None or token.until <= self._clock():
                token = self._tokens[key] = self._fetch_token(
                    challenge, repository, secret, timeout
                )
        return f"Bearer {token.text}"

    def learn(self, repository: Repository, text: str, used: str | None) -> None:
        """Cache a registry's challenge and drop a refused token.

        Args:
            repository: What is requested.
            text: The WWW-Authenticate header of the 401.
            used: The Authorization header that was refused, or None.

        Raises:
            ChannelError: ``unsafe-redirect``: secrets would be sent to an unsafe realm.
        """
        challenge = parse_challenge(text, repository.registry)
        if challenge is not None:
            self._challenges[repository.registry] = challenge
        key = (repository.registry, repository.scopes)
        token = self._tokens.get(key)
        if token is not None and used == f"Bearer {token.text}":
            self._tokens.pop(key, None)  # unless another thread replaced it already

    def _fetch_token(
        self,
        challenge: _Challenge,
        repository: Repository,
        secret: Secret | None,
        timeout: float | None,
    ) -> _Token:
        query = [("scope", scope) for scope in repository.scopes]
        if challenge.service:
            query.append(("service", challenge.service))
        separator = "&" if "?" in challenge.realm else "?"
        authorization = None if secret is None else secret.authorization
        headers = {"Authorization": authorization} if authorization else {}
        url = f"{challenge.realm}{separator}{urlencode(query)}"
        requested_at = self._clock()
        with self._http.open(url, headers=headers, timeout=timeout) as response:
            if response.status in (401, 403):
                raise RefusedError(response.status if authorization else 403)
            if response.status != 200:
                raise status_error(challenge.realm, response.status)
            return _read_token(response.read(_LARGEST_ANSWER), challenge.realm, requested_at)


def parse_challenge(text: str, registry: str) -> _Challenge | None:
    """Parse the first supported challenge of a WWW-Authenticate header; None if there is none.

    Raises:
        ChannelError: ``unsafe-redirect``: secrets would be sent to an unsafe realm.
    """
    starts = list(_CHALLENGE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    for start, end in zip(starts, ends, strict=False):
        found = dict(_PARAMETER.findall(text[start.end() : end]))
        if start.group(1).lower() == "basic":
            return _Challenge(is_bearer=False)
        realm = found.get("realm", "")
        if realm:
            _check_realm(realm, registry)
            return _Challenge(True, realm, found.get("service", ""))
    return None


def _check_realm(realm: str, registry: str) -> None:
    """Require TLS for the realm, which gets secrets, unless the registry is on this machine."""
    try:
        parts = urlsplit(realm)
        is_valid = bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        is_valid = False
    allowed = ("https", "http") if registry.startswith("http:") else ("https",)
    if not is_valid or parts.scheme not in allowed:
        message = f"{registry} requests credentials to be sent to {redact(realm)[:200]}"
        hint = "this is not https, so nothing was sent; report it to the registry's owner"
        raise ChannelError("unsafe-redirect", message, hint=hint)


def _read_token(body: bytes, realm: str, requested_at: float) -> _Token:
    try:
        data = read_json(body)
        text = data.get("token") or data.get("access_token")
        seconds = float(data.get("expires_in") or _DEFAULT_SECONDS)
        is_token = isinstance(text, str) and bool(_TOKEN.fullmatch(text)) and seconds >= 0
    except (ValueError, AttributeError, TypeError):
        is_token = False
    if not is_token:
        message = f"{redact(realm)} does not return a token"
        raise ChannelError("invalid-answer", message, hint="try again; check the channel's URL")
    return _Token(text, requested_at + max(seconds - _MARGIN, 1.0))
