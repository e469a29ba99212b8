"""Secrets that other programs stored on this machine, read when first needed.

A file or keyring that cannot be read gives no secrets: the server then answers 401, and the error
names the ways to log in.
"""

from __future__ import annotations

from pathlib import Path
from urllib.parse import unquote_plus

from minicon.fs.plain_file import decode_text, read_named_file
from minicon.models.strict_json import read_json
from minicon.net.credentials.origin import Origin
from minicon.net.credentials.store import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from typing import Any

#: The keyring service under which ``rattler auth login`` and ``pixi auth login`` store secrets.
_KEYRING_SERVICE = "rattler"


def secret_sources(
    home: Path, environment: Mapping[str, str]
) -> list[Callable[[Origin], Secret | None]]:
    """Return the sources for :class:`CredentialStore`, in their order. Reads nothing yet."""
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
        _from_keyring,
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
            secret = _secret_from_json(entries.get(key))
            if secret is not None:
                return secret
    return None


def _access_key(bucket: str, entries: dict[str, Any]) -> Secret | None:
    """The access key for a bucket; rattler's names are ``s3://bucket`` or ``s3://bucket/path``."""
    for name in (f"s3://{bucket}", bucket, *sorted(entries)):
        if name == bucket or (name + "/").startswith(f"s3://{bucket}/"):
            secret = _s3_secret_from_json(entries.get(name))
            if secret is not None:
                return secret
    return None


def _host_patterns(origin: Origin) -> list[str]:
    labels = origin.host.split(".")
    wildcards = ["*." + ".".join(labels[start:]) for start in range(len(labels))]
    return [f"{origin.host}:{origin.port}", origin.host, *wildcards]


def _read_json_object(path: Path) -> dict[str, Any]:
    try:
        data = read_json(read_named_file(path))
    except (OSError, ValueError):
        return {}
    return data if isinstance(data, dict) else {}


def _secret_from_json(entry: Any) -> Secret | None:
    """A secret in rattler's form: ``{"BearerToken": "…"}`` and others; None if unknown."""
    if not isinstance(entry, dict):
        return None
    basic = entry.get("BasicHTTP")
    if isinstance(basic, dict):
        return Secret(user=str(basic.get("username", "")), password=str(basic.get("password", "")))
    if isinstance(entry.get("BearerToken"), str):
        return Secret(bearer=entry["BearerToken"])
    if isinstance(entry.get("CondaToken"), str):
        return Secret(token=entry["CondaToken"])
    return None


def _s3_secret_from_json(entry: Any) -> Secret | None:
    """The access key that ``pixi auth login s3://…`` stores; None for other forms."""
    keys = entry.get("S3Credentials") if isinstance(entry, dict) else None
    if not isinstance(keys, dict):
        return None
    names = ("access_key_id", "secret_access_key", "session_token")
    user, password, session = (keys.get(name) for name in names)
    if not (isinstance(user, str) and isinstance(password, str)):
        return None
    return Secret(user, password, session=session if isinstance(session, str) else None)


def _from_anaconda_tokens(
    origin: Origin, home: Path, environment: Mapping[str, str]
) -> Secret | None:
    """``anaconda login`` writes one file per API URL; its token is valid for the conda host too."""
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
                return Secret(token=decode_text(read_named_file(path)).strip())
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
        return None  # a bucket is not a machine, and netrc's `default` is not meant for it
    import netrc

    path = Path(environment.get("NETRC") or home / ".netrc")
    if path.is_char_device():  # it may have no end
        return None
    try:
        entry = netrc.netrc(str(path)).authenticators(origin.host)
    except (OSError, netrc.NetrcParseError, UnicodeDecodeError):
        return None
    return Secret(user=entry[0] or None, password=entry[2] or None) if entry else None


def _from_keyring(origin: Origin) -> Secret | None:
    """Return the secret that the system's keyring has for an origin, or None.

    Needs the package keyring (``minicon[keyring]``). It is the last source: keyring is slow to
    import and may prompt the user to unlock it.
    """
    import importlib.util

    if origin.scheme not in ("https", "oci", "s3") or importlib.util.find_spec("keyring") is None:
        return None
    try:
        import keyring

        if origin.scheme == "s3":
            text = keyring.get_password(_KEYRING_SERVICE, f"s3://{origin.host}")
            return _s3_secret_from_json(read_json(text)) if text else None
        return _rattler_secret(keyring, origin) or _plain_secret(keyring, origin)
    except Exception:  # noqa: BLE001 - every backend has its own exceptions
        return None


def _rattler_secret(keyring: Any, origin: Origin) -> Secret | None:
    for name in (f"{origin.host}:{origin.port}", origin.host):
        text = keyring.get_password(_KEYRING_SERVICE, name)
        if text:
            try:
                return _secret_from_json(read_json(text))
            except ValueError:
                continue
    return None


def _plain_secret(keyring: Any, origin: Origin) -> Secret | None:
    """User and password by URL or host, as ``keyring set`` stores them."""
    for service in (f"https://{origin.host}", origin.host):
        found = keyring.get_credential(service, None)
        if found is not None:
            return Secret(user=found.username, password=found.password)
    return None
