"""Url: a parsed URL that never shows its credentials.

``str()`` and ``repr()`` of a :class:`Url` are redacted; the secrets are available only through
:attr:`Url.credentials` and :attr:`Url.with_credentials`, which only the network layer reads.
"""

from __future__ import annotations

from urllib.parse import quote, unquote, urljoin, urlsplit, urlunsplit

from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass
from minicon.redaction import MASK, TOKEN_IN_PATH, redact, shortened, without_secrets

TYPE_CHECKING = False
if TYPE_CHECKING:
    from re import Match

_SCHEME = lazy_pattern(r"([A-Za-z][A-Za-z0-9+.\-]+)://")
_SCHEMES = ("http", "https", "file", "oci", "s3", "gs")
_CONTROL = lazy_pattern(r"[\x00-\x20\x7f]")
_DRIVE = lazy_pattern(r"[A-Za-z]:[\\/]")
_DRIVE_IN_URL = lazy_pattern(r"/[A-Za-z]:/")
_PATH_SAFE = "-_.~!$&'()*+,;=:@"


@dataclass(frozen=True, slots=True, repr=False)
class Credentials:
    """Credentials in a URL. ``repr()`` hides them.

    Attributes:
        username: For basic authentication, or None.
        password: For basic authentication, or None.
        token: For ``/t/TOKEN/`` in the path, or None.
        token_path: Path before the token: ``/t``, on some servers with a parent directory.
    """

    username: str | None = None
    password: str | None = None
    token: str | None = None
    token_path: str = "/t"

    def path_with_token(self, path: str, token: str) -> str:
        """Insert ``/t/TOKEN`` into the path of a URL; ``token`` is the encoded or masked token."""
        before, slash, mark = self.token_path.rpartition("/")
        if not f"{path}/".startswith(f"{before}/"):
            before = ""
        return f"{before}{slash}{mark}/{token}{path[len(before) :]}"

    def __repr__(self) -> str:
        return f"Credentials({MASK})"


class Url:
    """A URL (http, https, file, oci, s3, gs); an absolute path becomes a ``file://`` URL.

    Equality and hash include the credentials.

    Attributes:
        scheme: Lower case.
        host: Lower case, without port; empty for files.
        port: Number, or None for the scheme's default.
        path: Still percent-encoded, without ``/t/TOKEN``.
        query: Without the question mark.
        fragment: Without the hash sign.
        credentials: Credentials in the URL, or None.

    Raises:
        SpecError: ``invalid-url``.
    """

    __slots__ = ("credentials", "fragment", "host", "path", "port", "query", "scheme")

    def __init__(self, text: str) -> None:
        text = text.strip()
        if not _SCHEME.match(text):
            text = path_to_url(text)
        try:
            parts = urlsplit(text)
            self.port = parts.port
        except ValueError as error:
            raise _invalid(text, _problem(error)) from None
        self.scheme = parts.scheme.lower()
        self.host = (parts.hostname or "").lower()
        if self.scheme not in _SCHEMES:
            raise _invalid(text, f"the scheme {self.scheme!r} is not supported")
        if not self.host and self.scheme != "file":
            raise _invalid(text, "the host is missing")
        if _CONTROL.search(text):
            raise _invalid(text, "it contains spaces or control characters")
        self.path, token_path, token = parts.path, "/t", None
        if self.scheme != "file" and (found := TOKEN_IN_PATH.search(parts.path)):
            token_path = parts.path[: found.start(2) - 1]
            token, slash, rest = parts.path[found.start(2) :].partition("/")
            self.path = f"{parts.path[: found.start()]}{slash}{rest}"
        self.query = parts.query
        self.fragment = parts.fragment
        names = (parts.username, parts.password, token)
        user, password, secret = (unquote(name) if name else None for name in names)
        self.credentials = (
            Credentials(user, password, secret, token_path) if user or password or secret else None
        )

    @property
    def without_credentials(self) -> Url:
        """The URL without credentials, and without secrets in query and fragment."""
        rest = without_secrets(f"?{self.query}#{self.fragment}").removeprefix("?")
        query, _, fragment = rest.partition("#")
        return self._with(credentials=None, query=query, fragment=fragment)

    @property
    def with_credentials(self) -> str:
        """The URL as a string with its secrets, for the network layer; never display or save it."""
        credentials = self.credentials
        user = ""
        if credentials and credentials.username is not None:
            password = (
                "" if credentials.password is None else f":{quote(credentials.password, safe='')}"
            )
            user = f"{quote(credentials.username, safe='')}{password}@"
        host = f"[{self.host}]" if ":" in self.host else self.host
        authority = f"{user}{host}{'' if self.port is None else f':{self.port}'}"
        path = self.path
        if credentials and credentials.token:
            path = credentials.path_with_token(path, quote(credentials.token, safe="-"))
        return urlunsplit((self.scheme, authority, path, self.query, self.fragment))

    @property
    def name(self) -> str:
        """Last component of the path, decoded: a file name, or the name of a channel."""
        return unquote(self.path.rstrip("/").rpartition("/")[2])

    @property
    def file_path(self) -> str | None:
        """The local path of a ``file:`` URL, or None."""
        if self.scheme != "file":
            return None
        path = unquote(self.path)
        if _DRIVE_IN_URL.match(path):
            return path[1:]
        return f"//{self.host}{path}" if self.host not in ("", "localhost") else path

    def join(self, *parts: str) -> Url:
        """Append parts to the path; each is encoded, except for slashes.

        Raises:
            SpecError: ``invalid-url`` for a component that is ``..`` or empty.
        """
        steps = [step for part in parts for step in part.strip("/").split("/")]
        if any(step in ("", ".", "..") for step in steps):
            raise _invalid("/".join(parts), "a component of the path is empty or ..")
        added = "/".join(quote(unquote(step), safe=_PATH_SAFE) for step in steps)
        return self._with(path=f"{self.path.rstrip('/')}/{added}", query="", fragment="")

    def _with(self, **changes: object) -> Url:
        other = object.__new__(Url)
        for key in self.__slots__:
            setattr(other, key, changes.get(key, getattr(self, key)))
        return other

    def __str__(self) -> str:
        """The URL with every secret masked."""
        return redact(self.with_credentials)

    def __repr__(self) -> str:
        return f"Url({str(self)!r})"

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Url) and self._all() == other._all()

    def __hash__(self) -> int:
        return hash(self._all())

    def _all(self) -> tuple[object, ...]:
        return tuple(getattr(self, key) for key in self.__slots__)


