"""Channel: a place that offers packages, and how its many spellings are read.

==============================================  ==============================================
written                                         read as
==============================================  ==============================================
``conda-forge``, ``pkgs/main``, ``me/label/x``  below its ``custom_channels`` entry or the alias
``defaults``, any ``custom_multichannels``      all of the channels it stands for
``https://host/t/TOKEN/chan``, ``user:pw@``     that place; the secrets go to ``credentials``
``file:///x``, ``/x``, ``./x``, ``~/x``         a folder, also with Windows drives
``chan/linux-64``, ``chan[linux-64,noarch]``    those platforms only
``host``, ``pypi``                              the built-in sources beside channels
==============================================  ==============================================
"""

from __future__ import annotations

import os.path
import posixpath
import re
from urllib.parse import unquote

from minicon.constants import HOST_CHANNEL, PYPI_CHANNEL
from minicon.errors import SpecError
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.subdir import KNOWN_SUBDIRS, check_subdir
from minicon.models.url import Url, is_url, path_to_url
from minicon.redaction import redact

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from minicon.models.url import Credentials

BUILTIN_CHANNELS = (HOST_CHANNEL, PYPI_CHANNEL)
UNKNOWN_CHANNEL = "<unknown>"

#: What ``defaults`` stands for where nothing is configured, below the alias.
FALLBACK_DEFAULTS = ("pkgs/main", "pkgs/r")

_MAX_NESTING = 8
_LONGEST = 8192
_NAME = lazy_pattern(r"[A-Za-z0-9_][A-Za-z0-9_.+~@\-]*(?:/[A-Za-z0-9_.+~@\-]+)*")
_PATH = lazy_pattern(r"\.{1,2}(?:[/\\]|$)|[/\\~]|[A-Za-z]:[\\/]")
_PLATFORMS = lazy_pattern(r"(.*)\[([^\[\]]*)\]")


