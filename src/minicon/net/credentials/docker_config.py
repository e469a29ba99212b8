"""Secrets for registries that ``docker login``, ``podman login`` or ``oras login`` stored.

All write the same file: per host a secret, or the name of a credential helper that stores it
(``docker-credential-NAME``, which reads the host from standard input).
"""

from __future__ import annotations

import base64
from pathlib import Path

from minicon.fs.plain_file import read_named_file
from minicon.lazy_pattern import lazy_pattern
from minicon.models.strict_json import read_json
from minicon.net.credentials.store import Secret

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import Any

    from minicon.net.credentials.origin import Origin

_HELPER = lazy_pattern(r"[A-Za-z0-9][A-Za-z0-9_\-]*")
_HELPER_SECONDS = 30.0
#: The name under which docker stores the login to its own registry.
_DOCKER_HUB = "https://index.docker.io/v1/"
#: The user name that marks a password as an identity token (Azure, Docker).
_TOKEN_USER = "00000000-0000-0000-0000-000000000000"


def docker_config_paths(home: Path, environment: Mapping[str, str]) -> list[Path]:
    """Return the paths of such files, in the order in which they are read."""
    named = [("REGISTRY_AUTH_FILE", ""), ("DOCKER_CONFIG", "config.json")]
    named.append(("XDG_RUNTIME_DIR", "containers/auth.json"))
    paths = [Path(environment[name]) / tail for name, tail in named if environment.get(name)]
    paths.append(home / ".docker" / "config.json")
    paths.append(home / ".config" / "containers" / "auth.json")
    return paths


def secret_from_docker_config(origin: Origin, paths: list[Path]) -> Secret | None:
    """Return the secret for a registry; None if no readable file has an entry."""
    for path in paths:
        try:
            settings = read_json(read_named_file(path))
            secret = _secret_in(settings, _names(origin))
        except (OSError, ValueError, AttributeError, KeyError, TypeError):
            continue
        if secret is not None:
            return secret
    return None


def _names(origin: Origin) -> list[str]:
    """The spellings of a registry in these files."""
    names = [f"{origin.host}:{origin.port}", origin.host]
    names += [f"https://{name}" for name in names]
    return [*names, _DOCKER_HUB] if origin.host == "docker.io" else names


def _secret_in(settings: Any, names: list[str]) -> Secret | None:
    helpers, store = settings.get("credHelpers") or {}, settings.get("credsStore")
    entries = settings.get("auths") or {}
    for name in names:
        secret = _from_entry(entries.get(name) or {})
        helper = helpers.get(name) or (store if name in entries else None)
        if secret is None and helper:
            secret = _from_helper(helper, name)
        if secret is not None:
            return secret
    return None


def _from_entry(entry: Mapping[str, Any]) -> Secret | None:
    user, _, password = base64.b64decode(str(entry.get("auth", ""))).decode().partition(":")
    token = entry.get("identitytoken")
    if token:
        return Secret(user=user or _TOKEN_USER, password=str(token))
    return Secret(user=user, password=password) if user else None


def _from_helper(name: Any, host: str) -> Secret | None:
    """Run ``docker-credential-NAME get``; its output is never shown."""
    import subprocess

    if not isinstance(name, str) or not _HELPER.fullmatch(name):
        return None
    try:
        process = subprocess.run(
            [f"docker-credential-{name}", "get"],
            input=host.encode(),
            capture_output=True,
            check=True,
            timeout=_HELPER_SECONDS,
        )
    except (OSError, subprocess.SubprocessError):
        return None
    found = read_json(process.stdout)
    user, password = str(found["Username"]), str(found["Secret"])
    return Secret(user=_TOKEN_USER if user == "<token>" else user, password=password)
