"""Secrets that other programs of the family left on this machine, read when first needed.

A file that cannot be read gives no secrets: the server then says 401, and the error of that
names the ways to log in.
"""

from __future__ import annotations

import json
from pathlib import Path
from urllib.parse import unquote_plus

from minicon.net.credentials import Secret, secret_from_json
from minicon.net.keyring_secrets import secret_from_keyring
from minicon.net.origin import Origin

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any


def file_sources(
    home: Path, environment: Mapping[str, str]
) -> list[Callable[[Origin], Secret | None]]:
    """The sources of :class:`CredentialStore`, in their order. Reads nothing yet."""
    paths = [
        Path(environment[name])
        for name in ("MINICON_AUTH_FILE", "RATTLER_AUTH_FILE")
        if environment.get(name)
    ]
    paths.append(home / ".rattler" / "credentials.json")
    return [
        lambda origin: _from_credential_files(origin, paths),
        lambda origin: _from_anaconda_tokens(origin, home, environment),
        lambda origin: _from_netrc(origin, home, environment),
        secret_from_keyring,
    ]


def _from_credential_files(origin: Origin, paths: list[Path]) -> Secret | None:
    """Rattler's format: ``{"*.example.org": {"BearerToken": "…"}}``, exact hosts first."""
    for path in paths:
        entries = _read_json_object(path)
        for key in _host_patterns(origin):
            secret = secret_from_json(entries.get(key))
            if secret is not None:
                return secret
    return None


def _host_patterns(origin: Origin) -> list[str]:
    labels = origin.host.split(".")
    wildcards = ["*." + ".".join(labels[start:]) for start in range(len(labels))]
    return [f"{origin.host}:{origin.port}", origin.host, *wildcards]


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        data = json.loads(path.read_bytes())
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _from_anaconda_tokens(
    origin: Origin, home: Path, environment: Mapping[str, str]
) -> Secret | None:
    """``anaconda login`` writes one file per API URL; its token also fits the conda host."""
    configured = environment.get("BINSTAR_CONFIG_DIR")
    folders = [Path(configured) / "data"] if configured else []
    folders += [
        home / ".local" / "share" / "binstar",
        home / "Library" / "Application Support" / "binstar",
        home / "AppData" / "Local" / "ContinuumIO" / "binstar",
    ]
    for path in (path for folder in folders for path in sorted(folder.glob("*.token"))):
        url = unquote_plus(path.name.removesuffix(".token"))
        if origin in (Origin.of(url), Origin.of(url.replace("://api.", "://conda.", 1))):
            try:
                return Secret(token=path.read_text().strip())
            except (OSError, ValueError):
                continue
    return None


def _from_netrc(origin: Origin, home: Path, environment: Mapping[str, str]) -> Secret | None:
    import netrc

    path = Path(environment.get("NETRC") or home / ".netrc")
    try:
        entry = netrc.netrc(str(path)).authenticators(origin.host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return None
    return Secret(user=entry[0] or None, password=entry[2] or None) if entry else None
