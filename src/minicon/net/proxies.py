"""Which proxy a request goes through."""

from __future__ import annotations

import os
import sys
from urllib.parse import urlsplit

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping


def proxies_for(url: str, configured: Mapping[str, str]) -> dict[str, str]:
    """The proxy for a URL as requests wants it: ``{scheme: proxy URL}``, empty for none.

    ``proxy_servers`` of the configuration comes first, most exact key first
    (``https://host``, ``https``, ``all://host``, ``all``), then the environment
    (``https_proxy``, ``all_proxy``, ``no_proxy``, or what the system has configured).
    """
    if not configured and not _may_have_proxies():
        return {}
    import urllib.request

    parts = urlsplit(url)
    scheme, host = parts.scheme, parts.hostname or ""
    for key in (f"{scheme}://{host}", scheme, f"all://{host}", "all"):
        if configured.get(key):
            return {scheme: configured[key]}
    if urllib.request.proxy_bypass(parts.netloc.rpartition("@")[2]):
        return {}
    found = urllib.request.getproxies()
    proxy = found.get(scheme) or found.get("all")
    return {scheme: proxy} if proxy else {}


def _may_have_proxies() -> bool:
    """Whether the surroundings may name a proxy; saves the import of what reads them."""
    if sys.platform in ("darwin", "win32"):
        return True
    return any(name.lower().endswith("_proxy") for name in os.environ)
