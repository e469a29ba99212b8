"""Describe this installation and its environments with the keys of conda's ``info --json``."""

from __future__ import annotations

import os
import platform
import sys

from minicon import __version__
from minicon.config.dirs import conda_user_file
from minicon.constants import CONDA_VERSION, RESERVED_ENVIRONMENT_NAMES
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path
    from typing import Any

    from minicon.api.services import Services
    from minicon.envs.registry import EnvironmentEntry, EnvironmentRegistry

#: Prefixes of variables that are shown.
_RELEVANT = ("MINICON", "CONDA", "_CONDA", "PATH", "PYTHON", "PIP_", "LD_", "DYLD_", "XDG_",
             "VIRTUAL_ENV", "SSL_CERT", "REQUESTS_CA", "http_proxy", "https_proxy", "no_proxy",
             "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip
#: Parts of the names of variables that contain secrets.
_SECRET = ("TOKEN", "PASSWORD", "SECRET", "KEY")


def installation_facts(
    services: Services,
    registry: EnvironmentRegistry,
    *,
    program_directory: str | None = None,
    active: str | None = None,
) -> dict[str, Any]:
    """Return directories, platform and virtual packages, and configuration.

    All keys of conda 26 are among them.

    Args:
        services: Settings, variables and virtual packages.
        registry: The known environments.
        program_directory: The directory of the shims, conda's own environment for their clients;
            None means the root directory.
        active: The environment to show as the active one; None means the active one.
    """
    settings, environ = services.settings, services.environ
    root = str(settings.root)
    entries = registry.entries()
    conda_prefix = program_directory or root
    user_rc = conda_user_file(environ, str(settings.home))
    return {
        "minicon_version": __version__,
        "conda_version": CONDA_VERSION,
        "conda_build_version": "not installed",
        "conda_env_version": CONDA_VERSION,
        "platform": settings.platform,
        "root_prefix": root,
        "root_writable": _is_writable(settings.root),
        "conda_prefix": conda_prefix,
        "conda_location": os.path.join(conda_prefix, "bin", "conda"),
        **_active_facts(active, environ, root),
        "conda_shlvl": int(environ.get("CONDA_SHLVL") or -1),
        "envs": [str(entry.path) for entry in entries],
        "envs_details": {str(entry.path): environment_details(entry) for entry in entries},
        "envs_dirs": [str(path) for path in settings.envs_dirs],
        "pkgs_dirs": [str(path) for path in settings.pkgs_dirs],
        "cache_dir": str(settings.cache_dir),
        "av_data_dir": os.path.join(root, "etc", "conda"),
        "av_metadata_url_base": None,
        "channels": _channel_urls(services),
        "channel_priority": settings.channel_priority,
        "offline": settings.offline,
        "rc_path": user_rc,
        "user_rc_path": user_rc,
        "sys_rc_path": os.path.join(root, ".condarc"),
        "config_files": sorted({s for s in settings.sources.values() if os.path.isfile(s)}),
        "netrc_file": _existing(environ.get("NETRC") or str(settings.home / ".netrc")),
        "site_dirs": [],
        "env_vars": relevant_variables(environ),
        "user_agent": f"minicon/{__version__}",
        "solver": {"name": "minicon", "user_agent": f"minicon/{__version__}", "default": True},
        "archive_reader": _archive_reader(),
        "virtual_pkgs": [[p.name, p.version, p.build] for p in services.virtual_packages],
        **_process_facts(),
    }


def _active_facts(
    named: str | None, environ: Mapping[str, str], root: str
) -> dict[str, str | None]:
    """Return path and name of an environment, or of the active one."""
    active = named or environ.get("CONDA_PREFIX")
    name = None if named else environ.get("CONDA_DEFAULT_ENV")
    usual = "base" if active == root else os.path.basename(active or "")
    return {
        "default_prefix": active or root,
        "active_prefix": active,
        "active_prefix_name": name or usual if active else None,
    }


def _process_facts() -> dict[str, Any]:
    """Return the interpreter and the user of this process."""
    return {
        "python_version": platform.python_version(),
        "requests_version": _requests_version(),
        "sys.executable": sys.executable,
        "sys.prefix": sys.prefix,
        "sys.version": sys.version,
        "UID": os.getuid() if hasattr(os, "getuid") else None,
        "GID": os.getgid() if hasattr(os, "getgid") else None,
    }


def _channel_urls(services: Services) -> list[str]:
    """Return the URLs of the channels, for this platform and noarch; built-in sources by name."""
    sources = services.sources(probe=False)
    subdirs = (services.settings.platform, "noarch")
    urls = [channel.url_for(subdir) for channel in sources.channels for subdir in subdirs]
    return [*urls, *sources.names[len(sources.channels) :]]


def _requests_version() -> str:
    from importlib.metadata import PackageNotFoundError, version

    try:
        return version("requests")
    except PackageNotFoundError:
        return "not installed"


def _existing(path: str) -> str | None:
    return path if os.path.isfile(path) else None


def _is_writable(path: Path) -> bool:
    """Whether this user can write to a directory, or create it."""
    while not path.exists() and path != path.parent:
        path = path.parent
    return os.access(path, os.W_OK | os.X_OK)


def _archive_reader() -> str:
    """Name the library that decompresses conda packages, with its version."""
    from minicon.archive.libarchive_decoder import libarchive_version

    version = libarchive_version()
    return f"libarchive {version}" if version else "minicon (libarchive is not installed)"


def relevant_variables(environ: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that change minicon's behaviour, by name, without secrets."""
    from minicon.redaction import redact

    shown = (
        name
        for name in sorted(environ)
        if name.startswith(_RELEVANT) and not any(word in name.upper() for word in _SECRET)
    )
    return {name: redact(environ[name]) for name in shown}


def environment_details(entry: EnvironmentEntry) -> dict[str, Any]:
    """Return conda's ``envs_details`` object for one environment."""
    prefix = Prefix(entry.path)
    return {
        "name": entry.name,
        "created": _iso_text(prefix.created_at),
        "last_modified": _iso_text(prefix.last_modified),
        "active": entry.active,
        "base": entry.name in RESERVED_ENVIRONMENT_NAMES,
        "frozen": prefix.frozen_message() is not None,
        "writable": prefix.is_writable,
    }


def _iso_text(seconds: float | None) -> str | None:
    """Return a time as ISO 8601 text in UTC, as conda does."""
    if seconds is None:
        return None
    from datetime import datetime, timezone

    return datetime.fromtimestamp(seconds, tz=timezone.utc).isoformat()


def interpreter_rows(services: Services) -> list[tuple[str, ...]]:
    """Return one row per python found on this machine."""
    from minicon.machine.host_packages.layout import layout_for

    rows: list[tuple[str, ...]] = [("# Version", "Layout", "Path")]
    found = sorted(services.discovery.interpreters, key=lambda f: f.version_tuple, reverse=True)
    linked = services.settings.host_python == "link"
    rows += [(f.version, layout_for(f, linked=linked), f.executable) for f in found]
    return rows
