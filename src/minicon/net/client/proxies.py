"""Which proxy a request is sent through."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

from minicon.errors import ConfigError

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping

_HTTP = ("http", "https")
_SOCKS = ("socks4", "socks4a", "socks5", "socks5h")


def proxies_for(url: str, configured: Mapping[str, str]) -> dict[str, str]:
    """Return the proxy for a URL as requests expects it: ``{scheme: proxy URL}``, empty for none.

    The setting ``proxy_servers`` has precedence, most specific key first (``https://host``,
    ``https``, ``all://host``, ``all``), then the environment (``https_proxy``, ``all_proxy``,
    ``no_proxy``, or the system's configuration).

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
    """Return a proxy's URL if it can be used. Raises ConfigError."""
    try:
        parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        has_host = False
    if not has_host or parts.scheme not in (*_HTTP, *_SOCKS):
        message = f"the value that {where} is not the URL of a proxy"
        raise ConfigError("invalid-proxy", message, hint="write http://host:port")
    if parts.scheme in _SOCKS and not _has_socks():
        message = f"the proxy that {where} is a SOCKS proxy, which needs the package PySocks"
        raise ConfigError("extra-missing", message, hint="pip install PySocks")
    return proxy


def _has_socks() -> bool:
    import importlib.util

    return importlib.util.find_spec("socks") is not None


def _may_have_proxies() -> bool:
    """Whether the environment may configure a proxy; if not, urllib need not be imported."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(name.lower().endswith("_proxy") for name in os.environ)
