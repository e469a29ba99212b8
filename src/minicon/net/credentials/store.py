"""CredentialStore: which secret a request carries.

A secret is bound to the origin (scheme, host, port) that it was given for and never sent to
another one, whatever a server redirects to. It is part of the URL and headers sent, and of nothing
outside of :mod:`minicon.net`.

Sources, in order; within the first that has a secret, the longest path wins:

1. channels (``https://user:password@host/…``, ``https://host/t/TOKEN/…``);
2. credential files (``RATTLER_AUTH_FILE``, ``MINICON_AUTH_FILE``, ``~/.rattler/credentials.json``);
3. tokens that ``anaconda login`` stored;
4. for registries: secrets of ``docker login`` (:mod:`minicon.net.credentials.docker_config`);
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


@dataclass(frozen=True, slots=True)
class Secret:
    """Authentication for one server. Its text form hides the values.

    Attributes:
        user: For basic authentication, with ``password``.
        password: For basic authentication.
        bearer: For ``Authorization: Bearer``.
        token: For ``/t/TOKEN`` in the path (anaconda.org).
        token_path: The path before the token, usually ``/t``.
        session: AWS session token, where user and password are an access key and its secret.
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


@dataclass(frozen=True, slots=True)
class _Binding:
    """A secret, and the origin and path below which it is sent."""

    origin: Origin
    path: str
    secret: Secret

    def covers(self, origin: Origin, path: str) -> bool:
        return self.origin == origin and (path + "/").startswith(self.path.rstrip("/") + "/")


class CredentialStore:
    """Secrets by origin and path. Thread-safe once filled.

    Args:
        sources: Functions that find a stored secret for an origin; called in order, only if no
            channel has one, and once per origin.
    """

    def __init__(self, sources: Sequence[Callable[[Origin], Secret | None]] = ()) -> None:
        self._bindings: list[_Binding] = []
        self._sources = tuple(sources)
        self._found: dict[Origin, Secret | None] = {}

    def add(self, url: str, credentials: Credentials) -> None:
        """Use a channel's credentials for all URLs below its own, and for no others."""
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
        """Return the secret for a URL, or None."""
        origin, path = Origin.of(url), urlsplit(url).path
        for binding in self._bindings:
            if binding.covers(origin, path):
                return binding.secret
        if origin not in self._found:
            secrets = (source(origin) for source in self._sources)
            self._found[origin] = next((secret for secret in secrets if secret), None)
        return self._found[origin]

    def sign(self, url: str) -> tuple[str, dict[str, str]]:
        """Return the URL and headers to send. Neither may appear in a message or a file."""
        secret = self.secret_for(url)
        if secret is None:
            return url, {}
        if secret.token is not None and "/t/" not in urlsplit(url).path:
            parts = urlsplit(url)
            credentials = Credentials(token_path=secret.token_path)
            path = credentials.path_with_token(parts.path, secret.token)
            url = parts._replace(path=path).geturl()
        authorization = secret.authorization
        return url, {"Authorization": authorization} if authorization else {}
