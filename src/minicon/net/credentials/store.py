"""CredentialStore: which secret goes with which request, and with no other.

A secret is bound to the origin (scheme, host, port) it was given for and never sent to
another one, whatever a server redirects to. It enters only the URL and headers on the wire:
nothing outside :mod:`minicon.net` ever sees it.

Looked up in this order; the longest path wins within the first kind that answers:

1. channels (``https://user:password@host/…``, ``https://host/t/TOKEN/…``);
2. credential files (``RATTLER_AUTH_FILE``, ``MINICON_AUTH_FILE``, ``~/.rattler/credentials.json``);
3. tokens that ``anaconda login`` stored;
4. for registries: what ``docker login`` stored (:mod:`minicon.net.credentials.docker_config`);
5. netrc (``NETRC`` or ``~/.netrc``);
6. the system's keyring, where the extra ``minicon[keyring]`` is installed.
"""

from __future__ import annotations

from urllib.parse import urlsplit

from minicon.lean_dataclasses import dataclass, field
from minicon.models.url import Credentials
from minicon.net.credentials.origin import Origin, without_userinfo

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import Any


@dataclass(frozen=True, slots=True)
class Secret:
    """One way to show who asks. Its text form hides what it holds.

    Attributes:
        user: For basic authentication, with ``password``.
        password: For basic authentication.
        bearer: For ``Authorization: Bearer``.
        token: For ``/t/TOKEN`` in the path (anaconda.org).
        token_path: What comes before the token: ``/t``, where it is at the start.
        session: AWS's session token, where user and password are an access key and its secret.
    """

    user: str | None = field(default=None, repr=False)
    password: str | None = field(default=None, repr=False)
    bearer: str | None = field(default=None, repr=False)
    token: str | None = field(default=None, repr=False)
    token_path: str = "/t"
    session: str | None = field(default=None, repr=False)

    def __str__(self) -> str:
        return "Secret(…)"

    @property
    def authorization(self) -> str | None:
        """The Authorization header, or None."""
        if self.bearer is not None:
            return f"Bearer {self.bearer}"
        if self.user is None and self.password is None:
            return None
        from base64 import b64encode

        pair = f"{self.user or ''}:{self.password or ''}".encode()
        return f"Basic {b64encode(pair).decode()}"


def secret_from_json(entry: Any) -> Secret | None:
    """A secret as rattler writes it: ``{"BearerToken": "…"}`` or such; None for other forms."""
    if not isinstance(entry, dict):
        return None
    basic = entry.get("BasicHTTP")
    if isinstance(basic, dict):
        return Secret(user=str(basic.get("username", "")), password=str(basic.get("password", "")))
    if isinstance(entry.get("BearerToken"), str):
        return Secret(bearer=entry["BearerToken"])
    if isinstance(entry.get("CondaToken"), str):
        return Secret(token=entry["CondaToken"])
    return None


def s3_secret_from_json(entry: Any) -> Secret | None:
    """The access key that ``pixi auth login s3://…`` writes; None for other forms."""
    keys = entry.get("S3Credentials") if isinstance(entry, dict) else None
    if not isinstance(keys, dict):
        return None
    names = ("access_key_id", "secret_access_key", "session_token")
    user, password, session = (keys.get(name) for name in names)
    if not (isinstance(user, str) and isinstance(password, str)):
        return None
    return Secret(user, password, session=session if isinstance(session, str) else None)


@dataclass(frozen=True, slots=True)
class _Binding:
    """A secret and where it may go: an origin, below a path."""

    origin: Origin
    path: str
    secret: Secret

    def covers(self, origin: Origin, path: str) -> bool:
        return self.origin == origin and (path + "/").startswith(self.path.rstrip("/") + "/")


class CredentialStore:
    """Secrets by where they may go. Thread-safe once filled.

    Args:
        sources: Functions that find a secret for an origin among files; asked in order, only
            when no channel gave one, and only once per origin.
    """

    def __init__(self, sources: Sequence[Callable[[Origin], Secret | None]] = ()) -> None:
        self._bindings: list[_Binding] = []
        self._sources = tuple(sources)
        self._found: dict[Origin, Secret | None] = {}

    def add(self, url: str, credentials: Credentials) -> None:
        """Use a channel's credentials for everything below its URL, and nowhere else."""
        secret = Secret(
            credentials.username,
            credentials.password,
            token=credentials.token,
            token_path=credentials.token_path,
        )
        parts = urlsplit(without_userinfo(url))
        self._bindings.append(_Binding(Origin.of(url), parts.path, secret))
        self._bindings.sort(key=lambda binding: len(binding.path), reverse=True)

    def secret_for(self, url: str) -> Secret | None:
        """The secret that belongs to a URL, or None."""
        origin, path = Origin.of(url), urlsplit(url).path
        for binding in self._bindings:
            if binding.covers(origin, path):
                return binding.secret
        if origin not in self._found:
            answers = (source(origin) for source in self._sources)
            self._found[origin] = next((found for found in answers if found), None)
        return self._found[origin]

    def sign(self, url: str) -> tuple[str, dict[str, str]]:
        """URL and headers as they go over the wire. Neither may reach a text or a file."""
        secret = self.secret_for(url)
        if secret is None:
            return url, {}
        if secret.token is not None and "/t/" not in urlsplit(url).path:
            parts = urlsplit(url)
            place = Credentials(token_path=secret.token_path)
            url = parts._replace(path=place.path_with_token(parts.path, secret.token)).geturl()
        authorization = secret.authorization
        return url, {"Authorization": authorization} if authorization else {}
