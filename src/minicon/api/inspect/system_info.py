"""Describe this installation and its environments with the keys of conda's ``info --json``."""

from __future__ import annotations

import os
import platform
import sys

from minicon import __version__
from minicon.prefix.environment.prefix import Prefix

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.api.services import Services
    from minicon.envs.registry import EnvironmentEntry, EnvironmentRegistry

#: Prefixes of variables that are shown.
_RELEVANT = ("MINICON", "CONDA", "_CONDA", "PATH", "PYTHON", "PIP_", "LD_", "DYLD_", "XDG_",
             "VIRTUAL_ENV", "SSL_CERT", "REQUESTS_CA", "http_proxy", "https_proxy", "no_proxy",
             "HTTP_PROXY", "HTTPS_PROXY", "NO_PROXY")  # fmt: skip
#: Parts of the names of variables that contain secrets.
_SECRET = ("TOKEN", "PASSWORD", "SECRET", "KEY")


def installation_facts(services: Services, registry: EnvironmentRegistry) -> dict[str, Any]:
    """Return directories, platform and virtual packages, and configuration."""
    settings = services.settings
    active = services.environ.get("CONDA_PREFIX")
    virtual = [[p.name, p.version, p.build] for p in services.virtual_packages]
    return {
        "minicon_version": __version__,
        "python_version": platform.python_version(),
        "platform": settings.platform,
        "root_prefix": str(settings.root),
        "active_prefix": active,
        "active_prefix_name": os.path.basename(active) if active else None,
        "conda_shlvl": int(services.environ.get("CONDA_SHLVL") or -1),
        "envs": [str(entry.path) for entry in registry.entries()],
        "envs_dirs": [str(path) for path in settings.envs_dirs],
        "pkgs_dirs": [str(path) for path in settings.pkgs_dirs],
        "cache_dir": str(settings.cache_dir),
        "channels": list(settings.channels)
        if settings.channels is not None
        else ["conda-forge (if it can be reached)", "host", "pypi"],
        "channel_priority": settings.channel_priority,
        "offline": settings.offline,
        "config_files": sorted({s for s in settings.sources.values() if os.path.isfile(s)}),
        "user_agent": f"minicon/{__version__}",
        "solver": "minicon",
        "archive_reader": _archive_reader(),
        "virtual_pkgs": virtual,
        "sys.executable": sys.executable,
    }


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
        "created": prefix.created_at,
        "last_modified": prefix.last_modified,
        "active": entry.active,
        "base": False,
        "frozen": prefix.frozen_message() is not None,
        "writable": prefix.is_writable,
    }


def interpreter_rows(services: Services) -> list[tuple[str, ...]]:
    """Return one row per python found on this machine."""
    from minicon.machine.host_packages.layout import layout_for

    rows: list[tuple[str, ...]] = [("# Version", "Layout", "Path")]
    found = sorted(services.discovery.interpreters, key=lambda f: f.version_tuple, reverse=True)
    rows += [(facts.version, layout_for(facts), facts.executable) for facts in found]
    return rows
