"""Which proxy a request goes through."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from minicon.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_PROXY_SCHEMES = ("http", "https")
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def proxies_for(url: str, configured: Mapping[str, str]) -> dict[str, str]:
    """The proxy for a URL as requests wants it: ``{scheme: proxy URL}``, empty for none.

    ``proxy_servers`` of the configuration comes first, most exact key first
    (``https://host``, ``https``, ``all://host``, ``all``), then the environment
    (``https_proxy``, ``all_proxy``, ``no_proxy``, or what the system has configured).

    Raises:
        ConfigError: ``invalid-proxy``, or ``extra-missing`` for a SOCKS proxy.
    """
    if not configured and not _may_have_proxies():
        return {}
    import urllib.request

    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname or ""
    for key in (f"{scheme}://{host}", scheme, f"all://{host}", "all"):
        if configured.get(key):
            return {scheme: _checked(configured[key], f"proxy_servers has for {key}")}
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return {}
    found = urllib.request.getproxies()
    proxy = found.get(scheme) or found.get("all")
    return {scheme: _checked(proxy, f"the environment has for {scheme}")} if proxy else {}


def _checked(proxy: str, where: str) -> str:
    """The proxy's URL, if it is one that can be used."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        is_place = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        is_place = False
    if not is_place or parts.scheme not in (*_PROXY_SCHEMES, *_SOCKS):
        message = f"what {where} is no URL of a proxy"
        raise ConfigError("invalid-proxy", message, hint="write http://host:port")
    if parts.scheme in _SOCKS and not _has_socks():
        message = f"what {where} is a SOCKS proxy, for which the package PySocks is missing"
        raise ConfigError("extra-missing", message, hint="pip install 'minicon[socks]'")
    return proxy


def _has_socks() -> bool:
    import importlib.util

    return importlib.util.find_spec("socks") is not None


def _may_have_proxies() -> bool:
    """Whether the surroundings may name a proxy; saves the import of what reads them."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(name.lower().endswith("_proxy") for name in os.environ)