@dataclass(frozen=True, slots=True)
class Channel:
    """One channel.

    Attributes:
        name: Canonical name: ``conda-forge``, or the base URL where no name fits.
        base_url: Without credentials, subdir and trailing slash; empty for built-in sources.
        credentials: Whom to ask as, or None. Never compared, never shown.
        platforms: The only subdirs to look in, or None for the usual ones.
    """

    name: str
    base_url: str
    credentials: Credentials | None = field(default=None, compare=False, repr=False)
    platforms: tuple[str, ...] | None = None

    @property
    def canonical_name(self) -> str:
        """The same as :attr:`name` (conda's word)."""
        return self.name

    @property
    def is_builtin(self) -> bool:
        """Whether it is a built-in source: the machine's interpreters, or the package index."""
        return self.name in BUILTIN_CHANNELS

    @property
    def is_local(self) -> bool:
        """Whether it is a folder of this machine."""
        return self.base_url.startswith("file:")

    def url_for(self, subdir: str) -> str:
        """URL of one platform folder, without credentials and trailing slash.

        Raises:
            SpecError: ``invalid-subdir``, or ``invalid-channel`` for a built-in source.
        """
        if not self.base_url:
            raise SpecError(
                "invalid-channel",
                f"the source {self.name!r} has no URL",
                hint="name a channel, a URL or a folder",
            )
        return f"{self.base_url}/{check_subdir(subdir)}"

    def subdirs(self, platform: str) -> tuple[str, ...]:
        """Platform folders to read for a target platform: its own and noarch, or as written."""
        return self.platforms if self.platforms is not None else (platform, "noarch")

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
    """All channels that TEXT stands for; several for ``defaults`` and other multi-channels.

    Args:
        text: As a user, a configuration or an environment file writes it.
        alias: ``channel_alias``: where channels given by name are. May hold credentials.
        custom_channels: Name → URL of the folder *above* the channel.
        custom_multichannels: Name → channels.
        default_channels: What ``defaults`` stands for.
        cwd: Base of relative paths.
        home: What ``~`` means; None asks the environment.

    Returns:
        One channel or more; none for ``local`` where it is not configured.

    Raises:
        SpecError: ``invalid-channel`` or ``invalid-url``.
    """
    multi = {name: tuple(parts) for name, parts in (custom_multichannels or {}).items()}
    multi.setdefault("defaults", tuple(default_channels) or FALLBACK_DEFAULTS)
    multi.setdefault("local", ())
    reader = _Reader(alias, custom_channels or {}, multi, os.fspath(cwd), home)
    return tuple(dict.fromkeys(reader.channels(text.strip(), 0)))


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
                raise _invalid(text, "it stands for itself", "mend custom_multichannels")
            parts = [c for part in self.multi[text] for c in self.channels(part.strip(), depth + 1)]
            return [_limited(channel, platforms) for channel in parts]
        return [self.one(text, platforms)]

    def one(self, text: str, platforms: tuple[str, ...] | None) -> Channel:
        if text in BUILTIN_CHANNELS or text == UNKNOWN_CHANNEL:
            return Channel(text, "")
        if not text:
            raise _invalid(text, "it is empty", "write a name such as conda-forge")
        if is_url(text):
            return self.from_url(Url(text), platforms)
        if _PATH.match(text):
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
            hint = "names look like conda-forge; a folder begins with ./ or /"
            raise _invalid(text, "it is neither a name, a URL nor a path", hint)
        url = self.place_of(name).join(name)
        return Channel(name, str(url.without_credentials), url.credentials, platforms)

    def place_of(self, name: str) -> Url:
        """The folder above a channel: of the longest part of its name that is configured."""
        part = name
        while part:
            if part in self.custom:
                place = self.custom[part]
                return Url(place if is_url(place) else self.absolute(place))
            part = part.rpartition("/")[0]
        return self.alias

    def from_url(self, url: Url, platforms: tuple[str, ...] | None) -> Channel:
        path = re.sub(r"/repodata\.json(?:\.zst|\.bz2)?$", "", re.sub(r"/+", "/", url.path))
        path = path.rstrip("/")
        folder, _, last = path.rpartition("/")
        if platforms is None and last in KNOWN_SUBDIRS:
            path, platforms = folder, (last,)
        if ".." in unquote(path).split("/"):
            raise _invalid(str(url), "it holds ..", "write the folder itself")
        bare = url.without_credentials
        base = str(Url(f"{bare.scheme}://{_place(bare)}{path}"))
        credentials = url.credentials
        return Channel(self.name_of(base), base, credentials, platforms)

    def name_of(self, base: str) -> str:
        """The name of a base URL: as configured, or what follows the alias, else the URL."""
        for name, place in self.custom.items():
            above = Url(place if is_url(place) else self.absolute(place))
            if base == str(above.join(name).without_credentials):
                return name
        alias = str(self.alias.without_credentials).rstrip("/") + "/"
        name = unquote(base.removeprefix(alias))
        return name if base.startswith(alias) and _NAME.fullmatch(name) else base


def _place(url: Url) -> str:
    host = f"[{url.host}]" if ":" in url.host else url.host
    return host if url.port is None else f"{host}:{url.port}"


def _split_platforms(text: str) -> tuple[str, tuple[str, ...] | None]:
    """``chan[linux-64,noarch]`` or ``chan/linux-64`` (names only; URLs are looked at later)."""
    listed = _PLATFORMS.fullmatch(text)
    if listed:
        names = [name.strip() for name in listed.group(2).split(",") if name.strip()]
        return listed.group(1).strip(), tuple(check_subdir(name) for name in names) or None
    folder, _, last = text.rstrip("/").rpartition("/")
    if folder and last in KNOWN_SUBDIRS and not is_url(text) and not _PATH.match(text):
        return folder, (last,)
    return text, None


def _limited(channel: Channel, platforms: tuple[str, ...] | None) -> Channel:
    if platforms is None:
        return channel
    return Channel(channel.name, channel.base_url, channel.credentials, platforms)


def _invalid(text: str, why: str, hint: str) -> SpecError:
    return SpecError(
        "invalid-channel", f"{redact(text)[:200]!r} is not a channel: {why}", hint=hint
    )
