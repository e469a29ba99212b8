"""IndexConfiguration: the package indexes that pip on this machine uses, and how to reach them.

minicon has no default index of its own: it reads pip's configuration files and ``PIP_*``
variables, and uses pip's own default if they name none. A mirror that is configured for pip is
thereby configured for minicon.
"""

from __future__ import annotations

import os
import re
import sys
from contextlib import suppress
from importlib.machinery import PathFinder
from pathlib import Path
from urllib.parse import unquote, urljoin, urlsplit

from minicon.errors import ConfigError
from minicon.fs.plain_file import decode_text, read_named_file
from minicon.fs.stamps import file_stamp
from minicon.lazy_pattern import lazy_pattern
from minicon.lean_dataclasses import dataclass, field, replace
from minicon.models.url import Credentials
from minicon.pypi.urls import without_credentials

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from minicon.config.settings import Settings
    from minicon.net.credentials.store import CredentialStore
    from minicon.net.routing import UrlFetcher
    from minicon.pypi.requirements.requirements import IndexOptions

_PIPS_INDEX = lazy_pattern(r'^PyPI = PackageIndex\(\s*"(https://[^"]+/)"', re.MULTILINE)
#: Sections of a pip configuration file, lowest precedence first. `pip install` reads the last
#: two; [download] is the fallback for both.
_SECTIONS = ("download", "global", "install")
#: Other spellings that pip accepts for its options.
_ALIASES = {"pypi-url": "index-url", "default-timeout": "timeout", "i": "index-url"}
_SYSTEM = Path("/etc")
_TRUE = ("1", "true", "yes", "on", "y", "t")


@dataclass(frozen=True, slots=True, kw_only=True)
class IndexConfiguration:
    """Where distributions come from, and how to reach it.

    Attributes:
        index_urls: ``index-url`` first, then ``extra-index-url`` in order; no credentials.
        find_links: Paths and URLs, no credentials.
        constraints: Paths and URLs of constraint files; may contain credentials.
        trusted_hosts: ``host`` or ``host:port`` whose certificates are not verified.
        cert: File of certificate authorities, or None.
        client_cert: File with a client certificate and its key, or None.
        proxy: Proxy URL, or None.
        timeout: Seconds, or None.
        credentials: ``user:password`` (percent-decoded) by ``scheme://host[:port]``, removed
            from the URLs: for the fetcher alone.
    """

    index_urls: tuple[str, ...]
    find_links: tuple[str, ...] = ()
    constraints: tuple[str, ...] = field(default=(), repr=False)
    trusted_hosts: tuple[str, ...] = ()
    cert: str | None = None
    client_cert: str | None = None
    proxy: str | None = field(default=None, repr=False)
    timeout: float | None = None
    credentials: Mapping[str, str] = field(default_factory=dict, repr=False)

    def with_options(
        self, options: IndexOptions, secret_urls: Sequence[str] = ()
    ) -> IndexConfiguration:
        """Return the configuration with a requirement file's options applied, as pip does.

        Args:
            options: The options.
            secret_urls: Further URLs with credentials, of files that the requirements name.
        """
        urls = list(self.index_urls)
        if options.index_url:
            urls = [options.index_url]
        urls = [] if options.no_index else [*urls, *options.extra_index_urls]
        find_links = (*self.find_links, *options.find_links)
        return replace(
            self,
            index_urls=_unique(without_credentials(url) for url in urls),
            find_links=_unique(without_credentials(location) for location in find_links),
            trusted_hosts=_unique((*self.trusted_hosts, *options.trusted_hosts)),
            credentials={
                **self.credentials,
                **_credentials((*urls, *find_links, *secret_urls)),
            },
        )


def load_index_configuration(
    environ: Mapping[str, str],
    *,
    home: Path | None = None,
    site_prefix: Path | None = None,
    platform: str = sys.platform,
) -> IndexConfiguration:
    """Read pip's configuration files and variables.

    Args:
        environ: Environment variables.
        home: The user's home folder.
        site_prefix: Prefix of the Python whose ``pip.conf`` is read too: by default the one
            that runs minicon.
        platform: As ``sys.platform``.

    Raises:
        ConfigError: A configuration file cannot be read. Continuing without it could request a
            private name from the public index.
    """
    values: dict[str, str] = {}
    sources: dict[str, str] = {}
    for path in pip_configuration_files(
        environ, home=home, site_prefix=site_prefix, platform=platform
    ):
        for key, value in _read_file(path):
            values[key], sources[key] = value, str(path)
    for key, value in _read_environ(environ):
        values[key], sources[key] = value, f"PIP_{key.upper().replace('-', '_')}"
    return _configuration(values, sources)


