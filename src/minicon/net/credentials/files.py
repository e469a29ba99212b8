"""Secrets that other programs of the family left on this machine, read when first needed.

A file that cannot be read gives no secrets: the server then says 401, and the error of that
names the ways to log in.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote_plus

from minicon.models.json_values.strict_json import read_json
from minicon.net.credentials.keyring_secrets import secret_from_keyring
from minicon.net.credentials.origin import Origin
from minicon.net.credentials.store import Secret, s3_secret_from_json, secret_from_json

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
        lambda origin: _from_docker_config(origin, home, environment),
        lambda origin: _from_netrc(origin, home, environment),
        secret_from_keyring,
    ]


def _from_credential_files(origin: Origin, paths: list[Path]) -> Secret | None:
    """Rattler's format: ``{"*.example.org": {"BearerToken": "…"}}``, exact hosts first."""
    for path in paths:
        entries = _read_json_object(path)
        if origin.scheme == "s3":
            secret = _access_key(origin.host, entries)
            if secret is not None:
                return secret
            continue
        for key in _host_patterns(origin):
            secret = secret_from_json(entries.get(key))
            if secret is not None:
                return secret
    return None


def _access_key(bucket: str, entries: dict[str, Any]) -> Secret | None:
    """The access key for a bucket; rattler's names are ``s3://bucket`` or ``s3://bucket/path``."""
    for name in (f"s3://{bucket}", bucket, *sorted(entries)):
        if name == bucket or (name + "/").startswith(f"s3://{bucket}/"):
            secret = s3_secret_from_json(entries.get(name))
            if secret is not None:
                return secret
    return None


def _host_patterns(origin: Origin) -> list[str]:
    labels = origin.host.split(".")
    wildcards = ["*." + ".".join(labels[start:]) for start in range(len(labels))]
    return [f"{origin.host}:{origin.port}", origin.host, *wildcards]


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(path.read_bytes())
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


def _from_docker_config(
    origin: Origin, home: Path, environment: Mapping[str, str]
) -> Secret | None:
    if origin.scheme != "oci":
        return None
    from minicon.net.credentials.docker_config import docker_config_paths, secret_from_docker_config

    return secret_from_docker_config(origin, docker_config_paths(home, environment))


def _from_netrc(origin: Origin, home: Path, environment: Mapping[str, str]) -> Secret | None:
    if origin.scheme == "s3":
        return None  # a bucket is no machine, and netrc's `default` is not meant for it
    import netrc

    path = Path(environment.get("NETRC") or home / ".netrc")
    try:
        entry = netrc.netrc(str(path)).authenticators(origin.host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return None
    return Secret(user=entry[0] or None, password=entry[2] or None) if entry else None
