"""Channel: a source of packages, and how its many spellings are parsed.

==============================================  ==============================================
written                                         meaning
==============================================  ==============================================
``conda-forge``, ``pkgs/main``, ``me/label/x``  its ``custom_channels`` entry, or the alias
``defaults``, any ``custom_multichannels``      all channels of that group
``https://host/t/TOKEN/chan``, ``user:pw@``     that URL; the secrets go to ``credentials``
``file:///x``, ``/x``, ``./x``, ``~/x``         a local directory, also with Windows drives
``chan/linux-64``                               this platform and ``noarch``
``chan[linux-64]``                              these platforms only
``host``, ``pypi``                              the built-in sources beside channels
==============================================  ==============================================
"""

from __future__ import annotations

import os
import posixpath
import re
from urllib.parse import unquote

from minicon.constants import (
    BUNDLE_EXTENSION,
    CHANNEL_SERVERS,
    DEFAULT_CHANNELS,
    DEFAULT_CHANNELS_ON_WINDOWS,
    HOST_CHANNEL,
    PYPI_CHANNEL,
)
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.subdir import KNOWN_SUBDIRS, NOARCH, check_subdir
from minicon.models.url import Url, is_url, path_to_url
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from minicon.models.url import Credentials

_BUILTIN_CHANNELS = (HOST_CHANNEL, PYPI_CHANNEL)
_UNKNOWN_CHANNEL = "<unknown>"

#: Channels of ``defaults`` if nothing is configured.
_DEFAULT_CHANNELS = DEFAULT_CHANNELS_ON_WINDOWS if os.name == "nt" else DEFAULT_CHANNELS