def configuration_state(
    environ: Mapping[str, str], *, home: Path | None = None
) -> tuple[list[tuple[str, object]], list[tuple[str, str]]]:
    """Identify what :func:`load_index_configuration` reads: stamps of files, and variables.

    Reading the files themselves takes three milliseconds.
    """
    files = pip_configuration_files(environ, home=home)
    return [(str(path), _stamp(path)) for path in files], sorted(_read_environ(environ))


def _stamp(path: Path) -> object:
    try:
        return file_stamp(path)
    except OSError as error:
        return error.strerror


def pip_configuration_files(
    environ: Mapping[str, str],
    *,
    home: Path | None = None,
    site_prefix: Path | None = None,
    platform: str = sys.platform,
) -> list[Path]:
    """Return the paths of pip's configuration files, lowest precedence first.

    They need not exist. See :func:`load_index_configuration` for the arguments.
    """
    home = home or Path(os.path.expanduser("~"))
    site_prefix = site_prefix or Path(sys.prefix)
    own = environ.get("PIP_CONFIG_FILE", "")
    if own == os.devnull:
        return []
    name = "pip.ini" if platform == "win32" else "pip.conf"
    shared, user = _folders(environ, home, platform)
    files = [folder / name for folder in shared]
    if not (own and os.path.exists(own)):
        files.append(home / ("pip" if platform == "win32" else ".pip") / name)
        files.append(user / name)
    if not _is_of_package(site_prefix / name, site_prefix):
        files.append(site_prefix / name)
    if own:
        files.append(Path(own))
    return files


def _is_of_package(path: Path, prefix: Path) -> bool:
    if not path.exists():
        return False
    from minicon.config.package_files import package_of

    return package_of(str(path), str(prefix)) is not None


def default_index_url() -> str:
    """Return the index that pip uses if none is configured.

    It is read from pip's source, whose form has not changed for years: importing pip costs as
    much as the rest of this module.
    """
    found = _PIPS_INDEX.search(_pips_source())
    if found:
        return urljoin(found[1], "simple")
    from pip._internal.models.index import PyPI

    return str(PyPI.simple_url)


def _pips_source() -> str:
    spec = PathFinder.find_spec("pip")  # not by setuptools' finder, which costs 3 ms
    folders = (spec and spec.submodule_search_locations) or ()
    for folder in folders:
        with suppress(OSError):
            return Path(folder, "_internal", "models", "index.py").read_text("utf-8")
    return ""


def _folders(environ: Mapping[str, str], home: Path, platform: str) -> tuple[list[Path], Path]:
    """Return the folders of the machine's and the user's pip configuration (as platformdirs)."""
    if platform == "win32":
        roaming = environ.get("APPDATA") or str(home / "AppData" / "Roaming")
        shared = environ.get("PROGRAMDATA") or r"C:\ProgramData"
        return [Path(shared) / "pip"], Path(roaming) / "pip"
    config = Path(environ.get("XDG_CONFIG_HOME") or home / ".config") / "pip"
    if platform == "darwin":
        user = home / "Library" / "Application Support" / "pip"
        return [Path("/Library/Application Support/pip")], user if user.is_dir() else config
    folders = (environ.get("XDG_CONFIG_DIRS") or "/etc/xdg").split(os.pathsep)
    return [*(Path(folder) / "pip" for folder in folders if folder), _SYSTEM], config


