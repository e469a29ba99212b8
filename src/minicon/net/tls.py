"""TLS: whom to trust, and who we are."""

from __future__ import annotations

import os

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Mapping
    from ssl import SSLContext


def trusted_bundle(variables: Mapping[str, str]) -> bool | str:
    """The CA file that the usual variables name, else True for the default one."""
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE", "SSL_CERT_FILE"):
        if variables.get(name):
            return variables[name]
    return True


def tls_context(trusted: bool | str, cert: str | tuple[str, str] | None) -> SSLContext | None:
    """TLS as requests would set it up; None where only requests can say what is wrong."""
    if trusted is False or trusted == "truststore":
        return None
    import ssl

    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        if trusted is True:
            import certifi

            context.load_verify_locations(certifi.where())
        elif os.path.isdir(trusted):
            context.load_verify_locations(capath=trusted)
        else:
            context.load_verify_locations(trusted)
        if cert is not None:
            context.load_cert_chain(*((cert,) if isinstance(cert, str) else cert))
    except (OSError, ImportError):
        return None
    return context