_MAX_NESTING = 8
_LONGEST = 8192
_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.+~@\-]*(?:/[A-Za-z0-9_.+~@\-]+)*")
_PATH = lazy_pattern(r"\.{1,2}(?:[/\\]|$)|[/\\~]|[A-Za-z]:[\\/]")
_REFERENCE = lazy_pattern(r"\$(?:\{([A-Za-z_][A-Za-z0-9_]*)\}|([A-Za-z_][A-Za-z0-9_]*))")
_PLATFORMS = lazy_pattern(r"(.*)\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes:
        name: Canonical name: ``conda-forge``, or the base URL where no name fits.
        base_url: URL without credentials, subdir and trailing slash; empty for built-in sources.
        credentials: Credentials for requests, or None. Never compared, never shown.
        platforms: The only subdirs to read, or None for the usual ones.
    """

    name: str
    base_url: str
    credentials: Credentials | None = field(default=None, compare=False, repr=False)
    platforms: tuple[str, ...] | None = None

    @property
    def is_builtin(self) -> bool:
        """Whether it is a built-in source: ``host`` or ``pypi``."""
        return self.name in _BUILTIN_CHANNELS

    @property
    def is_local(self) -> bool:
        """Whether it is a local directory."""
        return self.base_url.startswith("file:")

    def url_for(self, subdir: str) -> str:
        """URL of one platform directory, without credentials and trailing slash.

        Raises:
            SpecError: ``invalid-subdir``, or ``invalid-channel`` for a built-in source.
        """
        if not self.base_url:
            raise SpecError(
                "invalid-channel",
                f"the source {self.name!r} has no URL",
                hint="pass the name, URL or directory of a channel",
            )
        return f"{self.base_url}/{check_subdir(subdir)}"

    def __str__(self) -> str:
        return self.name


def parse_channels(
    text: str,
    *,
    alias: str,
    custom_channels: Mapping[str, str] | None = None,
    custom_multichannels: Mapping[str, Sequence[str]] | None = None,
    default_channels: Sequence[str] = (),
    cwd: str | os.PathLike[str] = "/",
    home: str | os.PathLike[str] | None = None,
) -> tuple[Channel, ...]:
    """Parse a channel as users, configuration and environment files write it.

    Args:
        text: The channel, or a multi-channel such as ``defaults``.
        alias: The setting ``channel_alias``, the URL above channels given by name. May contain
            credentials.
        custom_channels: Channel name → URL of the directory *above* the channel.
        custom_multichannels: Name → channels.
        default_channels: Channels of ``defaults``.
        cwd: Base of relative paths.
        home: Home directory for ``~``; None reads it from the process's environment.

    Returns:
        One channel or more; none for ``local`` if it is not configured.

    Raises:
        SpecError: ``invalid-channel`` or ``invalid-url``.
    """
    reader = _reader(alias, custom_channels, custom_multichannels, default_channels, cwd, home)
    return tuple(dict.fromkeys(reader.channels(text.strip(), 0)))


class ChannelNames:
    """Conda's canonical name of each channel: ``conda-forge``, ``defaults``, or the base URL.

    Takes the settings that :func:`parse_channels` takes. A channel of a multi-channel has the
    name of the first one that contains it.
    """

    def __init__(
        self,
        *,
        alias: str,
        custom_channels: Mapping[str, str] | None = None,
        custom_multichannels: Mapping[str, Sequence[str]] | None = None,
        default_channels: Sequence[str] = (),
    ) -> None:
        self._reader = _reader(
            alias, custom_channels, custom_multichannels, default_channels, "/", None
        )
        self._groups: dict[str, str] | None = None
        self._known: dict[str, str] = {}

    def __call__(self, channel: str) -> str:
        """The canonical name of a base URL; a name is returned as it is."""
        if channel not in self._known:
            self._known[channel] = self._name(channel)
        return self._known[channel]

    def own(self, channel: str) -> str:
        """The name of a base URL without its multi-channel: ``pkgs/main``, not ``defaults``."""
        return self._reader.name_of(channel) if is_url(channel) else channel

    def members(self, channel: str) -> tuple[str, ...]:
        """The names of the channels that a name stands for; a URL or path as it is."""
        if channel not in self._reader.multi:
            return (channel,)
        return tuple(each.name for each in self._reader.channels(channel, 0))

    def url(self, channel: str) -> str:
        """The base URL of a canonical name; a URL, or the name of a built-in source, as it is."""
        if not channel or is_url(channel):
            return channel
        return self._reader.one(channel, None).base_url or channel

    def _name(self, channel: str) -> str:
        if not is_url(channel):
            return channel
        if self._groups is None:
            self._groups = {}
            for group in self._reader.multi:
                for each in self._reader.channels(group, 0):
                    self._groups.setdefault(each.base_url, group)
        return self._groups.get(channel) or self._reader.name_of(channel)


def _reader(
    alias: str,
    custom_channels: Mapping[str, str] | None,
    custom_multichannels: Mapping[str, Sequence[str]] | None,
    default_channels: Sequence[str],
    cwd: str | os.PathLike[str],
    home: str | os.PathLike[str] | None,
) -> _Reader:
    multi = {name: tuple(parts) for name, parts in (custom_multichannels or {}).items()}
    multi.setdefault("defaults", tuple(default_channels) or _DEFAULT_CHANNELS)
    multi.setdefault("local", ())
    servers = {**_servers(alias, default_channels), **(custom_channels or {})}
    return _Reader(alias, servers, multi, os.fspath(cwd), home)


def _servers(alias: str, default_channels: Sequence[str]) -> dict[str, str]:
    """The URL above each channel that a name means and that is not below the alias.

    As in conda, a URL in ``default_channels`` gives its path as a name to its channel:
    ``https://host/pkgs/main`` makes ``pkgs/main`` that of ``host``.
    """
    if not default_channels:
        return dict(CHANNEL_SERVERS)
    servers = {n: url for n, url in CHANNEL_SERVERS.items() if n not in DEFAULT_CHANNELS_ON_WINDOWS}
    for text in default_channels:
        name = Url(text).path.strip("/") if is_url(text) and not text.startswith(alias) else ""
        if name and _NAME.fullmatch(name) and text.rstrip("/").endswith(f"/{name}"):
            servers[name] = text.rstrip("/").removesuffix(f"/{name}")
    return servers


class _Reader:
    def __init__(
        self,
        alias: str,
        custom: Mapping[str, str],
        multi: Mapping[str, Sequence[str]],
        cwd: str,
        home: str | os.PathLike[str] | None,
    ) -> None:
        self.alias = Url(alias if is_url(alias) else path_to_url(alias))
        self.custom = custom
        self.multi = multi
        self.cwd = cwd
        self.home = os.path.expanduser("~") if home is None else os.fspath(home)

    def channels(self, text: str, depth: int) -> list[Channel]:
        if len(text) > _LONGEST:
            raise _invalid(text, f"it is longer than {_LONGEST} characters", "shorten it")
        text, platforms = _split_platforms(text)
        if text in self.multi:
            if depth >= _MAX_NESTING:
                raise _invalid(text, "it contains itself", "correct custom_multichannels")
            parts = [c for part in self.multi[text] for c in self.channels(part.strip(), depth + 1)]
            return [_limited(channel, platforms) for channel in parts]
        return [self.one(text, platforms)]

    def one(self, text: str, platforms: tuple[str, ...] | None) -> Channel:
        if text in _BUILTIN_CHANNELS or text == _UNKNOWN_CHANNEL:
            return Channel(text, "")
        if not text:
            raise _invalid(text, "it is empty", "write a name such as conda-forge")
        if is_url(text):
            return self.from_url(Url(text), platforms)
        if _PATH.match(text) or text.endswith(BUNDLE_EXTENSION):
            return self.from_url(Url(path_to_url(self.absolute(text))), platforms)
        return self.from_name(text, platforms)

    def absolute(self, path: str) -> str:
        if path == "~" or path[:2] in ("~/", "~\\"):
            path = self.home + path[1:]
        if re.match(r"[A-Za-z]:[\\/]|\\\\", path):
            return path
        if re.match(r"[A-Za-z]:[\\/]", self.cwd) and not path.startswith("/"):
            return self.cwd + "/" + path
        return posixpath.normpath(posixpath.join(self.cwd, path))

    def from_name(self, text: str, platforms: tuple[str, ...] | None) -> Channel:
        name = unquote(text).strip("/")
        if not _NAME.fullmatch(name) or ".." in name.split("/"):
            hint = "names look like conda-forge; a directory starts with ./ or /"
            raise _invalid(text, "it is neither a name, a URL nor a path", hint)
        url = self.base_of(name).join(name)
        return Channel(name, str(url.without_credentials), url.credentials, platforms)

    def base_of(self, name: str) -> Url:
        """The URL above a channel: the entry of the longest part of its name, or the alias."""
        part = name
        while part:
            if part in self.custom:
                return self.custom_url(part)
            part = part.rpartition("/")[0]
        return self.alias

    def custom_url(self, name: str) -> Url:
        base = self.custom[name]
        return Url(base if is_url(base) else self.absolute(base))

    def from_url(self, url: Url, platforms: tuple[str, ...] | None) -> Channel:
        path = re.sub(r"/repodata\.json(?:\.zst|\.bz2)?$", "", re.sub(r"/+", "/", url.path))
        path = path.rstrip("/")
        folder, _, last = path.rpartition("/")
        if platforms is None and last in KNOWN_SUBDIRS:
            path, platforms = folder, _with_noarch(last)
        if ".." in unquote(path).split("/"):
            raise _invalid(str(url), "it contains ..", "write the path without ..")
        bare = url.without_credentials
        base = str(Url(f"{bare.scheme}://{_host(bare)}{path}"))
        credentials = url.credentials
        return Channel(self.name_of(base), base, credentials, platforms)

    def name_of(self, base: str) -> str:
        """The name of a base URL: the configured one, the path below the alias, or the URL."""
        for name in self.custom:
            if base == str(self.custom_url(name).join(name).without_credentials):
                return name
        alias = str(self.alias.without_credentials).rstrip("/") + "/"
        name = unquote(base.removeprefix(alias))
        return name if base.startswith(alias) and _NAME.fullmatch(name) else base


def _host(url: Url) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host if url.port is None else f"{host}:{url.port}"


def _split_platforms(text: str) -> tuple[str, tuple[str, ...] | None]:
    """``chan[linux-64,noarch]`` or ``chan/linux-64`` (for names only; URLs are handled later)."""
    listed = _PLATFORMS.fullmatch(text)
    if listed:
        names = [name.strip() for name in listed.group(2).split(",") if name.strip()]
        return listed.group(1).strip(), tuple(check_subdir(name) for name in names) or None
    folder, _, last = text.rstrip("/").rpartition("/")
    if folder and last in KNOWN_SUBDIRS and not is_url(text) and not _PATH.match(text):
        return folder, _with_noarch(last)
    return text, None


def _with_noarch(subdir: str) -> tuple[str, ...]:
    """The subdirs that ``chan/linux-64`` means: conda reads ``noarch`` too (CEP 26 has no rule)."""
    return tuple(dict.fromkeys((subdir, NOARCH)))


def _limited(channel: Channel, platforms: tuple[str, ...] | None) -> Channel:
    if platforms is None:
        return channel
    return replace(channel, platforms=platforms)


def _invalid(text: str, why: str, hint: str) -> SpecError:
    return SpecError(
        "invalid-channel", f"{redact(text)[:200]!r} is not a channel: {why}", hint=hint
    )


def expand_references(texts: Iterable[str], environ: Mapping[str, str]) -> tuple[str, ...]:
    """Replace ``$NAME`` and ``${NAME}`` by environment variables; unknown names stay.

    For the channels that environment files and users give.
    """

    def value(found: re.Match[str]) -> str:
        return environ.get(found.group(1) or found.group(2), found.group())

    return tuple(_REFERENCE.sub(value, text) if "$" in text else text for text in texts)
