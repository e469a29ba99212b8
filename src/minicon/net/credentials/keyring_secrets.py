"""Secrets in the system's keyring: rattler's entries, and those that pip's users make.

Only where the package keyring is there (``minicon[keyring]``), for it is slow to import and may
ask the user to unlock something. It is asked last, and once per origin.
"""

from __future__ import annotations

import importlib.util

from minicon.models.json_values.strict_json import read_json
from minicon.net.credentials.store import Secret, s3_secret_from_json, secret_from_json

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

    from minicon.net.credentials.origin import Origin

#: The service under which ``rattler auth login`` and ``pixi auth login`` keep secrets.
_SERVICE = "rattler"


def secret_from_keyring(origin: Origin) -> Secret | None:
    """The secret for an origin, or None: no keyring, none in it, or it cannot be opened."""
    if origin.scheme not in ("https", "oci", "s3") or importlib.util.find_spec("keyring") is None:
        return None
    try:
        import keyring

        if origin.scheme == "s3":
            return _access_key(keyring, origin.host)
        return _rattlers(keyring, origin) or _plain(keyring, origin)
    except Exception:  # noqa: BLE001 - every backend has errors of its own
        return None


def _rattlers(keyring: Any, origin: Origin) -> Secret | None:
    for name in (f"{origin.host}:{origin.port}", origin.host):
        text = keyring.get_password(_SERVICE, name)
        if text:
            try:
                return secret_from_json(read_json(text))
            except ValueError:
                continue
    return None


def _access_key(keyring: Any, bucket: str) -> Secret | None:
    text = keyring.get_password(_SERVICE, f"s3://{bucket}")
    return s3_secret_from_json(read_json(text)) if text else None


def _plain(keyring: Any, origin: Origin) -> Secret | None:
    """User and password by URL or host, as ``keyring set`` keeps them."""
    for service in (f"https://{origin.host}", origin.host):
        found = keyring.get_credential(service, None)
        if found is not None:
            return Secret(user=found.username, password=found.password)
    return None
