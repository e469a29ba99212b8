"""HostedChannel: a channel that the server offers, by the name in its URLs."""

from __future__ import annotations

from minicon.constants import HOST_CHANNEL, PYPI_CHANNEL
from minicon.errors import UsageError
from minicon.fs.failures import channel_folder
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field
from minicon.models.url import Url, is_url
from minicon.redaction import shortened

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping
    from pathlib import Path

_NAMED = lazy_pattern(r"([A-Za-z0-9][A-Za-z0-9_.\-]*)=(.+)")
_NAME = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9_.\-]{0,63}\Z")
#: First parts of paths that are no channels (tokens, the API, the workbench, the site's own files),
#: and built-in sources.
_RESERVED = frozenset({"t", "api", "solve", "-", HOST_CHANNEL, PYPI_CHANNEL})


@dataclass(frozen=True, slots=True)
class HostedChannel:
    """A channel that the server offers.

    Attributes:
        name: First part of its URLs.
        location: URL of its files; may contain credentials, so it is never shown.
        directory: Its directory; None if it is on a server.
    """

    name: str
    location: str = field(repr=False)
    directory: Path | None = None

    @property
    def url(self) -> str:
        """Location without credentials."""
        return str(Url(self.location).without_credentials).rstrip("/")

    def stamp(self) -> tuple[tuple[str, int, int, int], ...]:
        """Identify the state of the indexes in its directory; empty for a channel on a server."""
        if self.directory is None:
            return ()
        found = []
        for path in (*self.directory.glob("*/repodata.json"), self.directory / "channeldata.json"):
            try:
                facts = path.stat()
            except OSError:
                continue
            found.append((path.parent.name, facts.st_mtime_ns, facts.st_size, facts.st_ino))
        return tuple(sorted(found))


@dataclass(frozen=True, slots=True, kw_only=True)
class Allowed:
    """What solutions may use beside the served channels.

    Attributes:
        channels: URLs of further channels, by name.
        pypi: Whether PyPI is allowed.
        host: Whether the interpreters of this machine are.
    """

    channels: Mapping[str, str] = field(default_factory=dict)
    pypi: bool = False
    host: bool = False


def parse_hosted(texts: Iterable[str]) -> dict[str, HostedChannel]:
    """Parse ``DIR``, ``s3://…`` or ``oci://…``, each possibly with ``NAME=`` before it.

    Returns:
        The channels by name, in order.

    Raises:
        UsageError: ``invalid-channel-name``: a name is invalid or used twice.
        ChannelError: ``no-channel-folder``: a directory does not exist.
    """
    found: dict[str, HostedChannel] = {}
    for text in texts:
        channel = _parse(text)
        if channel.name in found:
            raise _invalid_name(channel.name, "is used twice")
        found[channel.name] = channel
    return found


def parse_allowed(texts: Iterable[str]) -> Allowed:
    """Parse ``host``, ``pypi``, and ``NAME=URL`` of further channels.

    Raises:
        UsageError: ``invalid-channel-name``.
    """
    texts = set(texts)
    found = {}
    for text in sorted(texts - {HOST_CHANNEL, PYPI_CHANNEL}):
        named = _NAMED.fullmatch(text)
        if named is None or not named[2].startswith(("http://", "https://")):
            raise UsageError(
                "invalid-channel-name",
                f"{shortened(text, 80)!r} is neither host nor pypi, nor a name with a URL",
                hint="write for instance conda-forge=https://conda.anaconda.org/conda-forge",
            )
        found[_checked(named[1])] = named[2].rstrip("/")
    return Allowed(channels=found, pypi=PYPI_CHANNEL in texts, host=HOST_CHANNEL in texts)


def _parse(text: str) -> HostedChannel:
    named = _NAMED.fullmatch(text)
    name, location = (named[1], named[2]) if named else ("", text)
    if is_url(location) and Url(location).file_path is None:
        own = str(Url(location).without_credentials).rstrip("/").rpartition("/")[2]
        return HostedChannel(_checked(name or own), location.rstrip("/"))
    path = Url(location).file_path if is_url(location) else location
    folder = channel_folder(path or "")
    return HostedChannel(_checked(name or folder.resolve().name), folder.as_uri(), folder)


def _checked(name: str) -> str:
    if name in _RESERVED or not _NAME.match(name):
        raise _invalid_name(name, "cannot be the name of a served channel")
    return name


def _invalid_name(name: str, why: str) -> UsageError:
    return UsageError(
        "invalid-channel-name",
        f"{shortened(name, 80)!r} {why}",
        hint="put a name of letters, digits, '-', '_' and '.' before the location: NAME=DIR",
    )