def joined_url(base: str, reference: str) -> str:
    """Resolve a relative reference against a base URL (RFC 3986 §5), for every scheme.

    The standard library's ``urljoin`` supports some schemes only: for ``s3:`` and ``oci:`` it
    returns the reference itself, which then looks like a local path.
    """
    scheme, _, rest = base.partition(":")
    if scheme not in ("s3", "oci") or urlsplit(reference).scheme:
        return urljoin(base, reference)
    return scheme + urljoin(f"https:{rest}", reference).removeprefix("https")


def is_url(text: str) -> bool:
    """Whether a text starts with a scheme."""
    return _SCHEME.match(text) is not None


def path_to_url(path: str) -> str:
    r"""The ``file:`` URL of an absolute path, POSIX or Windows (``C:\x``, ``\\server\share``).

    Raises:
        SpecError: ``invalid-url`` for a relative path.
    """
    if _DRIVE.match(path):
        return "file:///" + quote(path.replace("\\", "/"), safe=_PATH_SAFE + "/")
    if path.startswith("\\\\"):
        return "file:" + quote(path.replace("\\", "/"), safe=_PATH_SAFE + "/")
    if not path.startswith("/"):
        raise _invalid(path, "it is neither a URL nor an absolute path")
    if path.startswith("//") and redact(path) != path:
        raise _invalid(path, "the scheme is missing, for instance https:")
    return "file://" + quote(path, safe=_PATH_SAFE + "/")


def _problem(error: ValueError) -> str:
    """The problem, without the library's message, which can contain a part of the password."""
    return "its port is not a number up to 65535" if "ort" in str(error) else "its host is invalid"


def _encoded(found: Match[str]) -> str:
    """Percent-encode a blank: redaction does not detect a password after a raw one."""
    return f"%{ord(found[0]):02X}"


def _invalid(text: str, why: str) -> SpecError:
    return SpecError(
        "invalid-url",
        f"{shortened(_CONTROL.sub(_encoded, text), 200)!r} is not a valid URL: {why}",
        hint="URLs look like https://host/channel or file:///path/channel",
    )