def _read_file(path: Path) -> Iterator[tuple[str, str]]:
    try:
        text = decode_text(read_named_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    except (OSError, UnicodeDecodeError) as error:
        raise _unreadable(path, error) from error
    import configparser

    parser = configparser.RawConfigParser()
    try:
        parser.read_string(text)
    except configparser.Error as error:
        raise _unreadable(path, error) from error
    for section in _SECTIONS:
        if parser.has_section(section):
            for key, value in parser.items(section):
                if value:
                    yield _option(key), value


def _read_environ(environ: Mapping[str, str]) -> Iterator[tuple[str, str]]:
    for name, value in environ.items():
        if name.startswith("PIP_") and value:
            yield _option(name[4:]), value


def _option(key: str) -> str:
    key = key.lower().replace("_", "-").lstrip("-")
    return _ALIASES.get(key, key)


def _configuration(values: Mapping[str, str], sources: Mapping[str, str]) -> IndexConfiguration:
    no_index = values.get("no-index", "").strip().lower() in _TRUE
    urls: list[str] = []
    if not no_index:
        urls = [values.get("index-url", "").strip() or default_index_url()]
        urls += values.get("extra-index-url", "").split()
    locations = values.get("find-links", "").split()
    for key, found in (("index-url", urls), ("find-links", locations)):
        for url in found:
            _check_url(url, sources.get(key) or sources.get("extra-index-url", ""))
    return IndexConfiguration(
        index_urls=_unique(without_credentials(url) for url in urls),
        find_links=_unique(without_credentials(location) for location in locations),
        constraints=tuple(values.get("constraint", "").split()),
        trusted_hosts=tuple(values.get("trusted-host", "").split()),
        cert=values.get("cert"),
        client_cert=values.get("client-cert"),
        proxy=values.get("proxy"),
        timeout=_seconds(values.get("timeout"), sources.get("timeout", "")),
        credentials=_credentials((*urls, *locations)),
    )


def _check_url(url: str, source: str) -> None:
    try:
        urlsplit(url)
    except ValueError as error:
        raise ConfigError(
            "pip-configuration", f"{source} contains an invalid URL: {str(error)[:80]}"
        ) from None


def _seconds(text: str | None, source: str) -> float | None:
    try:
        return None if text is None else float(text)
    except ValueError:
        raise ConfigError(
            "pip-configuration", f"the timeout in {source} is not a number: {text}"
        ) from None


def _credentials(urls: tuple[str, ...]) -> dict[str, str]:
    found = {}
    for url in urls:
        parts = urlsplit(url) if "@" in url and "://" in url else None
        if parts and "@" in parts.netloc:
            secret, _, host = parts.netloc.rpartition("@")
            found[f"{parts.scheme}://{host}"] = unquote(secret)
    return found


def _unique(values: Iterable[str]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(values))


def _unreadable(path: Path, error: Exception) -> ConfigError:
    reason = error.strerror if isinstance(error, OSError) else str(error).partition("\n")[0]
    return ConfigError(
        "pip-configuration",
        f"cannot read pip's configuration {path}: {reason}",
        hint="correct that file, or set PIP_CONFIG_FILE to another",
    )


def make_index_fetcher(
    configuration: IndexConfiguration, settings: Settings, environ: Mapping[str, str]
) -> UrlFetcher:
    """Make a Fetcher for indexes and their files; nothing is requested yet.

    minicon's own settings take precedence; pip's configuration supplies what they leave unset:
    certificates, proxy, time-out, and the credentials that were in index URLs. The certificates
    of a ``trusted-host`` are verified nevertheless: without TLS the hashes of an index prove
    nothing.
    """
    from minicon.net.credentials.secret_sources import secret_sources
    from minicon.net.credentials.store import CredentialStore
    from minicon.net.routing import make_fetcher

    store = CredentialStore(secret_sources(settings.home, environ))
    register_credentials(configuration, store)
    proxies = dict(settings.proxy_servers)
    if configuration.proxy and not proxies:
        proxies = {"http": configuration.proxy, "https": configuration.proxy}
    verify = settings.ssl_verify
    return make_fetcher(
        offline=settings.offline,
        ssl_verify=configuration.cert if verify is True and configuration.cert else verify,
        client_cert=settings.client_ssl_cert or configuration.client_cert,
        client_cert_key=settings.client_ssl_cert_key,
        proxy_servers=proxies,
        connect_timeout=settings.remote_connect_timeout_secs,
        read_timeout=max(settings.remote_read_timeout_secs, configuration.timeout or 0),
        max_retries=settings.remote_max_retries,
        home=settings.home,
        environment=environ,
        credentials=store,
    )


def register_credentials(configuration: IndexConfiguration, store: CredentialStore) -> None:
    """Add the credentials that were in index URLs to a fetcher's store."""
    for origin, secret in configuration.credentials.items():
        user, _, password = secret.partition(":")
        store.add(f"{origin}/", Credentials(user, password))
