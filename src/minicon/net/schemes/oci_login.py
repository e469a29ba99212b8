"""RegistryLogin: the Authorization header that a registry wants.

A registry tells with a 401 how it wants to be asked (RFC 9110 §11, distribution-spec)::

    Basic  ─► user and password, with every request
    Bearer ─► ask the realm for a token that reads one repository, user and password optional

What was learned of a registry is kept, and a token until shortly before it expires.
"""

from __future__ import annotations

import re
import threading
import time
from urllib.parse import urlencode, urlsplit

from minicon.errors import ChannelError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.models.json_values.strict_json import read_json
from minicon.net.client.http_errors import status_error
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable

    from minicon.net.client.fetcher import Fetcher
    from minicon.net.credentials.store import CredentialStore, Secret
    from minicon.net.schemes.oci_artifact import Artifact

_CHALLENGE = lazy_pattern(r"(?:^|,)\s*(Basic|Bearer)(?:\s+|$)", re.IGNORECASE)
_PARAMETER = lazy_pattern(r"""([a-z_]{1,32})="([^"]{0,2048})\"""")
_TOKEN = lazy_pattern(r"[!-~]{1,65536}")
_LARGEST_ANSWER = 1 << 20
#: Seconds that a token is valid where its answer does not say (distribution's token spec).
_USUAL_SECONDS = 60.0
#: A token is not used in its last seconds: it shall not expire on the way.
_MARGIN = 10.0


class RefusedError(Exception):
    """The realm gives no token. Never reaches users.

    Attributes:
        status: 401 for credentials that are wrong, 403 for a repository that is not for us.
    """

    def __init__(self, status: int) -> None:
        super().__init__(status)
        self.status = status


@dataclass(frozen=True, slots=True)
class Challenge:
    """How a registry wants to be asked.

    Attributes:
        is_bearer: Whether by a token, rather than by user and password.
        realm: Who gives the token.
        service: What it is for, in the realm's words.
    """

    is_bearer: bool
    realm: str = ""
    service: str = ""


@dataclass(frozen=True, slots=True)
class _Token:
    text: str
    until: float


class RegistryLogin:
    """Finds and keeps Authorization headers. Thread-safe.

    Args:
        http: Asks realms; adds no credentials of its own.
        credentials: Whose secrets for ``oci://host`` are used.
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
        self._challenges: dict[str, Challenge] = {}
        self._tokens: dict[tuple[str, str], _Token] = {}
        self._locks: dict[tuple[str, str], threading.Lock] = {}

    def header_for(self, artifact: Artifact, url: str, timeout: float | None) -> str | None:
        """The header as far as the registry has told what it wants; None before that.

        Args:
            artifact: What is asked for.
            url: The same as the channel has it, ``oci://…``: whose secrets to use.
            timeout: Seconds for a token.

        Raises:
            RefusedError: There is no token for us.
            ChannelError: The realm cannot be asked.
        """
        challenge = self._challenges.get(artifact.registry)
        if challenge is None:
            return None
        secret = self._credentials.secret_for(url)
        if secret is not None and secret.bearer is not None:
            return secret.authorization
        if not challenge.is_bearer:
            return None if secret is None else secret.authorization
        key = (artifact.registry, artifact.repository)
        with self._locks.setdefault(key, threading.Lock()):
            token = self._tokens.get(key)
            if token is None or token.until <= self._clock():
                token = self._tokens[key] = self._ask(challenge, artifact, secret, timeout)
        return f"Bearer {token.text}"

    def learn(self, artifact: Artifact, text: str, used: str | None) -> None:
        """Take in a registry's challenge, after which there may be another header.

        Args:
            artifact: What was asked for.
            text: The WWW-Authenticate header of the 401.
            used: The Authorization header that was refused, or None.

        Raises:
            ChannelError: ``unsafe-redirect``: it sends secrets where they must not go.
        """
        challenge = parse_challenge(text, artifact.registry)
        if challenge is not None:
            self._challenges[artifact.registry] = challenge
        key = (artifact.registry, artifact.repository)
        token = self._tokens.get(key)
        if token is not None and used == f"Bearer {token.text}":
            self._tokens.pop(key, None)  # another thread may have been quicker

    def _ask(
        self,
        challenge: Challenge,
        artifact: Artifact,
        secret: Secret | None,
        timeout: float | None,
    ) -> _Token:
        query = {"scope": f"repository:{artifact.repository}:pull"}
        if challenge.service:
            query["service"] = challenge.service
        joint = "&" if "?" in challenge.realm else "?"
        authorization = None if secret is None else secret.authorization
        headers = {"Authorization": authorization} if authorization else {}
        url = f"{challenge.realm}{joint}{urlencode(query)}"
        asked_at = self._clock()
        with self._http.open(url, headers=headers, timeout=timeout) as response:
            if response.status in (401, 403):
                raise RefusedError(response.status if authorization else 403)
            if response.status != 200:
                raise status_error(challenge.realm, response.status)
            return _read_token(response.read(_LARGEST_ANSWER), challenge.realm, asked_at)


def parse_challenge(text: str, registry: str) -> Challenge | None:
    """The first challenge of a WWW-Authenticate header that is understood, or None.

    Raises:
        ChannelError: ``unsafe-redirect``: it sends secrets where they must not go.
    """
    starts = list(_CHALLENGE.finditer(text))
    ends = [start.start() for start in starts[1:]] + [len(text)]
    for start, end in zip(starts, ends, strict=False):
        found = dict(_PARAMETER.findall(text[start.end() : end]))
        if start.group(1).lower() == "basic":
            return Challenge(is_bearer=False)
        realm = found.get("realm", "")
        if realm:
            _check_realm(realm, registry)
            return Challenge(True, realm, found.get("service", ""))
    return None


def _check_realm(realm: str, registry: str) -> None:
    """Secrets go to the realm: over TLS, unless the registry itself is on this machine."""
    try:
        parts = urlsplit(realm)
        is_place = bool(parts.hostname) and "@" not in parts.netloc and not parts.fragment
    except ValueError:
        is_place = False
    allowed = ("https", "http") if registry.startswith("http:") else ("https",)
    if not is_place or parts.scheme not in allowed:
        message = f"{registry} wants log-ins to be sent to {redact(realm)[:200]}"
        hint = "that is not https, and so nothing is sent; tell who runs the registry"
        raise ChannelError("unsafe-redirect", message, hint=hint)


def _read_token(body: bytes, realm: str, asked_at: float) -> _Token:
    try:
        answer = read_json(body)
        text = answer.get("token") or answer.get("access_token")
        seconds = float(answer.get("expires_in") or _USUAL_SECONDS)
        is_token = isinstance(text, str) and bool(_TOKEN.fullmatch(text)) and seconds >= 0
    except (ValueError, AttributeError, TypeError):
        is_token = False
    if not is_token:
        message = f"{redact(realm)} answers with no token"
        raise ChannelError("invalid-answer", message, hint="try again; check the channel's URL")
    return _Token(text, asked_at + max(seconds - _MARGIN, 1.0))
