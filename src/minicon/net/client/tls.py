"""TLS: whom to trust, and who we are."""

from __future__ import annotations

import os

from minicon.errors import ConfigError

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


def check_tls_files(trusted: bool | str, cert: str | tuple[str, str] | None) -> None:
    """Look at the files that are configured: what is wrong with them later shows as trouble.

    Raises:
        ConfigError: ``unusable-certificate``: a file is missing, or is not what it should be.
    """
    if isinstance(trusted, str) and trusted != "truststore":
        _check_bundle(trusted)
    if cert is not None:
        _check_client(*((cert, None) if isinstance(cert, str) else cert))


def _check_bundle(path: str) -> None:
    import ssl

    if os.path.isdir(path):
        return
    try:
        ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).load_verify_locations(path)
    except OSError as error:
        reason = "has no certificates" if isinstance(error, ssl.SSLError) else "cannot be read"
        hint = "set ssl_verify to a file of CA certificates (PEM), or to true; and see what "
        hint += "REQUESTS_CA_BUNDLE, CURL_CA_BUNDLE and SSL_CERT_FILE say"
        raise _unusable(f"the file of trusted certificates {path} {reason}", hint) from error


class _EncryptedError(Exception):
    """The key needs a passphrase."""


def _check_client(cert: str, key: str | None) -> None:
    import ssl

    def refuse() -> str:
        raise _EncryptedError  # else OpenSSL asks on the terminal, for each connection

    hint = "check client_ssl_cert and client_ssl_cert_key"
    try:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
        context.load_cert_chain(cert, key, password=refuse)
    except _EncryptedError as error:
        message = f"the key of the client certificate {cert} is encrypted"
        raise _unusable(message, "give a key without a passphrase") from error
    except ssl.SSLError as error:
        message = f"{cert} is no client certificate (PEM), or its key is another one's"
        raise _unusable(message, hint) from error
    except OSError as error:
        message = f"the client certificate {cert}, or its key, cannot be read"
        raise _unusable(message, hint) from error


def _unusable(message: str, hint: str) -> ConfigError:
    return ConfigError("unusable-certificate", message, hint=hint)
