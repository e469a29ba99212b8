"""Visit: a request with its path, its address for clients, and the channels that it may read."""

from __future__ import annotations

import re
from urllib.parse import parse_qs, quote, unquote, urlsplit

from minicon.lean_dataclasses import dataclass
from minicon.serve.refusal import Refusal, not_found
from minicon.serve.tokens import TokenFile, presented_tokens, split_token

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

    from aiohttp import web

    from minicon.serve.hosted import HostedChannel
    from minicon.serve.options import ServeOptions

_HOST = re.compile(r"(?:[A-Za-z0-9.\-]{1,255}|\[[0-9A-Fa-f:.]{2,45}\])(?::\d{1,5})?\Z")
#: Longest path, in characters.
_LONGEST = 4096
_MOST_FIELDS = 50


@dataclass(frozen=True, slots=True, kw_only=True)
class Visit:
    """A request, read.

    Attributes:
        request: The request.
        parts: Of its path, decoded, without a token; the last is empty after a trailing slash.
        channels: The channels that it may read, by name.
        tokens: The tokens that it presents.
        public: URL of this server for clients, without a slash at its end and without a token.
        prefix: Path before all links of pages, without a slash at its end.
        is_private: Whether a token is needed.
        is_denied: Whether a token is needed, and no valid one was presented.
        allowed: Names of further channels that solutions may use.
        client: Address of the client: what a proxy in front says, if there is one.
    """

    request: web.BaseRequest
    parts: tuple[str, ...]
    channels: Mapping[str, HostedChannel]
    tokens: tuple[str, ...]
    public: str
    prefix: str
    is_private: bool
    is_denied: bool
    allowed: tuple[str, ...] = ()
    client: str = ""

    def channel(self, name: str) -> HostedChannel:
        """Return a channel that may be read. Raises Refusal."""
        if name not in self.channels:
            raise not_found(f"channel {name}")
        return self.channels[name]

    def query(self, name: str) -> tuple[str, ...]:
        """Return the values of a field of the query. Raises Refusal if there are too many."""
        try:
            fields = parse_qs(self.request.rel_url.raw_query_string, max_num_fields=_MOST_FIELDS)
        except ValueError:
            raise Refusal(400, "invalid-request", "the query is invalid") from None
        return tuple(fields.get(name, ()))

    def path(self, *parts: str, query: str = "") -> str:
        """Return the link to a page or file of this server."""
        return f"{self.prefix}/{'/'.join(map(_quoted, parts))}{'?' if query else ''}{query}"

    def url(self, *parts: str) -> str:
        """Return the URL of a page or file for clients, without a token."""
        return "/".join((self.public, *map(_quoted, parts)))


def read_visit(request: web.BaseRequest, options: ServeOptions, tokens: TokenFile) -> Visit:
    """Read a request's path and tokens.

    Raises:
        Refusal: The path or the host is invalid.
    """
    token, parts = split_token(_raw_parts(request))
    presented = presented_tokens(request.headers.get("Authorization", ""), token)
    is_open = parts[:1] == ("-",) or request.method == "PUT"  # files of pages; uploads: own tokens
    names = frozenset() if is_open or not tokens else tokens.channels_of(presented)
    public = (options.url or f"http://{_host(request)}").rstrip("/")
    prefix = urlsplit(public).path + (f"/t/{quote(token, safe='')}" if token is not None else "")
    return Visit(
        request=request,
        parts=tuple(map(_decoded, parts)),
        channels=_readable(options.channels, names),
        tokens=presented,
        public=public,
        prefix=prefix,
        is_private=bool(tokens),
        is_denied=names is None,
        allowed=tuple(options.allowed.channels),
        client=_client(request, has_proxy=options.url is not None),
    )


def unauthorized() -> Refusal:
    """Return the refusal of a request without a valid token."""
    return Refusal(
        401,
        "access-denied",
        "a token is required",
        hint="put it into the URL (/t/TOKEN/ before the channel), or into ~/.netrc as the password",
        headers={"WWW-Authenticate": 'Basic realm="channels", charset="UTF-8"'},
    )


def _readable(
    channels: Mapping[str, HostedChannel], names: frozenset[str] | None
) -> Mapping[str, HostedChannel]:
    """Return the channels of some names: of all for none, and none for None."""
    if names is None:
        return {}
    return {name: each for name, each in channels.items() if not names or name in names}


def _raw_parts(request: web.BaseRequest) -> tuple[str, ...]:
    path = request.rel_url.raw_path
    if len(path) > _LONGEST:
        raise Refusal(414, "too-long", "the path is too long")
    return tuple(path.lstrip("/").split("/"))


def _decoded(part: str) -> str:
    try:
        text = unquote(part, errors="strict")
    except UnicodeDecodeError:
        raise not_found("such path") from None
    if text in (".", "..") or any(character in text for character in "/\\\0\r\n"):
        raise not_found("such path")
    return text


def _quoted(part: str) -> str:
    return quote(part, safe="!+@~")


def _client(request: web.BaseRequest, *, has_proxy: bool) -> str:
    forwarded = request.headers.get("X-Forwarded-For", "") if has_proxy else ""
    return forwarded.rpartition(",")[2].strip()[:100] or request.remote or ""


def _host(request: web.BaseRequest) -> str:
    host = request.headers.get("Host", "")
    if not _HOST.match(host):
        raise Refusal(400, "invalid-host", "the header Host is missing or invalid")
    return host
